//! Who says goodbye has left, and did not fail.

use std::time::Duration;

use consulctl::agent::gossip::serf::MemberChange;
use consulctl::model::member::MemberStatus;

use crate::network::Conditions;
use crate::ring::{Ring, Spec, What};
use crate::seeds;

/// How long it may take until a member knows.
const IN_TIME: Duration = Duration::from_secs(3);
/// How long it may take until everybody knows, those included whom no gossip reached: until their next probe
/// of who left has failed, or their next exchange of states.
const AT_LAST: Duration = Duration::from_mins(2);

/// Some members leave at about the same time. Returns how many pairs of one that stays and one that leaves
/// took longer than allowed, and how many pairs there are.
fn leave(seed: u64, conditions: &Conditions) -> (usize, usize) {
    let mut ring = Ring::new(seed, Spec::lan());
    ring.network.conditions = conditions.clone();
    let members = ring.dice.within(3, 40);
    ring.grow(members);
    ring.calm_down();
    ring.heard.clear();
    let leaving = ring.dice.within(1, members.div_ceil(4));
    for id in 0..leaving {
        ring.leave(id);
    }
    let unaware = |ring: &Ring| {
        (leaving..members)
            .flat_map(|by| (0..leaving).map(move |of| (by, of)))
            .filter(|(by, of)| ring.status(*by, *of) != MemberStatus::Left)
            .count()
    };
    ring.run_for(IN_TIME);
    let late = unaware(&ring);
    ring.run_for(AT_LAST);
    assert_eq!(ring.running().len(), members - leaving, "they are gone");
    assert_eq!(
        unaware(&ring),
        0,
        "{leaving} of {members}: {}",
        ring.few_errors()
    );
    assert!(ring.agrees(), "{}", ring.few_errors());
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
    (late, (members - leaving) * leaving)
}

/// Fails when more than one in `one_in` were late.
fn hold(one_in: usize, conditions: &Conditions) {
    let outcomes = seeds::each(20, |seed| leave(seed, conditions));
    let late: usize = outcomes.iter().map(|(late, _)| late).sum();
    let pairs: usize = outcomes.iter().map(|(_, pairs)| pairs).sum();
    assert!(late * one_in <= pairs, "{late} of {pairs} were late");
}

#[test]
fn who_leaves_has_left_everywhere() {
    hold(1000, &Conditions::lan());
}

#[test]
fn who_leaves_has_left_everywhere_even_if_packets_are_lost() {
    let conditions = Conditions {
        loss: 0.05,
        duplicate: 0.05,
        late: 0.05,
        ..Conditions::lan()
    };
    hold(200, &conditions);
}

/// A member leaves and comes back under its old address, with the incarnation of its old life, through a member
/// that has forgotten it while others have not. Their old goodbyes count as much as its new life until it
/// contradicts: nobody's application hears of that.
#[test]
fn nobody_is_told_that_a_returning_member_leaves() {
    seeds::each(100, |seed| {
        let mut ring = Ring::new(seed, Spec::lan());
        let members = ring.dice.within(3, 24);
        ring.grow(members);
        ring.calm_down();
        ring.leave(0);
        let away = ring
            .dice
            .span(Duration::from_secs(31), Duration::from_secs(100));
        ring.run_for(away);
        let name = ring.name(0);
        let forgetful = |ring: &Ring| {
            let forgot = |id: &usize| ring.serf(*id).swim().peer(&name).is_none();
            (1..members).find(forgot)
        };
        let second = Duration::from_secs(1);
        let forgot = ring.run_until(second, AT_LAST, |ring| forgetful(ring).is_some());
        assert!(forgot.is_some(), "nobody forgets");
        let through = forgetful(&ring).expect("somebody forgot");
        ring.heard.clear();
        ring.restart(0, false);
        ring.join(0, through);
        ring.run_for(AT_LAST);
        assert!(ring.agrees(), "{}", ring.few_errors());
        for heard in &ring.heard {
            if let What::Member(change, member) = &heard.what {
                assert_eq!(
                    *change,
                    MemberChange::Join,
                    "{} heard of {} at {:?}",
                    heard.by,
                    member.name,
                    heard.at
                );
            }
        }
    });
}
