//! A ring that was torn into parts becomes one again.

use std::time::Duration;

use crate::network::Conditions;
use crate::ring::{Ring, Spec};
use crate::seeds;

/// Seeds of the small rings.
const SEEDS: u64 = 200;
/// How long a ring may take to have one view again. Serf tries to reach a failed member every 30 seconds, with
/// a probability of failed through alive members, and needs about three such rounds: one to hear that it is
/// said to be dead, one to be heard denying it, one for whom the first ones missed.
const HEALED: Duration = Duration::from_mins(2);
/// How long the one view is looked at: longer than the suspicions that the tearing may have left behind.
const KEPT: Duration = Duration::from_mins(1);
/// Between two looks.
const STEP: Duration = Duration::from_millis(500);

/// Tears a ring apart in any way, for a short time or a long one.
fn tear(ring: &mut Ring) -> String {
    let parts = ring.dice.within(2, 4.min(ring.hosts.len()));
    let group = ring.groups(parts);
    let shape = match ring.dice.below(3) {
        0 => {
            ring.network.split(group.clone());
            "split"
        }
        1 => {
            ring.network.split_unevenly(group.clone());
            "split unevenly"
        }
        _ => {
            ring.network.mute(group.clone());
            "muted"
        }
    };
    let lasts = ring
        .dice
        .log_span(Duration::from_secs(1), Duration::from_mins(3));
    ring.run_for(lasts);
    ring.network.heal();
    format!("{shape} for {lasts:?}: {group:?}")
}

/// Fails unless the ring has one view in time, and keeps it.
fn heals(ring: &mut Ring, torn: &str) -> Duration {
    let took = ring.run_until(STEP, HEALED, Ring::agrees);
    let Some(took) = took else {
        panic!("{torn}: {}", ring.few_errors());
    };
    ring.run_for(KEPT);
    assert!(ring.agrees(), "{torn}, healed once: {}", ring.few_errors());
    took
}

#[test]
fn a_torn_ring_heals() {
    seeds::each(SEEDS, |seed| {
        let mut ring = Ring::new(seed, Spec::lan());
        let members = ring.dice.within(4, 20);
        ring.network.conditions = Conditions::any(&mut ring.dice);
        ring.grow(members);
        ring.calm_down();
        let torn = tear(&mut ring);
        heals(&mut ring, &torn)
    });
}

#[test]
fn a_ring_torn_for_longer_than_any_suspicion_heals() {
    seeds::each(4, |seed| {
        let mut ring = Ring::new(seed, Spec::lan());
        ring.acquainted(60);
        let parts = ring.dice.within(2, 5);
        let group = ring.groups(parts);
        ring.network.split(group.clone());
        // The longest suspicion of sixty members is 42.7 s, and the dead are told nothing after 30 s more.
        ring.run_for(Duration::from_mins(4));
        for one in 0..group.len() {
            for other in 0..group.len() {
                assert_eq!(
                    ring.is_alive(one, other),
                    group[one] == group[other],
                    "{one} and {other} of {group:?}"
                );
            }
        }
        ring.network.heal();
        heals(&mut ring, &format!("{group:?}"))
    });
}
