use proptest::prelude::*;

use super::*;
use crate::agent::dns::record::DnsName;

fn service<'n>(name: &'n str, tag: Option<&'n str>, dc: Option<&'n str>) -> Lookup<'n> {
    Lookup::Service { name, tag, dc }
}

#[test]
fn services_with_tags_and_datacenters() {
    for (text, expected) in [
        ("web.service", service("web", None, None)),
        ("web.service.dc2", service("web", None, Some("dc2"))),
        ("web.service.dc2.dc", service("web", None, Some("dc2"))),
        ("v1.web.service", service("web", Some("v1"), None)),
        ("a.b.web.service", service("web", Some("a.b"), None)),
        ("_web._tcp.service", service("web", None, None)),
        (
            "_web._v1.service.dc2",
            service("web", Some("v1"), Some("dc2")),
        ),
        ("_web._.service", service("web", None, None)),
        ("_web.service", service("_web", None, None)),
        ("web._tcp.service", service("_tcp", Some("web"), None)),
        (
            "_a._web._tcp.service",
            service("_tcp", Some("_a._web"), None),
        ),
        ("node.service", service("node", None, None)),
        ("service.web.service", service("web", Some("service"), None)),
        ("web.service.service", service("service", Some("web"), None)),
        ("web.service.a.b", Lookup::Invalid),
        ("web.service.a.dc.b.dc", Lookup::Invalid),
        ("service", Lookup::Invalid),
        ("service.dc1", Lookup::Invalid),
        ("_web._tcp", Lookup::Invalid),
        ("web", Lookup::Invalid),
        ("", Lookup::Invalid),
    ] {
        assert_eq!(parse(text, rtype::A), expected, "{text}");
    }
}

#[test]
fn srv_questions_may_leave_the_kind_out() {
    for (text, expected) in [
        ("_web._tcp", service("web", None, None)),
        ("_web._tcp.dc2", service("web", None, Some("dc2"))),
        ("_web._v1", service("web", Some("v1"), None)),
        ("_tcp", service("_tcp", None, None)),
        ("_web._tcp.a.b", Lookup::Invalid),
        ("_web._tcp.service", service("web", None, None)),
    ] {
        assert_eq!(parse(text, rtype::SRV), expected, "{text}");
    }
}

#[test]
fn nodes_and_mesh_kinds() {
    let dc2 = Some("dc2");
    for (text, name, dc) in [("n1.node", "n1", None), ("a.b.n1.node.dc2", "a.b.n1", dc2)] {
        assert_eq!(parse(text, rtype::A), Lookup::Node { name, dc }, "{text}");
    }
    for (text, dc) in [("web.connect", None), ("x.web.connect.dc2", dc2)] {
        assert_eq!(
            parse(text, rtype::A),
            Lookup::Connect { name: "web", dc },
            "{text}"
        );
    }
    let ingress = Lookup::Ingress {
        name: "web",
        dc: None,
    };
    assert_eq!(parse("web.ingress", rtype::A), ingress);
    assert_eq!(
        parse("web.virtual", rtype::A),
        Lookup::Virtual { name: "web" }
    );
    for (text, name, dc) in [
        ("my.query.query", "my.query", None),
        ("_my.q._tcp.query.dc2", "my.q", dc2),
        ("_my.query", "_my", None),
    ] {
        assert_eq!(parse(text, rtype::A), Lookup::Query { name, dc }, "{text}");
    }
    assert_eq!(parse("node", rtype::A), Lookup::Invalid);
}

#[test]
fn addresses_are_spelled_in_hexadecimal() {
    let v4 = Lookup::Address([127, 0, 0, 1].into());
    let v6 = Lookup::Address("2001:db8::cafe".parse().unwrap());
    for (text, expected) in [
        ("7f000001.addr", v4),
        ("7f000001.addr.any.thing", v4),
        ("20010db800000000000000000000cafe.addr", v6),
        ("7f000001.x.addr", Lookup::Invalid),
        ("7g000001.addr", Lookup::Invalid),
        ("7f0000011.addr", Lookup::Invalid),
        ("+f000001.addr", Lookup::Invalid),
        ("zz.addr", Lookup::NoAddress),
        ("addr", Lookup::Invalid),
    ] {
        assert_eq!(parse(text, rtype::A), expected, "{text}");
    }
}

#[test]
fn zones_are_whole_labels() {
    assert_eq!(
        strip_zone("web.service.consul", "consul"),
        Some("web.service")
    );
    assert_eq!(strip_zone("consul", "consul"), Some(""));
    assert_eq!(strip_zone("xconsul", "consul"), None);
    assert_eq!(strip_zone("web.service", "consul"), None);
    assert_eq!(strip_zone("a.b.c", "b.c"), Some("a"));
    assert_eq!(strip_zone("a.b", ""), Some("a.b"));
}

#[test]
fn bytes_that_no_name_has_are_blotted_out() {
    let name = QueryName::from_wire(b"\x03W\xffb\x05a.b c\x06CONSUL\0");
    assert_eq!(name.as_str(), "w\0b.a\0b\0c.consul");
    assert_eq!(QueryName::from_wire(b"\0").as_str(), "");
}

/// A label as people write them.
fn label() -> impl Strategy<Value = String> {
    "[a-z0-9][a-z0-9-]{0,20}"
}

proptest! {
    #[test]
    fn any_text_is_read(text in "([a-z_.0-9-]|service|node|addr|query|connect|_tcp|dc){0,40}", qtype: u16) {
        let _ = parse(&text, qtype);
        let _ = parse(&text, rtype::SRV);
    }

    #[test]
    fn any_bytes_are_a_name(wire in proptest::collection::vec(any::<u8>(), 0..300)) {
        let name = QueryName::from_wire(&wire);
        prop_assert!(name.as_str().is_ascii());
        let _ = parse(name.as_str(), rtype::A);
    }

    #[test]
    fn what_is_put_together_is_taken_apart(
        tag in proptest::option::of(label()), name in label(), dc in proptest::option::of(label()),
        upper in proptest::collection::vec(any::<bool>(), 200),
    ) {
        let tag = tag.filter(|tag| !["service", "node"].contains(&tag.as_str()));
        let parts: Vec<&str> = [tag.as_deref(), Some(&name), Some("service"), dc.as_deref(), Some("consul")]
            .into_iter().flatten().collect();
        let kinds = ["service", "connect", "virtual", "ingress", "node", "query", "addr", "dc"];
        prop_assume!(!dc.iter().any(|dc| kinds.contains(&dc.as_str())));
        // The case of a question does not matter.
        let text: String = parts.join(".").chars().zip(upper.iter().cycle())
            .map(|(c, upper)| if *upper { c.to_ascii_uppercase() } else { c }).collect();
        let wire = DnsName::from_text(&text).unwrap();
        let query = QueryName::from_wire(wire.wire());
        prop_assert_eq!(query.as_str(), text.to_ascii_lowercase());
        let left = strip_zone(query.as_str(), "consul").unwrap();
        prop_assert_eq!(parse(left, rtype::A), service(&name, tag.as_deref(), dc.as_deref()));
    }
}
