//! The failure detector as a whole.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::agent::gossip::wire::{Message, NodeName, PeerState};
use crate::model::mono::Mono;

use super::awareness::Awareness;
use super::config::{Config, LocalNode};
use super::delegate::{Change, Delegate};
use super::exchange::Exchange;
use super::io::{ExchangeId, Input, Notice, Output, pop_or_shrink};
use super::leave::Leaving;
use super::peer::Peer;
use super::peers::{PeerId, Peers};
use super::probe::Probe;
use super::queue::BroadcastQueue;
use super::relay::Relays;
use super::timing::push_pull_interval;
use super::unrest::MemberUnrest;

/// One member's view of its pool. Pure: give it what happened, do what it says, wake it at its deadline.
#[derive(Debug)]
pub struct Swim {
    pub(super) config: Config,
    /// Random choices; outputs depend on nothing else but the inputs.
    pub(super) rng: SmallRng,
    pub(super) outputs: VecDeque<Output>,
    pub(super) peers: Peers,
    /// Ourselves in `peers`, from the beginning to the end.
    pub(super) me: PeerId,
    pub(super) broadcasts: BroadcastQueue,
    pub(super) awareness: Awareness,
    pub(super) leaving: Leaving,
    /// The last number of our own pings.
    pub(super) seq_no: u32,
    pub(super) probe: Option<Probe>,
    /// A probe was due while another one ran.
    pub(super) probe_is_late: bool,
    pub(super) relays: Relays,
    /// When running suspicions end; the suspicions themselves are in `peers`.
    pub(super) suspicions: BTreeSet<(Mono, PeerId)>,
    pub(super) exchanges: HashMap<ExchangeId, Exchange>,
    pub(super) last_exchange: ExchangeId,
    /// The next ticks; `None` before the start and for what is switched off.
    next_probe: Option<Mono>,
    next_gossip: Option<Mono>,
    next_exchange: Option<Mono>,
}

impl Swim {
    /// A pool of one: ourselves. Nothing is done before [`Self::start`].
    pub fn new(config: Config, node: LocalNode, seed: u64, now: Mono) -> Self {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut peers = Peers::default();
        let peer = Peer {
            name: node.name,
            address: node.address,
            meta: node.meta,
            versions: node.versions,
            incarnation: 1,
            state: PeerState::Alive,
            changed_at: now,
        };
        let me = peers.insert(peer, &mut rng);
        Self {
            awareness: Awareness::new(config.awareness_max_multiplier),
            config,
            rng,
            outputs: VecDeque::new(),
            peers,
            me,
            broadcasts: BroadcastQueue::new(),
            leaving: Leaving::No,
            seq_no: 0,
            probe: None,
            probe_is_late: false,
            relays: Relays::default(),
            suspicions: BTreeSet::new(),
            exchanges: HashMap::new(),
            last_exchange: 0,
            next_probe: None,
            next_gossip: None,
            next_exchange: None,
        }
    }

    /// Announces ourselves and starts to probe, gossip and exchange, each after a random part of its interval.
    pub fn start(&mut self, now: Mono, above: &mut impl Delegate) {
        self.announce();
        above.changed(now, Change::Joined, self.peers.get(self.me));
        self.next_probe = self.stagger(now, self.config.probe_interval);
        self.next_gossip = self.stagger(now, self.config.gossip_interval);
        self.next_exchange = self.stagger(now, self.config.push_pull_interval);
    }

    fn stagger(&mut self, now: Mono, interval: Duration) -> Option<Mono> {
        (!interval.is_zero()).then(|| now + self.rng.random_range(Duration::ZERO..interval))
    }

    /// Takes in what happened, then does what is due. Time must not go backwards.
    pub fn handle(&mut self, now: Mono, input: Input, above: &mut impl Delegate) {
        match input {
            Input::Message { from, message } => self.message(now, from, message, above),
            Input::Exchange { id, to, join, .. } => self.exchange(id, to, join, above),
            Input::PushPullReply { exchange, result } => {
                self.exchanged(now, exchange, result, above);
            }
            Input::PushPullRequest {
                stream,
                from,
                state,
            } => self.answer_exchange(now, stream, from, state, above),
            Input::StreamPing { stream, ping } => self.answer_stream_ping(stream, &ping),
            Input::StreamPong { seq_no, answered } => self.stream_pong(seq_no, answered),
            Input::Unreachable { to } => self.unreachable(now, to, above),
            Input::SetMeta(meta) => self.set_meta(now, meta, above),
            Input::Leave => self.leave(now, above),
            Input::Tick => {}
        }
        self.do_what_is_due(now, above);
        self.end_leaving();
    }

    fn message(&mut self, now: Mono, from: SocketAddr, message: Message, above: &mut dyn Delegate) {
        match message {
            Message::Ping(ping) => self.answer_ping(from, &ping, above),
            Message::IndirectPing(request) => self.ping_for(now, from, request, above),
            Message::Ack(ack) => {
                if !self.probe_acked(now, &ack, above) {
                    self.relay_ack(&ack, above);
                }
            }
            Message::Nack(nack) => self.probe_nacked(nack.seq_no),
            Message::Suspect(accusation) => self.suspect(now, accusation),
            Message::Alive(alive) => self.alive(now, alive, above),
            Message::Dead(accusation) => self.dead(now, accusation, above),
            Message::User(message) => above.user_message(now, message),
        }
    }

    fn do_what_is_due(&mut self, now: Mono, above: &mut dyn Delegate) {
        // Before the end of a probe, since that starts the one that is due.
        if tick(&mut self.next_probe, self.config.probe_interval, now) {
            self.probe_tick(now, above);
        }
        while self.expire_relay(now, above) {}
        while self.probe.as_ref().is_some_and(|probe| probe.due() <= now) {
            self.probe_due(now, above);
        }
        while self.expire_suspicion(now, above) {}
        if tick(&mut self.next_gossip, self.config.gossip_interval, now) {
            self.gossip_round(now, above);
        }
        let interval = push_pull_interval(self.config.push_pull_interval, self.peers.len());
        if tick(&mut self.next_exchange, interval, now) {
            self.exchange_at_random(above);
        }
    }

    /// The next thing to do, in the order in which it must be done.
    pub fn poll_output(&mut self) -> Option<Output> {
        pop_or_shrink(&mut self.outputs)
    }

    /// When [`Input::Tick`] is to be given, unless something else happens first.
    pub fn next_deadline(&self) -> Option<Mono> {
        let timers = [
            self.next_probe,
            self.next_gossip,
            self.next_exchange,
            self.probe.as_ref().map(Probe::due),
            self.relays.due(),
            self.suspicions.first().map(|(due, _)| *due),
        ];
        timers.into_iter().flatten().min()
    }

    /// All known members, ourselves and the dead included, in no useful order.
    pub fn members(&self) -> impl ExactSizeIterator<Item = &Peer> {
        self.peers.iter()
    }

    /// What all of them went through, in no useful order.
    pub fn unrest(&self, now: Mono) -> impl Iterator<Item = MemberUnrest> {
        self.peers.unrest(now)
    }

    /// The member of this name.
    pub fn peer(&self, name: &str) -> Option<&Peer> {
        self.peers.find(name).map(|id| self.peers.get(id))
    }

    /// Ourselves.
    pub fn local(&self) -> &Peer {
        self.peers.get(self.me)
    }

    /// Members that are neither dead nor left, ourselves included.
    pub const fn alive_count(&self) -> usize {
        self.peers.present()
    }

    /// Known members, ourselves and the dead included.
    pub const fn count(&self) -> usize {
        self.peers.len()
    }

    /// Lifeguard's score: 0 is healthy.
    pub const fn health_score(&self) -> u32 {
        self.awareness.score()
    }

    /// Our own incarnation.
    pub fn incarnation(&self) -> u32 {
        self.local().incarnation
    }

    /// Our own messages that wait to be gossiped; those of the layer above are not counted.
    pub fn queued_broadcasts(&self) -> usize {
        self.broadcasts.len()
    }

    /// The timings that this member works with.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Up to `k` different random members that are alive, without ourselves and those to exclude.
    pub fn random_alive(&mut self, k: usize, exclude: impl Fn(&Peer) -> bool) -> Vec<Peer> {
        let me = self.me;
        let chosen = self.peers.choose(k, &mut self.rng, |id, peer| {
            id != me && peer.state == PeerState::Alive && !exclude(peer)
        });
        let peers = chosen.into_iter().map(|id| self.peers.get(id).clone());
        peers.collect()
    }

    pub(super) fn notice(&mut self, notice: Notice) {
        self.outputs.push_back(Output::Notice(notice));
    }

    pub(super) fn apply_health(&mut self, delta: i32) {
        if self.awareness.apply(delta) {
            let score = self.awareness.score();
            self.notice(Notice::Health { score });
        }
    }

    /// Our own name.
    pub fn name(&self) -> &NodeName {
        &self.local().name
    }
}

/// Whether a ticker ticks. Ticks that were missed are skipped.
fn tick(next: &mut Option<Mono>, interval: Duration, now: Mono) -> bool {
    let Some(due) = next.filter(|due| *due <= now) else {
        return false;
    };
    let late = now.since(due).as_nanos() % interval.as_nanos().max(1);
    let late = Duration::from_nanos_u128(late);
    *next = Some(now + interval.saturating_sub(late));
    true
}
