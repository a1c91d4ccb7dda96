//! Queries among members.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;

use super::address;
use super::pool::{Pool, name};
use super::rig::Rig;
use crate::agent::gossip::serf::{Event, Notice, Output, QueryKey, QueryRequest, RequestError};
use crate::agent::gossip::swim;
use crate::agent::gossip::wire::{
    Filter, QUERY_FLAG_ACK, QUERY_FLAG_NO_BROADCAST, Query, QueryResponse, Relay, SerfMessage,
    decode_conflict_response,
};

fn request(name: &str) -> QueryRequest {
    QueryRequest {
        name: name.to_owned(),
        ack: true,
        ..QueryRequest::default()
    }
}

fn names(members: &[usize]) -> BTreeSet<String> {
    members.iter().map(|&n| name(n)).collect()
}

impl Pool {
    fn query(&mut self, n: usize, request: QueryRequest) -> QueryKey {
        let key = self.nodes[n].serf.query(self.now, request).unwrap();
        self.settle();
        key
    }
}

#[test]
fn everybody_is_asked_acknowledges_and_answers_once() {
    let mut pool = Pool::of(4, |_| {});
    let key = pool.query(1, request("uptime"));
    for n in 0..4 {
        pool.run_until("the query arrives", |pool| !pool.asked(n).is_empty());
        let payload = Bytes::from(format!("{n} days"));
        let respond = |pool: &mut Pool| pool.nodes[n].serf.respond(pool.now, key, payload.clone());
        assert_eq!(respond(&mut pool), Ok(()));
        assert_eq!(respond(&mut pool), Err(RequestError::QueryOver), "once");
        pool.settle();
    }
    assert_eq!(pool.acks(1, key), names(&[0, 1, 2, 3]));
    let answers = pool.answers(1, key);
    let expected: Vec<_> = (0..4)
        .map(|n| (name(n), Bytes::from(format!("{n} days"))))
        .collect();
    assert_eq!(answers, expected);
    assert!(
        pool.sent
            .iter()
            .any(|(_, sent)| matches!(sent, SerfMessage::QueryResponse(_)))
    );
    // 200 ms times 16 times ceil(log10(5)).
    assert!(!pool.is_over(1, key));
    pool.run(Duration::from_millis(3200));
    assert!(pool.is_over(1, key));
    for n in 0..4 {
        assert_eq!(pool.asked(n), [key], "asked once");
    }
}

#[test]
fn filters_choose_who_answers_and_everybody_passes_on() {
    let mut pool = Pool::of(4, |_| {});
    let odd = Filter::Tag {
        tag: "role".to_owned(),
        expr: "-1$".to_owned(),
    };
    let some = Filter::Nodes(vec![name(0), name(3)]);
    let mut ask = |filters: &[Filter]| {
        let key = pool.query(
            0,
            QueryRequest {
                filters: filters.to_vec(),
                ..request("who")
            },
        );
        pool.run(Duration::from_secs(3));
        pool.acks(0, key)
    };
    assert_eq!(ask(std::slice::from_ref(&odd)), names(&[1, 3]));
    assert_eq!(ask(std::slice::from_ref(&some)), names(&[0, 3]));
    assert_eq!(ask(&[odd, some]), names(&[3]));
    assert_eq!(ask(&[Filter::Nodes(vec![])]), names(&[]));
}

#[test]
fn an_answer_comes_a_second_way_too() {
    let mut pool = Pool::of(5, |_| {});
    let key = pool.query(
        0,
        QueryRequest {
            relay_factor: 3,
            ..request("who")
        },
    );
    pool.run(Duration::from_secs(2));
    assert_eq!(
        pool.acks(0, key),
        names(&[0, 1, 2, 3, 4]),
        "each is told once"
    );
    assert_eq!(pool.replies(0, key).len(), 5);
    let relayed = |n: usize| {
        let relays = pool.sent.iter().filter(|(from, sent)| {
            *from == n && matches!(sent, SerfMessage::Relay(relay) if relay.to == address(1))
        });
        relays.count()
    };
    for n in 1..5 {
        assert_eq!(relayed(n), 3, "n{} asks three members", n + 1);
    }
    assert_eq!(relayed(0), 0, "our own answer needs no way at all");
}

#[test]
fn a_relay_carries_what_the_direct_way_loses() {
    let mut rig = Rig::new();
    rig.alive("n2", 1);
    let key = rig.serf.query(rig.now, request("who")).unwrap();
    rig.told();
    let ack = SerfMessage::QueryResponse(QueryResponse {
        ltime: key.ltime,
        id: key.id,
        from: "n2".into(),
        flags: QUERY_FLAG_ACK,
        payload: Bytes::new(),
    });
    let relay = SerfMessage::Relay(crate::agent::gossip::wire::Relay {
        to: address(7),
        to_node: "n7".into(),
        message: ack.encode(),
    });
    rig.say(&relay);
    let packets: Vec<_> = rig
        .told()
        .into_iter()
        .filter_map(|output| match output {
            Output::Net(crate::agent::gossip::swim::Output::Packet(packet)) => Some(packet),
            _ => None,
        })
        .collect();
    assert_eq!(packets.len(), 1);
    assert_eq!(packets[0].to, address(7));
    assert_eq!(
        packets[0].parts[0][1..],
        ack.encode()[..],
        "without a change"
    );
}

#[test]
fn too_few_members_do_not_relay() {
    let mut pool = Pool::of(3, |_| {});
    let key = pool.query(
        0,
        QueryRequest {
            relay_factor: 3,
            ..request("who")
        },
    );
    pool.run(Duration::from_secs(2));
    assert_eq!(pool.acks(0, key).len(), 3);
    assert!(
        !pool
            .sent
            .iter()
            .any(|(_, sent)| matches!(sent, SerfMessage::Relay(_)))
    );
    let too_many = QueryRequest {
        relay_factor: 6,
        ..request("who")
    };
    let refused = pool.nodes[0].serf.query(pool.now, too_many);
    assert_eq!(refused, Err(RequestError::RelayFactor));
}

fn query(ltime: u64, id: u32, flags: u32) -> Query {
    Query {
        ltime,
        id,
        address: address(50),
        source_node: "n50".into(),
        filters: vec![],
        flags,
        relay_factor: 0,
        timeout: Duration::from_secs(2),
        name: "who".to_owned(),
        payload: Bytes::new(),
    }
}

fn asked(rig: &mut Rig) -> usize {
    let told = rig.told().into_iter();
    told.filter(|output| matches!(output, Output::Event(Event::Query { .. })))
        .count()
}

#[test]
fn queries_are_heard_once_and_passed_on_unless_forbidden() {
    let mut rig = Rig::new();
    let mut hear = |query: Query| {
        rig.say(&SerfMessage::Query(query));
        (asked(&mut rig), rig.serf.stats().query_queue)
    };
    assert_eq!(hear(query(4, 1, 0)), (1, 1));
    assert_eq!(hear(query(4, 1, 0)), (0, 1), "known");
    assert_eq!(hear(query(4, 2, 0)), (1, 2));
    assert_eq!(hear(query(5, 2, QUERY_FLAG_NO_BROADCAST)), (1, 2));
    let not_us = Query {
        filters: vec![Filter::Nodes(vec![]).encode()],
        ..query(6, 1, 0)
    };
    assert_eq!(hear(not_us), (0, 3), "passed on all the same");
    let senseless = Query {
        filters: vec![Bytes::new()],
        ..query(7, 1, 0)
    };
    assert_eq!(hear(senseless), (0, 4));
    assert_eq!(hear(query(600, 1, 0)), (1, 5));
    assert_eq!(hear(query(8, 1, 0)), (0, 5), "too old");
    assert_eq!(hear(query(0, 1, 0)), (0, 5), "time 0 is nobody's");
}

#[test]
fn answers_are_in_time_and_not_too_large() {
    let mut rig = Rig::new();
    rig.say(&SerfMessage::Query(query(4, 1, 0)));
    let key = QueryKey { ltime: 4, id: 1 };
    let large = Bytes::from(vec![0; 1024]);
    let refused = rig.serf.respond(rig.now, key, large);
    assert_eq!(refused, Err(RequestError::ResponseTooLarge { limit: 1024 }));
    rig.now += Duration::from_millis(2001);
    let late = rig.serf.respond(rig.now, key, Bytes::new());
    assert_eq!(late, Err(RequestError::QueryOver));
    let unknown = QueryKey { ltime: 4, id: 2 };
    let stray = rig.serf.respond(rig.now, unknown, Bytes::new());
    assert_eq!(stray, Err(RequestError::QueryOver));
}

#[test]
fn only_answers_to_running_queries_are_told() {
    let mut rig = Rig::new();
    let key = rig
        .serf
        .query(
            rig.now,
            QueryRequest {
                ack: false,
                ..request("who")
            },
        )
        .unwrap();
    rig.told();
    let reply = |rig: &mut Rig, ltime: u64, id: u32, from: &str, flags: u32| {
        rig.say(&SerfMessage::QueryResponse(QueryResponse {
            ltime,
            id,
            from: from.into(),
            flags,
            payload: Bytes::from_static(b"x"),
        }));
        let told = rig.told();
        let replies = told
            .iter()
            .filter(|output| matches!(output, Output::QueryReply { .. }));
        let stray = |output: &&Output| {
            matches!(
                output,
                Output::Notice(Notice::Ignored {
                    what: "query response",
                    ..
                })
            )
        };
        (replies.count(), told.iter().filter(stray).count())
    };
    assert_eq!(reply(&mut rig, key.ltime, key.id, "n2", 0), (1, 0));
    assert_eq!(reply(&mut rig, key.ltime, key.id, "n2", 0), (0, 0), "twice");
    assert_eq!(reply(&mut rig, key.ltime, key.id, "n3", 0), (1, 0));
    assert_eq!(
        reply(&mut rig, key.ltime, key.id, "n4", QUERY_FLAG_ACK),
        (0, 0),
        "not wanted"
    );
    assert_eq!(reply(&mut rig, key.ltime, key.id ^ 1, "n5", 0), (0, 1));
    assert_eq!(reply(&mut rig, key.ltime + 1, key.id, "n5", 0), (0, 1));
    // 200 ms times 16 times ceil(log10(2)).
    rig.run(Duration::from_millis(3200));
    assert_eq!(reply(&mut rig, key.ltime, key.id, "n6", 0), (0, 1), "over");
}

#[test]
fn a_query_can_be_given_up() {
    let mut rig = Rig::new();
    let key = rig.serf.query(rig.now, request("who")).unwrap();
    rig.told();
    rig.serf.give_up_query(key);
    rig.serf.give_up_query(key);
    assert_eq!(rig.told(), [Output::QueryDone { key }]);
    let payload = Bytes::from(vec![0; 1024]);
    let large = rig.serf.query(
        rig.now,
        QueryRequest {
            payload,
            ..request("who")
        },
    );
    assert_eq!(large, Err(RequestError::QueryTooLarge { limit: 1024 }));
    let mut last = Ok(key);
    for _ in 0..=1024 {
        last = rig.serf.query(rig.now, request("who"));
    }
    assert_eq!(last, Err(RequestError::TooManyQueries));
}

#[test]
fn reachability_wants_the_acknowledgement_only() {
    let mut pool = Pool::of(3, |_| {});
    let key = pool.query(0, request("_serf_ping"));
    pool.run(Duration::from_secs(2));
    assert_eq!(pool.acks(0, key).len(), 3);
    assert!(pool.answers(0, key).is_empty());
    let unknown = pool.query(0, request("_serf_something"));
    pool.run(Duration::from_secs(2));
    assert_eq!(pool.acks(0, unknown).len(), 3);
    for n in 0..3 {
        assert!(
            pool.asked(n).is_empty(),
            "the application hears nothing of it"
        );
    }
}

#[test]
fn who_has_a_name_is_told_by_all_but_the_one() {
    let mut pool = Pool::of(3, |_| {});
    let about = |text: &'static [u8]| QueryRequest {
        payload: Bytes::from_static(text),
        ..request("_serf_conflict")
    };
    let key = pool.query(0, about(b"n2"));
    pool.run(Duration::from_secs(2));
    let answers = pool.answers(0, key);
    let from: Vec<&str> = answers.iter().map(|(from, _)| from.as_str()).collect();
    assert_eq!(from, ["n1", "n3"]);
    for (_, payload) in &answers {
        let member = decode_conflict_response(payload).unwrap().unwrap();
        assert_eq!(
            (member.name.as_str(), member.port, member.status),
            ("n2", 2, 1)
        );
        assert_eq!(member.tags["role"], "role-1");
    }
    for nobody in [&b"n9"[..], b"", b"\xff"] {
        let key = pool.query(0, about(nobody));
        pool.run(Duration::from_secs(2));
        for (_, payload) in pool.answers(0, key) {
            assert_eq!(decode_conflict_response(&payload), Ok(None));
        }
    }
}

#[test]
fn five_members_relay_at_most() {
    let mut rig = Rig::new();
    for n in 0..8 {
        rig.alive(&format!("m{n}"), 1);
    }
    rig.told();
    rig.say(&SerfMessage::Query(Query {
        relay_factor: 255,
        ..query(3, 1, QUERY_FLAG_ACK)
    }));
    let relay = Relay {
        to: address(50),
        to_node: "n50".into(),
        message: Bytes::new(),
    };
    let kind = SerfMessage::Relay(relay).encode()[0];
    let relays = rig.told().into_iter().filter(|output| {
        matches!(output, Output::Net(swim::Output::Packet(packet)) if packet.parts[0][1] == kind)
    });
    assert_eq!(relays.count(), 5);
}
