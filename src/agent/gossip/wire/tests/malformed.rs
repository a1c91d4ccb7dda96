//! Section 16: what broke other implementations, each by name.

use super::super::compress::compress;
use super::super::*;
use super::samples::*;

fn kind_of(err: &WireError) -> &WireError {
    match err {
        WireError::Message { source, .. } => source,
        err => err,
    }
}

/// A map of one field.
fn field(name: &str, value: &str) -> Vec<u8> {
    let length = u8::try_from(name.len()).unwrap();
    [&[0x81, 0xa0 | length], name.as_bytes(), &hex(value)].concat()
}

/// What reading the beginning of a plain stream ends with.
fn stream_error(bytes: &[u8]) -> WireError {
    let mut reader = StreamReader::new(Security::default().into(), true);
    reader.feed(bytes);
    reader.next().unwrap_err()
}

#[test]
fn a_packet_of_no_bytes() {
    assert_eq!(unpack(&[]), Err(WireError::Empty("message")));
    assert_eq!(
        Security::default().open_packet(&[]).unwrap().len(),
        0,
        "the opened packet is as empty as the packet"
    );
    assert_eq!(
        secured().open_packet(&[]),
        Err(WireError::TooSmallToDecrypt(0))
    );
}

#[test]
fn a_lone_type_byte() {
    for kind in 0..=255 {
        let result = unpack(&[kind]);
        assert_eq!(result.is_ok(), kind == 8, "{kind}");
        assert!(SerfMessage::decode(&[kind]).is_err(), "{kind}");
        assert!(SerfState::decode(&[kind]).is_err(), "{kind}");
        assert!(Filter::decode(&[kind]).is_err(), "{kind}");
        assert!(StreamMessage::decode(&[kind]).is_err(), "{kind}");
    }
}

#[test]
fn unknown_types() {
    for kind in [6, 10, 13, 14, 100, 244, 255] {
        let expected = WireError::UnknownType {
            what: "message",
            kind,
        };
        assert_eq!(unpack(&[kind, 0x80]), Err(expected));
    }
}

#[test]
fn a_lone_compound_header() {
    assert_eq!(unpack(&[7]), Err(WireError::Truncated));
    assert_eq!(unpack(&[7, 2, 0, 1]), Err(WireError::Truncated));
    assert_eq!(unpack(&[7, 0]).unwrap(), (vec![], 0));
    assert_eq!(unpack(&[7, 2, 0, 1, 0, 1]).unwrap(), (vec![], 2));
}

#[test]
fn a_compound_with_an_empty_part() {
    assert_eq!(unpack(&[7, 1, 0, 0]), Err(WireError::Empty("message")));
}

#[test]
fn a_bomb_of_compounds() {
    let mut packet = ack().encode().to_vec();
    for _ in 0..3 {
        let length = u16::try_from(packet.len()).unwrap().to_be_bytes();
        packet = [&[7, 1], &length[..], &packet].concat();
    }
    assert_eq!(unpack(&packet), Err(WireError::TooDeep));
    assert!(unpack(&packet[4..]).is_ok());
}

#[test]
fn a_bomb_of_small_messages() {
    let empty = bytes::Bytes::from_static(&[8]);
    let inner = bytes::Bytes::from(encode_packet(&vec![empty.clone(); 255], false, false));
    let hollow = vec![bytes::Bytes::from(compress(&[7, 0])); 255];
    let hollow = bytes::Bytes::from(encode_packet(&hollow, false, false));
    for (hollows, reached) in [(2, 1), (3, 0)] {
        let parts = [vec![hollow.clone(); hollows], vec![empty.clone()]].concat();
        let mut messages = 0;
        let packet = encode_packet(&parts, false, false);
        assert!(decode_packet(&packet, &mut |_| messages += 1).is_err());
        assert_eq!(messages, reached, "what holds nothing counts");
    }
    for faulty in [false, true] {
        let mut inner = inner.to_vec();
        if faulty {
            // Unknown types cost time, too.
            let parts = inner.len() - 255;
            inner[parts..].fill(99);
        }
        let packet = encode_packet(&vec![inner.into(); 83], false, true);
        let mut messages = 0;
        let result = decode_packet(&packet, &mut |_| messages += 1);
        if faulty {
            assert_eq!(messages, 0);
            assert!(result.is_err());
        } else {
            assert_eq!(messages, 512);
            // The rest of the third compound, and the compounds after it.
            assert_eq!(result, Ok(253 + 80));
        }
    }
}

#[test]
fn a_bomb_of_checksums() {
    let mut packet = ack().encode().to_vec();
    for _ in 0..9 {
        let crc = crc32fast::hash(&packet).to_be_bytes();
        packet = [&[12], &crc[..], &packet].concat();
    }
    assert_eq!(unpack(&packet), Err(WireError::TooDeep));
    assert!(unpack(&packet[5..]).is_ok());
}

#[test]
fn a_bomb_of_compressions() {
    let mut packet = vec![8; 64];
    for _ in 0..9 {
        packet = compress(&packet);
    }
    assert_eq!(unpack(&packet), Err(WireError::TooDeep));
}

#[test]
fn a_bomb_of_zeros() {
    let packet = compress(&vec![8; 1024 * 1024 + 1]);
    assert!(packet.len() < 8192);
    assert!(matches!(unpack(&packet), Err(WireError::TooLarge { .. })));
    let largest = compress(&vec![8; 1024 * 1024]);
    assert_eq!(unpack(&largest).unwrap().0.len(), 1);
}

#[test]
fn many_small_bombs_in_one_packet() {
    let bomb = bytes::Bytes::from(compress(&vec![8; 900 * 1024]));
    let packet = encode_packet(&[bomb.clone(), bomb.clone(), bomb], false, false);
    let mut seen = 0;
    let result = decode_packet(&packet, &mut |_| seen += 1);
    assert!(matches!(result, Err(WireError::TooLarge { .. })));
    assert_eq!(seen, 1, "the room is for the whole packet");
}

/// Compressed zeros, a few more than the bound: each code stands for one zero more than the one before,
/// until there are no more codes, and the longest follows again and again.
fn lzw_bomb() -> Vec<u8> {
    let longest = 4095 - 256;
    let repeated = (STREAM_MAX - longest * (longest + 1) / 2) / longest + 1;
    let codes = [256, 0]
        .into_iter()
        .chain(258..=4095)
        .chain(std::iter::repeat_n(4095, repeated))
        .chain([257]);
    let (mut out, mut bits, mut pending) = (Vec::new(), 0_u32, 0);
    let mut widest = 9;
    for code in codes {
        widest = widest.max(u32::BITS - u32::leading_zeros(code));
        bits |= code << pending;
        pending += widest;
        while pending >= 8 {
            out.push(bits.to_le_bytes()[0]);
            bits >>= 8;
            pending -= 8;
        }
    }
    out.push(bits.to_le_bytes()[0]);
    let length = u32::try_from(out.len()).unwrap().to_be_bytes();
    [&hex("09 81 a3 427566 db"), &length[..], &out].concat()
}

#[test]
fn a_bomb_in_a_stream() {
    let bomb = lzw_bomb();
    assert!(bomb.len() < 24 * 1024, "{}", bomb.len());
    let err = stream_error(&bomb);
    let what = "decompressed message";
    assert!(matches!(err, WireError::TooLarge { what: found, .. } if found == what));
}

#[test]
fn compression_of_nothing() {
    let empty = WireError::Empty("decompressed message");
    assert_eq!(unpack(&compress(&[])), Err(empty.clone()));
    assert_eq!(stream_error(&compress(&[])), empty);
}

#[test]
fn compressed_bytes_that_are_none() {
    let unknown = hex("09 82 a4 416c676f 01 a3 427566 a101");
    assert!(unpack(&unknown).is_err());
    let no_bytes = hex("09 81 a4 416c676f 00");
    assert_eq!(unpack(&no_bytes), Err(WireError::Decompress("ends early")));
    let cut = compress(&[8; 64]);
    let noise = [&cut[..cut.len() - 4], &[0xff; 4]].concat();
    assert!(matches!(unpack(&noise), Err(WireError::Decompress(_))));
}

#[test]
fn versions_that_are_missing_are_zero() {
    let golden = Golden::messages();
    let bytes = golden.get("alive");
    let versions = bytes.len() - 7;
    for kept in 0..6 {
        let length = 0xa0 | u8::try_from(kept).unwrap();
        let short = [
            &bytes[..versions],
            &[length],
            &bytes[versions + 1..][..kept],
        ]
        .concat();
        let Ok(Message::Alive(alive)) = Message::decode(&short) else {
            panic!("not alive");
        };
        assert!(!alive.versions.is_complete());
        assert_eq!(alive.versions.as_slice(), &[1, 5, 2, 2, 5, 4][..kept]);
        assert_eq!(alive.versions.delegate_cur(), 0);
    }
}

#[test]
fn negative_and_huge_numbers_of_nodes() {
    let header = |value: &str| [vec![6], field("Nodes", value)].concat();
    let negative = stream_error(&header("ff"));
    assert_eq!(kind_of(&negative), &WireError::OutOfRange("Nodes"));
    let huge = stream_error(&header("ce 00100001"));
    assert_eq!(
        huge.to_string(),
        "failed to decode push/pull header: Nodes of 1048577 is larger than the limit of 1048576"
    );
    let absurd = stream_error(&header("cf ffffffffffffffff"));
    assert_eq!(kind_of(&absurd), &WireError::OutOfRange("Nodes"));
    let mut reader = StreamReader::new(Security::default().into(), true);
    reader.feed(&header("ce 00100000"));
    assert_eq!(reader.next(), Ok(None), "the largest number is waited for");
}

#[test]
fn negative_and_huge_states_and_user_messages() {
    for (kind, name) in [(6, "UserStateLen"), (8, "UserMsgLen")] {
        let header = |value: &str| [vec![kind], field(name, value)].concat();
        let negative = stream_error(&header("d2 ffffffff"));
        assert_eq!(kind_of(&negative), &WireError::OutOfRange(name));
        let huge = stream_error(&header("ce 01400001"));
        assert!(matches!(kind_of(&huge), WireError::TooLarge { .. }));
        let mut reader = StreamReader::new(Security::default().into(), true);
        reader.feed(&header("ce 01400000"));
        assert_eq!(reader.next(), Ok(None));
    }
}

#[test]
fn padding_that_is_larger_than_the_message() {
    let security = secured();
    for (last, length) in [(255, 16), (17, 32), (0, 16)] {
        let mut plain = vec![1; length];
        plain[length - 1] = last;
        let mut sealed = security.seal_packet(&plain, [0; NONCE_LEN]);
        // The version is not authenticated: this is how version 0 looks.
        sealed[0] = 0;
        assert_eq!(security.open_packet(&sealed), Err(WireError::Padding));
    }
    let mut whole = security.seal_packet(&[16; 16], [0; NONCE_LEN]);
    whole[0] = 0;
    assert_eq!(security.open_packet(&whole).unwrap().len(), 0);
}

#[test]
fn an_empty_filter() {
    assert_eq!(Filter::decode(&[]), Err(WireError::Empty("filter")));
    assert!(Filter::decode(&[2, 0x80]).is_err());
    let query = SerfMessage::decode(Golden::serf().get("query")).unwrap();
    let SerfMessage::Query(mut query) = query else {
        panic!("not a query");
    };
    query.filters = vec![bytes::Bytes::new()];
    let encoded = SerfMessage::Query(query.clone()).encode();
    assert_eq!(
        SerfMessage::decode(&encoded),
        Ok(SerfMessage::Query(query)),
        "it is the filter that fails, not the query that holds it"
    );
}

#[test]
fn empty_payloads_of_internal_queries() {
    assert_eq!(
        decode_key_request(&[]),
        Err(WireError::Empty("key request"))
    );
    assert_eq!(
        KeyResponse::decode(&[]),
        Err(WireError::Empty("key response"))
    );
    assert_eq!(
        decode_conflict_response(&[]),
        Err(WireError::Empty("conflict response"))
    );
    assert!(decode_coordinate(&[]).is_err());
    assert!(decode_key_request(&[8, 0x80]).is_err());
    assert_eq!(decode_key_request(&[7, 0x80]), Ok(&[][..]));
    assert_eq!(decode_conflict_response(&[6, 0xc0]), Ok(None));
}

#[test]
fn metadata_that_is_too_long() {
    let message = |length| {
        let Message::Alive(mut alive) = alive() else {
            panic!("not alive");
        };
        alive.meta = vec![1; length].into();
        Message::Alive(alive).encode()
    };
    assert!(Message::decode(&message(META_MAX)).is_ok());
    let refused = Message::decode(&message(META_MAX + 1)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "failed to decode alive: meta of 513 is larger than the limit of 512"
    );
    let mut state = push_pull(1);
    state.nodes[0].meta = vec![1; META_MAX + 1].into();
    assert_eq!(PushPull::decode(&state.encode()).unwrap().nodes, []);
}

#[test]
fn addresses_of_sixteen_bytes_are_ipv4_when_they_can_be() {
    let bytes = Golden::messages().get("alive").to_vec();
    let at = bytes
        .windows(5)
        .position(|at| at == hex("a40a000001"))
        .unwrap();
    let mapped = hex("b0 00000000000000000000ffff0a000001");
    let long = [&bytes[..at], &mapped, &bytes[at + 5..]].concat();
    assert_eq!(Message::decode(&long), Ok(alive()));

    let Message::Alive(mut alive) = alive() else {
        panic!("not alive");
    };
    alive.address = "[::ffff:10.0.0.1]:8301".parse().unwrap();
    assert_eq!(Message::Alive(alive.clone()).encode(), bytes);
    alive.address = "[2001:db8::1]:8301".parse().unwrap();
    let v6 = Message::Alive(alive);
    assert_eq!(Message::decode(&v6.encode()), Ok(v6));
}

#[test]
fn addresses_of_other_lengths() {
    let bytes = Golden::messages().get("alive").to_vec();
    let at = bytes
        .windows(5)
        .position(|at| at == hex("a40a000001"))
        .unwrap();
    for address in ["c0", "a0", "a3 0a0000", "a5 0a00000100"] {
        let other = [&bytes[..at], &hex(address), &bytes[at + 5..]].concat();
        let err = Message::decode(&other).unwrap_err();
        assert!(matches!(kind_of(&err), WireError::Address(_)), "{address}");
    }
}

#[test]
fn fields_in_any_order_with_unknown_ones() {
    let shuffled = hex(
        "02 84 a1 78 93 01 81 a179c0 d40100  a5 5365714e6f cd0001  d907 5061796c6f6164 c402 6869  c4 01 7a cb0000000000000000",
    );
    let ack = Message::Ack(Ack {
        seq_no: 1,
        payload: bytes::Bytes::from_static(b"hi"),
    });
    assert_eq!(Message::decode(&shuffled), Ok(ack));
}

#[test]
fn missing_fields_are_zero() {
    let ack = Message::Ack(Ack {
        seq_no: 0,
        payload: bytes::Bytes::new(),
    });
    assert_eq!(Message::decode(&[2, 0x80]), Ok(ack.clone()));
    assert_eq!(Message::decode(&[2, 0xc0]), Ok(ack));
    let Ok(Message::Ping(ping)) = Message::decode(&[0, 0x80]) else {
        panic!("not a ping");
    };
    assert_eq!(ping.source, None);
}

#[test]
fn half_a_source_is_none() {
    let golden = Golden::messages();
    let bytes = golden.get("ping");
    let without_port = [&bytes[..bytes.len() - 3], &[0]].concat();
    let Ok(Message::Ping(ping)) = Message::decode(&without_port) else {
        panic!("not a ping");
    };
    assert_eq!(ping.source, None);
}

#[test]
fn states_that_nobody_knows() {
    let golden = Golden::messages();
    let bytes = golden.get("node state");
    let at = bytes.len() - 12;
    assert_eq!(bytes[at], 2);
    let header = hex("06 81 a5 4e6f646573 01");
    for (number, fine) in [
        ("00", true),
        ("d1 0003", true),
        ("04", false),
        ("ff", false),
    ] {
        let state = [&header, &bytes[..at], &hex(number), &bytes[at + 1..]].concat();
        let nodes = PushPull::decode(&state).unwrap().nodes;
        assert_eq!(nodes.len(), usize::from(fine), "{number}");
    }
}

#[test]
fn too_many_events_and_slots() {
    let state = |events: Vec<u8>| {
        let head = [&[0x81, 0xa6], &b"Events"[..]].concat();
        [vec![2], head, events].concat()
    };
    let nils = |count: u32| {
        let marker = [&[0xdd], &count.to_be_bytes()[..]].concat();
        let nils = vec![0xc0; usize::try_from(count).unwrap()];
        state([marker, nils].concat())
    };
    assert_eq!(SerfState::decode(&nils(512)).unwrap().events, []);
    let err = SerfState::decode(&nils(16_385)).unwrap_err();
    assert!(matches!(kind_of(&err), WireError::TooLarge { .. }));

    let slot = [
        &hex("81 a6"),
        &b"Events"[..],
        &hex("dd 00010001"),
        &vec![0x80; 65_537],
    ]
    .concat();
    let err = SerfState::decode(&state([vec![0x91], slot].concat())).unwrap_err();
    assert!(matches!(kind_of(&err), WireError::TooLarge { .. }));
}

#[test]
fn nothing_is_allocated_for_what_is_only_announced() {
    for announced in ["dd ffffffff", "df ffffffff", "db ffffffff"] {
        let state = [hex("02 81 ab 4c6566744d656d62657273"), hex(announced)].concat();
        assert!(SerfState::decode(&state).is_err(), "{announced}");
        let filter = [vec![0], hex(announced)].concat();
        assert!(Filter::decode(&filter).is_err(), "{announced}");
        let tags = [vec![0xff], hex(announced)].concat();
        assert_eq!(decode_tags(&tags), Tags::new(), "{announced}");
    }
}

#[test]
fn metadata_without_tags() {
    let role = |role: &str| Tags::from([("role".to_owned(), role.to_owned())]);
    assert_eq!(decode_tags(b"web"), role("web"));
    assert_eq!(decode_tags(b""), role(""));
    assert_eq!(decode_tags(&[0xff, 0xc0]), Tags::new());
    assert_eq!(decode_tags(&[0xff]), Tags::new());
    let cut = hex("ff 82 a161 a162 a163");
    assert_eq!(
        decode_tags(&cut),
        Tags::from([("a".to_owned(), "b".to_owned())])
    );
}

#[test]
fn coordinates_of_other_versions_and_sizes() {
    assert!(decode_coordinate(&[2, 0x80]).is_err());
    assert_eq!(decode_coordinate(&[1, 0x80]).unwrap().vec, [0.0; 0]);
    let many = [hex("01 81 a3 566563 dc 0041"), vec![0; 65]].concat();
    assert!(decode_coordinate(&many).is_err());
    let not_a_number = hex("01 81 a5 4572726f72 cb 7ff8000000000001");
    assert!(decode_coordinate(&not_a_number).unwrap().error.is_nan());
}

#[test]
fn a_relay_without_a_destination_or_a_message() {
    let golden = Golden::serf();
    let header = golden.get("relay header");
    let err = SerfMessage::decode(header).unwrap_err();
    assert_eq!(kind_of(&err), &WireError::Empty("relayed message"));
    let err = SerfMessage::decode(&hex("09 80 05 80")).unwrap_err();
    assert_eq!(kind_of(&err), &WireError::Missing("DestAddr"));
    let port = hex("09 81 a8 4465737441646472 82 a2 4950 a40a000001 a4 506f7274 d2 00010000 05 80");
    assert!(SerfMessage::decode(&port).is_err());
}

#[test]
fn timeouts_that_are_negative_are_over() {
    let golden = Golden::serf();
    let bytes = golden.get("query");
    let negative = [&bytes[..bytes.len() - 9], &hex("d3 8000000000000000")[..]].concat();
    let Ok(SerfMessage::Query(query)) = SerfMessage::decode(&negative) else {
        panic!("not a query");
    };
    assert_eq!(query.timeout, std::time::Duration::ZERO);
}

#[test]
fn odd_names_in_a_state_take_only_themselves_with_them() {
    let names = hex(
        "ac 5374617475734c54696d6573 82 a2ff61 01 a161 02 ab 4c6566744d656d62657273 92 a1fe a162",
    );
    let events = hex("a6 4576656e7473 91 82 a5 4c54696d65 05 a6 4576656e7473 92");
    let event = |name: &str| [hex("81 a4 4e616d65"), hex(name)].concat();
    let bytes = [hex("02 83"), names, events, event("a1ff"), event("a163")].concat();
    let state = SerfState::decode(&bytes).unwrap();
    let ltimes: Vec<_> = state.status_ltimes.into_iter().collect();
    assert_eq!(ltimes, [(name("a"), 2)]);
    assert_eq!(state.left_members, [name("b")]);
    let at = EventsAt {
        ltime: 5,
        events: vec![("c".to_owned(), bytes::Bytes::new())],
    };
    assert_eq!(state.events, [Some(at)]);
}

#[test]
fn names_that_are_too_long() {
    let long = |length: usize| NodeName::from("n".repeat(length));
    let messages = |node: NodeName| {
        [
            Message::Ping(Ping {
                seq_no: 1,
                node: node.clone(),
                source: None,
            }),
            Message::Suspect(Accusation {
                incarnation: 1,
                node: name("a"),
                from: node,
            }),
        ]
    };
    let intent = |node| {
        let join = JoinIntent { ltime: 1, node };
        SerfMessage::decode(&SerfMessage::Join(join).encode())
    };
    for message in messages(long(NAME_MAX)) {
        assert_eq!(Message::decode(&message.encode()), Ok(message));
    }
    assert!(intent(long(NAME_MAX)).is_ok());
    let too_long = WireError::TooLarge {
        what: "name",
        size: 513,
        limit: 512,
    };
    for message in messages(long(NAME_MAX + 1)) {
        let err = Message::decode(&message.encode()).unwrap_err();
        assert_eq!(kind_of(&err), &too_long);
    }
    let err = intent(long(NAME_MAX + 1)).unwrap_err();
    assert_eq!(kind_of(&err), &too_long);
    let state = SerfState {
        status_ltimes: [(long(NAME_MAX + 1), 1), (name("a"), 1)].into(),
        left_members: vec![long(NAME_MAX + 1)],
        ..SerfState::default()
    };
    let state = SerfState::decode(&state.encode()).unwrap();
    assert_eq!(state.status_ltimes, [(name("a"), 1)].into());
    assert_eq!(state.left_members, []);
}

#[test]
fn events_and_queries_that_no_member_sends() {
    let event = |size: usize| UserEvent {
        ltime: 1,
        name: "e".to_owned(),
        payload: vec![1; size - 1].into(),
        coalesce: false,
    };
    let heard = |message: SerfMessage| SerfMessage::decode(&message.encode());
    assert!(heard(SerfMessage::UserEvent(event(USER_EVENT_HARD_MAX))).is_ok());
    let err = heard(SerfMessage::UserEvent(event(USER_EVENT_HARD_MAX + 1))).unwrap_err();
    assert!(matches!(
        kind_of(&err),
        WireError::TooLarge { size: 9217, .. }
    ));
    let events = [USER_EVENT_HARD_MAX + 1, 9].map(|size| ("e".to_owned(), event(size).payload));
    let state = SerfState {
        events: vec![Some(EventsAt {
            ltime: 1,
            events: events.to_vec(),
        })],
        ..SerfState::default()
    };
    let state = SerfState::decode(&state.encode()).unwrap();
    assert_eq!(state.events[0].as_ref().unwrap().events, events[1..]);

    let response = |size: usize| {
        SerfMessage::QueryResponse(QueryResponse {
            ltime: 1,
            id: 1,
            from: name("a"),
            flags: 0,
            payload: vec![1; size].into(),
        })
    };
    let around = response(2000).encode().len() - 2000;
    assert!(heard(response(4096 - around)).is_ok());
    assert!(heard(response(4097 - around)).is_err());
    let Ok(SerfMessage::Query(mut query)) = SerfMessage::decode(Golden::serf().get("query")) else {
        panic!("not a query");
    };
    query.payload = vec![1; 5000].into();
    assert!(heard(SerfMessage::Query(query)).is_err());
}
