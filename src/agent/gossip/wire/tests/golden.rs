//! The golden vectors of section 15, both ways.

use std::time::Duration;

use bytes::Bytes;

use super::super::*;
use super::samples::*;

#[test]
fn messages_of_memberlist() {
    let golden = Golden::messages();
    let cases = [
        ("ping", ping()),
        (
            "ping without source",
            Message::Ping(Ping {
                seq_no: 300,
                node: name("n2"),
                source: None,
            }),
        ),
        (
            "indirect ping",
            Message::IndirectPing(IndirectPing {
                seq_no: 7,
                target: address(),
                node: name("n3"),
                nack: true,
                source: Some(source()),
            }),
        ),
        ("ack", ack()),
        (
            "suspect",
            Message::Suspect(Accusation {
                incarnation: 1,
                node: name("n2"),
                from: name("n1"),
            }),
        ),
        ("alive", alive()),
    ];
    for (name, message) in cases {
        let bytes = golden.get(name);
        assert_eq!(message.encode(), bytes, "{name}");
        assert_eq!(Message::decode(bytes).unwrap(), message, "{name}");
    }
    assert_eq!(golden.names().count(), 8, "each vector has a test");
}

#[test]
fn push_pull() {
    let golden = Golden::messages();
    let node = NodeState {
        node: name("n1"),
        address: address(),
        meta: Bytes::new(),
        incarnation: 1,
        state: PeerState::Dead,
        versions: Versions::CONSUL,
    };
    let user_state = [9; 200];
    let bytes = [
        golden.get("push/pull header"),
        golden.get("node state"),
        &user_state,
    ]
    .concat();
    let state = PushPull {
        join: true,
        nodes: vec![node],
        user_state: Bytes::copy_from_slice(&user_state),
    };
    assert_eq!(state.encode(), bytes);
    assert_eq!(PushPull::decode(&bytes).unwrap(), state);
}

#[test]
fn messages_of_serf() {
    let golden = Golden::serf();
    let cases = [
        (
            "join",
            SerfMessage::Join(JoinIntent {
                ltime: 5,
                node: name("n1"),
            }),
        ),
        (
            "leave",
            SerfMessage::Leave(LeaveIntent {
                ltime: 5,
                node: name("n1"),
                prune: false,
            }),
        ),
        (
            "user event",
            SerfMessage::UserEvent(UserEvent {
                ltime: 1,
                name: "deploy".to_owned(),
                payload: Bytes::from_static(b"abc"),
                coalesce: true,
            }),
        ),
        (
            "query",
            SerfMessage::Query(Query {
                ltime: 1,
                id: 0x1234_5678,
                address: address(),
                source_node: name("n1"),
                filters: Vec::new(),
                flags: QUERY_FLAG_ACK,
                relay_factor: 0,
                timeout: Duration::from_secs(15),
                name: "_serf_ping".to_owned(),
                payload: Bytes::new(),
            }),
        ),
        (
            "query response",
            SerfMessage::QueryResponse(QueryResponse {
                ltime: 1,
                id: 7,
                from: name("n2"),
                flags: QUERY_FLAG_ACK,
                payload: Bytes::new(),
            }),
        ),
    ];
    for (name, message) in cases {
        let bytes = golden.get(name);
        assert_eq!(message.encode(), bytes, "{name}");
        assert_eq!(SerfMessage::decode(bytes).unwrap(), message, "{name}");
    }
}

#[test]
fn a_relayed_message() {
    let golden = Golden::serf();
    let inner = golden.get("query response");
    let bytes = [golden.get("relay header"), inner].concat();
    let relay = SerfMessage::Relay(Relay {
        to: address(),
        to_node: name("n1"),
        message: Bytes::copy_from_slice(inner),
    });
    assert_eq!(relay.encode(), bytes);
    assert_eq!(SerfMessage::decode(&bytes).unwrap(), relay);
}

#[test]
fn the_state_of_serf() {
    let golden = Golden::serf();
    let events = EventsAt {
        ltime: 1,
        events: vec![("deploy".to_owned(), Bytes::from_static(b"x"))],
    };
    let mut state = SerfState {
        ltime: 2,
        status_ltimes: [(name("n1"), 1)].into(),
        left_members: Vec::new(),
        event_ltime: 2,
        events: vec![None, Some(events)],
        query_ltime: 1,
    };
    let bytes = golden.get("state");
    assert_eq!(state.encode(), bytes);
    state.events.remove(0);
    assert_eq!(SerfState::decode(bytes).unwrap(), state);
}

#[test]
fn what_is_in_queries() {
    let golden = Golden::serf();
    let filters = [
        (
            "tag filter",
            Filter::Tag {
                tag: "role".to_owned(),
                expr: "^web$".to_owned(),
            },
        ),
        (
            "node filter",
            Filter::Nodes(vec!["n1".to_owned(), "n2".to_owned()]),
        ),
    ];
    for (name, filter) in filters {
        assert_eq!(filter.encode(), golden.get(name), "{name}");
        assert_eq!(Filter::decode(golden.get(name)).unwrap(), filter, "{name}");
    }

    let request = golden.get("key request");
    assert_eq!(encode_key_request(&[0; 16]), request);
    assert_eq!(decode_key_request(request).unwrap(), [0; 16]);

    let response = KeyResponse {
        result: true,
        message: String::new(),
        keys: vec!["a".to_owned()],
        primary_key: "a".to_owned(),
    };
    assert_eq!(response.encode(), golden.get("key response"));
    let decoded = KeyResponse::decode(golden.get("key response")).unwrap();
    assert_eq!(decoded, response);
}

#[test]
fn tags_and_coordinates() {
    let golden = Golden::serf();
    assert_eq!(encode_tags(&tags()), golden.get("tags"));
    assert_eq!(decode_tags(golden.get("tags")), tags());

    let coordinate = crate::model::coordinate::Coordinate::default();
    assert_eq!(encode_coordinate(&coordinate), golden.get("coordinate"));
    let decoded = decode_coordinate(golden.get("coordinate")).unwrap();
    assert_eq!(decoded, coordinate);
    assert_eq!(golden.names().count(), 13, "each vector has a test");
}

#[test]
fn packets() {
    let golden = Golden::packets();
    let compound = golden.get("compound of ping and ack");
    let parts = [ping().encode(), ack().encode()];
    assert_eq!(encode_packet(&parts, false, false), compound);
    assert_eq!(unpack(compound).unwrap(), (vec![ping(), ack()], 0));

    let compressed = golden.get("compressed alive");
    assert_eq!(
        super::super::compress::compress(&alive().encode()),
        compressed
    );
    assert_eq!(unpack(compressed).unwrap(), (vec![alive()], 0));
    assert!(compressed.ends_with(golden.get("lzw of alive")));

    let with_crc = golden.get("ack with crc");
    assert_eq!(encode_packet(&[ack().encode()], true, true), with_crc);
    assert_eq!(unpack(with_crc).unwrap(), (vec![ack()], 0));
    assert_eq!(golden.names().count(), 4, "each vector has a test");
}

#[test]
fn encrypted_packets() {
    let golden = Golden::encryption();
    let plain = ack().encode();
    let security = secured();
    let sealed = golden.get("packet version 1");
    assert_eq!(security.seal_packet(&plain, [0; NONCE_LEN]), sealed);
    assert_eq!(security.open_packet(sealed).unwrap(), &plain[..]);

    let padded = golden.get("packet version 0");
    assert_eq!(security.open_packet(padded).unwrap(), &plain[..]);

    let labelled = Security {
        label: b"dc1".to_vec(),
        ..secured()
    };
    let sealed = golden.get("packet version 1 with label dc1");
    assert_eq!(labelled.seal_packet(&plain, [0; NONCE_LEN]), sealed);
    assert_eq!(labelled.open_packet(sealed).unwrap(), &plain[..]);
    assert_eq!(labelled.overhead(), sealed.len() - plain.len());
}

#[test]
fn an_encrypted_stream() {
    let golden = Golden::encryption();
    let security = Security {
        compress: false,
        ..secured()
    };
    let sealed = golden.get("stream version 1");
    let plain = ack().encode();
    for dialer in [false, true] {
        let ours = security.seal_stream(&plain, [0; NONCE_LEN], dialer);
        assert_eq!(ours.unwrap(), sealed);
    }
    let mut reader = StreamReader::new(security.into(), true);
    reader.feed(sealed);
    let Some(StreamMessage::Ack(read)) = reader.next().unwrap() else {
        panic!("not an ack");
    };
    assert_eq!(Message::Ack(read), ack());
    assert_eq!(golden.names().count(), 4, "each vector has a test");
}

#[test]
fn bytes_of_running_agents() {
    let golden = Golden::agents();
    let (messages, cut_off) = unpack(golden.get("packet of serf 0.8.2")).unwrap();
    let [Message::Ack(ack), Message::Alive(alive)] = &messages[..] else {
        panic!("not an ack and an alive: {messages:?}");
    };
    assert_eq!((ack.seq_no, cut_off), (77, 0));
    assert_eq!(
        decode_coordinate(&ack.payload).unwrap(),
        crate::model::coordinate::Coordinate::default()
    );
    assert_eq!(&*alive.node, "k1");
    assert_eq!(alive.versions.as_slice(), [1, 5, 2, 2, 5, 5]);
    assert_eq!(decode_tags(&alive.meta), Tags::new());

    let response = golden.get("conflict response of serf 0.8.2");
    let member = decode_conflict_response(response).unwrap().unwrap();
    assert_eq!(
        (&*member.name, &*member.addr, member.port, member.status),
        ("live", "127.0.61.5", 7946, 1)
    );
    assert_eq!(member.tags["build"], "1.10.0:");
    let ours = encode_conflict_response(Some(&member));
    assert_eq!(ours.len(), response.len());
    let tags = response.windows(4).position(|at| at == b"Tags").unwrap();
    assert_eq!(ours[..tags], response[..tags], "all but the tags, in order");

    let Ok(Message::Alive(alive)) = Message::decode(golden.get("alive of Consul 1.8.7")) else {
        panic!("not alive");
    };
    let tags = decode_tags(&alive.meta);
    assert_eq!((tags.len(), &*tags["build"]), (13, "1.8.7:"));
    assert_eq!(tags["id"], "429120e3-f04f-cf8a-f76e-c8cfb07f9d99");
    assert_eq!(golden.names().count(), 3, "each vector has a test");
}
