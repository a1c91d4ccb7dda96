//! A catalog and settings from lines of text, and questions as packets.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hickory_proto::op::Message;
use rand::SeedableRng;
use rand::rngs::SmallRng;

use crate::agent::dns::answer::{Answer, Verdict, answer};
use crate::agent::dns::encode::Encoder;
use crate::agent::dns::record::{Data, DnsName, Owner, Rcode, Record};
use crate::agent::dns::request::parse;
use crate::agent::dns::settings::Rules;
use crate::agent::dns::truncate::{Transport, truncate};
use crate::agent::dns::world::{FetchError, Fetched, Need, Want, World};
use crate::agent::dns::{
    Backend, DnsSettings, Fetch, Servers, Staleness, StoreView, fetch, parse_recursor,
};
use crate::agent::rpc::wire::{ReadOptions, RemoteQuery};
use crate::agent::rpc::{Consistency, QueryMeta, QueryOptions};
use crate::agent::store::{Command, Response, State, Touched, WatchSet};
use crate::model::catalog::RegisterRequest;
use crate::model::check::{HealthCheck, Status};
use crate::model::node::StringMap;
use crate::model::service::{NodeService, ServiceAddress, Weights};

/// What a script has set up.
#[derive(Default)]
pub(super) struct Fixture {
    state: State,
    index: u64,
    pub(super) settings: DnsSettings,
    /// Whether all of the catalog has to be fetched, as on a client agent.
    pub(super) client: bool,
    remote: HashMap<String, Result<StoreView, FetchError>>,
    resolved: HashMap<DnsName, Vec<Record>>,
}

impl Backend for Fixture {
    type Catalog = StoreView;

    fn local(&self, _staleness: Staleness) -> Option<StoreView> {
        (!self.client).then(|| self.view())
    }

    async fn fetch(&self, _staleness: Staleness, need: &Need) -> Fetch<Self> {
        fetch(self, need).await
    }
}

/// The servers: what they are asked and what they answer takes the way over the wire.
impl Servers for Fixture {
    async fn ask<Q: RemoteQuery>(
        &self,
        datacenter: &str,
        query: Q,
    ) -> Result<Q::Answer, FetchError> {
        let StoreView(state) = match datacenter {
            "" => self.view(),
            dc => self
                .remote
                .get(dc)
                .cloned()
                .unwrap_or(Err(FetchError::NoPath))?,
        };
        let options = ReadOptions {
            query: QueryOptions {
                datacenter: "dc1".to_owned(),
                ..QueryOptions::default()
            },
            ..ReadOptions::default()
        };
        let request = query.encode_request(&options).unwrap();
        let (_, asked) = Q::decode_request(&request).unwrap();
        let (index, answer) = asked.run(&state, &mut WatchSet::default());
        let meta = QueryMeta {
            index,
            known_leader: true,
            last_contact_ms: 0,
            consistency: Consistency::Stale,
            generation: 0,
        };
        let reply = Q::encode_reply(&meta, answer).unwrap();
        Ok(query.decode_reply(&reply).unwrap().1)
    }
}

/// The outcome of something that does not wait.
fn at_once<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("had to wait"),
    }
}

impl Fixture {
    fn view(&self) -> StoreView {
        StoreView(Arc::new(self.state.clone()))
    }

    /// From the lines of a script.
    pub(super) fn new(lines: &str) -> Self {
        let mut fixture = Self::default();
        lines.lines().for_each(|line| fixture.line(line));
        fixture
    }

    /// One line: `node`, `service`, `check`, `set`, `remote` or `resolved` with its words.
    pub(super) fn line(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [] => {}
            [word, ..] if word.starts_with('#') => {}
            ["node", name, address, ref rest @ ..] => self.node(name, address, rest),
            ["service", node, name, port, ref rest @ ..] => {
                self.service(node, name, port.parse().unwrap(), rest);
            }
            ["client"] => self.client = true,
            ["set", key, value] => set(&mut self.settings, key, value),
            ["remote", dc, "unavailable"] => {
                self.remote
                    .insert(dc.to_owned(), Err(FetchError::Unavailable));
            }
            ["remote", dc, "nopath"] => {
                self.remote.insert(dc.to_owned(), Err(FetchError::NoPath));
            }
            ["remote", dc, "same"] => {
                self.remote.insert(dc.to_owned(), Ok(self.view()));
            }
            ["resolved", name, ref addresses @ ..] => {
                let name = DnsName::from_text(name).unwrap();
                let records = addresses.iter().map(|address| Record {
                    owner: Owner::Name(name.clone()),
                    ttl: 77,
                    data: address.parse().map_or_else(
                        |_| Data::Cname(DnsName::from_text(address).unwrap()),
                        Data::from_ip,
                    ),
                });
                let records = records.collect();
                self.resolved.insert(name, records);
            }
            _ => panic!("not understood: {line}"),
        }
    }

    fn register(&mut self, request: RegisterRequest) {
        self.index += 1;
        let command = Command::Register(Box::new(request));
        let response = self
            .state
            .apply(self.index, &command, &mut Touched::default());
        assert!(matches!(response, Response::Done), "{response:?}");
    }

    fn node(&mut self, name: &str, address: &str, rest: &[&str]) {
        let (tags, meta): (Vec<_>, Vec<_>) = rest.iter().partition(|word| word.starts_with('@'));
        let map = |words: Vec<&&str>| -> StringMap {
            let pairs = words
                .iter()
                .map(|word| word.trim_start_matches('@').split_once('=').unwrap());
            pairs
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect()
        };
        self.register(RegisterRequest {
            node: name.to_owned(),
            address: address.to_owned(),
            datacenter: "dc1".to_owned(),
            tagged_addresses: Some(map(tags)),
            node_meta: Some(map(meta)),
            ..RegisterRequest::default()
        });
    }

    fn service(&mut self, node: &str, name: &str, port: i64, rest: &[&str]) {
        let id = format!("{name}-{port}");
        let mut service = NodeService {
            id: id.clone(),
            service: name.to_owned(),
            port,
            ..NodeService::default()
        };
        let mut status = Status::Passing;
        let mut of_node = false;
        let mut tagged = HashMap::new();
        for word in rest {
            match word.split_once('=') {
                Some(("address", address)) => address.clone_into(&mut service.address),
                Some(("tags", tags)) => service.tags = tags.split(',').map(str::to_owned).collect(),
                Some(("status", text)) => status = Status::parse(text).unwrap(),
                Some(("node-status", text)) => {
                    (status, of_node) = (Status::parse(text).unwrap(), true);
                }
                Some(("weights", text)) => {
                    let (passing, warning) = text.split_once('/').unwrap();
                    service.weights = Weights {
                        passing: passing.parse().unwrap(),
                        warning: warning.parse().unwrap(),
                    };
                }
                Some(("proxy-for", name)) => {
                    "connect-proxy".clone_into(&mut service.kind);
                    name.clone_into(&mut service.proxy.destination_service_name);
                }
                Some((tag, address)) => {
                    tagged.insert(
                        tag.trim_start_matches('@').to_owned(),
                        ServiceAddress {
                            address: address.to_owned(),
                            port: 0,
                        },
                    );
                }
                None => panic!("not understood: {word}"),
            }
        }
        if !tagged.is_empty() {
            service.tagged_addresses = Some(tagged.into_iter().collect());
        }
        let check = HealthCheck {
            node: node.to_owned(),
            check_id: format!("check-{id}"),
            name: "check".to_owned(),
            status,
            service_id: if of_node { String::new() } else { id },
            service_name: if of_node {
                String::new()
            } else {
                name.to_owned()
            },
            ..HealthCheck::default()
        };
        self.register(RegisterRequest {
            node: node.to_owned(),
            address: self.state.node(node).unwrap().address.clone(),
            datacenter: "dc1".to_owned(),
            skip_node_update: true,
            service: Some(service),
            checks: vec![check],
            ..RegisterRequest::default()
        });
    }

    /// The answer to a packet, as another implementation reads it; the second value is its size.
    pub(super) fn ask(&self, packet: &[u8], transport: Transport, seed: u64) -> (Message, usize) {
        let bytes = self.ask_raw(packet, transport, seed);
        (Message::from_vec(&bytes).unwrap(), bytes.len())
    }

    /// The answer to a packet.
    pub(super) fn ask_raw(&self, packet: &[u8], transport: Transport, seed: u64) -> Vec<u8> {
        let rules = Rules::new(self.settings.clone()).unwrap();
        let request = parse(packet).unwrap();
        let local = self.local(Staleness::default());
        let mut fetched: Fetched<StoreView> = HashMap::new();
        let (mut out, mut encoder) = (Answer::default(), Encoder::default());
        let verdict = loop {
            let world = World {
                local: local.as_ref(),
                fetched: &fetched,
                resolved: &self.resolved,
                unix_time: 1,
                client: None,
            };
            let mut rng = SmallRng::seed_from_u64(seed);
            let verdict = answer(&request, transport, &rules, &world, &mut rng, &mut out);
            if out.wants.is_empty() {
                break verdict;
            }
            for want in std::mem::take(&mut out.wants) {
                let Want::Fetch(need) = want else {
                    panic!("a script has to tell of everything that is wanted: {want:?}");
                };
                let found = at_once(fetch(self, &need));
                fetched.insert(need, found);
            }
        };
        match verdict {
            Verdict::Answer(Some(limits)) => {
                truncate(&request, limits, &rules, &mut encoder, &mut out);
            }
            Verdict::Answer(None) => {}
            Verdict::Foreign => out.rcode = Rcode::Refused,
            Verdict::ForeignAddress => out.rcode = Rcode::ServFail,
        }
        let compress = !rules.settings().disable_compression;
        encoder.encode(&request, &out, compress).to_vec()
    }
}

fn set(settings: &mut DnsSettings, key: &str, value: &str) {
    let seconds = |text: &str| Duration::from_secs(text.parse().unwrap());
    match key {
        "datacenter" => value.clone_into(&mut settings.datacenter),
        "domain" => value.clone_into(&mut settings.domain),
        "alt_domain" => value.clone_into(&mut settings.alt_domain),
        "only_passing" => settings.only_passing = value == "true",
        "enable_truncate" => settings.enable_truncate = value == "true",
        "disable_compression" => settings.disable_compression = value == "true",
        "meta_txt" => settings.enable_additional_node_meta_txt = value == "true",
        "translate_wan_addrs" => settings.translate_wan_addrs = value == "true",
        "udp_answer_limit" => settings.udp_answer_limit = value.parse().unwrap(),
        "a_record_limit" => settings.a_record_limit = value.parse().unwrap(),
        "recursor_timeout_ms" => {
            settings.recursor_timeout = Duration::from_millis(value.parse().unwrap());
        }
        "node_ttl" => settings.node_ttl = seconds(value),
        "min_ttl" => settings.soa.min_ttl = value.parse().unwrap(),
        "recursor" => settings.recursors.push(parse_recursor(value).unwrap()),
        "service_ttl" => {
            let (name, ttl) = value.split_once('=').unwrap();
            settings.service_ttl.insert(name.to_owned(), seconds(ttl));
        }
        _ => panic!("not understood: set {key}"),
    }
}

/// A question as a packet. The type is a number or one of the usual names.
pub(super) fn question(name: &str, qtype: &str, edns: Option<u16>) -> Vec<u8> {
    let qtype: u16 = match qtype {
        "A" => 1,
        "NS" => 2,
        "CNAME" => 5,
        "SOA" => 6,
        "PTR" => 12,
        "MX" => 15,
        "TXT" => 16,
        "AAAA" => 28,
        "SRV" => 33,
        "AXFR" => 252,
        "ANY" => 255,
        other => other.parse().unwrap(),
    };
    let mut packet = vec![
        0x12,
        0x34,
        1,
        0,
        0,
        1,
        0,
        0,
        0,
        0,
        0,
        u8::from(edns.is_some()),
    ];
    packet.extend_from_slice(DnsName::from_text(name).unwrap().wire());
    packet.extend_from_slice(&qtype.to_be_bytes());
    packet.extend_from_slice(&[0, 1]);
    if let Some(size) = edns {
        packet.extend_from_slice(b"\0\0\x29");
        packet.extend_from_slice(&size.to_be_bytes());
        packet.extend_from_slice(&[0; 6]);
    }
    packet
}
