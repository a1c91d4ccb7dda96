//! Lost packets alone make nobody look dead.

use std::time::Duration;

use consulctl::agent::gossip::serf::MemberChange;

use crate::network::Conditions;
use crate::ring::{Ring, Spec, What};
use crate::seeds;

const MEMBERS: usize = 100;

fn nobody_fails(seed: u64, tcp_pings: bool) {
    let mut spec = Spec::lan();
    spec.swim.tcp_pings = tcp_pings;
    spec.conditions = Conditions {
        loss: 0.05,
        ..Conditions::lan()
    };
    let mut ring = Ring::new(seed, spec);
    ring.acquainted(MEMBERS);
    ring.heard.clear();
    ring.run_for(Duration::from_mins(10));
    let failed = ring
        .heard
        .iter()
        .filter(|heard| matches!(heard.what, What::Member(MemberChange::Failed, _)))
        .count();
    assert_eq!(failed, 0, "of {MEMBERS} members");
    assert!(ring.agrees(), "{}", ring.few_errors());
}

#[test]
fn lost_packets_make_nobody_fail() {
    seeds::each(2, |seed| nobody_fails(seed, true));
}

/// As behind a firewall that lets datagrams through only: then suspicions arise, and are denied in time.
#[test]
fn lost_packets_make_nobody_fail_without_streams() {
    seeds::each(1, |seed| nobody_fails(seed, false));
}
