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
