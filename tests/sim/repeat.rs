//! A seed says everything: two runs from one seed do the same things at the same moments.

use std::time::Duration;

use crate::network::Conditions;
use crate::ring::{Ring, Spec, Stall};

fn fingerprint(seed: u64) -> (u64, u64) {
    let mut ring = Ring::new(seed, Spec::lan());
    ring.network.conditions = Conditions::any(&mut ring.dice);
    ring.grow(12);
    ring.plan_stall(
        3,
        Stall::Process,
        Duration::from_secs(2),
        Duration::from_secs(9),
    );
    ring.run_for(Duration::from_secs(20));
    let group = ring.groups(3);
    ring.network.split(group);
    ring.tag(1, "version", "2");
    ring.crash(2);
    ring.run_for(Duration::from_secs(30));
    ring.network.heal();
    ring.restart(2, true);
    ring.join(2, 0);
    ring.leave(5);
    ring.run_for(Duration::from_mins(1));
    (ring.fingerprint(), ring.steps)
}

#[test]
fn a_seed_says_everything() {
    let (one, steps) = fingerprint(1);
    assert!(steps > 1000, "{steps}");
    assert_eq!(fingerprint(1), (one, steps));
    assert_ne!(fingerprint(2).0, one);
}
