use proptest::prelude::*;

use super::*;
use crate::agent::dns::request::parse;
use crate::agent::dns::settings::DnsSettings;

fn packet(qtype: u16, edns: Option<u16>) -> Vec<u8> {
    let mut packet = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(edns.is_some())];
    packet.extend_from_slice(b"\x03web\x07service\x06consul\0");
    packet.extend_from_slice(&qtype.to_be_bytes());
    packet.extend_from_slice(&[0, 1]);
    if let Some(size) = edns {
        packet.extend_from_slice(b"\0\0\x29");
        packet.extend_from_slice(&size.to_be_bytes());
        packet.extend_from_slice(&[0; 6]);
    }
    packet
}

fn record(owner: Owner, data: Data) -> Record {
    Record {
        owner,
        ttl: 0,
        data,
    }
}

fn addresses(count: u16) -> Answer {
    let ip = |n: u16| [10, 0, n.to_be_bytes()[0], n.to_be_bytes()[1]];
    let answers = (0..count).map(|n| record(Owner::Question, Data::A(ip(n).into())));
    Answer {
        answers: answers.collect(),
        ..Answer::default()
    }
}

/// SRV records with an address and a text of `text` bytes each.
fn services(count: u16, text: usize) -> Answer {
    let mut answer = Answer::default();
    for n in 0..count {
        let target = DnsName::from_text(&format!("node-{n}.node.dc1.consul")).unwrap();
        let owner = Owner::Name(target.clone());
        answer.answers.push(record(
            Owner::Question,
            Data::Srv {
                weight: 1,
                port: n,
                target,
            },
        ));
        answer
            .additional
            .push(record(owner.clone(), Data::A([10, 0, 0, 1].into())));
        answer
            .additional
            .push(record(owner, Data::Txt(vec![b'x'; text].into())));
    }
    answer
}

/// Cuts the answer; gives the size of the packet.
fn cut(request: &[u8], transport: Transport, settings: DnsSettings, answer: &mut Answer) -> usize {
    let rules = Rules::new(settings).unwrap();
    let request = parse(request).unwrap();
    let limits = Limits::new(&request, transport, &rules);
    let mut encoder = Encoder::default();
    truncate(&request, limits, &rules, &mut encoder, answer);
    let compress = !rules.settings().disable_compression;
    encoder.encode(&request, answer, compress).len()
}

fn settings() -> DnsSettings {
    DnsSettings {
        enable_truncate: true,
        ..DnsSettings::default()
    }
}

#[test]
fn without_edns_three_answers_are_given() {
    let mut answer = addresses(60);
    cut(
        &packet(rtype::A, None),
        Transport::Udp,
        settings(),
        &mut answer,
    );
    assert_eq!(answer.answers, addresses(3).answers);
    assert!(answer.truncated);
    let mut three = addresses(3);
    cut(
        &packet(rtype::A, None),
        Transport::Udp,
        settings(),
        &mut three,
    );
    assert_eq!(three, addresses(3));
}

#[test]
fn the_limit_of_answers_is_at_most_eight() {
    for (limit, given) in [(0, 0), (1, 1), (8, 8), (9, 8), (100, 8)] {
        let settings = DnsSettings {
            udp_answer_limit: limit,
            ..settings()
        };
        let mut answer = addresses(60);
        cut(
            &packet(rtype::A, Some(512)),
            Transport::Udp,
            settings,
            &mut answer,
        );
        assert_eq!(answer.answers.len(), given, "{limit}");
    }
}

#[test]
fn the_truncated_bit_is_set_only_when_it_is_enabled() {
    let mut answer = addresses(60);
    cut(
        &packet(rtype::A, None),
        Transport::Udp,
        DnsSettings::default(),
        &mut answer,
    );
    assert_eq!(answer.answers.len(), 3);
    assert!(!answer.truncated);
}

/// Counts and sizes that the reference gave for 120 instances.
#[test]
fn with_edns_as_much_is_given_as_consul_gives() {
    for (qtype, edns, given) in [
        (rtype::A, 1232, 75),
        (rtype::A, 1000, 59),
        (rtype::A, 4096, 120),
    ] {
        let mut answer = addresses(120);
        let size = cut(
            &packet(qtype, Some(edns)),
            Transport::Udp,
            settings(),
            &mut answer,
        );
        // 12 header, 24 question, 16 a record, 11 OPT; 8 bytes are kept free of all but OPT.
        let expected = ((usize::from(edns) - 8 - 36) / 16).min(120);
        assert!(size <= usize::from(edns));
        assert_eq!(answer.answers.len(), expected.min(given));
    }
}

#[test]
fn the_additional_section_keeps_what_the_answers_need() {
    let mut answer = services(60, 20);
    cut(
        &packet(rtype::SRV, None),
        Transport::Udp,
        settings(),
        &mut answer,
    );
    let whole = services(60, 20);
    assert_eq!(answer.answers, whole.answers[..3]);
    // One record for each target: the texts are gone.
    let needed: Vec<_> = whole
        .additional
        .iter()
        .step_by(2)
        .take(3)
        .cloned()
        .collect();
    assert_eq!(answer.additional, needed);
}

#[test]
fn aliases_are_followed_in_the_additional_section() {
    let host = |n: &str| DnsName::from_text(n).unwrap();
    let mut answer = services(20, 5);
    let aliased = Record {
        data: Data::Cname(host("alias.example.com")),
        ..answer.additional[0].clone()
    };
    answer.additional[0] = aliased.clone();
    let behind = record(
        Owner::Name(host("Alias.Example.com")),
        Data::A([1, 2, 3, 4].into()),
    );
    answer.additional.push(behind.clone());
    cut(
        &packet(rtype::SRV, None),
        Transport::Udp,
        settings(),
        &mut answer,
    );
    assert_eq!(answer.additional[..2], [aliased, behind]);
}

#[test]
fn tcp_has_limits_of_its_own() {
    let mut answer = addresses(5000);
    cut(
        &packet(rtype::A, None),
        Transport::Tcp,
        settings(),
        &mut answer,
    );
    // 64 KiB less a little hold 4092 of them.
    assert_eq!(answer.answers.len(), (65_523 - 36) / 16);
    assert!(answer.truncated);
    let mut answer = services(1100, 0);
    let size = cut(
        &packet(rtype::SRV, None),
        Transport::Tcp,
        settings(),
        &mut answer,
    );
    assert!(size <= 65_535);
    assert!(answer.answers.len() <= 1024 && answer.answers.len() > 500);
}

#[test]
fn a_record_that_never_fits_sends_the_client_to_tcp() {
    let text = Record {
        owner: Owner::Question,
        ttl: 0,
        data: Data::Txt(vec![b'x'; 600].into()),
    };
    let mut answer = Answer {
        answers: vec![text.clone()],
        ..Answer::default()
    };
    let size = cut(
        &packet(rtype::TXT, None),
        Transport::Udp,
        DnsSettings::default(),
        &mut answer,
    );
    assert!(size <= 512 && answer.truncated && answer.answers.is_empty());
    let mut answer = Answer {
        answers: vec![text],
        ..Answer::default()
    };
    cut(
        &packet(rtype::TXT, None),
        Transport::Tcp,
        DnsSettings::default(),
        &mut answer,
    );
    assert!(!answer.truncated && answer.answers.len() == 1);
}

#[test]
fn a_budget_ends_one_record_past_what_fits() {
    let rules = Rules::new(DnsSettings::default()).unwrap();
    let bytes = packet(rtype::A, None);
    let limits = Limits::new(&parse(&bytes).unwrap(), Transport::Udp, &rules);
    let mut budget = limits.budget();
    let spent = addresses(60)
        .answers
        .iter()
        .take_while(|record| !budget.spend(record))
        .count();
    assert_eq!(spent, 3);
    let bytes = packet(rtype::A, Some(1232));
    let mut budget = Limits::new(&parse(&bytes).unwrap(), Transport::Udp, &rules).budget();
    let spent = addresses(600)
        .answers
        .iter()
        .take_while(|record| !budget.spend(record))
        .count();
    assert_eq!(spent, 1232 / 16);
}

proptest! {
    #[test]
    fn a_datagram_is_never_larger_than_the_client_takes(
        srv: bool, count in 0_u16..300, text in 0_usize..300, limit in 0_usize..12,
        edns in proptest::option::of(any::<u16>()), disable_compression: bool, enable_truncate: bool,
    ) {
        let whole = if srv { services(count, text) } else { addresses(count) };
        let qtype = if srv { rtype::SRV } else { rtype::A };
        let settings = DnsSettings { udp_answer_limit: limit, disable_compression, enable_truncate, ..DnsSettings::default() };
        let mut answer = whole.clone();
        let size = cut(&packet(qtype, edns), Transport::Udp, settings, &mut answer);
        let largest = usize::from(edns.unwrap_or(512)).max(512);
        prop_assert!(size <= largest, "{size} > {largest}");
        // What is left is a beginning of what there was, and the client is told when asked for.
        let left = answer.answers.len();
        prop_assert!(answer.answers[..] == whole.answers[..left]);
        prop_assert_eq!(answer.truncated, enable_truncate && left < whole.answers.len() || answer.truncated && left == 0);
        for record in &answer.additional {
            prop_assert!(whole.additional.contains(record));
        }
        // Nothing is left out without need.
        let fits = Sections::of(&whole).uncompressed_bytes(20) + 11 <= largest - UDP_MARGIN;
        let most = if largest == 512 { limit.min(8) } else { usize::MAX };
        if fits && whole.answers.len() <= most {
            prop_assert!(answer == whole, "{left} of {} answers", whole.answers.len());
        }
    }
}
