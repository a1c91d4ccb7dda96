//! From a question to an answer: zones, start of authority, name servers, reverse names; what a
//! name in the zone means is worked out by [`super::lookup`].

use rand::{Rng, RngExt};

use super::catalog::{Catalog, Instance};
use super::lookup::{Ask, Failure, Lookups};
use super::name::{QueryName, strip_zone};
use super::ptr::{REVERSE_ZONE, reverse_address};
use super::record::{Data, DnsName, Owner, Rcode, Record, Soa, rtype};
use super::request::Request;
use super::settings::{Rules, Zone};
use super::truncate::{Limits, Transport};
use super::world::{Want, World};
use crate::model::check::Status;

/// The service under which the servers of a datacenter are registered.
const SERVERS: &str = "consul";
/// Name servers in an answer.
const MAX_NAME_SERVERS: usize = 3;
/// How many aliases inside our zones are followed behind each other.
pub(crate) const MAX_ALIAS_DEPTH: u8 = 3;

/// An answer before it is encoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// How it went.
    pub rcode: Rcode,
    /// The name is in one of our zones.
    pub authoritative: bool,
    /// There is a recursor.
    pub recursion_available: bool,
    /// Records are missing.
    pub truncated: bool,
    /// The answer is good only for the client's subnet.
    pub subnet_only: bool,
    /// Records that answer.
    pub answers: Vec<Record>,
    /// Records about the zone.
    pub authority: Vec<Record>,
    /// Records that may help, without OPT.
    pub additional: Vec<Record>,
    /// What has to be found out before the answer is whole. When there is anything, find it out, put
    /// it into the [`World`] and answer again, with a generator in the same state.
    pub wants: Vec<Want>,
}

impl Answer {
    /// Makes it empty, keeping its buffers.
    pub fn clear(&mut self) {
        self.rcode = Rcode::NoError;
        self.authoritative = false;
        self.recursion_available = false;
        self.truncated = false;
        self.subnet_only = false;
        self.answers.clear();
        self.authority.clear();
        self.additional.clear();
        self.wants.clear();
    }
}

/// What to do with a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Send the answer, cut to `limits` where there are any.
    Answer(Option<Limits>),
    /// The name is foreign: ask the recursors; without any, refuse.
    Foreign,
    /// A reverse name that is none of ours: ask the recursors; without any, the lookup fails.
    ForeignAddress,
}

/// Answers a question from what is known.
pub fn answer<C: Catalog, R: Rng>(
    request: &Request<'_>,
    transport: Transport,
    rules: &Rules,
    world: &World<'_, C>,
    rng: &mut R,
    out: &mut Answer,
) -> Verdict {
    out.clear();
    let name = QueryName::from_wire(request.question.name);
    let (zone, left) = match place(rules, name.as_str()) {
        Place::Ours(zone, left) => (zone, left),
        Place::Reverse => return reverse(request, rules, world, name.as_str(), out),
        Place::Foreign => return Verdict::Foreign,
    };
    let limits = Limits::new(request, transport, rules);
    out.authoritative = true;
    out.recursion_available = !rules.settings().recursors.is_empty();
    match request.question.qtype {
        rtype::SOA => {
            out.answers.push(soa(rules, zone, world.unix_time));
            let records = (&mut out.authority, &mut out.additional);
            name_servers(rules, zone, world, rng, records, &mut out.wants);
        }
        rtype::NS => {
            let records = (&mut out.answers, &mut out.additional);
            name_servers(rules, zone, world, rng, records, &mut out.wants);
        }
        rtype::AXFR => out.rcode = Rcode::NotImp,
        qtype => {
            let ask = Ask {
                left,
                zone,
                owner: Owner::Question,
                full: name.as_str(),
                qtype,
                edns: request.edns.is_some(),
                subnet: request.edns.and_then(|edns| edns.subnet?.ip()),
                depth: MAX_ALIAS_DEPTH,
                budget: limits.budget(),
            };
            let failure = Lookups { rules, world, rng }.dispatch(&ask, out).err();
            out.rcode = match failure {
                None | Some(Failure::NoData) => Rcode::NoError,
                Some(Failure::NoName) => Rcode::NxDomain,
                Some(Failure::Unknown) => Rcode::ServFail,
            };
            if matches!(failure, Some(Failure::NoData | Failure::NoName)) {
                out.authority.push(soa(rules, zone, world.unix_time));
            }
        }
    }
    Verdict::Answer(Some(limits))
}

/// Where a name belongs.
pub(crate) enum Place<'r, 'n> {
    /// In one of our zones; the text is what stands left of the zone.
    Ours(&'r Zone, &'n str),
    /// Among the reverse names.
    Reverse,
    /// Elsewhere.
    Foreign,
}

/// Finds the longest zone that holds a name.
pub(crate) fn place<'r, 'n>(rules: &'r Rules, name: &'n str) -> Place<'r, 'n> {
    let mut zones = [Some(&rules.zone), rules.alt_zone.as_ref()];
    zones.sort_by_key(|zone| std::cmp::Reverse(zone.map_or(0, |zone| zone.text.len())));
    let ours = zones.into_iter().flatten();
    let mut ours = ours.filter_map(|zone| Some((zone, strip_zone(name, &zone.text)?)));
    let ours = ours.next();
    if strip_zone(name, REVERSE_ZONE).is_some()
        && ours.is_none_or(|(zone, _)| zone.text.len() < REVERSE_ZONE.len())
    {
        return Place::Reverse;
    }
    ours.map_or(Place::Foreign, |(zone, left)| Place::Ours(zone, left))
}

/// The start of authority of a zone.
fn soa(rules: &Rules, zone: &Zone, unix_time: u32) -> Record {
    let times = rules.settings().soa;
    Record {
        owner: Owner::Name(zone.apex.clone()),
        ttl: times.min_ttl,
        data: Data::Soa(Box::new(Soa {
            mname: zone.mname.clone(),
            rname: zone.rname.clone(),
            serial: unix_time,
            refresh: times.refresh,
            retry: times.retry,
            expire: times.expire,
            min_ttl: times.min_ttl,
        })),
    }
}

/// Up to three servers of this datacenter as the zone's name servers, and their addresses. None where no server
/// says who they are.
fn name_servers<C: Catalog, R: Rng>(
    rules: &Rules,
    zone: &Zone,
    world: &World<'_, C>,
    rng: &mut R,
    (servers, glue): (&mut Vec<Record>, &mut Vec<Record>),
    wants: &mut Vec<Want>,
) {
    let Ok(instances) = world.of(None).service(SERVERS, wants) else {
        return;
    };
    let mut order: Vec<&C::Instance> = instances
        .iter()
        .filter(|instance| is_served(rules, instance.health()))
        .collect();
    for at in 0..order.len() {
        let other = rng.random_range(at..order.len());
        order.swap(at, other);
        let node = order[at].node();
        let dc = if node.datacenter.is_empty() {
            &rules.settings().datacenter
        } else {
            &node.datacenter
        };
        let host = node
            .node
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let lower = [node.node.to_ascii_lowercase(), dc.to_ascii_lowercase()];
        let name = DnsName::from_parts(&[&lower[0], "node", &lower[1], &zone.text]);
        let Some(name) = name.filter(|_| host) else {
            continue;
        };
        servers.push(Record {
            owner: Owner::Name(zone.apex.clone()),
            ttl: rules.node_ttl,
            data: Data::Ns(name.clone()),
        });
        let owner = Owner::Name(name);
        let mut lookups = Lookups { rules, world, rng };
        let mut behind = Vec::new();
        glue.extend(lookups.node_records(node, rtype::ANY, &owner, MAX_ALIAS_DEPTH, &mut behind));
        // Foreign names behind a server's are left to whoever needs them.
        behind.retain(|want| matches!(want, Want::Fetch(_)));
        wants.append(&mut behind);
        if servers.len() >= MAX_NAME_SERVERS {
            break;
        }
    }
}

/// Whether instances in that health are given to clients.
pub(crate) fn is_served(rules: &Rules, health: Status) -> bool {
    match health {
        Status::Passing => true,
        Status::Warning => !rules.settings().only_passing,
        Status::Critical => false,
    }
}

/// Reverse names: a node's address first, then a service's own. The answer is in the primary zone.
fn reverse<C: Catalog>(
    request: &Request<'_>,
    rules: &Rules,
    world: &World<'_, C>,
    name: &str,
    out: &mut Answer,
) -> Verdict {
    let zone = rules.zone.text.as_str();
    let own_dc = rules.settings().datacenter.as_str();
    let target = reverse_address(name).and_then(|ip| {
        // Where no server answers, the recursors are asked as if the address were unknown.
        let catalog = world.of(None);
        if let Some(node) = catalog.node_by_address(ip, &mut out.wants).ok()? {
            let dc = Some(node.datacenter.as_str()).filter(|dc| !dc.is_empty());
            return DnsName::from_parts(&[&node.node, "node", dc.unwrap_or(own_dc), zone]);
        }
        let service = catalog.service_by_address(ip, &mut out.wants).ok()??;
        DnsName::from_parts(&[&service, "service", own_dc, zone])
    });
    let Some(target) = target else {
        return Verdict::ForeignAddress;
    };
    out.authoritative = true;
    out.recursion_available = !rules.settings().recursors.is_empty();
    out.answers.push(Record {
        owner: Owner::Question,
        ttl: 0,
        data: Data::Ptr(target),
    });
    if request.question.qtype == rtype::SOA {
        out.authority.push(soa(rules, &rules.zone, world.unix_time));
    }
    Verdict::Answer(None)
}
