//! Which of a node's or service's addresses an answer gives, as Consul's address translation does.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::record::rtype;
use super::settings::Rules;
use crate::model::node::Node;
use crate::model::service::NodeService;

/// Tags under which addresses of a certain reach and family are registered.
struct Tags {
    any: Option<&'static str>,
    v4: &'static str,
    v6: &'static str,
}

const LAN: Tags = Tags {
    any: None,
    v4: "lan_ipv4",
    v6: "lan_ipv6",
};
const WAN: Tags = Tags {
    any: Some("wan"),
    v4: "wan_ipv4",
    v6: "wan_ipv6",
};

fn tags(rules: &Rules, dc: &str) -> &'static Tags {
    let settings = rules.settings();
    let local = dc.eq_ignore_ascii_case(&settings.datacenter);
    if settings.translate_wan_addrs && !local {
        &WAN
    } else {
        &LAN
    }
}

/// The address of the wanted family if one is tagged, else the general one. A question that is for
/// neither family takes IPv6 first.
fn choose<'a, V>(
    own: &'a str,
    tagged: Option<&'a BTreeMap<String, V>>,
    text: fn(&'a V) -> &'a str,
    tags: &Tags,
    qtype: u16,
) -> &'a str {
    let Some(tagged) = tagged.filter(|tagged| !tagged.is_empty()) else {
        return own;
    };
    let get = |tag| tagged.get(tag).map(text);
    let v6 = || get(tags.v6).filter(|_| qtype != rtype::A);
    let v4 = || get(tags.v4).filter(|_| qtype != rtype::AAAA);
    let family = v6().filter(|address| !address.is_empty());
    family
        .or_else(|| v4().filter(|address| !address.is_empty()))
        .or_else(|| tags.any.and_then(get))
        .unwrap_or(own)
}

/// The address of a node for a question of that type.
pub(crate) fn node_address<'n>(rules: &Rules, node: &'n Node, qtype: u16) -> &'n str {
    let tagged = node.tagged_addresses.as_ref();
    let dc = if node.datacenter.is_empty() {
        &rules.settings().datacenter
    } else {
        &node.datacenter
    };
    choose(
        &node.address,
        tagged,
        String::as_str,
        tags(rules, dc),
        qtype,
    )
}

/// The address of a service for a question of that type; empty when it has none of its own.
pub(crate) fn service_address<'s>(
    rules: &Rules,
    dc: &str,
    service: &'s NodeService,
    qtype: u16,
) -> &'s str {
    let tagged = service.tagged_addresses.as_ref();
    let text = |address: &'s crate::model::service::ServiceAddress| address.address.as_str();
    choose(&service.address, tagged, text, tags(rules, dc), qtype)
}

/// The port of a service.
pub(crate) fn service_port(rules: &Rules, dc: &str, service: &NodeService) -> u16 {
    let tagged = service.tagged_addresses.as_ref();
    let wan = tags(rules, dc).any.and_then(|tag| tagged?.get(tag));
    let port = wan.map_or(0, |wan| wan.port);
    let port = if port == 0 { service.port } else { port };
    u16::try_from(port).unwrap_or_default()
}

/// The IP address that a text spells, an IPv4 address in IPv6 clothes as what it is.
pub(crate) fn ip(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::dns::settings::DnsSettings;
    use crate::model::service::ServiceAddress;

    fn rules(translate_wan_addrs: bool) -> Rules {
        Rules::new(DnsSettings {
            translate_wan_addrs,
            ..DnsSettings::default()
        })
        .unwrap()
    }

    fn node(dc: &str, tagged: &[(&str, &str)]) -> Node {
        let pairs = tagged.iter();
        Node {
            address: "10.0.0.1".to_owned(),
            datacenter: dc.to_owned(),
            tagged_addresses: Some(
                pairs
                    .map(|(tag, text)| ((*tag).to_owned(), (*text).to_owned()))
                    .collect(),
            ),
            ..Node::default()
        }
    }

    #[test]
    fn tagged_addresses_of_the_family_win() {
        let rules = rules(false);
        let both = node(
            "dc1",
            &[
                ("lan_ipv4", "10.0.0.4"),
                ("lan_ipv6", "::6"),
                ("wan", "1.1.1.1"),
            ],
        );
        assert_eq!(node_address(&rules, &both, rtype::A), "10.0.0.4");
        assert_eq!(node_address(&rules, &both, rtype::AAAA), "::6");
        assert_eq!(node_address(&rules, &both, rtype::SRV), "::6");
        let none = node("dc1", &[("wan", "1.1.1.1")]);
        assert_eq!(node_address(&rules, &none, rtype::A), "10.0.0.1");
    }

    #[test]
    fn wan_addresses_are_for_other_datacenters_only() {
        let rules = rules(true);
        let tagged = [
            ("lan_ipv4", "10.0.0.4"),
            ("wan", "1.1.1.1"),
            ("wan_ipv6", "::7"),
        ];
        assert_eq!(
            node_address(&rules, &node("DC1", &tagged), rtype::A),
            "10.0.0.4"
        );
        assert_eq!(
            node_address(&rules, &node("dc2", &tagged), rtype::A),
            "1.1.1.1"
        );
        assert_eq!(
            node_address(&rules, &node("dc2", &tagged), rtype::AAAA),
            "::7"
        );
        let service = NodeService {
            port: 80,
            tagged_addresses: Some(
                [(
                    "wan".to_owned(),
                    ServiceAddress {
                        address: "1.1.1.2".to_owned(),
                        port: 99,
                    },
                )]
                .into(),
            ),
            ..NodeService::default()
        };
        assert_eq!(service_port(&rules, "dc1", &service), 80);
        assert_eq!(service_port(&rules, "dc2", &service), 99);
        assert_eq!(service_address(&rules, "dc1", &service, rtype::A), "");
        assert_eq!(
            service_address(&rules, "dc2", &service, rtype::A),
            "1.1.1.2"
        );
    }
}
