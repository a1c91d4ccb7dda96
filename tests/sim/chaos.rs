//! Anything may happen to a small ring; when it stops happening, there is one view.

use std::time::Duration;

use crate::network::Conditions;
use crate::ring::{Ring, Spec, Stall};
use crate::seeds;

const SEEDS: u64 = 200;
/// How long a ring may take to have one view once nothing happens any longer: the time of a torn ring, and the
/// time for which a name is kept.
const CALM: Duration = Duration::from_mins(3);

/// Between two joins of members that do not know of each other.
const JOIN_EVERY: Duration = Duration::from_secs(30);

/// Something happens; what it was, for a failure's text.
fn happen(ring: &mut Ring) -> String {
    let running = ring.running();
    let one = *ring.dice.pick(&running);
    match ring.dice.below(8) {
        0 if running.len() > 3 => {
            ring.crash(one);
            format!("crash {one}")
        }
        1 => {
            let down: Vec<_> = (0..ring.hosts.len())
                .filter(|id| !ring.hosts[*id].is_up())
                .collect();
            if down.is_empty() {
                return "nothing".to_owned();
            }
            let back = *ring.dice.pick(&down);
            let elsewhere = ring.dice.chance(0.3);
            ring.restart(back, elsewhere);
            ring.join(back, one);
            format!("restart {back} elsewhere: {elsewhere}")
        }
        2 => {
            let lasts = ring
                .dice
                .log_span(Duration::from_millis(200), Duration::from_secs(32));
            ring.plan_stall(one, Stall::Process, Duration::ZERO, lasts);
            format!("stall {one} for {lasts:?}")
        }
        3 if running.len() > 3 => {
            ring.leave(one);
            format!("leave {one}")
        }
        4 => {
            let new = ring.add();
            ring.join(new, one);
            format!("{new} joins {one}")
        }
        5 => {
            let groups = ring.dice.within(2, 3);
            let group = ring.groups(groups);
            let text = format!("split {group:?}");
            ring.network.split_unevenly(group);
            text
        }
        6 => {
            ring.network.heal();
            "heal".to_owned()
        }
        _ => {
            let value = ring.dice.roll().to_string();
            ring.tag(one, "version", &value);
            format!("tag {one}")
        }
    }
}

#[test]
fn whatever_happened_there_is_one_view_in_the_end() {
    seeds::each(SEEDS, |seed| {
        let mut ring = Ring::new(seed, Spec::lan());
        ring.network.conditions = Conditions::any(&mut ring.dice);
        let members = ring.dice.within(3, 12);
        ring.grow(members);
        // Else whoever joined last may have been heard of by nobody but members that are gone soon.
        ring.calm_down();
        let mut story = Vec::new();
        for _ in 0..ring.dice.within(3, 12) {
            let pause = ring
                .dice
                .log_span(Duration::from_millis(100), Duration::from_secs(30));
            ring.run_for(pause);
            let what = happen(&mut ring);
            story.push(format!("{:?} {what}", ring.now));
        }
        ring.network.heal();
        assert!(
            calms_down(&mut ring),
            "{}; after {story:#?}",
            ring.few_errors()
        );
    });
}

/// Whether there is one view in time. Members that know of each other must find together by themselves; those
/// that do not, or that hear that the others left and so stop asking for them, are joined now and then.
fn calms_down(ring: &mut Ring) -> bool {
    let one_view = |ring: &Ring| ring.agrees() && ring.tags_agree();
    let deadline = ring.now + CALM;
    while ring.now < deadline {
        let step = Duration::from_millis(500);
        if ring.run_until(step, JOIN_EVERY, one_view).is_some() {
            return true;
        }
        ring.join_strangers();
    }
    false
}
