//! User events.

use bytes::Bytes;

use super::pool::Pool;
use super::rig::Rig;
use crate::agent::gossip::serf::{Event, Output, RequestError, Restored};
use crate::agent::gossip::wire::{EventsAt, SerfMessage, SerfState, UserEvent};

fn event(ltime: u64, name: &str) -> SerfMessage {
    SerfMessage::UserEvent(UserEvent {
        ltime,
        name: name.to_owned(),
        payload: Bytes::from_static(b"p"),
        coalesce: false,
    })
}

fn heard(rig: &mut Rig) -> Vec<String> {
    let told = rig.told().into_iter();
    told.filter_map(|output| match output {
        Output::Event(Event::User { ltime, name, .. }) => Some(format!("{name}@{ltime}")),
        _ => None,
    })
    .collect()
}

#[test]
fn an_event_reaches_everybody_once() {
    let mut pool = Pool::of(5, |_| {});
    let now = pool.now;
    let first = pool.nodes[2]
        .serf
        .user_event(now, "deploy", Bytes::from_static(b"1"), true);
    let second = pool.nodes[2]
        .serf
        .user_event(now, "deploy", Bytes::from_static(b"2"), false);
    assert_eq!((first, second), (Ok(1), Ok(2)));
    pool.settle();
    for n in 0..5 {
        pool.run_until("the events arrive", |pool| pool.user_events(n).len() >= 2);
    }
    pool.run(std::time::Duration::from_mins(2));
    for n in 0..5 {
        assert_eq!(pool.user_events(n), ["deploy", "deploy"], "n{}", n + 1);
        assert_eq!(pool.nodes[n].serf.stats().event_queue, 0, "gossip ends");
    }
    let third = pool.nodes[4]
        .serf
        .user_event(pool.now, "after", Bytes::new(), false);
    assert_eq!(third, Ok(3), "clocks follow");
}

#[test]
fn events_are_heard_once_unless_they_are_too_old() {
    let mut rig = Rig::new();
    for message in [
        event(4, "a"),
        event(4, "a"),
        event(4, "b"),
        event(3, "a"),
        event(0, "c"),
    ] {
        rig.say(&message);
    }
    assert_eq!(heard(&mut rig), ["a@4", "b@4", "a@3"], "time 0 is nobody's");
    assert_eq!(rig.serf.stats().event_queue, 3);
    rig.say(&event(600, "d"));
    // 601 - 512 is the oldest time that is known.
    for (ltime, count) in [(88, 0), (89, 1)] {
        rig.told();
        rig.say(&event(ltime, "old"));
        assert_eq!(heard(&mut rig).len(), count, "{ltime}");
    }
}

#[test]
fn sizes_are_bounded() {
    let mut rig = Rig::new();
    let mut fire = |name: usize, payload: usize| {
        let name = "n".repeat(name);
        let payload = Bytes::from(vec![b'p'; payload]);
        rig.serf.user_event(rig.now, &name, payload, false)
    };
    assert_eq!(
        fire(13, 500),
        Err(RequestError::EventTooLarge { limit: 512 })
    );
    let encoded = RequestError::EncodedEventTooLarge { limit: 512 };
    assert_eq!(fire(12, 500), Err(encoded.clone()));
    assert_eq!(
        encoded.to_string(),
        "encoded user event exceeds configured limit of 512 bytes after encoding"
    );
    assert_eq!(fire(12, 400), Ok(1));
    assert_eq!(
        rig.serf.stats().event_time,
        2,
        "refused events take no time"
    );
    let mut rig = Rig::with(|options| options.serf.user_event_size_limit = 100_000);
    let payload = Bytes::from(vec![0; 9 * 1024 + 1]);
    let insane = rig.serf.user_event(rig.now, "", payload, false);
    assert_eq!(insane, Err(RequestError::EventInsane { limit: 9216 }));
}

fn pushed(events: &[(u64, &str)]) -> SerfState {
    SerfState {
        event_ltime: 9,
        events: events
            .iter()
            .map(|(ltime, name)| {
                Some(EventsAt {
                    ltime: *ltime,
                    events: vec![((*name).to_owned(), Bytes::new())],
                })
            })
            .collect(),
        ..SerfState::default()
    }
}

#[test]
fn events_of_a_pushed_state_are_replayed_but_not_passed_on() {
    let mut rig = Rig::new();
    rig.pushed(&pushed(&[(7, "a"), (8, "b")]));
    rig.pushed(&pushed(&[(7, "a"), (8, "b")]));
    assert_eq!(heard(&mut rig), ["a@7", "b@8"]);
    assert_eq!(rig.serf.stats().event_queue, 0);
}

#[test]
fn whoever_joins_does_not_hear_of_the_past() {
    let mut pool = Pool::strangers(3, |_| {});
    let now = pool.now;
    pool.nodes[0]
        .serf
        .user_event(now, "past", Bytes::new(), false)
        .unwrap();
    pool.join(1, 0);
    assert!(pool.user_events(1).is_empty());
    let now = pool.now;
    pool.nodes[0]
        .serf
        .user_event(now, "present", Bytes::new(), false)
        .unwrap();
    pool.run_until("it arrives", |pool| !pool.user_events(1).is_empty());
    assert_eq!(pool.user_events(1), ["present"]);
    assert_eq!(pool.user_events(0), ["past", "present"]);
}

#[test]
fn a_restarted_member_hears_what_it_missed() {
    let restored = Restored {
        clock: 5,
        event_clock: 7,
        query_clock: 3,
        alive: vec![],
    };
    let mut rig = Rig::with(|options| options.restored = restored);
    let stats = rig.serf.stats();
    let times = (stats.member_time, stats.event_time, stats.query_time);
    assert_eq!(times, (6, 8, 4));
    rig.pushed(&pushed(&[(6, "known"), (7, "known too"), (8, "missed")]));
    assert_eq!(heard(&mut rig), ["missed@8"]);
}
