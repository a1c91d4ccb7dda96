//! The instances of a service as records: addresses, aliases, SRV records with what helps to use
//! them.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::hash::Hash;
use std::net::IpAddr;

use rand::Rng;

use super::address::{ip, node_address, service_address, service_port};
use super::answer::Answer;
use super::catalog::{Catalog, Instance};
use super::lookup::{Ask, Failure, Lookups, asks_for};
use super::meta::texts;
use super::record::{Data, DnsName, Owner, Record, rtype};
use super::settings::Rules;
use super::truncate::Budget;
use crate::model::check::Status;
use crate::model::node::Node;
use crate::model::service::NodeService;

/// Records behind a foreign name in the answer to a client without EDNS.
const MAX_ALIAS_RECORDS: usize = 5;

/// Where an instance can be reached.
enum Reach<'i> {
    /// At its node's own address: the node's name leads there.
    Node(IpAddr),
    /// At an address of its own, or one that its node's name does not lead to.
    Address(IpAddr),
    /// At a host that has a name only.
    Host(&'i str),
}

/// The answers for a service while they are gathered.
pub(crate) struct ServiceAnswers<'s, 'i> {
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

impl<'s, 'i> ServiceAnswers<'s, 'i> {
    /// None yet.
    pub(crate) fn new(ask: &'s Ask<'s>, dc: &'s str, ttl: u32) -> Self {
        Self {
            ask,
            dc,
            ttl,
            budget: ask.budget,
            instances: 0,
            alias: None,
            seen_addresses: Seen::default(),
            seen_targets: Seen::default(),
        }
    }

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

    /// Adds what an instance answers to the question; true when more would be in vain.
    pub(crate) fn add<C: Catalog, R: Rng>(
        &mut self,
        lookups: &mut Lookups<'_, '_, C, R>,
        instance: &'i C::Instance,
        out: &mut Answer,
    ) -> bool {
        if self.ask.qtype == rtype::SRV {
            self.add_srv(lookups, instance, out)
        } else {
            self.add_address(lookups, instance, out)
        }
    }

    /// Ends the gathering, after instances that were there or were not.
    ///
    /// # Errors
    /// When nothing answers the question.
    pub(crate) fn finish<C: Catalog, R: Rng>(
        mut self,
        lookups: &mut Lookups<'_, '_, C, R>,
        exists: bool,
        out: &mut Answer,
    ) -> Result<(), Failure> {
        if out.answers.is_empty() {
            self.add_alias(lookups, out);
        }
        match (exists, out.answers.is_empty()) {
            (false, _) => Err(Failure::NoName),
            (true, true) => Err(Failure::NoData),
            (true, false) => Ok(()),
        }
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

    /// Adds the alias for the first instance that has only a host name, and what is behind it.
    fn add_alias<C: Catalog, R: Rng>(
        &mut self,
        lookups: &mut Lookups<'_, '_, C, R>,
        out: &mut Answer,
    ) {
        let Some(target) = self.alias.take() else {
            return;
        };
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
