//! One question from packet to packet: what can be answered at once is, without waiting; the rest
//! goes the long way round other datacenters and recursors.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use hickory_proto::rr::{DNSClass, RecordType};
use rand::rngs::SmallRng;
use tokio::sync::Semaphore;

use super::answer::{Answer, Verdict, Want, World, answer};
use super::catalog::{Catalog, RemoteError};
use super::encode::Encoder;
use super::record::{DnsName, Rcode, Record};
use super::recursion;
use super::request::{Request, parse};
use super::settings::Rules;
use super::truncate::{Transport, truncate};

/// Questions that may wait for recursors or other datacenters at a time; the next one is told that
/// the lookup failed.
const MAX_WAITING: usize = 1024;
/// Rounds of finding out what an answer wants. One is enough for all but aliases that lead to other
/// datacenters.
const MAX_ROUNDS: usize = 4;

/// Where the server finds catalogs.
pub trait Backend: Send + Sync + 'static {
    /// A datacenter's catalog at one moment.
    type Catalog: Catalog + Send + Sync + 'static;

    /// This datacenter's catalog as it is now; `None` where no server is known that has it. Called for every
    /// question: must not wait.
    fn local(&self) -> Option<Self::Catalog>;

    /// Another datacenter's catalog, named in lower case.
    fn remote(&self, dc: &str) -> impl Future<Output = Result<Self::Catalog, RemoteError>> + Send;

    /// Told of every question that was answered, for metrics.
    fn answered(&self, _question: Answered) {}
}

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
    waiting: Arc<Semaphore>,
}

impl<B: Backend> Shared<B> {
    pub(crate) fn new(rules: Rules, backend: B) -> Self {
        Self {
            rules: ArcSwap::from_pointee(rules),
            backend,
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
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

    /// Answers from this datacenter's catalog, or says that others have to be asked.
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
        let local = shared.backend.local();
        let world = World {
            local: local.as_ref(),
            remote: &HashMap::new(),
            resolved: &HashMap::new(),
            unix_time: unix_time(),
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
        let local = shared.backend.local();
        let (mut remote, mut resolved) = (HashMap::new(), HashMap::new());
        let (rng, unix_time) = (worker.rng.clone(), unix_time());
        let mut verdict = Verdict::Foreign;
        for _ in 0..MAX_ROUNDS {
            let world = World {
                local: local.as_ref(),
                remote: &remote,
                resolved: &resolved,
                unix_time,
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
            if worker.answer.wants.is_empty() {
                break;
            }
            let wants = std::mem::take(&mut worker.answer.wants);
            satisfy(shared, &rules, wants, &mut remote, &mut resolved).await;
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

/// Finds out what an answer wants and does not have yet.
async fn satisfy<B: Backend>(
    shared: &Shared<B>,
    rules: &Rules,
    wants: Vec<Want>,
    remote: &mut HashMap<String, Result<B::Catalog, RemoteError>>,
    resolved: &mut HashMap<DnsName, Vec<Record>>,
) {
    for want in wants {
        match want {
            Want::Datacenter(dc) if !remote.contains_key(&dc) => {
                let catalog = shared.backend.remote(&dc).await;
                remote.insert(dc, catalog);
            }
            Want::Name(name) if !resolved.contains_key(&name) => {
                let records = recursion::addresses(rules.settings(), &name).await;
                resolved.insert(name, records);
            }
            Want::Datacenter(_) | Want::Name(_) => {}
        }
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
