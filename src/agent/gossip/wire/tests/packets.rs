//! Compounds, compression and checksums.

use bytes::Bytes;

use super::super::*;
use super::samples::*;

#[test]
fn one_message_travels_as_it_is() {
    let part = alive().encode();
    assert_eq!(
        encode_packet(std::slice::from_ref(&part), false, false),
        part
    );
}

#[test]
fn small_packets_are_not_compressed() {
    let part = ack().encode();
    assert_eq!(
        encode_packet(std::slice::from_ref(&part), false, true),
        part
    );
}

#[test]
fn large_packets_are_compressed_and_checked() {
    let parts: Vec<Bytes> = (0..20).map(|_| alive().encode()).collect();
    let packet = encode_packet(&parts, true, true);
    assert_eq!(packet[0], 12);
    assert_eq!(packet[5], 9);
    assert!(packet.len() < parts.len() * parts[0].len() / 2);
    let (messages, cut_off) = unpack(&packet).unwrap();
    assert_eq!(messages, vec![alive(); 20]);
    assert_eq!(cut_off, 0);
}

#[test]
fn more_parts_than_a_compound_holds() {
    let packet = |count| encode_packet(&vec![ack().encode(); count], false, false);
    let (messages, cut_off) = unpack(&packet(512)).unwrap();
    assert_eq!((messages.len(), cut_off), (512, 0));
    let (messages, cut_off) = unpack(&packet(600)).unwrap();
    assert_eq!((messages.len(), cut_off), (512, 88));
}

#[test]
fn a_part_that_no_datagram_holds_makes_a_packet_that_none_sends() {
    let parts = [ack().encode(), Bytes::from(vec![8; 70_000])];
    assert!(encode_packet(&parts, false, false).len() > 65_507);
}

#[test]
fn a_wrong_checksum_is_an_error() {
    let mut packet = encode_packet(&[ack().encode()], true, false);
    packet[8] ^= 1;
    assert!(matches!(unpack(&packet), Err(WireError::Checksum { .. })));
}

#[test]
fn what_is_cut_off_is_counted_and_the_rest_delivered() {
    let packet = encode_packet(
        &[ping().encode(), ack().encode(), ack().encode()],
        false,
        false,
    );
    let cut = &packet[..packet.len() - 20];
    assert_eq!(unpack(cut).unwrap(), (vec![ping()], 2));
}

#[test]
fn a_faulty_part_does_not_take_the_others_with_it() {
    let faulty = Bytes::from_static(&[4, 0x81]);
    let packet = encode_packet(&[ping().encode(), faulty, ack().encode()], false, false);
    let mut messages = Vec::new();
    let result = decode_packet(&packet, &mut |message| messages.push(message));
    assert_eq!(
        result.unwrap_err().to_string(),
        "failed to decode alive: ends in the middle of a value"
    );
    assert_eq!(messages, [ping(), ack()]);
}

#[test]
fn user_messages_are_not_looked_into() {
    let message = Message::User(Bytes::from_static(&[3, 0xc1, 0xff]));
    assert_eq!(message.encode(), &[8, 3, 0xc1, 0xff][..]);
    assert_eq!(Message::decode(&message.encode()).unwrap(), message);
}

#[test]
fn nacks_and_deaths() {
    for message in [
        Message::Nack(Nack { seq_no: 70_000 }),
        Message::Dead(Accusation {
            incarnation: u32::MAX,
            node: name("n1"),
            from: name("n1"),
        }),
    ] {
        assert_eq!(Message::decode(&message.encode()).unwrap(), message);
    }
    let nack = Message::Nack(Nack { seq_no: 1 }).encode();
    assert_eq!(nack, hex("0b 81 a55365714e6f 01"));
}
