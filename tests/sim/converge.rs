//! A change reaches everybody in time, however large the ring is.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use consulctl::agent::gossip::serf::MemberChange;

use crate::network::HostId;
use crate::ring::{Heard, Ring, Spec, What};
use crate::seeds;

/// Members of a ring.
const MEMBERS: usize = 1000;
/// How long a change may take.
const IN_TIME: Duration = Duration::from_secs(3);
/// Rings, each from a seed of its own.
const SEEDS: u64 = 3;
/// Changes of each kind in a ring.
const CHANGES: usize = 4;
/// How many of all pairs of a member and a change may be late: one in this many.
const LATE_ONE_IN: usize = 10_000;

/// Who heard something, by now.
fn who_heard(ring: &Ring, is_it: impl Fn(&What) -> bool) -> BTreeSet<HostId> {
    let heard_it = |heard: &&Heard| is_it(&heard.what);
    ring.heard
        .iter()
        .filter(heard_it)
        .map(|heard| heard.by)
        .collect()
}

/// How many of the members that run did not hear of the last change in time.
fn late(ring: &mut Ring, is_it: impl Fn(&What) -> bool) -> usize {
    ring.run_for(IN_TIME);
    let heard = who_heard(ring, is_it).len();
    ring.heard.clear();
    ring.running().len() - heard
}

/// Members that were late, and pairs of member and change.
fn changes(seed: u64) -> (usize, usize) {
    let mut ring = Ring::new(seed, Spec::lan());
    ring.acquainted(MEMBERS);
    let (mut missing, mut pairs) = (0, 0);
    for n in 0..CHANGES {
        let value = n.to_string();
        let from = ring.dice.below(MEMBERS);
        ring.tag(from, "version", &value);
        let name = ring.name(from);
        missing += late(&mut ring, |what| {
            matches!(what, What::Member(MemberChange::Update, member)
                if member.name == name && member.tags.get("version") == Some(&value))
        });

        let from = ring.dice.below(MEMBERS);
        ring.ask(from, |serf, now| {
            serf.user_event(now, &value, Bytes::from_static(b"deploy"), false)
        })
        .expect("the event is small");
        missing += late(
            &mut ring,
            |what| matches!(what, What::User(name) if *name == value),
        );

        let new = ring.add();
        ring.heard.clear();
        let known = ring.dice.below(MEMBERS);
        ring.join(new, known);
        let name = ring.name(new);
        missing += late(
            &mut ring,
            |what| matches!(what, What::Member(MemberChange::Join, member) if member.name == name),
        )
        .saturating_sub(1);
        pairs += 3 * ring.running().len();
    }
    (missing, pairs)
}

#[test]
fn a_thousand_members_hear_of_a_change_within_three_seconds() {
    let outcomes = seeds::each(SEEDS, changes);
    let late: usize = outcomes.iter().map(|(late, _)| late).sum();
    let pairs: usize = outcomes.iter().map(|(_, pairs)| pairs).sum();
    assert!(
        late * LATE_ONE_IN <= pairs,
        "{late} of {pairs} were late, by seed: {outcomes:?}"
    );
}
