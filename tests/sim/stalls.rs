//! Members that stall must not make others look dead: what Lifeguard is for.
//!
//! Five of a hundred members stall again and again, as in the experiments of the Lifeguard paper: for 1 to 32
//! seconds, and between two stalls there is a moment to breathe, from a millisecond to 16 seconds, each
//! doubling of a length being as likely as the next. What stalls is sending and receiving, as there; a stall
//! of the whole process is told apart in the second test.
//!
//! "Switched off" means one setting: `awareness_max_multiplier: 1` keeps the health score at 0, so that a
//! member that does not get its own answers in time goes on probing at full speed, accusing others and
//! declaring them dead. What stays are the other parts of Lifeguard: suspicions that are long while nobody
//! confirms them, and telling a suspect of the suspicion in the ping itself. Everything else, the stalls and
//! the seed included, is the same.

use std::time::Duration;

use consulctl::agent::gossip::serf::MemberChange;

use crate::dice::Dice;
use crate::network::HostId;
use crate::ring::{Ring, Spec, Stall, What};
use crate::seeds;

const MEMBERS: usize = 100;
const STALLING: usize = 5;
/// How long the stalls go on.
const LASTING: Duration = Duration::from_mins(3);
/// How many times fewer false failures there must be.
const FEWER: usize = 50;
/// Rings, each from a seed of its own, with and without.
const SEEDS: u64 = 2;

/// Failures that members told their applications.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Failures {
    /// Of members that never stall, told by members that never stall.
    healthy_by_healthy: usize,
    /// Of members that never stall, told by members that do.
    healthy_by_stalling: usize,
    /// Of members that stall: not false, if they last.
    stalling: usize,
}

impl Failures {
    const fn false_ones(self) -> usize {
        self.healthy_by_healthy + self.healthy_by_stalling
    }

    fn of(ring: &Ring, stalls: impl Fn(HostId) -> bool) -> Self {
        let mut failures = Self::default();
        for heard in &ring.heard {
            let What::Member(MemberChange::Failed, member) = &heard.what else {
                continue;
            };
            let accused = ring.host_of(&member.name);
            let count = match (stalls(accused), stalls(heard.by)) {
                (false, false) => &mut failures.healthy_by_healthy,
                (false, true) => &mut failures.healthy_by_stalling,
                (true, _) => &mut failures.stalling,
            };
            *count += 1;
        }
        failures
    }

    const fn plus(self, other: Self) -> Self {
        Self {
            healthy_by_healthy: self.healthy_by_healthy + other.healthy_by_healthy,
            healthy_by_stalling: self.healthy_by_stalling + other.healthy_by_stalling,
            stalling: self.stalling + other.stalling,
        }
    }
}

/// Plans the stalls of the first few members: the same ones for the same seed, whatever the ring does.
fn plan(ring: &mut Ring, seed: u64, stall: Stall) {
    let mut dice = Dice::new(seed ^ 0x57a1);
    let (second, millisecond) = (Duration::from_secs(1), Duration::from_millis(1));
    for host in 0..STALLING {
        let mut at = dice.span(Duration::ZERO, 16 * second);
        while at < LASTING {
            let lasts = dice.log_span(second, 32 * second);
            ring.plan_stall(host, stall, at, lasts);
            at += lasts + dice.log_span(millisecond, 16 * second);
        }
    }
}

fn run(seed: u64, stall: Stall, health_score: bool) -> Failures {
    let mut spec = Spec::lan();
    if !health_score {
        spec.swim.awareness_max_multiplier = 1;
    }
    let mut ring = Ring::new(seed, spec);
    ring.acquainted(MEMBERS);
    plan(&mut ring, seed, stall);
    ring.run_for(LASTING);
    Failures::of(&ring, |host| host < STALLING)
}

/// Sums over all seeds.
fn sum(outcomes: impl IntoIterator<Item = Failures>) -> Failures {
    outcomes
        .into_iter()
        .fold(Failures::default(), Failures::plus)
}

#[test]
fn stalls_of_messages_accuse_fifty_times_fewer_with_the_health_score() {
    let outcomes = seeds::each(SEEDS, |seed| {
        let with = run(seed, Stall::Messages, true);
        (with, run(seed, Stall::Messages, false))
    });
    let with = sum(outcomes.iter().map(|(with, _)| *with));
    let without = sum(outcomes.iter().map(|(_, without)| *without));
    assert!(
        without.false_ones() >= FEWER * with.false_ones().max(1),
        "with {with:?}, without {without:?}"
    );
    // Who is silent for long is found out all the same.
    assert!(
        2 * with.stalling >= without.stalling,
        "with {with:?}, without {without:?}"
    );
}

/// A process that gets no time at all harms nobody but itself: it has no timers that could run out before it
/// has read what waits for it, but for those of the one probe and the few suspicions that it slept over.
#[test]
fn stalls_of_processes_accuse_nobody_else() {
    let failures = sum(seeds::each(SEEDS, |seed| run(seed, Stall::Process, true)));
    assert_eq!(failures.false_ones(), 0, "{failures:?}");
    assert!(failures.stalling > 0, "{failures:?}");
}
