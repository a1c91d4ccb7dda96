//! Two members with one name.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use super::address;
use super::pool::{Pool, options};
use super::rig::Rig;
use crate::agent::gossip::serf::{Input, Notice, Options, Output, QueryRequest, RequestError};
use crate::agent::gossip::swim;
use crate::agent::gossip::wire::{
    Alive, Message, Query, QueryResponse, SerfMessage, Versions, encode_conflict_response,
};
use crate::model::member::{Member, MemberStatus};

/// Longer than a vote in a small pool takes.
const VOTE: Duration = Duration::from_secs(4);

fn resolving(options: &mut Options) {
    options.serf.resolve_name_conflicts = true;
}

impl Pool {
    /// A member on the fourth port that calls itself `n1` joins by `n2`.
    fn with_twin(change: impl Fn(&mut Options)) -> Self {
        let mut pool = Self::of(3, &change);
        let mut twin = Options {
            name: "n1".into(),
            ..options(3)
        };
        change(&mut twin);
        pool.add(twin);
        pool.join(3, 1);
        pool
    }

    fn lost(&self, n: usize) -> Vec<&Output> {
        let told = self.nodes[n].told.iter();
        told.filter(|output| matches!(output, Output::ConflictLost { .. }))
            .collect()
    }

    fn kept(&self, n: usize) -> Vec<&Notice> {
        self.notices(n)
            .filter(|notice| matches!(notice, Notice::NameKept { .. }))
            .collect()
    }
}

fn claim(name: &str, from: SocketAddr) -> Input {
    let message = Message::Alive(Alive {
        incarnation: 3,
        node: name.into(),
        address: from,
        meta: Bytes::new(),
        versions: Versions::CONSUL,
    });
    Input::Net(swim::Input::Message { from, message })
}

#[test]
fn whoever_comes_second_gives_way() {
    let mut pool = Pool::with_twin(resolving);
    // The twin alone hears of the conflict by joining; here the first one hears of it, too.
    pool.input(0, claim("n1", address(4)));
    pool.settle();
    pool.run(VOTE);
    let lost = Output::ConflictLost {
        matching: 0,
        responses: 2,
    };
    assert_eq!(pool.lost(3), [&lost]);
    assert_eq!(pool.nodes[3].told.last(), Some(&lost));
    assert!(pool.lost(0).is_empty());
    let kept = Notice::NameKept {
        matching: 2,
        responses: 2,
    };
    assert_eq!(pool.kept(0), [&kept]);
    for n in 0..3 {
        assert!(pool.kept(n).len() + pool.lost(n).len() <= usize::from(n == 0));
        assert_eq!(pool.status(n, 0), Some(MemberStatus::Alive));
    }
    let votes =
        |output: &Output| matches!(output, Output::QueryReply { .. } | Output::QueryDone { .. });
    let told = pool.nodes.iter().flat_map(|node| &node.told);
    assert_eq!(told.filter(|output| votes(output)).count(), 0);
    let twin = &mut pool.nodes[3].serf;
    assert_eq!(twin.next_deadline(), None, "it does nothing more");
    let asked = twin.query(pool.now, QueryRequest::default());
    assert_eq!(asked.map(|_| ()), Err(RequestError::Leaving));
    pool.run(Duration::from_mins(1));
    for n in 0..3 {
        assert_eq!(pool.status(n, 0), Some(MemberStatus::Alive));
        assert_eq!(pool.statuses(n).len(), 3);
    }
}

#[test]
fn both_stay_unless_it_is_to_be_resolved() {
    let mut pool = Pool::with_twin(|_| {});
    pool.run(VOTE);
    let conflict = |output: &Output| {
        matches!(output, Output::Net(swim::Output::Notice(swim::Notice::Conflict { node, .. }))
            if **node == *"n1")
    };
    assert!(pool.nodes[3].told.iter().any(conflict));
    for n in 0..4 {
        assert!(pool.lost(n).is_empty() && pool.kept(n).is_empty());
        let asks = |message: &SerfMessage| matches!(message, SerfMessage::Query(_));
        assert!(
            !pool
                .sent
                .iter()
                .any(|(from, sent)| *from == n && asks(sent))
        );
    }
    assert!(pool.nodes[3].serf.next_deadline().is_some());
}

#[test]
fn a_conflict_about_another_name_is_not_ours_to_resolve() {
    let mut rig = Rig::with(resolving);
    rig.alive("n2", 1);
    rig.told();
    rig.serf.handle(rig.now, claim("n2", address(9)));
    assert_eq!(rig.serf.stats().query_queue, 0);
    rig.run(VOTE);
    assert!(rig.serf.next_deadline().is_some());
}

#[test]
fn where_nobody_answers_the_name_is_lost() {
    let mut rig = Rig::with(resolving);
    rig.serf.handle(rig.now, claim("n1", address(9)));
    rig.run(VOTE);
    let lost = Output::ConflictLost {
        matching: 0,
        responses: 0,
    };
    assert_eq!(rig.told().last(), Some(&lost));
    rig.serf.handle(rig.now, claim("n1", address(9)));
    rig.serf.leave(rig.now);
    rig.run(VOTE);
    assert_eq!(rig.told(), []);
}

/// The queries that were gossiped.
fn asked(rig: &mut Rig) -> Vec<Query> {
    let packets = rig.told().into_iter().filter_map(|output| match output {
        Output::Net(swim::Output::Packet(packet)) => Some(packet),
        _ => None,
    });
    let mut queries = Vec::new();
    for part in packets.flat_map(|packet| packet.parts) {
        let message = part.strip_prefix(&[8]).map(SerfMessage::decode);
        if let Some(Ok(SerfMessage::Query(query))) = message
            && !queries.contains(&query)
        {
            queries.push(query);
        }
    }
    queries
}

/// What `from` answers to a query: who has the name.
fn answer(rig: &mut Rig, query: &Query, from: &str, payload: Bytes) {
    rig.say(&SerfMessage::QueryResponse(QueryResponse {
        ltime: query.ltime,
        id: query.id,
        from: from.into(),
        flags: 0,
        payload,
    }));
}

/// `n1` is there.
fn at(place: SocketAddr) -> Bytes {
    encode_conflict_response(Some(&Member {
        name: "n1".to_owned(),
        addr: place.ip().to_string(),
        port: place.port(),
        ..Member::default()
    }))
}

#[test]
fn votes_are_counted_once_each_and_half_of_them_is_too_little() {
    let elsewhere = SocketAddr::from(([10, 0, 0, 2], 1));
    for wins in [false, true] {
        let mut rig = Rig::with(resolving);
        for n in 2..9 {
            rig.alive(&format!("n{n}"), 1);
        }
        for _ in 0..3 {
            rig.serf.handle(rig.now, claim("n1", address(9)));
        }
        rig.run(Duration::from_secs(1));
        let queries = asked(&mut rig);
        let [query] = &queries[..] else {
            panic!("one vote at a time: {queries:?}");
        };
        assert_eq!(
            (&*query.name, &*query.payload),
            ("_serf_conflict", &b"n1"[..])
        );
        assert_eq!((query.flags, query.relay_factor), (0, 0));
        answer(&mut rig, query, "n2", at(address(1)));
        answer(&mut rig, query, "n2", at(address(1)));
        // Another port, another address.
        answer(&mut rig, query, "n3", at(address(9)));
        answer(&mut rig, query, "n4", at(elsewhere));
        answer(&mut rig, query, "n5", encode_conflict_response(None));
        answer(&mut rig, query, "n6", Bytes::from_static(b"\x08nonsense"));
        answer(&mut rig, query, "n7", at(address(1)));
        if wins {
            answer(&mut rig, query, "n8", at(address(1)));
        }
        rig.told();
        rig.run(VOTE);
        let told = rig.told();
        if wins {
            let kept = Notice::NameKept {
                matching: 3,
                responses: 5,
            };
            assert!(told.contains(&Output::Notice(kept)));
            rig.serf.handle(rig.now, claim("n1", address(9)));
            rig.run(Duration::from_secs(1));
            let [again] = &asked(&mut rig)[..] else {
                panic!("the next conflict is voted on, too");
            };
            assert_ne!(again.id, query.id);
        } else {
            let lost = Output::ConflictLost {
                matching: 2,
                responses: 4,
            };
            assert_eq!(told.last(), Some(&lost));
        }
    }
}

#[test]
fn whoever_leaves_meanwhile_leaves() {
    let mut rig = Rig::with(resolving);
    rig.alive("n2", 1);
    rig.serf.handle(rig.now, claim("n1", address(9)));
    rig.serf.leave(rig.now);
    rig.run(Duration::from_secs(14));
    let told = rig.told();
    assert_eq!(told.last(), Some(&Output::Left));
    let lost = |output: &Output| matches!(output, Output::ConflictLost { .. });
    assert!(!told.iter().any(lost));
}
