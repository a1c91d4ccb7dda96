//! One question from packet to packet: what can be answered at once is, without waiting; the rest
//! goes the long way round other datacenters and recursors.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use hickory_proto::rr::{DNSClass, RecordType};
use rand::rngs::SmallRng;
use tokio::sync::Semaphore;

use super::answer::{Answer, MAX_ALIAS_DEPTH, Verdict, answer};
use super::catalog::Catalog;
use super::encode::Encoder;
use super::record::{DnsName, Rcode, Record};
use super::recursion;
use super::request::{Request, parse};
use super::settings::{Rules, Staleness};
use super::truncate::{Transport, truncate};
use super::world::{FetchError, Fetched, Found, Need, Want, What, World};

/// Questions that may wait for recursors or servers at a time; the next one is told that the lookup failed.
const MAX_WAITING: usize = 1024;
/// Rounds of finding out what an answer wants: a name, the aliases behind each other, what the last one leads to.
const MAX_ROUNDS: usize = MAX_ALIAS_DEPTH as usize + 2;
/// How long the servers may take over one question, all that it needs together. Resolvers ask again after five
/// seconds: before that they are told that the lookup failed.
const FETCH_TIME: Duration = Duration::from_secs(4);
/// Parts of catalogs that one question may ask for: an SRV answer has as many hosts as instances. What is behind
/// further aliases stays away.
const MAX_FETCHES_OF_QUESTION: usize = 128;
/// Parts of catalogs that are asked for at a time; further ones wait for their turn.
const MAX_FETCHES: u32 = 256;
/// A list of all nodes counts as so many parts: it may take megabytes.
const LIST_WEIGHT: u32 = 32;

/// Where the server finds catalogs.
pub trait Backend: Send + Sync + 'static {
    /// A datacenter's catalog at one moment.
    type Catalog: Catalog<Instances: Send + Sync> + Send + Sync + 'static;

    /// This datacenter's catalog as it is now; `None` where the agent has none that is fresh enough, so that the
    /// servers are to be asked. Called for every question: must not wait.
    fn local(&self, staleness: Staleness) -> Option<Self::Catalog>;

    /// Part of a catalog, from the servers. Is given up after some seconds.
    fn fetch(&self, staleness: Staleness, need: &Need) -> impl Future<Output = Fetch<Self>> + Send;

    /// Told of every question that was answered, for metrics.
    fn answered(&self, _question: Answered) {}
}

/// What the servers said about a part of a catalog.
pub type Fetch<B> = Result<Found<<<B as Backend>::Catalog as Catalog>::Instances>, FetchError>;

/// A question that was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    /// What was asked for, as the number of a record type.
    pub qtype: u16,
    /// Whose name was asked.
    pub zone: AnsweredZone,
    /// From packet to packet.
    pub elapsed: Duration,
}

/// Whose name was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnsweredZone {
    /// A name in one of our zones (Consul's metric `dns.domain_query`).
    Domain,
    /// A reverse name (Consul's metric `dns.ptr_query`).
    Reverse,
    /// A name of someone else's.
    Foreign,
}

impl AnsweredZone {
    fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Answer(Some(_)) => Self::Domain,
            Verdict::Answer(None) | Verdict::ForeignAddress => Self::Reverse,
            Verdict::Foreign => Self::Foreign,
        }
    }
}

/// What all workers of a server share.
pub(crate) struct Shared<B> {
    pub(crate) rules: ArcSwap<Rules>,
    backend: B,
    /// A permit for each question that waits for others.
    waiting: Semaphore,
    /// Permits for what is asked for at a time.
    fetching: Semaphore,
}

impl<B: Backend> Shared<B> {
    pub(crate) fn new(rules: Rules, backend: B) -> Self {
        Self {
            rules: ArcSwap::from_pointee(rules),
            backend,
            waiting: Semaphore::new(MAX_WAITING),
            fetching: Semaphore::new(MAX_FETCHES as usize),
        }
    }
}

/// What to do with a packet.
pub(crate) enum Step<'w> {
    /// Nothing: it is not worth an answer.
    Drop,
    /// Send this.
    Send(&'w [u8]),
    /// Only [`Worker::respond_slowly`] knows.
    Wait,
}

/// Answers questions, one at a time, and keeps its buffers between them.
pub(crate) struct Worker {
    answer: Answer,
    encoder: Encoder,
    rejection: Vec<u8>,
    rng: SmallRng,
}

impl Worker {
    pub(crate) fn new() -> Self {
        Self {
            answer: Answer::default(),
            encoder: Encoder::default(),
            rejection: Vec::new(),
            rng: rand::make_rng(),
        }
    }

    /// Answers from the agent's own catalog, or says that others have to be asked.
    pub(crate) fn respond<B: Backend>(
        &mut self,
        shared: &Shared<B>,
        packet: &[u8],
        client: SocketAddr,
        transport: Transport,
    ) -> Step<'_> {
        let request = match parse(packet) {
            Ok(request) => request,
            Err(rejected) => {
                self.rejection.clear();
                rejected.reply(packet, &mut self.rejection);
                return if self.rejection.is_empty() {
                    Step::Drop
                } else {
                    Step::Send(&self.rejection)
                };
            }
        };
        let started = Instant::now();
        let rules = shared.rules.load();
        let local = shared.backend.local(rules.settings().staleness);
        let world = World {
            local: local.as_ref(),
            fetched: &HashMap::new(),
            resolved: &HashMap::new(),
            unix_time: unix_time(),
            client: Some(client.ip()),
        };
        let verdict = answer(
            &request,
            transport,
            &rules,
            &world,
            &mut self.rng,
            &mut self.answer,
        );
        let foreign = matches!(verdict, Verdict::Foreign | Verdict::ForeignAddress);
        let ask_others = foreign && !rules.settings().recursors.is_empty();
        if ask_others || !self.answer.wants.is_empty() {
            return Step::Wait;
        }
        let reply = self.finish(&request, verdict, &rules);
        served(shared, &request, verdict, (client, transport), started);
        Step::Send(reply)
    }

    /// Answers what [`Worker::respond`] could not. `None` when there is nothing to send.
    pub(crate) async fn respond_slowly<B: Backend>(
        shared: &Shared<B>,
        packet: &[u8],
        client: SocketAddr,
        transport: Transport,
    ) -> Option<Vec<u8>> {
        let started = Instant::now();
        let request = parse(packet).ok()?;
        let mut worker = Self::new();
        let rules = shared.rules.load_full();
        let Ok(_permit) = shared.waiting.try_acquire() else {
            return Some(worker.fail(&request, &rules));
        };
        let local = shared.backend.local(rules.settings().staleness);
        let mut findings = Findings::new();
        let (rng, unix_time) = (worker.rng.clone(), unix_time());
        let mut verdict = Verdict::Foreign;
        for round in 0..=MAX_ROUNDS {
            let world = World {
                local: local.as_ref(),
                fetched: &findings.fetched,
                resolved: &findings.resolved,
                unix_time,
                client: Some(client.ip()),
            };
            let mut rng = rng.clone();
            verdict = answer(
                &request,
                transport,
                &rules,
                &world,
                &mut rng,
                &mut worker.answer,
            );
            if worker.answer.wants.is_empty() || round == MAX_ROUNDS {
                break;
            }
            let wants = std::mem::take(&mut worker.answer.wants);
            findings.add(shared, &rules, wants).await;
        }
        let foreign = matches!(verdict, Verdict::Foreign | Verdict::ForeignAddress);
        let reply = if foreign {
            match recursion::relay(rules.settings(), packet, transport).await {
                Some(reply) => reply,
                None => worker.fail(&request, &rules),
            }
        } else {
            worker.finish(&request, verdict, &rules).to_vec()
        };
        served(shared, &request, verdict, (client, transport), started);
        Some(reply)
    }

    /// The packet for a question that was answered, or that nobody here can answer.
    fn finish(&mut self, request: &Request<'_>, verdict: Verdict, rules: &Rules) -> &[u8] {
        let compress = !rules.settings().disable_compression;
        match verdict {
            Verdict::Answer(Some(limits)) => {
                truncate(request, limits, rules, &mut self.encoder, &mut self.answer);
            }
            Verdict::Answer(None) => {}
            Verdict::Foreign => {
                // As Consul refuses: without EDNS.
                self.answer.clear();
                self.answer.rcode = Rcode::Refused;
                let request = Request {
                    edns: None,
                    ..*request
                };
                return self.encoder.encode(&request, &self.answer, compress);
            }
            Verdict::ForeignAddress => {
                self.answer.clear();
                self.answer.rcode = Rcode::ServFail;
                self.answer.recursion_available = true;
            }
        }
        self.encoder.encode(request, &self.answer, compress)
    }

    /// The packet for a question that all others failed to answer.
    fn fail(&mut self, request: &Request<'_>, rules: &Rules) -> Vec<u8> {
        self.finish(request, Verdict::ForeignAddress, rules)
            .to_vec()
    }
}

/// What was found out for one question.
struct Findings<C: Catalog> {
    fetched: Fetched<C>,
    resolved: HashMap<DnsName, Vec<Record>>,
    /// When the servers' time is over.
    deadline: tokio::time::Instant,
}

impl<C: Catalog> Findings<C> {
    fn new() -> Self {
        Self {
            fetched: HashMap::new(),
            resolved: HashMap::new(),
            deadline: tokio::time::Instant::now() + FETCH_TIME,
        }
    }

    /// Finds out what an answer wants and does not have yet.
    async fn add<B: Backend<Catalog = C>>(
        &mut self,
        shared: &Shared<B>,
        rules: &Rules,
        wants: Vec<Want>,
    ) {
        for want in wants {
            match want {
                Want::Fetch(need) if !self.fetched.contains_key(&need) => {
                    let found = self.fetch(shared, rules.settings().staleness, &need).await;
                    self.fetched.insert(need, found);
                }
                Want::Name(name) if !self.resolved.contains_key(&name) => {
                    let records = recursion::addresses(rules.settings(), &name).await;
                    self.resolved.insert(name, records);
                }
                Want::Fetch(_) | Want::Name(_) => {}
            }
        }
    }

    /// Asks the servers, in turn with other questions.
    async fn fetch<B: Backend<Catalog = C>>(
        &self,
        shared: &Shared<B>,
        staleness: Staleness,
        need: &Need,
    ) -> Fetch<B> {
        if self.fetched.len() >= MAX_FETCHES_OF_QUESTION {
            return Err(FetchError::Unavailable);
        }
        let weight = match need.what {
            What::NodeAt(_) => LIST_WEIGHT,
            _ => 1,
        };
        let asked = async {
            let permit = shared.fetching.acquire_many(weight).await;
            let _permit = permit.map_err(|_| FetchError::Unavailable)?;
            shared.backend.fetch(staleness, need).await
        };
        let answered = tokio::time::timeout_at(self.deadline, asked).await;
        answered.unwrap_or_else(|_| {
            tracing::warn!(target: "agent.dns", ?need, "no server answered in time");
            Err(FetchError::Unavailable)
        })
    }
}

/// Seconds since 1970 as the 32 bits of a zone's serial, which wraps around (RFC 1982).
fn unix_time() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs());
    u32::try_from(seconds & u64::from(u32::MAX)).unwrap_or_default()
}

/// Logs and counts a question that was answered.
fn served<B: Backend>(
    shared: &Shared<B>,
    request: &Request<'_>,
    verdict: Verdict,
    (client, transport): (SocketAddr, Transport),
    started: Instant,
) {
    let elapsed = started.elapsed();
    shared.backend.answered(Answered {
        qtype: request.question.qtype,
        zone: AnsweredZone::of(verdict),
        elapsed,
    });
    let network = match transport {
        Transport::Udp => "udp",
        Transport::Tcp => "tcp",
    };
    tracing::debug!(
        target: "agent.dns",
        name = %format_args!("{}.", DnsName::from_wire(request.question.name).to_lower_text()),
        r#type = %RecordType::from(request.question.qtype),
        class = %DNSClass::from(request.question.qclass),
        latency = ?elapsed,
        %client,
        client_network = network,
        "request served from client"
    );
}
