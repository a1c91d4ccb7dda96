//! Every rule of section 10 of the wire format about members.

use std::collections::BTreeMap;
use std::time::Duration;

use super::rig::Rig;
use crate::agent::gossip::serf::MemberChange::{Failed, Join, Leave, Reap, Update};
use crate::agent::gossip::serf::{Event, Input, Notice, Output, Remembered, SnapshotLine};
use crate::agent::gossip::swim;
use crate::agent::gossip::wire::{SerfState, Tags};
use crate::model::member::MemberStatus as S;

/// What happened to the member `n2`, and whether the message was passed on.
type Outcome = (
    Option<(S, u64)>,
    Vec<(super::super::MemberChange, String)>,
    bool,
);

/// Intents in the order in which they are heard: whether to join, and when.
type Heard = &'static [(bool, u64)];

fn outcome(before: S, act: impl FnOnce(&mut Rig)) -> Outcome {
    let mut rig = Rig::with_n2(before);
    let queued = rig.serf.stats().intent_queue;
    act(&mut rig);
    let passed_on = rig.serf.stats().intent_queue > queued;
    (rig.status("n2"), rig.changes(), passed_on)
}

fn n2(change: super::super::MemberChange) -> Vec<(super::super::MemberChange, String)> {
    vec![(change, "n2".to_owned())]
}

#[test]
fn join_intents() {
    // Before; the intent's time; after, its time, whether it is passed on.
    let table = [
        (S::Alive, 5, S::Alive, 5, false),
        (S::Alive, 4, S::Alive, 5, false),
        (S::Alive, 6, S::Alive, 6, true),
        (S::Leaving, 5, S::Leaving, 5, false),
        (S::Leaving, 6, S::Alive, 6, true),
        (S::Left, 6, S::Left, 6, true),
        (S::Failed, 6, S::Failed, 6, true),
    ];
    for (before, ltime, after, stored, passed_on) in table {
        let outcome = outcome(before, |rig| rig.join_intent("n2", ltime));
        let expected = (Some((after, stored)), vec![], passed_on);
        assert_eq!(outcome, expected, "{before:?} {ltime}");
    }
}

#[test]
fn leave_intents() {
    let table = [
        (S::Alive, 5, S::Alive, 5, vec![], false),
        (S::Alive, 6, S::Leaving, 6, vec![], true),
        (S::Failed, 4, S::Failed, 5, vec![], false),
        (S::Failed, 6, S::Left, 6, n2(Leave), true),
        // The time is stored even where the state stays.
        (S::Leaving, 6, S::Leaving, 6, vec![], true),
        (S::Leaving, 5, S::Leaving, 5, vec![], false),
        (S::Left, 6, S::Left, 6, vec![], true),
        (S::Left, 5, S::Left, 5, vec![], false),
    ];
    for (before, ltime, after, stored, changes, passed_on) in table {
        let outcome = outcome(before, |rig| rig.leave_intent("n2", ltime, false));
        let expected = (Some((after, stored)), changes, passed_on);
        assert_eq!(outcome, expected, "{before:?} {ltime}");
    }
}

#[test]
fn pruning_forgets_who_is_gone_at_once_and_who_leaves_later() {
    let table = [
        (S::Left, None, n2(Reap)),
        (S::Failed, None, [n2(Leave), n2(Reap)].concat()),
        (S::Alive, Some((S::Leaving, 6)), vec![]),
        (S::Leaving, Some((S::Leaving, 6)), vec![]),
    ];
    for (before, after, changes) in table {
        let outcome = outcome(before, |rig| rig.leave_intent("n2", 6, true));
        assert_eq!(outcome, (after, changes, true), "{before:?}");
    }
    let mut rig = Rig::with_n2(S::Leaving);
    rig.leave_intent("n2", 6, true);
    // 5 s to be told and 3 s for word to get around.
    rig.run(Duration::from_millis(7_900));
    assert!(rig.status("n2").is_some());
    rig.dead("n2", 1, "n2");
    assert_eq!(rig.changes(), n2(Leave));
    rig.run(Duration::from_millis(200));
    assert_eq!((rig.status("n2"), rig.changes()), (None, n2(Reap)));
}

#[test]
fn who_was_pruned_may_come_back_at_once() {
    let mut rig = Rig::with_n2(S::Failed);
    rig.leave_intent("n2", 6, true);
    assert_eq!(rig.status("n2"), None);
    let queued = rig.serf.stats().intent_queue;
    rig.leave_intent("n2", 6, true);
    assert_eq!(rig.serf.stats().intent_queue, queued, "a copy is no news");
    rig.alive("n2", 2);
    assert_eq!(rig.status("n2"), Some((S::Alive, 6)));
    let mut rig = Rig::with_n2(S::Leaving);
    rig.leave_intent("n2", 6, true);
    rig.dead("n2", 1, "n2");
    rig.run(Duration::from_secs(9));
    rig.leave_intent("n2", 6, true);
    rig.alive("n2", 2);
    assert_eq!(rig.status("n2"), Some((S::Alive, 6)));
}

#[test]
fn who_contradicts_its_pruning_stays() {
    let mut rig = Rig::with_n2(S::Alive);
    rig.leave_intent("n2", 6, true);
    rig.join_intent("n2", 7);
    rig.now += Duration::from_secs(9);
    rig.serf.handle(rig.now, Input::Tick);
    assert_eq!(rig.status("n2"), Some((S::Alive, 7)));
    let mut rig = Rig::with_n2(S::Leaving);
    rig.leave_intent("n2", 6, true);
    rig.dead("n2", 1, "n2");
    rig.alive("n2", 2);
    rig.now += Duration::from_secs(9);
    rig.serf.handle(rig.now, Input::Tick);
    assert_eq!(rig.status("n2"), Some((S::Alive, 6)));
}

#[test]
fn a_leave_that_we_did_not_mean_is_refuted() {
    let mut rig = Rig::new();
    rig.leave_intent("n1", 7, false);
    // The join is of a time after the leave's.
    assert_eq!(rig.status("n1"), Some((S::Alive, 8)));
    assert_eq!(rig.serf.stats().intent_queue, 1, "the join, not the leave");
    assert_eq!(rig.serf.stats().member_time, 9);
    rig.leave_intent("n1", 7, false);
    assert_eq!(rig.serf.stats().intent_queue, 1);
}

#[test]
fn the_failure_detectors_news() {
    // Before; after dead by another one; the event.
    let table = [
        (S::Alive, S::Failed, n2(Failed)),
        (S::Leaving, S::Left, n2(Leave)),
        (S::Left, S::Left, vec![]),
        (S::Failed, S::Failed, vec![]),
    ];
    for (before, after, changes) in table {
        let outcome = outcome(before, |rig| rig.dead("n2", 2, "n3"));
        assert_eq!(outcome, (Some((after, 5)), changes, false), "{before:?}");
    }
}

#[test]
fn a_goodbye_without_an_intent_counts_when_nobody_contradicts_it() {
    let said_goodbye = || {
        let mut rig = Rig::with_n2(S::Alive);
        rig.dead("n2", 1, "n2");
        rig.run(Duration::from_millis(1_900));
        assert_eq!(rig.status("n2"), Some((S::Leaving, 5)));
        assert_eq!(rig.changes(), vec![]);
        rig
    };
    let mut rig = said_goodbye();
    rig.join_intent("n2", 6);
    assert_eq!(rig.status("n2"), Some((S::Leaving, 6)), "it is still gone");
    rig.run(Duration::from_millis(200));
    assert_eq!(
        (rig.status("n2"), rig.changes()),
        (Some((S::Left, 6)), n2(Leave))
    );
    let mut rig = said_goodbye();
    rig.leave_intent("n2", 5, false);
    assert_eq!(rig.changes(), vec![], "of an earlier time");
    rig.leave_intent("n2", 6, false);
    assert_eq!(
        (rig.status("n2"), rig.changes()),
        (Some((S::Left, 6)), n2(Leave))
    );
    let mut rig = said_goodbye();
    rig.leave_intent("n2", 6, true);
    let told = [n2(Leave), n2(Reap)].concat();
    assert_eq!((rig.status("n2"), rig.changes()), (None, told));
    let mut rig = said_goodbye();
    rig.alive("n2", 2);
    rig.run(Duration::from_secs(3));
    assert_eq!(
        (rig.status("n2"), rig.changes()),
        (Some((S::Alive, 5)), vec![])
    );
    // Only what it says of itself has changed for those who listen.
    let mut rig = said_goodbye();
    rig.alive_with(
        "n2",
        2,
        &Tags::from([("role".to_owned(), "new".to_owned())]),
    );
    assert_eq!(
        (rig.status("n2"), rig.changes()),
        (Some((S::Alive, 5)), n2(Update))
    );
}

#[test]
fn a_leave_that_others_heard_of_counts_when_the_member_goes() {
    let listed = |before| {
        let mut rig = Rig::with_n2(before);
        rig.pushed(&SerfState {
            status_ltimes: BTreeMap::from([("n2".into(), 7)]),
            left_members: vec!["n2".into()],
            ..SerfState::default()
        });
        rig
    };
    let mut rig = listed(S::Alive);
    assert_eq!(rig.status("n2"), Some((S::Alive, 5)), "it looks alive");
    rig.dead("n2", 1, "n3");
    assert_eq!(
        (rig.status("n2"), rig.changes()),
        (Some((S::Left, 8)), n2(Leave))
    );
    // It said that it joined, later.
    let mut rig = listed(S::Alive);
    rig.join_intent("n2", 8);
    rig.dead("n2", 1, "n3");
    assert_eq!(rig.changes(), n2(Failed));
    // It came back since.
    let mut rig = listed(S::Alive);
    rig.dead("n2", 1, "n2");
    rig.alive("n2", 2);
    rig.dead("n2", 2, "n3");
    assert_eq!(
        (rig.status("n2"), rig.changes()),
        (Some((S::Failed, 5)), n2(Failed))
    );
    // A goodbye to the failure detector may be old even so.
    let mut rig = listed(S::Alive);
    rig.dead("n2", 1, "n2");
    assert_eq!(rig.status("n2"), Some((S::Leaving, 5)));
    rig.run(Duration::from_secs(3));
    assert_eq!(
        (rig.status("n2"), rig.changes()),
        (Some((S::Left, 8)), n2(Leave))
    );
}

#[test]
fn who_leaves_for_long_and_is_here_stays() {
    // Who is not probed is alive.
    let mut rig = Rig::with(|options| options.swim.probe_interval = Duration::ZERO);
    rig.alive("n2", 1);
    rig.leave_intent("n2", 5, false);
    rig.told();
    rig.run(Duration::from_mins(1));
    assert_eq!(rig.status("n2"), Some((S::Leaving, 5)));
    rig.run(Duration::from_secs(20));
    assert_eq!(rig.status("n2"), Some((S::Alive, 5)));
    assert_eq!(rig.changes(), vec![], "it never left");
}

#[test]
fn whoever_returns_is_alive_with_what_it_says_now() {
    for before in [S::Failed, S::Left] {
        let mut rig = Rig::with_n2(before);
        let tags = Tags::from([("role".to_owned(), "new".to_owned())]);
        rig.alive_with("n2", 2, &tags);
        assert_eq!(rig.status("n2"), Some((S::Alive, 5)), "{before:?}");
        assert_eq!(rig.changes(), n2(Join));
        let member = rig
            .serf
            .members()
            .find(|member| &*member.name == "n2")
            .unwrap();
        assert_eq!(member.tags["role"], "new");
    }
}

#[test]
fn updates_keep_the_state() {
    let tags = Tags::from([("build".to_owned(), "2".to_owned())]);
    for before in [S::Alive, S::Leaving] {
        let outcome = outcome(before, |rig| rig.alive_with("n2", 2, &tags));
        assert_eq!(outcome, (Some((before, 5)), n2(Update), false));
    }
}

#[test]
fn intents_that_overtake_the_news_of_a_member() {
    // What is heard before; state and time when the member comes.
    let table: [(Heard, S, u64); 5] = [
        (&[], S::Alive, 0),
        (&[(true, 4)], S::Alive, 4),
        (&[(false, 4)], S::Leaving, 4),
        (&[(false, 4), (true, 5)], S::Alive, 5),
        (&[(true, 5), (false, 4)], S::Alive, 5),
    ];
    for (intents, status, ltime) in table {
        let mut rig = Rig::new();
        for &(join, ltime) in intents {
            if join {
                rig.join_intent("n2", ltime);
            } else {
                rig.leave_intent("n2", ltime, false);
            }
        }
        rig.alive("n2", 1);
        assert_eq!(rig.status("n2"), Some((status, ltime)), "{intents:?}");
        assert_eq!(rig.changes(), n2(Join));
    }
    let mut rig = Rig::new();
    for (ltime, queued) in [(4, 1), (4, 1), (3, 1), (5, 2)] {
        rig.leave_intent("n2", ltime, false);
        assert_eq!(
            rig.serf.stats().intent_queue,
            queued,
            "only news is passed on"
        );
    }
    rig.run(Duration::from_secs(316));
    rig.alive("n2", 1);
    assert_eq!(
        rig.status("n2"),
        Some((S::Alive, 0)),
        "the intent is too old"
    );
}

#[test]
fn clocks_follow_what_is_heard() {
    let mut rig = Rig::new();
    assert_eq!(rig.serf.stats().member_time, 1);
    rig.join_intent("stranger", 41);
    assert_eq!(rig.serf.stats().member_time, 42);
    rig.pushed(&SerfState {
        ltime: 50,
        event_ltime: 60,
        query_ltime: 70,
        ..SerfState::default()
    });
    let stats = rig.serf.stats();
    let times = (stats.member_time, stats.event_time, stats.query_time);
    assert_eq!(times, (50, 60, 70), "those times are not used yet");
    rig.pushed(&SerfState::default());
    assert_eq!(rig.serf.stats().member_time, 50);
}

#[test]
fn a_pushed_state_tells_who_left_first() {
    let state = |ltime| SerfState {
        ltime: 9,
        status_ltimes: [("n2".into(), ltime), ("n3".into(), 8)].into(),
        left_members: vec!["n2".into()],
        ..SerfState::default()
    };
    // Before; the time in the state; after. The leave is dated one later than the state. Who is alive here
    // came back since, and must not be marked at a time after its joining.
    let table = [
        (S::Alive, 5, S::Alive, 5),
        (S::Alive, 4, S::Alive, 5),
        (S::Failed, 4, S::Failed, 5),
        (S::Failed, 7, S::Left, 8),
        (S::Leaving, 7, S::Leaving, 5),
        (S::Left, 7, S::Left, 5),
    ];
    for (before, ltime, after, stored) in table {
        let mut rig = Rig::with_n2(before);
        rig.pushed(&state(ltime));
        assert_eq!(
            rig.status("n2"),
            Some((after, stored)),
            "{before:?} {ltime}"
        );
        rig.alive("n3", 1);
        assert_eq!(rig.status("n3"), Some((S::Alive, 8)));
    }
    let mut rig = Rig::with_n2(S::Alive);
    let without_time = SerfState {
        left_members: vec!["n2".into()],
        ..SerfState::default()
    };
    rig.pushed(&without_time);
    assert_eq!(rig.status("n2"), Some((S::Alive, 5)));
}

#[test]
fn what_an_earlier_life_said_is_contradicted() {
    let state = |ltime| SerfState {
        ltime,
        status_ltimes: [("n1".into(), ltime)].into(),
        ..SerfState::default()
    };
    let mut rig = Rig::new();
    rig.pushed(&state(0));
    assert_eq!(rig.serf.stats().intent_queue, 0, "nothing new of us");
    rig.pushed(&state(30));
    assert_eq!(rig.serf.stats().intent_queue, 1, "we are here, now");
    let Some((S::Alive, contradicted)) = rig.status("n1") else {
        panic!("we are alive");
    };
    assert!(contradicted > 30, "{contradicted}");
    rig.pushed(&state(contradicted));
    assert_eq!(rig.serf.stats().intent_queue, 1, "that is our own time");
}

#[test]
fn force_leave() {
    let mut rig = Rig::with_n2(S::Failed);
    let unknown = rig.serf.force_leave(rig.now, "n7", false).unwrap_err();
    assert_eq!(unknown.to_string(), "No node found with name 'n7'");
    rig.serf.force_leave(rig.now, "n2", false).unwrap();
    assert_eq!(rig.status("n2"), Some((S::Left, 6)));
    assert_eq!(rig.changes(), n2(Leave));
    assert_eq!(rig.serf.stats().left, 1);
    rig.serf.force_leave(rig.now, "n2", true).unwrap();
    assert_eq!(rig.changes(), n2(Reap));
    assert_eq!(rig.status("n2"), None);
}

#[test]
fn members_that_are_gone_are_forgotten_in_time() {
    let hours = |n: u64| Duration::from_secs(n * 3600);
    let table = [(S::Failed, 72), (S::Left, 24), (S::Alive, 1000)];
    for (status, after) in table {
        let mut rig = Rig::with_n2(status);
        // Nobody is probed, so that nobody fails meanwhile.
        let mut pass = |time: Duration| {
            rig.now += time;
            rig.serf.handle(rig.now, Input::Tick);
            rig.serf.members().count()
        };
        assert_eq!(pass(hours(after)), 2, "{status:?}");
        let left = if status == S::Alive { 2 } else { 1 };
        assert_eq!(pass(Duration::from_mins(1)), left, "{status:?}");
    }
}

#[test]
fn quick_returns_are_flaps() {
    for (away, flaps) in [(59, 1), (60, 0)] {
        let mut rig = Rig::with_n2(S::Failed);
        rig.now += Duration::from_secs(away);
        rig.alive("n2", 2);
        let told = rig.told();
        let flap = |output: &&Output| matches!(output, Output::Notice(Notice::Flap { .. }));
        assert_eq!(told.iter().filter(flap).count(), flaps, "after {away} s");
    }
}

#[test]
fn the_snapshot_remembers_who_was_alive_and_what_time_it_was() {
    let mut rig = Rig::new();
    let mut file = Remembered::default();
    let mut told = |rig: &mut Rig| {
        for output in rig.told() {
            if let Output::Snapshot(line) = output {
                file.apply(&line);
            }
        }
        file.clone()
    };
    rig.alive("n2", 1);
    rig.alive("n 3", 1);
    rig.alive("n\n4", 1);
    rig.dead("n2", 1, "n9");
    rig.join_intent("n2", 12);
    rig.run(Duration::from_millis(600));
    rig.serf
        .user_event(rig.now, "e", bytes::Bytes::new(), false)
        .unwrap();
    let restored = told(&mut rig).restored();
    let names: Vec<&str> = restored.alive.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["n 3"], "no name with a line break");
    assert_eq!((restored.clock, restored.event_clock), (12, 1));
    let unchanged: Vec<SnapshotLine> = Vec::new();
    rig.run(Duration::from_secs(1));
    let lines = rig.told().into_iter().filter_map(|output| match output {
        Output::Snapshot(line) => Some(line),
        _ => None,
    });
    let clocks: Vec<SnapshotLine> = lines
        .filter(|line| matches!(line, SnapshotLine::Clock(_)))
        .collect();
    assert_eq!(clocks, unchanged, "no line without news");
}

#[test]
fn a_verdict_is_logged_before_its_consequence() {
    let mut rig = Rig::new();
    rig.alive("n2", 1);
    rig.told();
    rig.run(Duration::from_mins(1));
    let told = rig.told();
    let at = |wanted: fn(&Output) -> bool| told.iter().position(wanted).expect("was told");
    let verdict = at(|output| {
        matches!(
            output,
            Output::Net(swim::Output::Notice(swim::Notice::SuspicionExpired { .. }))
        )
    });
    let failed = at(|output| matches!(output, Output::Event(Event::Members(Failed, _))));
    assert!(verdict < failed, "{told:?}");
}
