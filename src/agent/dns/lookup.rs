//! What a name in one of our zones means: nodes, services, addresses, and the aliases behind them.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::hash::Hash;
use std::net::IpAddr;

use rand::{Rng, RngExt};

use super::address::{ip, node_address, service_address, service_port};
use super::answer::{Answer, Place, Want, World, is_served, place};
use super::catalog::{Catalog, Instance, RemoteError};
use super::name::{Lookup, parse};
use super::record::{Data, DnsName, Owner, Record, rtype};
use super::settings::{Rules, Zone};
use super::truncate::Budget;
use crate::model::check::Status;
use crate::model::node::Node;
use crate::model::service::NodeService;

/// Records behind a foreign name in the answer to a client without EDNS.
const MAX_ALIAS_RECORDS: usize = 5;

/// A question about a name in one of our zones.
pub(crate) struct Ask<'a> {
    /// What stands left of the zone.
    pub(crate) left: &'a str,
    /// The zone, in which targets are named.
    pub(crate) zone: &'a Zone,
    /// Whose the records are.
    pub(crate) owner: Owner,
    /// The whole name.
    pub(crate) full: &'a str,
    /// What is asked for.
    pub(crate) qtype: u16,
    /// Whether the client speaks EDNS.
    pub(crate) edns: bool,
    /// How many aliases may still be followed.
    pub(crate) depth: u8,
    /// How much is of use.
    pub(crate) budget: Budget,
}

/// Why there is no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The name does not exist.
    NoName,
    /// It exists, without records of that type.
    NoData,
    /// Nobody knows.
    Unknown,
}

/// Looks names up in what is known of the world.
pub(crate) struct Lookups<'l, 'w, C, R> {
    pub(crate) rules: &'l Rules,
    pub(crate) world: &'l World<'w, C>,
    pub(crate) rng: &'l mut R,
}

/// Where an instance can be reached.
enum Reach<'i> {
    /// At its node's own address: the node's name leads there.
    Node(IpAddr),
    /// At an address of its own, or one that its node's name does not lead to.
    Address(IpAddr),
    /// At a host that has a name only.
    Host(&'i str),
}

impl<'w, C: Catalog, R: Rng> Lookups<'_, 'w, C, R> {
    /// Adds the records for a question to `out`.
    pub(crate) fn dispatch(&mut self, ask: &Ask<'_>, out: &mut Answer) -> Result<(), Failure> {
        match parse(ask.left, ask.qtype) {
            Lookup::Node { name, dc } => self.node(ask, name, dc, out),
            Lookup::Service { name, tag, dc } => {
                let catalog = self.catalog(dc, out)?;
                self.service(ask, dc, name, tag, &catalog.service(name), out)
            }
            Lookup::Connect { name, dc } => {
                let catalog = self.catalog(dc, out)?;
                self.service(ask, dc, name, None, &catalog.connect(name), out)
            }
            Lookup::Ingress { name, dc } => {
                let catalog = self.catalog(dc, out)?;
                self.service(ask, dc, name, None, &catalog.ingress(name), out)
            }
            Lookup::Address(ip) => {
                out.answers.push(Record {
                    owner: ask.owner.clone(),
                    ttl: self.rules.node_ttl,
                    data: Data::from_ip(ip),
                });
                Ok(())
            }
            Lookup::NoAddress => Ok(()),
            // Prepared queries and virtual addresses: none exist.
            Lookup::Query { .. } | Lookup::Virtual { .. } | Lookup::Invalid => Err(Failure::NoName),
        }
    }

    fn catalog(&self, dc: Option<&str>, out: &mut Answer) -> Result<&'w C, Failure> {
        let own = &self.rules.settings().datacenter;
        let Some(dc) = dc.filter(|dc| !dc.eq_ignore_ascii_case(own)) else {
            return Ok(self.world.local);
        };
        match self.world.remote.get(dc) {
            Some(Ok(catalog)) => Ok(catalog),
            Some(Err(RemoteError::NoPath)) => Err(Failure::NoName),
            Some(Err(RemoteError::Unavailable)) => Err(Failure::Unknown),
            None => {
                out.wants.push(Want::Datacenter(dc.to_owned()));
                Err(Failure::Unknown)
            }
        }
    }

    /// A node's address, and its metadata as text.
    fn node(
        &mut self,
        ask: &Ask<'_>,
        name: &str,
        dc: Option<&str>,
        out: &mut Answer,
    ) -> Result<(), Failure> {
        let qtype = ask.qtype;
        if !matches!(qtype, rtype::A | rtype::AAAA | rtype::ANY | rtype::TXT) {
            return Ok(());
        }
        let node = self.catalog(dc, out)?.node(name).ok_or(Failure::NoName)?;
        if qtype != rtype::TXT {
            let records = self.node_records(&node, qtype, &ask.owner, ask.depth, &mut out.wants);
            out.answers.extend(records);
        }
        let texts = texts(&node, &ask.owner, self.rules.node_ttl);
        if matches!(qtype, rtype::TXT | rtype::ANY) {
            out.answers.extend(texts);
        } else if self.rules.settings().enable_additional_node_meta_txt {
            out.additional.extend(texts);
        }
        Ok(())
    }

    /// The record of a node's address, or the alias and what is behind it.
    pub(crate) fn node_records(
        &mut self,
        node: &Node,
        qtype: u16,
        owner: &Owner,
        depth: u8,
        wants: &mut Vec<Want>,
    ) -> Vec<Record> {
        let ttl = self.rules.node_ttl;
        let record = |data| Record {
            owner: owner.clone(),
            ttl,
            data,
        };
        match ip(node_address(self.rules, node, qtype)) {
            Some(ip) if asks_for(qtype, ip) => vec![record(Data::from_ip(ip))],
            Some(_) => Vec::new(),
            None => {
                let Some(target) = DnsName::from_text(&node.address) else {
                    return Vec::new();
                };
                let mut records = vec![record(Data::Cname(target.clone()))];
                records.extend(self.resolve(&target, depth, wants));
                records
            }
        }
    }

    /// The instances of a service: in random order, the unhealthy ones left out, only so many as
    /// can fit.
    fn service(
        &mut self,
        ask: &Ask<'_>,
        dc: Option<&str>,
        name: &str,
        tag: Option<&str>,
        instances: &[C::Instance],
        out: &mut Answer,
    ) -> Result<(), Failure> {
        let own_dc = self.rules.settings().datacenter.as_str();
        let mut answers = ServiceAnswers {
            ask,
            dc: dc.unwrap_or(own_dc),
            ttl: self.rules.service_ttl(name),
            budget: ask.budget,
            instances: 0,
            alias: None,
            seen_addresses: Seen::default(),
            seen_targets: Seen::default(),
        };
        let mut order: Vec<usize> = (0..instances.len()).collect();
        let mut exists = false;
        for at in 0..order.len() {
            let other = self.rng.random_range(at..order.len());
            order.swap(at, other);
            let instance = &instances[order[at]];
            if !is_served(self.rules, instance.health()) || !has_tag(instance.service(), tag) {
                continue;
            }
            exists = true;
            let full = if ask.qtype == rtype::SRV {
                answers.add_srv(self, instance, out)
            } else {
                answers.add_address(self, instance, out)
            };
            if full {
                break;
            }
        }
        if out.answers.is_empty()
            && let Some(target) = answers.alias.take()
        {
            answers.add_alias(self, target, out);
        }
        match (exists, out.answers.is_empty()) {
            (false, _) => Err(Failure::NoName),
            (true, true) => Err(Failure::NoData),
            (true, false) => Ok(()),
        }
    }

    /// The records behind an alias: from the catalog when the name is in one of our zones, else
    /// what a recursor said; wanted when none was asked yet.
    fn resolve(&mut self, name: &DnsName, depth: u8, wants: &mut Vec<Want>) -> Vec<Record> {
        let text = name.to_lower_text();
        if let Place::Ours(zone, left) = place(self.rules, &text)
            && !left.is_empty()
        {
            let Some(depth) = depth.checked_sub(1) else {
                return Vec::new();
            };
            let ask = Ask {
                left,
                zone,
                owner: Owner::Name(name.clone()),
                full: &text,
                qtype: rtype::ANY,
                edns: false,
                depth,
                budget: Budget::NESTED,
            };
            let mut inner = Answer::default();
            // A name that leads nowhere leaves the alias without records, as the recursor's would.
            let _ = self.dispatch(&ask, &mut inner);
            wants.append(&mut inner.wants);
            return inner.answers;
        }
        if self.rules.settings().recursors.is_empty() {
            return Vec::new();
        }
        if let Some(records) = self.world.resolved.get(name) {
            return records.clone();
        }
        wants.push(Want::Name(name.clone()));
        Vec::new()
    }
}

/// The answers for a service while they are gathered.
struct ServiceAnswers<'s, 'i> {
    ask: &'s Ask<'s>,
    dc: &'s str,
    ttl: u32,
    budget: Budget,
    /// Instances that gave an answer.
    instances: usize,
    /// The host of the first instance that has no address; given when no instance has one.
    alias: Option<DnsName>,
    seen_addresses: Seen<IpAddr>,
    seen_targets: Seen<(&'i str, &'i str, u16)>,
}

impl<'i> ServiceAnswers<'_, 'i> {
    fn reach(&self, rules: &Rules, node: &'i Node, service: &'i NodeService) -> Option<Reach<'i>> {
        let qtype = self.ask.qtype;
        let own = service_address(rules, self.dc, service, qtype);
        let of_node = node_address(rules, node, qtype);
        let reach = match (own, of_node) {
            ("", "") => return None,
            ("", _) => match ip(of_node) {
                Some(ip) if of_node == node.address => Reach::Node(ip),
                Some(ip) => Reach::Address(ip),
                None => Reach::Host(of_node),
            },
            _ => match (ip(own), ip(of_node)) {
                (Some(ip), _) => Reach::Address(ip),
                // An alias for the very name that is asked for would lead in circles.
                (None, Some(ip)) if is_same_name(own, self.ask.full) => Reach::Node(ip),
                (None, _) => Reach::Host(own),
            },
        };
        Some(reach)
    }

    /// Adds what answers A, AAAA, ANY and TXT; true when more would be in vain.
    fn add_address<C: Catalog, R: Rng>(
        &mut self,
        lookups: &mut Lookups<'_, '_, C, R>,
        instance: &'i C::Instance,
        out: &mut Answer,
    ) -> bool {
        let reach = self.reach(lookups.rules, instance.node(), instance.service());
        let ip = match reach {
            None => return false,
            Some(Reach::Host(host)) => {
                self.alias = self.alias.take().or_else(|| DnsName::from_text(host));
                return false;
            }
            Some(Reach::Node(ip) | Reach::Address(ip)) => ip,
        };
        if !asks_for(self.ask.qtype, ip) || !self.seen_addresses.insert(ip) {
            return false;
        }
        let record = Record {
            owner: self.ask.owner.clone(),
            ttl: self.ttl,
            data: Data::from_ip(ip),
        };
        let full = self.budget.spend(&record);
        out.answers.push(record);
        self.instances += 1;
        full || self.instances == lookups.rules.settings().a_record_limit
    }

    /// Adds an alias and what is behind it.
    fn add_alias<C: Catalog, R: Rng>(
        &self,
        lookups: &mut Lookups<'_, '_, C, R>,
        target: DnsName,
        out: &mut Answer,
    ) {
        let behind = self.behind(lookups, &target, out);
        out.answers.push(Record {
            owner: self.ask.owner.clone(),
            ttl: self.ttl,
            data: Data::Cname(target),
        });
        out.answers.extend(behind);
    }

    /// Adds an SRV record and what helps to use it; true when more would be in vain.
    fn add_srv<C: Catalog, R: Rng>(
        &mut self,
        lookups: &mut Lookups<'_, '_, C, R>,
        instance: &'i C::Instance,
        out: &mut Answer,
    ) -> bool {
        let (node, service) = (instance.node(), instance.service());
        let port = service_port(lookups.rules, self.dc, service);
        let address = service_address(lookups.rules, self.dc, service, rtype::SRV);
        if !self.seen_targets.insert((&node.node, address, port)) {
            return false;
        }
        let Some(reach) = self.reach(lookups.rules, node, service) else {
            return false;
        };
        let zone = self.ask.zone.text.as_str();
        let node_name = DnsName::from_parts(&[&node.node, "node", self.dc, zone]);
        let target = match &reach {
            Reach::Node(_) => node_name.clone(),
            Reach::Address(ip) => DnsName::from_parts(&[&hex(*ip), "addr", self.dc, zone]),
            Reach::Host(host) => DnsName::from_text(host),
        };
        // An instance whose name does not fit into DNS cannot be told of.
        let Some(target) = target else { return false };
        let weight = match instance.health() {
            Status::Passing => service.weights.passing,
            Status::Warning => service.weights.warning,
            Status::Critical => 0,
        };
        let record = Record {
            owner: self.ask.owner.clone(),
            ttl: self.ttl,
            data: Data::Srv {
                weight: u16::try_from(weight).unwrap_or(u16::MAX),
                port,
                target: target.clone(),
            },
        };
        let full = self.budget.spend(&record);
        out.answers.push(record);
        match reach {
            Reach::Node(ip) | Reach::Address(ip) => out.additional.push(Record {
                owner: Owner::Name(target),
                ttl: self.ttl,
                data: Data::from_ip(ip),
            }),
            Reach::Host(_) => {
                let behind = self.behind(lookups, &target, out);
                out.additional.extend(behind);
            }
        }
        if lookups.rules.settings().enable_additional_node_meta_txt
            && let Some(name) = node_name
        {
            out.additional
                .extend(texts(node, &Owner::Name(name), self.ttl));
        }
        full
    }

    /// Addresses and aliases behind a host, with the service's TTL.
    fn behind<C: Catalog, R: Rng>(
        &self,
        lookups: &mut Lookups<'_, '_, C, R>,
        host: &DnsName,
        out: &mut Answer,
    ) -> Vec<Record> {
        let most = if self.ask.edns {
            usize::MAX
        } else {
            MAX_ALIAS_RECORDS
        };
        let mut records = lookups.resolve(host, self.ask.depth, &mut out.wants);
        records.retain(|r| matches!(r.data, Data::A(_) | Data::Aaaa(_) | Data::Cname(_)));
        records.truncate(most);
        for record in &mut records {
            record.ttl = self.ttl;
        }
        records
    }
}

/// Whether a question of that type takes an address of that family. TXT and SRV questions take
/// both, as in Consul.
fn asks_for(qtype: u16, ip: IpAddr) -> bool {
    match qtype {
        rtype::A => ip.is_ipv4(),
        rtype::AAAA => ip.is_ipv6(),
        rtype::ANY | rtype::SRV | rtype::TXT => true,
        _ => false,
    }
}

fn has_tag(service: &NodeService, tag: Option<&str>) -> bool {
    tag.is_none_or(|tag| service.tags.iter().any(|own| own.eq_ignore_ascii_case(tag)))
}

/// Whether a registered host name is the (lower-case, dot-less) name of the question.
fn is_same_name(host: &str, full: &str) -> bool {
    host.strip_suffix('.')
        .unwrap_or(host)
        .eq_ignore_ascii_case(full)
}

/// An address as the label of an `addr` name.
fn hex(ip: IpAddr) -> String {
    let mut text = String::with_capacity(32);
    let mut push = |byte: &u8| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    };
    match ip {
        IpAddr::V4(ip) => ip.octets().iter().for_each(&mut push),
        IpAddr::V6(ip) => ip.octets().iter().for_each(&mut push),
    }
    text
}

/// A node's metadata as TXT records.
fn texts<'t>(node: &'t Node, owner: &'t Owner, ttl: u32) -> impl Iterator<Item = Record> + 't {
    let meta = node.meta.iter().flatten();
    meta.map(move |(key, value)| Record {
        owner: owner.clone(),
        ttl,
        data: Data::Txt(meta_text(key, value).into_bytes().into()),
    })
}

/// `key=value` as RFC 1464 writes it: in the key, backquotes, equals signs and blanks at either end
/// are quoted with a backquote; in the value, backquotes. A key that starts with `rfc1035-` stays
/// away, its value is given as it is.
fn meta_text(key: &str, value: &str) -> String {
    let prefix = key.get(.."rfc1035-".len());
    if prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case("rfc1035-")) {
        return value.to_owned();
    }
    let inner = key.trim_matches(' ');
    let leading = key.len() - key.trim_start_matches(' ').len();
    let trailing = key.len() - leading - inner.len();
    let mut text = "` ".repeat(leading);
    for character in inner.chars() {
        if matches!(character, '`' | '=') {
            text.push('`');
        }
        text.push(character);
    }
    text.push_str(&"` ".repeat(trailing));
    text.push('=');
    text.push_str(&value.replace('`', "``"));
    text
}

/// A set that is a list while it is small: most answers have three records.
#[derive(Debug)]
struct Seen<K> {
    few: Vec<K>,
    many: HashSet<K>,
}

impl<K> Default for Seen<K> {
    fn default() -> Self {
        Self {
            few: Vec::new(),
            many: HashSet::new(),
        }
    }
}

impl<K: Copy + Eq + Hash> Seen<K> {
    /// Keys up to which the list is searched.
    const FEW: usize = 32;

    /// Adds a key; false when it was there.
    fn insert(&mut self, key: K) -> bool {
        if self.few.len() < Self::FEW {
            let new = !self.few.contains(&key);
            if new {
                self.few.push(key);
            }
            return new;
        }
        if self.many.is_empty() {
            self.many.extend(self.few.iter().copied());
        }
        self.many.insert(key)
    }
}
