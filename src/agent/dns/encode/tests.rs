use hickory_proto::op::Message;
use hickory_proto::rr::{RData, RecordType};
use proptest::prelude::*;

use super::*;
use crate::agent::dns::record::Soa;
use crate::agent::dns::request::parse;

/// A question for `name` of type ANY.
fn question(name: &DnsName, edns: bool) -> Vec<u8> {
    let mut packet = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(edns)];
    packet.extend_from_slice(name.wire());
    packet.extend_from_slice(&[0, 255, 0, 1]);
    if edns {
        packet.extend_from_slice(b"\0\0\x29\x04\xd0\0\0\0\0\0\0");
    }
    packet
}

/// Names that share suffixes, some only but for their case.
fn name() -> impl Strategy<Value = DnsName> {
    let label = prop_oneof!["a", "b", "A", "web0", "[a-z]{1,63}"];
    let suffix = prop_oneof!["consul", "CONSUL", "node.dc1.consul", "service.consul"];
    (proptest::collection::vec(label, 0..3), suffix)
        .prop_map(|(labels, suffix)| DnsName::from_parts(&[&labels.join("."), &suffix]).unwrap())
}

fn data() -> impl Strategy<Value = Data> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(|ip| Data::A(ip.into())),
        any::<[u8; 16]>().prop_map(|ip| Data::Aaaa(ip.into())),
        name().prop_map(Data::Cname),
        name().prop_map(Data::Ns),
        name().prop_map(Data::Ptr),
        (any::<u16>(), any::<u16>(), name()).prop_map(|(weight, port, target)| Data::Srv {
            weight,
            port,
            target
        }),
        proptest::collection::vec(any::<u8>(), 0..600).prop_map(|text| Data::Txt(text.into())),
        (name(), name(), any::<u32>()).prop_map(|(mname, rname, serial)| Data::Soa(Box::new(
            Soa {
                mname,
                rname,
                serial,
                refresh: 1,
                retry: 2,
                expire: 3,
                min_ttl: 4,
            }
        ))),
        proptest::collection::vec(any::<u8>(), 1..40).prop_map(|bytes| Data::Raw {
            rtype: 65_281,
            bytes: bytes.into()
        }),
    ]
}

fn record() -> impl Strategy<Value = Record> {
    let owner = prop_oneof![Just(Owner::Question), name().prop_map(Owner::Name)];
    (owner, any::<u32>(), data()).prop_map(|(owner, ttl, data)| Record { owner, ttl, data })
}

fn wire(name: &hickory_proto::rr::Name) -> Vec<u8> {
    let labels = name.into_iter();
    labels
        .flat_map(|label| [&[u8::try_from(label.len()).unwrap()], label].concat())
        .chain([0])
        .collect()
}

fn same(record: &Record, read: &hickory_proto::rr::Record, question: &DnsName) {
    let owner = match &record.owner {
        Owner::Question => question,
        Owner::Name(name) => name,
    };
    assert_eq!(wire(&read.name), owner.wire());
    assert_eq!(u16::from(read.record_type()), record.data.rtype());
    assert_eq!(read.ttl, record.ttl);
    match (&record.data, &read.data) {
        (Data::A(ip), RData::A(read)) => assert_eq!(*ip, read.0),
        (Data::Aaaa(ip), RData::AAAA(read)) => assert_eq!(*ip, read.0),
        (Data::Cname(name), RData::CNAME(read)) => assert_eq!(wire(&read.0), name.wire()),
        (Data::Ns(name), RData::NS(read)) => assert_eq!(wire(&read.0), name.wire()),
        (Data::Ptr(name), RData::PTR(read)) => assert_eq!(wire(&read.0), name.wire()),
        (
            Data::Srv {
                weight,
                port,
                target,
            },
            RData::SRV(read),
        ) => {
            assert_eq!((read.priority, read.weight, read.port), (1, *weight, *port));
            assert_eq!(wire(&read.target), target.wire());
        }
        (Data::Txt(text), RData::TXT(read)) => {
            let parts: Vec<u8> = read
                .txt_data
                .iter()
                .flat_map(|part| part.to_vec())
                .collect();
            assert_eq!(parts, text.to_vec());
        }
        (Data::Soa(soa), RData::SOA(read)) => {
            assert_eq!(
                (wire(&read.mname), wire(&read.rname)),
                (soa.mname.wire().to_vec(), soa.rname.wire().to_vec())
            );
            assert_eq!((read.serial, read.minimum), (soa.serial, soa.min_ttl));
        }
        (Data::Raw { bytes, .. }, RData::Unknown { rdata, .. }) => {
            assert_eq!(rdata.anything, bytes.to_vec());
        }
        (ours, theirs) => panic!("{ours:?} was read as {theirs:?}"),
    }
}

proptest! {
    #[test]
    fn another_implementation_reads_what_was_meant(
        asked in name(), edns: bool, compress: bool,
        answers in proptest::collection::vec(record(), 0..12),
        authority in proptest::collection::vec(record(), 0..3),
        additional in proptest::collection::vec(record(), 0..12),
    ) {
        let packet = question(&asked, edns);
        let request = parse(&packet).unwrap();
        let answer = Answer { answers, authority, additional, authoritative: true, ..Answer::default() };
        let mut encoder = Encoder::default();
        let opt = Encoder::opt_bytes(&request);
        let whole = Sections::of(&answer);
        let measured = encoder.measure(&request, whole, compress);
        let uncompressed = whole.uncompressed_bytes(asked.wire().len());
        let bytes = encoder.encode(&request, &answer, compress);
        prop_assert_eq!(bytes.len(), measured + opt);
        prop_assert!(measured <= uncompressed);
        if !compress {
            prop_assert_eq!(measured, uncompressed);
        }
        let read = Message::from_vec(bytes).unwrap();
        prop_assert!(read.metadata.authoritative);
        prop_assert_eq!(read.edns.map(|edns| edns.max_payload()), edns.then_some(1232));
        for (ours, theirs) in [
            (&answer.answers, &read.answers),
            (&answer.authority, &read.authorities),
            (&answer.additional, &read.additionals),
        ] {
            prop_assert_eq!(ours.len(), theirs.len());
            for (ours, theirs) in ours.iter().zip(theirs) {
                same(ours, theirs, &asked);
            }
        }
    }

    #[test]
    fn no_record_is_smaller_than_its_least(record in record(), asked in name()) {
        let packet = question(&asked, false);
        let request = parse(&packet).unwrap();
        let mut encoder = Encoder::default();
        let empty = encoder.measure(&request, Sections::of(&Answer::default()), true);
        let answer = Answer { answers: vec![record.clone()], ..Answer::default() };
        let size = encoder.measure(&request, Sections::of(&answer), true) - empty;
        prop_assert!(size >= record.least_bytes());
    }
}

/// Sizes that Consul's own answers to the same questions have.
#[test]
fn compresses_as_much_as_consul() {
    let asked = DnsName::from_text("web.service.consul").unwrap();
    let packet = question(&asked, true);
    let request = parse(&packet).unwrap();
    let mut answer = Answer::default();
    for n in 0..3_u8 {
        let node = DnsName::from_text(&format!("web{n}.node.dc1.consul")).unwrap();
        let record = |owner, data| Record {
            owner,
            ttl: 0,
            data,
        };
        answer.answers.push(record(
            Owner::Question,
            Data::Srv {
                weight: 1,
                port: 8000,
                target: node.clone(),
            },
        ));
        let node = Owner::Name(node);
        answer
            .additional
            .push(record(node.clone(), Data::A([10, 3, 0, n].into())));
        answer
            .additional
            .push(record(node, Data::Txt(b"rack=r1"[..].into())));
    }
    let mut encoder = Encoder::default();
    assert_eq!(encoder.encode(&request, &answer, true).len(), 275);
    let read = Message::from_vec(encoder.encode(&request, &answer, true)).unwrap();
    assert!(
        read.answers
            .iter()
            .all(|record| record.record_type() == RecordType::SRV)
    );
}

#[test]
fn pointers_reach_no_further_than_they_can() {
    let asked = DnsName::from_text("many.service.consul").unwrap();
    let packet = question(&asked, false);
    let request = parse(&packet).unwrap();
    let mut answer = Answer::default();
    for n in 0..1024_u16 {
        let target = DnsName::from_text(&format!("host-{n}.of.{n}.node.dc1.consul")).unwrap();
        answer.answers.push(Record {
            owner: Owner::Question,
            ttl: 1,
            data: Data::Srv {
                weight: 1,
                port: n,
                target: target.clone(),
            },
        });
        answer.additional.push(Record {
            owner: Owner::Name(target),
            ttl: 1,
            data: Data::A([10, 0, 0, 1].into()),
        });
    }
    let mut encoder = Encoder::default();
    let bytes = encoder.encode(&request, &answer, true).to_vec();
    assert!(bytes.len() > 3 * POINTER_LIMIT);
    let read = Message::from_vec(&bytes).unwrap();
    for (ours, theirs) in answer.additional.iter().zip(&read.additionals) {
        same(ours, theirs, &asked);
    }
}
