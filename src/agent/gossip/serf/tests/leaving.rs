//! Leaving gracefully, and rejoining.

use std::time::Duration;

use bytes::Bytes;

use super::address;
use super::pool::{self, Pool, name};
use super::rig::Rig;
use crate::agent::gossip::serf::{
    Event, Input, MemberChange, Notice, Output, QueryRequest, RequestError, Restored, SnapshotLine,
};
use crate::agent::gossip::swim;
use crate::agent::gossip::wire::Tags;
use crate::model::member::MemberStatus as S;

impl Pool {
    fn has_left(&self, n: usize) -> bool {
        self.nodes[n].told.contains(&Output::Left)
    }
}

#[test]
fn the_others_hear_of_a_leave_and_call_it_left() {
    let mut pool = Pool::of(3, |_| {});
    let began = pool.now;
    pool.nodes[1].serf.leave(began);
    pool.settle();
    assert_eq!(pool.status(1, 1), Some(S::Leaving));
    assert_eq!(
        pool.nodes[1]
            .told
            .iter()
            .filter(|o| **o == Output::Snapshot(SnapshotLine::Leave))
            .count(),
        1
    );
    pool.run_until("n2 has left", |pool| pool.has_left(1));
    let took = pool.now - began;
    assert!(
        took > Duration::from_secs(3) && took < Duration::from_secs(8),
        "{took:?}"
    );
    assert_eq!(
        pool.nodes[1].told.last(),
        Some(&Output::Left),
        "nothing comes after"
    );
    for n in [0, 2] {
        assert_eq!(pool.status(n, 1), Some(S::Left), "n{}", n + 1);
        let left = |event: &Event| matches!(event, Event::Members(MemberChange::Leave, who) if *who[0].name == *name(1));
        assert_eq!(pool.events(n).filter(|event| left(event)).count(), 1);
        let failed = |event: &Event| matches!(event, Event::Members(MemberChange::Failed, _));
        assert!(!pool.events(n).any(failed));
    }
    assert_eq!(pool.nodes[1].serf.next_deadline(), None);
    let after = pool.nodes[1].told.len();
    pool.input(1, Input::Tick);
    pool.settle();
    assert_eq!(pool.nodes[1].told.len(), after);
}

#[test]
fn a_member_alone_leaves_at_once() {
    let mut rig = Rig::new();
    rig.serf.leave(rig.now);
    let told = rig.told();
    assert_eq!(told.first(), Some(&Output::Snapshot(SnapshotLine::Leave)));
    assert_eq!(told.last(), Some(&Output::Left));
    rig.serf.leave(rig.now);
    assert_eq!(rig.told(), []);
}

#[test]
fn leaving_ends_even_where_nobody_listens() {
    let mut pool = Pool::of(2, |_| {});
    pool.nodes[0].cut_off = true;
    let began = pool.now;
    pool.nodes[0].serf.leave(began);
    pool.settle();
    pool.run_until("n1 has left", |pool| pool.has_left(0));
    // Two broadcasts that may time out, and the time for word to get around.
    assert!(pool.now - began <= Duration::from_secs(13));
    pool.run_until("n2 misses it", |pool| pool.status(1, 0) == Some(S::Failed));
}

#[test]
fn a_leaving_member_does_not_join_and_is_not_contradicted_by_itself() {
    let mut pool = Pool::of(2, |_| {});
    let now = pool.now;
    pool.nodes[0].serf.leave(now);
    pool.nodes[0].serf.join(now, 77, address(2), None);
    let refused = swim::Output::ExchangeDone {
        id: 77,
        result: Err("Serf can't Join after Leave or Shutdown".to_owned()),
    };
    pool.settle();
    assert!(pool.nodes[0].told.contains(&Output::Net(refused)));
    pool.run_until("n1 has left", |pool| pool.has_left(0));
    assert_eq!(pool.status(0, 0), Some(S::Left));
}

#[test]
fn whoever_left_may_come_back() {
    let mut pool = Pool::of(3, |_| {});
    pool.nodes[2].serf.leave(pool.now);
    pool.settle();
    pool.run_until("n3 has left", |pool| pool.has_left(2));
    let mut options = pool::options(2);
    options.seed = 99;
    pool.nodes.pop();
    pool.add(options);
    pool.join(2, 0);
    for n in 0..3 {
        pool.run_until("n3 is back", |pool| pool.status(n, 2) == Some(S::Alive));
    }
    pool.run(Duration::from_mins(2));
    for n in 0..3 {
        assert!(
            pool.statuses(n)
                .iter()
                .all(|(_, status)| *status == S::Alive)
        );
        assert_eq!(pool.nodes[n].serf.stats().intent_queue, 0, "gossip ends");
    }
}

#[test]
fn members_of_an_earlier_life_are_tried_until_one_answers() {
    let mut pool = Pool::of(2, |_| {});
    let alive = [(name(2), 3), (name(7), 8), (name(8), 9), (name(1), 2)];
    let mut options = pool::options(2);
    options.restored = Restored {
        alive: alive
            .iter()
            .map(|(name, port)| (name.as_str().into(), address(*port)))
            .collect(),
        clock: 40,
        ..Restored::default()
    };
    pool.add(options);
    assert_eq!(pool.statuses(2).len(), 3);
    let rejoined = Notice::Rejoined {
        node: name(1).into(),
    };
    assert!(pool.notices(2).any(|notice| *notice == rejoined));
    let own =
        |notice: &Notice| matches!(notice, Notice::Rejoining { node, .. } if **node == *name(2));
    assert!(!pool.notices(2).any(own), "never ourselves");
    let done = |output: &Output| matches!(output, Output::Net(swim::Output::ExchangeDone { .. }));
    assert!(!pool.nodes[2].told.iter().any(done), "nobody asked");
    let mut options = pool::options(3);
    options.restored.alive = vec![(name(8).into(), address(9))];
    pool.add(options);
    assert!(
        pool.notices(3)
            .any(|notice| *notice == Notice::RejoinFailed)
    );
}

#[test]
fn whoever_has_left_asks_nothing_and_waits_for_nothing() {
    let mut rig = Rig::new();
    let request = || QueryRequest {
        name: "uptime".to_owned(),
        timeout: Some(Duration::from_mins(1)),
        ..QueryRequest::default()
    };
    let key = rig.serf.query(rig.now, request()).unwrap();
    rig.told();
    rig.serf.leave(rig.now);
    let told = rig.told();
    let [.., done, left] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!(*done, Output::QueryDone { key });
    assert_eq!(*left, Output::Left);
    let (serf, now) = (&mut rig.serf, rig.now);
    let refused = Err(RequestError::Leaving);
    assert_eq!(serf.query(now, request()).map(|_| ()), refused);
    assert_eq!(serf.respond(now, key, Bytes::new()), refused);
    let fired = serf.user_event(now, "late", Bytes::new(), false);
    assert_eq!(fired.map(|_| ()), refused);
    assert_eq!(serf.set_tags(now, Tags::new()), refused);
    assert_eq!(serf.force_leave(now, "n1", false), refused);
    assert_eq!(rig.told(), []);
}

#[test]
fn others_that_leave_too_are_told() {
    let mut rig = Rig::with_n2(S::Leaving);
    rig.serf.leave(rig.now);
    assert!(!rig.told().contains(&Output::Left), "n2 still listens");
    rig.run(Duration::from_secs(14));
    assert_eq!(rig.told().last(), Some(&Output::Left));
    let mut rig = Rig::with_n2(S::Failed);
    rig.serf.leave(rig.now);
    assert_eq!(rig.told().last(), Some(&Output::Left), "nobody listens");
}
