//! Messages of streams: whole, in pieces, and refused.

use std::sync::Arc;

use bytes::Bytes;

use super::super::*;
use super::samples::*;

/// One message of each kind, encoded.
fn messages() -> Vec<(Bytes, StreamMessage)> {
    let Message::Ping(ping) = ping() else {
        panic!("not a ping");
    };
    let Message::Ack(ack) = ack() else {
        panic!("not an ack");
    };
    vec![
        (
            Message::Ping(ping.clone()).encode(),
            StreamMessage::Ping(ping),
        ),
        (Message::Ack(ack.clone()).encode(), StreamMessage::Ack(ack)),
        (push_pull(3).encode(), StreamMessage::PushPull(push_pull(3))),
        (push_pull(0).encode(), StreamMessage::PushPull(push_pull(0))),
        (
            encode_user(b"hello"),
            StreamMessage::User(Bytes::from_static(b"hello")),
        ),
        (
            encode_error("too busy"),
            StreamMessage::Err("too busy".to_owned()),
        ),
    ]
}

/// Every way of hiding and marking.
fn securities() -> Vec<Security> {
    let mut all = Vec::new();
    for compress in [false, true] {
        for label in ["", "dc1"] {
            for keys in [false, true] {
                all.push(Security {
                    keyring: secured().keyring.filter(|_| keys),
                    label: label.into(),
                    compress,
                    ..Security::default()
                });
            }
        }
    }
    all
}

#[test]
fn every_message_arrives_in_one_piece_and_byte_by_byte() {
    for security in securities() {
        let security = Arc::new(security);
        for (plain, message) in messages() {
            for dialer in [false, true] {
                let sent = security
                    .seal_stream(&plain, [5; NONCE_LEN], dialer)
                    .unwrap();
                // The other side of a dialer is an acceptor.
                let mut whole = StreamReader::new(Arc::clone(&security), !dialer);
                whole.feed(&sent);
                assert_eq!(whole.next(), Ok(Some(message.clone())));
                assert_eq!(whole.next(), Ok(None), "only once");

                let mut pieces = StreamReader::new(Arc::clone(&security), !dialer);
                let (last, first) = sent.split_last().unwrap();
                for byte in first {
                    pieces.feed(&[*byte]);
                    assert_eq!(pieces.next(), Ok(None));
                }
                pieces.feed(&[*last]);
                assert_eq!(pieces.next(), Ok(Some(message.clone())));
            }
        }
    }
}

#[test]
fn plain_messages_can_be_read_at_once() {
    for (plain, message) in messages() {
        assert_eq!(StreamMessage::decode(&plain), Ok(message));
        for length in 0..plain.len() {
            let cut = StreamMessage::decode(&plain[..length]);
            assert_eq!(cut, Err(WireError::Truncated), "{length}");
        }
    }
    assert_eq!(PushPull::decode(&push_pull(2).encode()), Ok(push_pull(2)));
    assert!(PushPull::decode(&ack().encode()).is_err());
}

#[test]
fn answers_have_no_label() {
    let security = Security {
        label: b"dc1".to_vec(),
        ..Security::default()
    };
    let plain = ack().encode();
    let answer = security.seal_stream(&plain, [0; NONCE_LEN], false).unwrap();
    assert_eq!(answer[0], 9);
    let request = security.seal_stream(&plain, [0; NONCE_LEN], true).unwrap();
    assert!(request.starts_with(b"\xf4\x03dc1\x09"));
    let mut dialer = StreamReader::new(security.into(), true);
    dialer.feed(&request);
    assert!(dialer.next().is_err(), "an answer with a label");
}

#[test]
fn labels_of_streams_must_be_ours() {
    let plain = ack().encode();
    for (ours, theirs) in [("", "dc1"), ("dc1", ""), ("dc1", "dc2")] {
        let security = |label: &str| Security {
            label: label.into(),
            ..Security::default()
        };
        let sent = security(theirs).seal_stream(&plain, [0; NONCE_LEN], true);
        let mut reader = StreamReader::new(security(ours).into(), false);
        reader.feed(&sent.unwrap());
        assert!(matches!(reader.next(), Err(WireError::Label(_))));
    }
    let mut reader = StreamReader::new(Security::default().into(), false);
    reader.feed(&[0xf4]);
    assert_eq!(reader.next(), Ok(None));
    reader.feed(&[0]);
    assert_eq!(reader.next(), Err(WireError::Label("empty label")));
}

#[test]
fn encryption_is_insisted_on_and_refused() {
    let plain = ack().encode();
    let sealed = secured().seal_stream(&plain, [0; NONCE_LEN], true).unwrap();
    let mut open = StreamReader::new(Security::default().into(), false);
    open.feed(&sealed[..1]);
    assert_eq!(
        open.next().unwrap_err().to_string(),
        "remote state is encrypted and encryption is not configured"
    );
    let mut strict = StreamReader::new(secured().into(), false);
    strict.feed(&plain);
    assert_eq!(
        strict.next().unwrap_err().to_string(),
        "encryption is configured but remote state is not encrypted"
    );
    let rollout = Security {
        verify_incoming: false,
        ..secured()
    };
    for sent in [&plain[..], &sealed] {
        let mut reader = StreamReader::new(rollout.clone().into(), false);
        reader.feed(sent);
        assert!(matches!(reader.next(), Ok(Some(StreamMessage::Ack(_)))));
    }
}

#[test]
fn the_header_and_the_label_are_authenticated() {
    let labelled = Security {
        label: b"dc1".to_vec(),
        ..secured()
    };
    let answer = labelled.seal_stream(&ack().encode(), [0; NONCE_LEN], false);
    let mut other = StreamReader::new(secured().into(), true);
    other.feed(&answer.unwrap());
    assert_eq!(other.next(), Err(WireError::NoKeyFits));
}

#[test]
fn an_encrypted_message_has_a_bound() {
    let mut reader = StreamReader::new(secured().into(), true);
    reader.feed(&hex("0a 01400001"));
    assert!(matches!(reader.next(), Err(WireError::TooLarge { .. })));
    let mut reader = StreamReader::new(secured().into(), true);
    reader.feed(&hex("0a 01400000"));
    assert_eq!(reader.next(), Ok(None));
    let mut reader = StreamReader::new(secured().into(), true);
    reader.feed(&hex("0a 00000000"));
    assert_eq!(reader.next(), Err(WireError::TooSmallToDecrypt(0)));
    let security = Security {
        compress: false,
        ..secured()
    };
    let large = vec![8; STREAM_PART_MAX - 28];
    assert!(security.seal_stream(&large, [0; NONCE_LEN], true).is_err());
    assert!(
        security
            .seal_stream(&large[1..], [0; NONCE_LEN], true)
            .is_ok()
    );
}

#[test]
fn nobody_can_make_us_keep_more_than_the_bound() {
    let mut reader = StreamReader::new(Security::default().into(), true);
    // A text of the largest length that is waited for at all.
    reader.feed(&hex("09 81 a3 427566 db 02800000"));
    let piece = vec![0; 1024 * 1024];
    for _ in 0..40 {
        assert_eq!(reader.next(), Ok(None));
        reader.feed(&piece[1..]);
    }
    reader.feed(&piece);
    assert!(matches!(reader.next(), Err(WireError::TooLarge { .. })));
    let mut reader = StreamReader::new(Security::default().into(), true);
    reader.feed(&hex("09 81 a3 427566 db 02800001"));
    assert!(matches!(reader.next(), Err(WireError::TooLarge { .. })));
}

#[test]
fn what_follows_the_message_is_dropped() {
    let mut reader = StreamReader::new(Security::default().into(), true);
    let sent = [ack().encode(), ping().encode()].concat();
    reader.feed(&sent);
    assert!(matches!(reader.next(), Ok(Some(StreamMessage::Ack(_)))));
    reader.feed(&sent);
    assert_eq!(reader.next(), Ok(None));
}

#[test]
fn faults_come_at_once_and_do_not_wait_for_more() {
    for start in ["03", "04 80", "07", "06 81 a5 4e6f646573 a161", "02 c3"] {
        let mut reader = StreamReader::new(Security::default().into(), true);
        reader.feed(&hex(start));
        assert!(reader.next().is_err(), "{start}");
    }
}

#[test]
fn a_layer_in_a_layer_is_refused() {
    let twice =
        super::super::compress::compress(&super::super::compress::compress(&ack().encode()));
    let mut reader = StreamReader::new(Security::default().into(), true);
    reader.feed(&twice);
    assert!(reader.next().is_err());
    let once = secured().seal_stream(&ack().encode(), [0; NONCE_LEN], false);
    let twice = secured().seal_stream(&once.unwrap(), [0; NONCE_LEN], false);
    let mut reader = StreamReader::new(secured().into(), true);
    reader.feed(&twice.unwrap());
    assert!(reader.next().is_err());
}

#[test]
fn an_odd_member_does_not_take_the_others_with_it() {
    let good = |index| {
        let mut state = push_pull(0);
        state.nodes = vec![node_state(index)];
        // Without the header: type byte, map of three, and its fields.
        let empty = push_pull(0);
        let header = empty.encode().len() - empty.user_state.len();
        let encoded = state.encode();
        encoded[header..encoded.len() - state.user_state.len()].to_vec()
    };
    let address = "a4 41646472 a4 0a000001";
    let odd = [
        format!("82 {address} a4 4e616d65 a2ff61"),
        format!("82 {address} a5 5374617465 04"),
        format!("82 {address} a4 506f7274 ce 00010000"),
        format!("82 {address} a4 4e616d65 81 a161 93 01 02 c0"),
        "81 a4 41646472 a3 0a0000".to_owned(),
        "80".to_owned(),
    ];
    let mut bytes = hex("06 82 a5 4e6f646573 08 ac 557365725374617465 4c656e 02");
    bytes.extend(good(0));
    for odd in odd {
        bytes.extend(hex(&odd));
    }
    bytes.extend(good(1));
    bytes.extend(b"us");
    for piece in [1, 7, bytes.len()] {
        let mut reader = StreamReader::new(Security::default().into(), true);
        let mut read = None;
        for piece in bytes.chunks(piece) {
            assert_eq!(read, None);
            reader.feed(piece);
            read = reader.next().unwrap();
        }
        let Some(StreamMessage::PushPull(state)) = read else {
            panic!("no state");
        };
        assert_eq!(state.nodes, [node_state(0), node_state(1)]);
        assert_eq!(state.user_state, &b"us"[..]);
        assert_eq!(reader.skipped(), 6);
    }
    for broken in ["a161", "93 010203", "81 a4 4e616d65 c1", "81 01 02"] {
        let mut reader = StreamReader::new(Security::default().into(), true);
        reader.feed(&[hex("06 81 a5 4e6f646573 01"), hex(broken)].concat());
        assert!(reader.next().is_err(), "{broken}");
    }
}

/// Feeds pieces of 16 KiB until the reader gives up, and tells how much it took.
fn given_up_after(head: &str, repeated: &str) -> usize {
    let mut reader = StreamReader::new(Security::default().into(), true);
    reader.feed(&hex(head));
    let piece = hex(repeated).repeat(16 * 1024 / hex(repeated).len());
    for fed in 1..1024 {
        reader.feed(&piece);
        match reader.next() {
            Ok(None) => {}
            Ok(Some(message)) => panic!("{message:?}"),
            Err(_) => return fed * piece.len(),
        }
    }
    panic!("waits for ever");
}

#[test]
fn heads_without_an_end_are_not_waited_for() {
    let bound = 80 * 1024;
    // Maps of a million pairs, and texts and lists of many megabytes.
    for head in ["00", "02", "06", "08", "0d", "09", "06 81 a5 4e6f646573 01"] {
        let took = given_up_after(&format!("{head} df 00100000"), "a1 78 01");
        assert!(took <= bound, "{head}: {took}");
        for value in ["db 02000000", "dd 00003000"] {
            let took = given_up_after(
                &format!("{head} 81 a1 78 {value}"),
                &format!("af {}", "78".repeat(15)),
            );
            assert!(took <= bound, "{head} {value}: {took}");
        }
    }
    let took = given_up_after("02 82 a7 5061796c6f6164 db 02000000", "78");
    assert!(took <= bound, "an ack's payload: {took}");
    let long = vec![8; 1024 * 1024];
    for plain in [encode_user(&long), push_pull(5000).encode()] {
        let mut reader = StreamReader::new(Security::default().into(), true);
        let (last, first) = plain.split_last().unwrap();
        for piece in first.chunks(16 * 1024) {
            reader.feed(piece);
            assert_eq!(reader.next(), Ok(None), "content is waited for");
        }
        reader.feed(&[*last]);
        assert!(matches!(reader.next(), Ok(Some(_))));
    }
}

#[test]
fn structs_have_a_bound() {
    let fields = |count: u8| {
        [
            vec![2, 0xde, 0, count],
            hex("a1 78 01").repeat(count.into()),
        ]
        .concat()
    };
    assert!(StreamMessage::decode(&fields(64)).is_ok());
    assert!(Message::decode(&fields(64)).is_ok());
    assert!(StreamMessage::decode(&fields(65)).is_err());
    assert!(Message::decode(&fields(65)).is_err());
}

#[test]
fn large_messages_and_states_wait_at_their_gates() {
    let state = |user_state| PushPull {
        user_state: Bytes::from(vec![7; user_state]),
        ..push_pull(2)
    };
    for security in securities() {
        let (compressed, security) = (security.compress, Arc::new(security));
        for (size, large) in [(1000, false), (100_000, true)] {
            let state = state(size);
            let sent = security.seal_stream(&state.encode(), [5; NONCE_LEN], false);
            let mut reader = StreamReader::new(Arc::clone(&security), true).gated(50_000);
            reader.feed(&sent.unwrap());
            if large && compressed {
                assert_eq!(reader.next(), Ok(None));
                assert_eq!(reader.waits_at(), Some(Gate::Large));
                assert_eq!(reader.next(), Ok(None), "is not let through yet");
                reader.let_through();
            }
            assert_eq!(reader.next(), Ok(None));
            assert_eq!(reader.waits_at(), Some(Gate::PushPull));
            reader.let_through();
            assert_eq!(reader.waits_at(), None);
            assert_eq!(reader.next(), Ok(Some(StreamMessage::PushPull(state))));
        }
        let plain = encode_user(&[1; 1000]);
        let sent = security.seal_stream(&plain, [5; NONCE_LEN], false);
        let mut reader = StreamReader::new(Arc::clone(&security), true).gated(50_000);
        reader.feed(&sent.unwrap());
        assert!(matches!(reader.next(), Ok(Some(StreamMessage::User(_)))));
    }
}
