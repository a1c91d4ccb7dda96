//! What a name in one of our zones means: nodes, services, addresses, and the aliases behind them.

use std::net::IpAddr;

use rand::{Rng, RngExt};

use super::address::{ip, node_address};
use super::answer::{Answer, Place, is_served, place};
use super::catalog::{Catalog, Instance, QueryAsk};
use super::instances::ServiceAnswers;
use super::meta::texts;
use super::name::{Lookup, parse};
use super::record::{Data, DnsName, Owner, Record, rtype};
use super::settings::{Rules, Zone};
use super::truncate::Budget;
use super::world::{Pieces, Want, World};
use crate::model::duration::parse_go_duration;
use crate::model::node::Node;
use crate::model::service::NodeService;

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
    /// The address of the client subnet that it names.
    pub(crate) subnet: Option<IpAddr>,
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
pub(crate) struct Lookups<'l, 'w, C: Catalog, R> {
    pub(crate) rules: &'l Rules,
    pub(crate) world: &'l World<'w, C>,
    pub(crate) rng: &'l mut R,
}

impl<'l, C: Catalog, R: Rng> Lookups<'l, '_, C, R> {
    /// Adds the records for a question to `out`.
    pub(crate) fn dispatch(&mut self, ask: &Ask<'_>, out: &mut Answer) -> Result<(), Failure> {
        match parse(ask.left, ask.qtype) {
            Lookup::Node { name, dc } => self.node(ask, name, dc, out),
            Lookup::Service { name, tag, dc } => {
                let instances = self.catalog(dc).service(name, &mut out.wants)?;
                self.service(ask, dc, name, tag, &instances, out)
            }
            Lookup::Connect { name, dc } => {
                let instances = self.catalog(dc).connect(name, &mut out.wants)?;
                self.service(ask, dc, name, None, &instances, out)
            }
            Lookup::Ingress { name, dc } => {
                let instances = self.catalog(dc).ingress(name, &mut out.wants)?;
                self.service(ask, dc, name, None, &instances, out)
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
            Lookup::Query { name, dc } => self.query(ask, name, dc, out),
            // Virtual addresses: none exist.
            Lookup::Virtual { .. } | Lookup::Invalid => Err(Failure::NoName),
        }
    }

    /// The catalog of a datacenter that a name gives.
    fn catalog<'s>(&self, dc: Option<&'s str>) -> Pieces<'s, C>
    where
        'l: 's,
    {
        let own = &self.rules.settings().datacenter;
        self.world.of(dc.filter(|dc| !dc.eq_ignore_ascii_case(own)))
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
        let node = self.catalog(dc).node(name, &mut out.wants)?;
        let node = node.ok_or(Failure::NoName)?;
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
        let ttl = self.rules.service_ttl(name);
        let mut answers = ServiceAnswers::new(ask, dc.unwrap_or(own_dc), ttl);
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
            if answers.add(self, instance, out) {
                break;
            }
        }
        answers.finish(self, exists, out)
    }

    /// What a prepared query finds: in its order, and healthy enough for it. The answer may be good for the asker only.
    fn query(
        &mut self,
        ask: &Ask<'_>,
        name: &str,
        dc: Option<&str>,
        out: &mut Answer,
    ) -> Result<(), Failure> {
        let settings = self.rules.settings();
        let ip = ask.subnet.or(self.world.client);
        let asked = QueryAsk {
            name: name.to_owned(),
            ip: ip.map_or_else(String::new, |ip| ip.to_canonical().to_string()),
            agent: settings.node_name.clone(),
        };
        out.subnet_only = true;
        let seed = self.rng.random();
        let found = self.catalog(dc).query(&asked, seed, &mut out.wants)?;
        let ttl = match parse_go_duration(&found.ttl) {
            Ok(nanos) => u32::try_from(nanos / 1_000_000_000).unwrap_or(0),
            Err(_) => self.rules.service_ttl(&found.service),
        };
        let own = match found.datacenter.as_str() {
            "" => dc.unwrap_or(&settings.datacenter),
            other => other,
        };
        let mut answers = ServiceAnswers::new(ask, own, ttl);
        for instance in found.instances.iter() {
            if answers.add(self, instance, out) {
                break;
            }
        }
        answers.finish(self, !found.instances.is_empty(), out)
    }

    /// The records behind an alias: from the catalog when the name is in one of our zones, else
    /// what a recursor said; wanted when none was asked yet.
    pub(crate) fn resolve(
        &mut self,
        name: &DnsName,
        depth: u8,
        wants: &mut Vec<Want>,
    ) -> Vec<Record> {
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
                subnet: None,
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

/// Whether a question of that type takes an address of that family. TXT and SRV questions take
/// both, as in Consul.
pub(crate) fn asks_for(qtype: u16, ip: IpAddr) -> bool {
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
