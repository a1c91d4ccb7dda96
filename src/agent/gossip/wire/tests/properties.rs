//! Anything at all: no decoder panics, and what was written is read back.

use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use super::super::compress::{compress, decompress};
use super::super::*;
use super::samples::*;

/// Hands bytes to every decoder there is.
fn decode_everything(bytes: &[u8]) {
    let _ = Message::decode(bytes);
    let _ = unpack(bytes);
    let _ = SerfMessage::decode(bytes);
    let _ = SerfState::decode(bytes);
    let _ = Filter::decode(bytes);
    let _ = decode_tags(bytes);
    let _ = decode_coordinate(bytes);
    let _ = decode_key_request(bytes);
    let _ = KeyResponse::decode(bytes);
    let _ = decode_conflict_response(bytes);
    let _ = StreamMessage::decode(bytes);
    let _ = PushPull::decode(bytes);
    let _ = Keyring::from_json(bytes);
    for security in [Security::default(), secured()] {
        let _ = security.open_packet(bytes);
        for dialer in [false, true] {
            let mut reader = StreamReader::new(security.clone().into(), dialer);
            reader.feed(bytes);
            let _ = reader.next();
        }
    }
}

/// Something valid of every kind.
static VALID: LazyLock<Vec<Vec<u8>>> = LazyLock::new(valid);

fn valid() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for golden in [
        Golden::messages(),
        Golden::packets(),
        Golden::serf(),
        Golden::encryption(),
        Golden::agents(),
    ] {
        all.extend(golden.names().map(|name| golden.get(name).to_vec()));
    }
    let golden = Golden::serf();
    let relayed = [golden.get("relay header"), golden.get("query response")].concat();
    let parts = vec![alive().encode(); 8];
    all.extend([
        relayed,
        push_pull(3).encode().to_vec(),
        compress(&push_pull(3).encode()),
        encode_user(b"hello").to_vec(),
        encode_error("too busy").to_vec(),
        encode_conflict_response(Some(&member())).to_vec(),
        encode_packet(&parts, true, true),
    ]);
    all
}

fn member() -> crate::model::member::Member {
    crate::model::member::Member {
        name: "n1".to_owned(),
        addr: "10.0.0.1".to_owned(),
        port: 8301,
        tags: tags(),
        status: 1,
        protocol_min: 1,
        protocol_max: 5,
        protocol_cur: 2,
        delegate_min: 2,
        delegate_max: 5,
        delegate_cur: 4,
    }
}

fn names() -> impl Strategy<Value = NodeName> {
    ".{0,40}".prop_map(NodeName::from)
}

fn payloads() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..300).prop_map(Bytes::from)
}

/// Addresses in the form that decoding gives: never IPv4 inside IPv6.
fn addresses() -> impl Strategy<Value = SocketAddr> {
    (any::<IpAddr>(), any::<u16>()).prop_map(|(ip, port)| SocketAddr::new(ip.to_canonical(), port))
}

/// Sources are only what has both address and port.
fn sources() -> impl Strategy<Value = Option<Source>> {
    option::of(
        (addresses(), 1_u16.., names()).prop_map(|(mut address, port, node)| {
            address.set_port(port);
            Source { address, node }
        }),
    )
}

fn versions() -> impl Strategy<Value = Versions> {
    vec(any::<u8>(), 0..8).prop_map(|bytes| Versions::from_slice(&bytes))
}

fn accusations() -> impl Strategy<Value = Accusation> {
    (any::<u32>(), names(), names()).prop_map(|(incarnation, node, from)| Accusation {
        incarnation,
        node,
        from,
    })
}

fn messages() -> impl Strategy<Value = Message> {
    let ping = (any::<u32>(), names(), sources()).prop_map(|(seq_no, node, source)| Ping {
        seq_no,
        node,
        source,
    });
    let indirect = (any::<u32>(), addresses(), names(), any::<bool>(), sources()).prop_map(
        |(seq_no, target, node, nack, source)| IndirectPing {
            seq_no,
            target,
            node,
            nack,
            source,
        },
    );
    let ack = (any::<u32>(), payloads()).prop_map(|(seq_no, payload)| Ack { seq_no, payload });
    let alive = (any::<u32>(), names(), addresses(), payloads(), versions()).prop_map(
        |(incarnation, node, address, meta, versions)| Alive {
            incarnation,
            node,
            address,
            meta,
            versions,
        },
    );
    prop_oneof![
        ping.prop_map(Message::Ping),
        indirect.prop_map(Message::IndirectPing),
        ack.prop_map(Message::Ack),
        accusations().prop_map(Message::Suspect),
        alive.prop_map(Message::Alive),
        accusations().prop_map(Message::Dead),
        payloads().prop_map(Message::User),
        any::<u32>().prop_map(|seq_no| Message::Nack(Nack { seq_no })),
    ]
}

fn node_states() -> impl Strategy<Value = NodeState> {
    let states = prop_oneof![
        Just(PeerState::Alive),
        Just(PeerState::Suspect),
        Just(PeerState::Dead),
        Just(PeerState::Left),
    ];
    let fields = (
        names(),
        addresses(),
        payloads(),
        any::<u32>(),
        states,
        versions(),
    );
    fields.prop_map(
        |(node, address, meta, incarnation, state, versions)| NodeState {
            node,
            address,
            meta,
            incarnation,
            state,
            versions,
        },
    )
}

fn queries() -> impl Strategy<Value = Query> {
    let numbers = (any::<u64>(), any::<u32>(), any::<u32>(), any::<u8>());
    let texts = (names(), ".{0,40}", addresses());
    let nanos = 0..i64::MAX.unsigned_abs();
    (numbers, texts, vec(payloads(), 0..10), nanos, payloads()).prop_map(
        |(numbers, texts, filters, nanos, payload)| Query {
            ltime: numbers.0,
            id: numbers.1,
            address: texts.2,
            source_node: texts.0,
            filters,
            flags: numbers.2,
            relay_factor: numbers.3,
            timeout: Duration::from_nanos(nanos),
            name: texts.1,
            payload,
        },
    )
}

fn serf_messages() -> impl Strategy<Value = SerfMessage> {
    let leave = (any::<u64>(), names(), any::<bool>())
        .prop_map(|(ltime, node, prune)| LeaveIntent { ltime, node, prune });
    let join = (any::<u64>(), names()).prop_map(|(ltime, node)| JoinIntent { ltime, node });
    let event = (any::<u64>(), ".{0,40}", payloads(), any::<bool>()).prop_map(
        |(ltime, name, payload, coalesce)| UserEvent {
            ltime,
            name,
            payload,
            coalesce,
        },
    );
    let response = (
        any::<u64>(),
        any::<u32>(),
        names(),
        any::<u32>(),
        payloads(),
    )
        .prop_map(|(ltime, id, from, flags, payload)| QueryResponse {
            ltime,
            id,
            from,
            flags,
            payload,
        });
    let relay =
        (addresses(), names(), vec(any::<u8>(), 1..300)).prop_map(|(to, to_node, message)| Relay {
            to,
            to_node,
            message: message.into(),
        });
    prop_oneof![
        leave.prop_map(SerfMessage::Leave),
        join.prop_map(SerfMessage::Join),
        event.prop_map(SerfMessage::UserEvent),
        queries().prop_map(SerfMessage::Query),
        response.prop_map(SerfMessage::QueryResponse),
        relay.prop_map(SerfMessage::Relay),
    ]
}

fn serf_states() -> impl Strategy<Value = SerfState> {
    let events = (any::<u64>(), vec((".{0,20}", payloads()), 0..4))
        .prop_map(|(ltime, events)| EventsAt { ltime, events });
    let times = (any::<u64>(), any::<u64>(), any::<u64>());
    let members = (btree_map(names(), any::<u64>(), 0..40), vec(names(), 0..20));
    (times, members, vec(option::of(events), 0..20)).prop_map(|(times, members, events)| {
        SerfState {
            ltime: times.0,
            status_ltimes: members.0,
            left_members: members.1,
            event_ltime: times.1,
            events,
            query_ltime: times.2,
        }
    })
}

proptest! {
    #[test]
    fn no_bytes_make_a_decoder_panic(bytes in vec(any::<u8>(), 0..600)) {
        decode_everything(&bytes);
    }

    /// Random bytes seldom get past a type byte; these do.
    #[test]
    fn no_change_of_valid_bytes_makes_a_decoder_panic(
        which in any::<prop::sample::Index>(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in option::weighted(0.3, any::<prop::sample::Index>()),
        extra in vec(any::<u8>(), 0..4),
    ) {
        let mut bytes = which.get(&VALID).clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        bytes.extend(extra);
        decode_everything(&bytes);
    }

    /// A marker that announces something, wherever a value may stand.
    #[test]
    fn no_announcement_makes_a_decoder_panic(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        marker in prop::sample::select(vec![0xc9_u8, 0xc6, 0xdb, 0xdd, 0xdf, 0xcf, 0xd3, 0x8f, 0x9f]),
        announced in any::<u64>(),
    ) {
        let bytes = which.get(&VALID);
        let at = at.index(bytes.len());
        let announced = announced.to_be_bytes();
        decode_everything(&[&bytes[..at], &[marker], &announced[..], &bytes[at..]].concat());
    }

    #[test]
    fn messages_come_back(message in messages()) {
        prop_assert_eq!(Message::decode(&message.encode()), Ok(message));
    }

    #[test]
    fn serf_messages_come_back(message in serf_messages()) {
        prop_assert_eq!(SerfMessage::decode(&message.encode()), Ok(message));
    }

    #[test]
    fn filters_come_back(names in vec(".{0,20}", 0..20), tag in ".{0,20}", expr in ".{0,40}") {
        for filter in [Filter::Nodes(names), Filter::Tag { tag, expr }] {
            prop_assert_eq!(Filter::decode(&filter.encode()), Ok(filter));
        }
    }

    #[test]
    fn key_messages_come_back(
        key in vec(any::<u8>(), 0..40),
        result in any::<bool>(),
        message in ".{0,40}",
        keys in vec(".{0,40}", 0..20),
        primary_key in ".{0,40}",
    ) {
        let request = encode_key_request(&key);
        prop_assert_eq!(decode_key_request(&request), Ok(&key[..]));
        let response = KeyResponse { result, message, keys, primary_key };
        prop_assert_eq!(KeyResponse::decode(&response.encode()), Ok(response));
    }

}

proptest! {
    // Large values: fewer of them.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn packets_come_back(
        sent in vec(messages(), 1..30),
        crc in any::<bool>(),
        with_compression in any::<bool>(),
        nonce in any::<[u8; NONCE_LEN]>(),
    ) {
        let parts: Vec<Bytes> = sent.iter().map(Message::encode).collect();
        let plain = encode_packet(&parts, crc, with_compression);
        let security = secured();
        let sealed = security.seal_packet(&plain, nonce);
        let opened = security.open_packet(&sealed).unwrap();
        prop_assert_eq!(unpack(&opened), Ok((sent, 0)));
    }

    #[test]
    fn serf_states_come_back(mut state in serf_states()) {
        let decoded = SerfState::decode(&state.encode());
        state.events.retain(Option::is_some);
        prop_assert_eq!(decoded, Ok(state));
    }

    #[test]
    fn push_pulls_come_back_in_pieces(
        join in any::<bool>(),
        nodes in vec(node_states(), 0..40),
        user_state in payloads(),
        piece in 1_usize..200,
        with_compression in any::<bool>(),
        encrypted in any::<bool>(),
    ) {
        let state = PushPull { join, nodes, user_state };
        let security = std::sync::Arc::new(Security {
            keyring: secured().keyring.filter(|_| encrypted),
            compress: with_compression,
            ..Security::default()
        });
        let sent = security.seal_stream(&state.encode(), [0; NONCE_LEN], true).unwrap();
        let mut reader = StreamReader::new(security, false);
        let mut read = None;
        for bytes in sent.chunks(piece) {
            prop_assert_eq!(read, None);
            reader.feed(bytes);
            read = reader.next().unwrap();
        }
        prop_assert_eq!(read, Some(StreamMessage::PushPull(state)));
    }

    #[test]
    fn tags_come_back(tags in btree_map(".{0,20}", ".{0,40}", 0..40)) {
        prop_assert_eq!(decode_tags(&encode_tags(&tags)), tags);
    }

    #[test]
    fn compressed_bytes_come_back(
        bytes in prop_oneof![
            vec(any::<u8>(), 1..5000),
            vec(0_u8..3, 1..20_000),
        ],
    ) {
        let compressed = compress(&bytes);
        prop_assert_eq!(decompress(&compressed[1..], bytes.len()), Ok(bytes.clone()));
        prop_assert!(decompress(&compressed[1..], bytes.len() - 1).is_err());
    }
}

#[test]
fn members_come_back() {
    let member = member();
    let response = encode_conflict_response(Some(&member));
    assert_eq!(decode_conflict_response(&response), Ok(Some(member)));
    let unknown = encode_conflict_response(None);
    assert_eq!(unknown, &[6, 0xc0][..]);
    assert_eq!(decode_conflict_response(&unknown), Ok(None));
}
