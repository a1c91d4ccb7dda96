//! What an operator decides about DNS, and the form in which a question uses it.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::record::DnsName;

/// Port of a recursor that is given without one.
const RECURSOR_PORT: u16 = 53;
/// Without EDNS a UDP answer never has more records than this, whatever `udp_answer_limit` says.
const MAX_UDP_ANSWERS: usize = 8;

/// The order in which recursors are asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RecursorStrategy {
    /// As configured.
    #[default]
    Sequential,
    /// A new random order for each question.
    Random,
}

/// Times of the SOA record, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SoaTimes {
    /// How often a secondary should ask again.
    pub refresh: u32,
    /// How soon after a failure.
    pub retry: u32,
    /// When a secondary should give up.
    pub expire: u32,
    /// How long an absence may be cached; also the TTL of the record.
    pub min_ttl: u32,
}

impl Default for SoaTimes {
    fn default() -> Self {
        Self {
            refresh: 3600,
            retry: 600,
            expire: 86_400,
            min_ttl: 0,
        }
    }
}

/// The settings, named as in Consul's configuration. Defaults are Consul's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsSettings {
    /// This agent's datacenter.
    pub datacenter: String,
    /// The name of this agent's node, near which prepared queries may look.
    pub node_name: String,
    /// The zone, with or without the final dot.
    pub domain: String,
    /// A second zone with the same content; empty for none.
    pub alt_domain: String,
    /// Leave out instances whose checks warn.
    pub only_passing: bool,
    /// Set the TC bit when records had to be left out.
    pub enable_truncate: bool,
    /// Write every name in full.
    pub disable_compression: bool,
    /// Add the node's metadata as TXT records to the additional section.
    pub enable_additional_node_meta_txt: bool,
    /// Answers in a UDP packet for a client without EDNS; at most 8 count.
    pub udp_answer_limit: usize,
    /// Instances in an answer to A, AAAA and ANY, over UDP and TCP; 0 for no limit.
    pub a_record_limit: usize,
    /// TTL of node records.
    pub node_ttl: Duration,
    /// TTL of service records by name; a name that ends with `*` is a prefix.
    pub service_ttl: BTreeMap<String, Duration>,
    /// Times of the SOA record.
    pub soa: SoaTimes,
    /// Where foreign names are asked for.
    pub recursors: Vec<SocketAddr>,
    /// In which order.
    pub recursor_strategy: RecursorStrategy,
    /// How long one recursor may take.
    pub recursor_timeout: Duration,
    /// Give the WAN addresses of nodes and services of other datacenters.
    pub translate_wan_addrs: bool,
    /// How old what is answered may be.
    pub staleness: Staleness,
}

/// How old what is answered may be (`allow_stale`, `max_stale`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Staleness {
    /// Any server may be asked, not the leader alone.
    pub allowed: bool,
    /// How long that server may not have heard from the leader; the leader is asked beyond.
    pub most: Duration,
}

impl Default for Staleness {
    /// Ten years, as in Consul: any server's answer is better than none.
    fn default() -> Self {
        Self {
            allowed: true,
            most: Duration::from_hours(87_600),
        }
    }
}

impl Default for DnsSettings {
    fn default() -> Self {
        Self {
            datacenter: "dc1".to_owned(),
            node_name: String::new(),
            domain: "consul.".to_owned(),
            alt_domain: String::new(),
            only_passing: false,
            enable_truncate: false,
            disable_compression: false,
            enable_additional_node_meta_txt: true,
            udp_answer_limit: 3,
            a_record_limit: 0,
            node_ttl: Duration::ZERO,
            service_ttl: BTreeMap::new(),
            soa: SoaTimes::default(),
            recursors: Vec::new(),
            recursor_strategy: RecursorStrategy::Sequential,
            recursor_timeout: Duration::from_secs(2),
            translate_wan_addrs: false,
            staleness: Staleness::default(),
        }
    }
}

/// Settings that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Not a name.
    #[error("dns domain {0:?} is not a valid name")]
    Domain(String),
    /// Not an address.
    #[error("invalid recursor address {0:?}: expected an IP address, with or without a port")]
    Recursor(String),
}

/// Reads a recursor: an IP address with or without port, IPv6 with or without brackets.
pub fn parse_recursor(text: &str) -> Result<SocketAddr, SettingsError> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    bare.unwrap_or(text)
        .parse::<IpAddr>()
        .map(|ip| SocketAddr::new(ip, RECURSOR_PORT))
        .or_else(|_| text.parse())
        .map_err(|_| SettingsError::Recursor(text.to_owned()))
}

/// One of the zones that the server answers for, with the names that its records need.
#[derive(Debug, Clone)]
pub(crate) struct Zone {
    /// Lower-case text without the final dot; empty for the root.
    pub(crate) text: String,
    /// The zone itself.
    pub(crate) apex: DnsName,
    /// `ns.<zone>`.
    pub(crate) mname: DnsName,
    /// `hostmaster.<zone>`.
    pub(crate) rname: DnsName,
}

impl Zone {
    fn new(domain: &str) -> Result<Self, SettingsError> {
        let text = domain.trim_matches('.').to_ascii_lowercase();
        let name = |parts: &[&str]| {
            DnsName::from_parts(parts).ok_or_else(|| SettingsError::Domain(domain.to_owned()))
        };
        Ok(Self {
            apex: name(&[&text])?,
            mname: name(&["ns", &text])?,
            rname: name(&["hostmaster", &text])?,
            text,
        })
    }
}

/// The settings as a question uses them: zones split, TTLs in seconds, prefixes sorted.
#[derive(Debug, Clone)]
pub struct Rules {
    pub(crate) settings: DnsSettings,
    pub(crate) zone: Zone,
    pub(crate) alt_zone: Option<Zone>,
    pub(crate) node_ttl: u32,
    exact_ttl: HashMap<String, u32>,
    /// Longest first.
    prefix_ttl: Vec<(String, u32)>,
}

impl Rules {
    /// Prepares settings for use.
    pub fn new(settings: DnsSettings) -> Result<Self, SettingsError> {
        let alt_zone = match settings.alt_domain.trim_matches('.') {
            "" => None,
            _ => Some(Zone::new(&settings.alt_domain)?),
        };
        let mut exact_ttl = HashMap::new();
        let mut prefix_ttl = Vec::new();
        for (name, ttl) in &settings.service_ttl {
            match name.strip_suffix('*') {
                Some(prefix) => prefix_ttl.push((prefix.to_owned(), seconds(*ttl))),
                None => {
                    exact_ttl.insert(name.clone(), seconds(*ttl));
                }
            }
        }
        prefix_ttl.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        Ok(Self {
            zone: Zone::new(&settings.domain)?,
            alt_zone,
            node_ttl: seconds(settings.node_ttl),
            exact_ttl,
            prefix_ttl,
            settings,
        })
    }

    /// The settings that these rules came from.
    pub fn settings(&self) -> &DnsSettings {
        &self.settings
    }

    /// Seconds for which a service's records may be cached: its own TTL, else that of the longest
    /// matching prefix, else 0.
    pub fn service_ttl(&self, service: &str) -> u32 {
        let prefix = || {
            let mut prefixes = self.prefix_ttl.iter();
            prefixes.find(|(prefix, _)| service.starts_with(prefix.as_str()))
        };
        match self.exact_ttl.get(service) {
            Some(ttl) => *ttl,
            None => prefix().map_or(0, |(_, ttl)| *ttl),
        }
    }

    /// Answers in a UDP packet for a client without EDNS.
    pub(crate) fn udp_answers(&self) -> usize {
        self.settings.udp_answer_limit.min(MAX_UDP_ANSWERS)
    }
}

fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ttl_of_a_service_is_its_own_then_the_longest_prefix() {
        let ttl = [("web", 5), ("we*", 6), ("*", 7), ("wea*", 8)];
        let rules = Rules::new(DnsSettings {
            service_ttl: ttl
                .iter()
                .map(|(name, s)| ((*name).to_owned(), Duration::from_secs(*s)))
                .collect(),
            ..DnsSettings::default()
        })
        .unwrap();
        for (name, expected) in [("web", 5), ("wex", 6), ("weaver", 8), ("x", 7)] {
            assert_eq!(rules.service_ttl(name), expected, "{name}");
        }
        let none = Rules::new(DnsSettings::default()).unwrap();
        assert_eq!(none.service_ttl("web"), 0);
    }

    #[test]
    fn recursors_in_every_spelling() {
        for (text, expected) in [
            ("8.8.8.8", "8.8.8.8:53"),
            ("8.8.8.8:5353", "8.8.8.8:5353"),
            ("2001:db8::1", "[2001:db8::1]:53"),
            ("[2001:db8::1]", "[2001:db8::1]:53"),
            ("[2001:db8::1]:54", "[2001:db8::1]:54"),
        ] {
            assert_eq!(
                parse_recursor(text),
                Ok(expected.parse().unwrap()),
                "{text}"
            );
        }
        for text in ["", "example.com", "8.8.8.8:", "8.8.8.8:99999", "[::1"] {
            assert!(parse_recursor(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_domain_that_is_no_name_is_refused() {
        for domain in ["a..b", &"x".repeat(64), &"abcdefg.".repeat(40)] {
            let settings = DnsSettings {
                domain: domain.to_owned(),
                ..DnsSettings::default()
            };
            assert_eq!(
                Rules::new(settings).unwrap_err(),
                SettingsError::Domain(domain.to_owned())
            );
        }
    }
}
