use proptest::prelude::*;

use super::*;

/// A reply or an error, as a bus writes it.
pub(crate) fn reply(kind: u8, reply_to: u32, error: &str, signature: &str, body: &[u8]) -> Vec<u8> {
    let mut message = Writer::default();
    let head = [LITTLE_ENDIAN, kind, 1, PROTOCOL_VERSION];
    message.bytes.extend_from_slice(&head);
    message.number(length(body));
    message.number(77);
    message.number(0);
    message.field(7, "s", "org.freedesktop.DBus");
    message.align(8);
    message.bytes.push(field::REPLY_SERIAL);
    message.signature("u");
    message.number(reply_to);
    if !error.is_empty() {
        message.field(field::ERROR_NAME, "s", error);
    }
    if !signature.is_empty() {
        message.field(field::SIGNATURE, "g", signature);
    }
    let fields = length(&message.bytes[HEAD..]).to_le_bytes();
    message.bytes[12..HEAD].copy_from_slice(&fields);
    message.align(8);
    message.bytes.extend_from_slice(body);
    message.bytes
}

/// The body of a reply that is a string or an object path.
pub(crate) fn text_body(text: &str) -> Vec<u8> {
    let mut body = Writer::default();
    body.string(text);
    body.bytes
}

/// The body of a reply that is a variant of a string.
pub(crate) fn variant_body(text: &str) -> Vec<u8> {
    let mut body = Writer::default();
    body.signature("s");
    body.string(text);
    body.bytes
}

/// The first call that everyone makes, byte by byte as `dbus-send` writes it but for the order of
/// the fields.
#[test]
fn a_call_is_the_specifications_bytes() {
    let hello = Call {
        destination: "a.B",
        path: "/a",
        interface: "c.D",
        member: "M",
        arguments: &["x"],
    };
    let expected: &[u8] = b"l\x01\x00\x01\x06\x00\x00\x00\x05\x00\x00\x00\x47\x00\x00\x00\
        \x01\x01o\x00\x02\x00\x00\x00/a\x00\x00\x00\x00\x00\x00\
        \x02\x01s\x00\x03\x00\x00\x00c.D\x00\x00\x00\x00\x00\
        \x03\x01s\x00\x01\x00\x00\x00M\x00\x00\x00\x00\x00\x00\x00\
        \x06\x01s\x00\x03\x00\x00\x00a.B\x00\x00\x00\x00\x00\
        \x08\x01g\x00\x01s\x00\x00\
        \x01\x00\x00\x00x\x00";
    assert_eq!(hello.encode(5), expected);
}

fn split(message: &[u8]) -> usize {
    rest_of(message[..HEAD].try_into().unwrap()).unwrap()
}

#[test]
fn replies_are_read_and_others_left_alone() {
    let message = reply(METHOD_RETURN, 3, "", "o", &text_body("/unit"));
    assert_eq!(split(&message), message.len() - HEAD);
    let value = Answer::Value("/unit".to_owned());
    assert_eq!(answer(&message, 3), Ok(Some(value)));
    assert_eq!(answer(&message, 4), Ok(None), "the reply to another call");
    let variant = reply(METHOD_RETURN, 3, "", "v", &variant_body("active"));
    let value = Answer::Value("active".to_owned());
    assert_eq!(answer(&variant, 3), Ok(Some(value)));
    let signal = reply(4, 3, "", "s", &text_body("x"));
    assert_eq!(answer(&signal, 3), Ok(None));
}

#[test]
fn errors_keep_their_name_and_text() {
    let message = reply(ERROR, 3, "a.B.Gone", "s", &text_body("no such unit"));
    let refused = |text: &str| {
        Ok(Some(Answer::Refused {
            name: "a.B.Gone".to_owned(),
            text: text.to_owned(),
        }))
    };
    assert_eq!(answer(&message, 3), refused("no such unit"));
    let silent = reply(ERROR, 3, "a.B.Gone", "", &[]);
    assert_eq!(answer(&silent, 3), refused(""));
}

#[test]
fn replies_of_other_types_are_refused() {
    let number = reply(METHOD_RETURN, 3, "", "u", &[1, 0, 0, 0]);
    assert_eq!(answer(&number, 3), Err(Malformed::Type));
    let nothing = reply(METHOD_RETURN, 3, "", "", &[]);
    assert_eq!(answer(&nothing, 3), Err(Malformed::Type));
    let endless = reply(METHOD_RETURN, 3, "", "v", &b"\x01v\x00".repeat(1000));
    assert_eq!(answer(&endless, 3), Err(Malformed::Type));
}

#[test]
fn a_message_beyond_the_bound_is_refused_before_it_is_read() {
    let mut head = [0; HEAD];
    head[..4].copy_from_slice(&[LITTLE_ENDIAN, METHOD_RETURN, 0, PROTOCOL_VERSION]);
    head[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    head[12..].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(rest_of(head), Err(Malformed::TooLong(_))));
    assert_eq!(rest_of([0; HEAD]), Err(Malformed::Head));
}

#[test]
fn both_byte_orders_are_read() {
    let body = b"\x00\x00\x00\x02ok\x00";
    let mut message = b"B\x02\x00\x01\x00\x00\x00\x07\x00\x00\x00\x01\x00\x00\x00\x0f".to_vec();
    message.extend_from_slice(b"\x05\x01u\x00\x00\x00\x00\x03\x08\x01g\x00\x01s\x00\x00");
    message.extend_from_slice(body);
    assert_eq!(split(&message), message.len() - HEAD);
    let value = Answer::Value("ok".to_owned());
    assert_eq!(answer(&message, 3), Ok(Some(value)));
}

proptest! {
    /// No bytes make the reader panic, whole or cut.
    #[test]
    fn hostile_bytes_are_errors(
        noise in prop::collection::vec(any::<u8>(), 0..200),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let _ = answer(&noise, 0);
        let mut message = reply(ERROR, 3, "a.B", "s", &text_body("text"));
        for (index, byte) in flips {
            let at = index.index(message.len());
            message[at] = byte;
        }
        message.truncate(cut.index(message.len() + 1));
        let _ = answer(&message, 3);
        if let Some(head) = message.first_chunk::<HEAD>() {
            let _ = rest_of(*head);
        }
    }
}
