//! One name, two addresses: a member that moved, and two members with one name.

use std::time::Duration;

use consulctl::agent::gossip::serf::MemberChange;
use consulctl::agent::gossip::swim::Notice;
use consulctl::model::member::MemberStatus;

use crate::ring::{Ring, Spec, What};
use crate::seeds;

const STEP: Duration = Duration::from_millis(500);

fn ring(seed: u64) -> Ring {
    let mut ring = Ring::new(seed, Spec::lan());
    let members = ring.dice.within(5, 25);
    ring.grow(members);
    ring.calm_down();
    ring.heard.clear();
    ring
}

#[test]
fn who_moved_comes_back_once_its_name_is_free() {
    seeds::each(20, |seed| {
        let mut ring = ring(seed);
        let reclaim = Spec::lan().swim.dead_node_reclaim_time;
        ring.crash(0);
        let failed = |ring: &Ring| {
            (1..ring.hosts.len()).all(|by| ring.status(by, 0) == MemberStatus::Failed)
        };
        let found = ring.run_until(STEP, Duration::from_secs(40), failed);
        assert!(found.is_some(), "{}", ring.few_errors());
        ring.run_for(reclaim);
        ring.restart(0, true);
        ring.join(0, 1);
        let back = ring.run_until(STEP, Duration::from_secs(5), Ring::agrees);
        assert!(back.is_some(), "{}", ring.few_errors());
    });
}

/// It is refused as long as its old self is alive to others, and then for the reclaim time. Each join is tried
/// once only: a state exchange finds out later that the name is free.
#[test]
fn who_moved_at_once_comes_back_later() {
    seeds::each(20, |seed| {
        let mut ring = ring(seed);
        ring.crash(0);
        ring.restart(0, true);
        ring.join(0, 1);
        let back = ring.run_until(STEP, Duration::from_mins(4), Ring::agrees);
        assert!(back.is_some(), "{}", ring.few_errors());
    });
}

#[test]
fn the_first_keeps_its_name() {
    seeds::each(20, |seed| {
        let mut ring = ring(seed);
        ring.keep_notices = true;
        let name = ring.name(0);
        let others = ring.hosts.len();
        let second = ring.add_named(&name);
        ring.join(second, 1);
        ring.run_for(Duration::from_mins(3));
        for by in 0..others {
            let member = ring.member(by, &name).expect("it is known");
            assert_eq!(member.status, MemberStatus::Alive, "as {by} sees it");
            assert_eq!(member.address, ring.hosts[0].address, "as {by} sees it");
        }
        let mut conflicts = 0;
        for heard in &ring.heard {
            match &heard.what {
                What::Notice(Notice::Conflict { node, .. }) if *node == name => conflicts += 1,
                What::Member(MemberChange::Failed, member) if heard.by != second => {
                    panic!("{} failed for {}", member.name, heard.by)
                }
                _ => {}
            }
        }
        assert!(conflicts > 0, "nobody noticed");
        // The first one dies: its name is free for the second one in the end.
        ring.crash(0);
        let taken = ring.run_until(STEP, Duration::from_mins(5), |ring| {
            (1..others).all(|by| {
                ring.member(by, &name).is_some_and(|member| {
                    member.status == MemberStatus::Alive
                        && member.address == ring.hosts[second].address
                })
            })
        });
        assert!(taken.is_some(), "{}", ring.few_errors());
    });
}
