//! Coordinates learn where members are.

use std::time::Duration;

use crate::network::Conditions;
use crate::ring::{Ring, Spec};
use crate::seeds;

const MEMBERS: usize = 50;
/// How far the estimate may be off in the middle of all pairs, as a part of the truth.
const ERROR: f64 = 0.15;

/// How far the estimate of each pair's round trip is off, as a part of the truth; sorted.
fn errors(ring: &Ring) -> Vec<f64> {
    let mut errors = Vec::new();
    let jitter = ring.network.conditions.jitter.as_secs_f64();
    for one in 0..MEMBERS {
        let here = ring.serf(one).coordinate().expect("they are on");
        for other in one + 1..MEMBERS {
            let there = ring.serf(other).coordinate().expect("they are on");
            let truth = 2.0 * ring.network.distance(one, other).as_secs_f64() + jitter;
            errors.push(
                (here.distance_to(&there).expect("all have eight dimensions") - truth).abs()
                    / truth,
            );
        }
    }
    errors.sort_by(f64::total_cmp);
    errors
}

#[test]
fn coordinates_converge() {
    seeds::each(4, |seed| {
        let mut ring = Ring::new(seed, Spec::lan());
        ring.network.conditions = Conditions {
            base: Duration::from_millis(1),
            crossing: Duration::from_millis(60),
            jitter: Duration::from_millis(1),
            ..Conditions::lan()
        };
        ring.acquainted(MEMBERS);
        let before = errors(&ring);
        ring.run_for(Duration::from_mins(10));
        let after = errors(&ring);
        let (before, after) = (before[before.len() / 2], after[after.len() / 2]);
        assert!(before > 2.0 * ERROR, "nothing was to be learnt: {before}");
        assert!(after < ERROR, "{after}, {before} at first");
    });
}
