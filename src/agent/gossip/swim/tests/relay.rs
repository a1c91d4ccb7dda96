use super::*;
use crate::agent::gossip::swim::relay::RELAYS_MAX;
use crate::agent::gossip::wire::{Ack, IndirectPing, Nack, Source};

fn source(name: &str) -> Source {
    Source {
        address: address(name),
        node: name.into(),
    }
}

fn request(seq_no: u32, nack: bool) -> Message {
    Message::IndirectPing(IndirectPing {
        seq_no,
        target: address("n2"),
        node: "n2".into(),
        nack,
        source: Some(source("n1")),
    })
}

fn acked(seq_no: u32) -> Message {
    Message::Ack(Ack {
        seq_no,
        payload: Bytes::new(),
    })
}

#[test]
fn pings_are_answered_where_the_asker_says() {
    let ping = |node: &str, source| {
        Message::Ping(Ping {
            seq_no: 7,
            node: node.into(),
            source,
        })
    };
    let ack = Message::Ack(Ack {
        seq_no: 7,
        payload: Bytes::from_static(b"where I am"),
    });
    // Whom the ping means, who says to have sent it, and where the answer goes.
    let table = [
        (ME, Some(source("n1")), Some("n1")),
        (ME, None, Some("n9")),
        ("", Some(source("n1")), Some("n1")),
        ("n2", Some(source("n1")), None),
    ];
    for (node, source, to) in table {
        let mut rig = Rig::with_members(quiet(), 2);
        rig.hear(ping(node, source));
        let expected: Vec<_> = to
            .map(|to| (address(to), vec![ack.clone()]))
            .into_iter()
            .collect();
        assert_eq!(rig.packets(), expected);
    }
}

#[test]
fn stream_pings_are_answered_without_a_payload_or_not_at_all() {
    let mut rig = Rig::new(quiet());
    rig.forget();
    for (stream, node) in [(1, ME), (2, ""), (3, "n2")] {
        let ping = Ping {
            seq_no: 7,
            node: node.into(),
            source: None,
        };
        rig.give(Input::StreamPing { stream, ping });
    }
    let body = acked(7).encode();
    let reply = |stream| Output::StreamReply {
        stream,
        body: body.clone(),
    };
    let expected = [reply(1), reply(2), Output::StreamClose { stream: 3 }];
    assert_eq!(rig.outputs(), expected);
}

#[test]
fn an_answer_is_handed_on_under_the_askers_number() {
    let mut rig = Rig::with_members(quiet(), 2);
    rig.hear(request(41, true));
    let (to, ping) = rig.ping();
    assert_eq!((to, &*ping.node), (address("n2"), "n2"));
    assert_eq!(ping.source, Some(source(ME)));
    rig.advance(millis(499));
    rig.hear_from("n2", acked(ping.seq_no));
    assert_eq!(rig.packets(), [(address("n1"), vec![acked(41)])]);
    assert_eq!(rig.swim.next_deadline(), None);
    rig.advance(millis(10));
    rig.hear_from("n2", acked(ping.seq_no));
    assert!(rig.outputs().is_empty(), "once");
}

#[test]
fn no_answer_is_told_to_those_who_want_to_know() {
    let mut rig = Rig::with_members(quiet(), 2);
    rig.hear(request(41, true));
    rig.hear(request(42, false));
    rig.advance(millis(100));
    rig.hear(request(43, true));
    rig.outputs();
    rig.advance(millis(399));
    assert!(rig.outputs().is_empty());
    let nack = |seq_no| (address("n1"), vec![Message::Nack(Nack { seq_no })]);
    rig.advance(millis(1));
    assert_eq!(rig.packets(), [nack(41)]);
    rig.advance(millis(100));
    assert_eq!(rig.packets(), [nack(43)]);
    assert_eq!(rig.swim.next_deadline(), None);
}

#[test]
fn answers_in_any_order_leave_nothing_behind() {
    let mut rig = Rig::with_members(quiet(), 2);
    let mut numbers = Vec::new();
    for seq_no in 1..=3 {
        rig.hear(request(seq_no, true));
        numbers.push(rig.ping().1.seq_no);
    }
    for (number, asked) in [(numbers[1], 2), (numbers[0], 1), (numbers[2], 3)] {
        rig.hear(acked(number));
        assert_eq!(rig.packets(), [(address("n1"), vec![acked(asked)])]);
    }
    assert_eq!(rig.swim.next_deadline(), None);
}

#[test]
fn a_flood_of_requests_is_bounded() {
    let mut rig = Rig::with_members(quiet(), 2);
    for seq_no in 0..5_000 {
        rig.hear(request(seq_no, true));
    }
    assert_eq!(rig.packets().len(), RELAYS_MAX);
    rig.advance(millis(500));
    assert_eq!(rig.packets().len(), RELAYS_MAX);
    rig.hear(request(1, true));
    assert_eq!(rig.packets().len(), 1);
}
