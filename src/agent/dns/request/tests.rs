use hickory_proto::op::{Edns as ProtoEdns, Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RecordType};
use proptest::prelude::*;

use super::*;

const WEB: &[u8] = b"\x03web\x07service\x06consul\0\0\x01\0\x01";
const OPT: &[u8] = b"\0\0\x29\x04\xd0\0\0\0\0\0\0";

fn packet(flags: u16, counts: [u16; 4], body: &[&[u8]]) -> Vec<u8> {
    let mut packet = vec![0x12, 0x34];
    packet.extend_from_slice(&flags.to_be_bytes());
    packet.extend(counts.iter().flat_map(|count| count.to_be_bytes()));
    packet.extend(body.concat());
    packet
}

fn reply(packet: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    parse(packet).unwrap_err().reply(packet, &mut out);
    out
}

#[test]
fn a_plain_question() {
    let bytes = packet(FLAG_RD, [1, 0, 0, 0], &[WEB]);
    let request = parse(&bytes).unwrap();
    assert_eq!(request.id, 0x1234);
    assert_eq!(request.question.name, &WEB[..20]);
    assert_eq!((request.question.qtype, request.question.qclass), (1, 1));
    assert_eq!(request.edns, None);
    assert_eq!(request.reply_flags(), FLAG_QR | FLAG_RD);
}

#[test]
fn only_rd_and_cd_of_a_query_are_echoed() {
    let bytes = packet(0x07ff, [1, 0, 0, 0], &[WEB]);
    assert_eq!(parse(&bytes).unwrap().reply_flags(), 0x8110);
    let notify = packet(OPCODE_NOTIFY | 0x07ff, [1, 0, 0, 0], &[WEB]);
    assert_eq!(parse(&notify).unwrap().reply_flags(), 0xa000);
}

/// The reply to a packet that cannot be read: flags and questions, the header being all of it.
fn check(what: &str, packet: &[u8], flags: u16, questions: u8) {
    let reply = reply(packet);
    assert_eq!(reply[..2], [0x12, 0x34], "{what}");
    assert_eq!(u16::from_be_bytes([reply[2], reply[3]]), flags, "{what}");
    assert_eq!(reply[4..12], [0, questions, 0, 0, 0, 0, 0, 0], "{what}");
    assert_eq!(
        reply.len(),
        12 + usize::from(questions) * WEB.len(),
        "{what}"
    );
}

#[test]
fn bad_counts_and_operations_are_refused_as_consul_does() {
    let refused =
        |what, counts, body: &[&[u8]]| check(what, &packet(FLAG_RD, counts, body), 0x8101, 0);
    refused("no question", [0; 4], &[]);
    refused("question missing", [1, 0, 0, 0], &[]);
    refused("two questions", [2, 0, 0, 0], &[WEB, WEB]);
    refused("two answers", [1, 2, 0, 0], &[WEB]);
    refused("three additional", [1, 0, 0, 3], &[WEB]);
    check("status", &packet(0x1000, [1, 0, 0, 0], &[WEB]), 0x9004, 0);
    check("update", &packet(0x2920, [1, 0, 0, 0], &[WEB]), 0xa924, 0);
}

#[test]
fn questions_that_cannot_be_read_are_format_errors() {
    let long = [&[63; 1][..], &[b'a'; 63]].concat();
    let too_long = [&long[..], &long, &long, &long, b"\x01a\0\0\x01\0\x01"].concat();
    let label64 = [&[64][..], &[b'a'; 64], b"\0\0\x01\0\x01"].concat();
    for (what, question) in [
        ("name cut", &b"\x10web"[..]),
        ("type cut", b"\x03web\0\0"),
        ("pointer", b"\xc0\x0c\0\x01\0\x01"),
        ("name too long", &too_long),
        ("label too long", &label64),
    ] {
        check(what, &packet(FLAG_RD, [1, 0, 0, 0], &[question]), 0x8101, 0);
    }
    let option_cut = packet(FLAG_RD, [1, 0, 0, 1], &[WEB, &OPT[..10], b"\x09"]);
    check("option cut", &option_cut, 0x8101, 1);
}

#[test]
fn too_short_packets_and_responses_are_ignored() {
    for bytes in [
        &[][..],
        &[0x12],
        &[0; 11],
        &packet(FLAG_QR, [1, 0, 0, 0], &[WEB]),
    ] {
        assert_eq!(parse(bytes), Err(Rejected::Ignored));
    }
}

#[test]
fn odd_packets_are_answered_all_the_same() {
    let record: &[u8] = b"\xc0\x0c\0\x01\0\x01\0\0\0\0\0\x04\x01\x02\x03\x04";
    for (what, bytes) in [
        ("junk behind", packet(0, [1, 0, 0, 0], &[WEB, b"junk"])),
        (
            "records announced and missing",
            packet(0, [1, 0, 0, 1], &[WEB]),
        ),
        (
            "an answer in the question",
            packet(0, [1, 1, 0, 0], &[WEB, record]),
        ),
        (
            "an authority in the question",
            packet(0, [1, 0, 1, 0], &[WEB, record]),
        ),
    ] {
        assert_eq!(parse(&bytes).unwrap().edns, None, "{what}");
    }
    let twice = packet(0, [1, 0, 0, 2], &[WEB, OPT, OPT]);
    assert_eq!(
        parse(&twice).unwrap().edns.map(|edns| edns.udp_size),
        Some(1232)
    );
}

#[test]
fn the_client_subnet_is_found_among_the_options() {
    let options: &[u8] = b"\0\x03\0\x00\0\x08\0\x07\0\x01\x18\0\x01\x02\x03";
    let mut opt = OPT.to_vec();
    opt[10] = u8::try_from(options.len()).unwrap();
    let bytes = packet(0, [1, 0, 0, 1], &[WEB, &opt, options]);
    let subnet = parse(&bytes).unwrap().edns.unwrap().subnet.unwrap();
    assert_eq!((subnet.family, subnet.source_prefix), (1, 24));
    assert_eq!(subnet.address, [1, 2, 3]);
    for bad in [
        &b"\0\x08\0\x05\0\x03\x18\0\x01"[..],
        b"\0\x08\0\x09\0\x01\x18\0\x01\x02\x03\x04\x05",
        b"\0\x08\0\x04\0\x01\x21\0",
        b"\0\x08\0\x01\0",
    ] {
        opt[10] = u8::try_from(bad.len()).unwrap();
        let bytes = packet(0, [1, 0, 0, 1], &[WEB, &opt, bad]);
        assert_eq!(parse(&bytes), Err(Rejected::Question(WEB.len())), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn no_bytes_can_hurt(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), query: bool) {
        if query && bytes.len() >= 12 {
            bytes[2] &= 0x07;
            bytes[4..12].copy_from_slice(&[0, 1, 0, 1, 0, 0, 0, 2]);
        }
        let mut out = Vec::new();
        if let Err(rejected) = parse(&bytes) {
            rejected.reply(&bytes, &mut out);
            prop_assert!(out.is_empty() || out.len() >= 12 && out.len() <= bytes.len());
        }
    }

    #[test]
    fn agrees_with_another_implementation(
        labels in proptest::collection::vec("[a-zA-Z0-9_-]{1,20}", 1..8), qtype: u16, id: u16,
        size in proptest::option::of(any::<u16>()), rd: bool,
    ) {
        let name = Name::from_labels(labels.iter().map(String::as_bytes)).unwrap();
        let mut message = Message::new(id, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = rd;
        message.add_query(Query::query(name.clone(), RecordType::from(qtype)));
        if let Some(size) = size {
            let mut edns = ProtoEdns::new();
            edns.set_max_payload(size);
            message.set_edns(edns);
        }
        let bytes = message.to_vec().unwrap();
        let request = parse(&bytes).unwrap();
        let text: Vec<u8> = labels.iter()
            .flat_map(|label| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat())
            .chain([0]).collect();
        prop_assert_eq!(request.question.name, &text[..]);
        prop_assert_eq!(request.question.qtype, qtype);
        prop_assert_eq!(request.id, id);
        prop_assert_eq!(request.flags & FLAG_RD != 0, rd);
        let stored = size.map(|size| size.max(512));
        prop_assert_eq!(request.edns.map(|edns| edns.udp_size), stored);
    }
}
