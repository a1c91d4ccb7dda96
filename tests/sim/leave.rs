//! Who says goodbye has left, and did not fail.

use std::time::Duration;

use consulctl::agent::gossip::serf::MemberChange;
use consulctl::model::member::MemberStatus;

use crate::network::Conditions;
use crate::ring::{Ring, Spec, What};
use crate::seeds;

/// How long it may take until everybody knows.
const IN_TIME: Duration = Duration::from_secs(3);

/// Some members leave at about the same time.
fn leave(seed: u64, conditions: Conditions) {
    let mut ring = Ring::new(seed, Spec::lan());
    ring.network.conditions = conditions;
    let members = ring.dice.within(3, 40);
    ring.grow(members);
    ring.calm_down();
    ring.heard.clear();
    let leaving = ring.dice.within(1, members.div_ceil(4));
    for id in 0..leaving {
        ring.leave(id);
    }
    let everybody_knows = |ring: &Ring| {
        (leaving..members)
            .all(|by| (0..leaving).all(|of| ring.status(by, of) == MemberStatus::Left))
    };
    let took = ring.run_until(Duration::from_millis(100), IN_TIME, everybody_knows);
    assert!(
        took.is_some(),
        "{leaving} of {members}: {}",
        ring.few_errors()
    );
    ring.run_for(Duration::from_mins(2));
    assert_eq!(ring.running().len(), members - leaving, "they are gone");
    assert!(
        everybody_knows(&ring) && ring.agrees(),
        "{}",
        ring.few_errors()
    );
    for heard in &ring.heard {
        if let What::Member(change, member) = &heard.what {
            assert_eq!(
                *change,
                MemberChange::Leave,
                "{} at {:?}",
                member.name,
                heard.at
            );
        }
    }
}

#[test]
fn who_leaves_has_left_everywhere() {
    seeds::each(20, |seed| leave(seed, Conditions::lan()));
}

#[test]
fn who_leaves_has_left_everywhere_even_if_packets_are_lost() {
    seeds::each(20, |seed| {
        leave(
            seed,
            Conditions {
                loss: 0.05,
                duplicate: 0.05,
                late: 0.05,
                ..Conditions::lan()
            },
        );
    });
}
