//! Serf's own state: everything above the failure detector.

mod delegate;
mod housekeeping;
mod intents;
mod key_tasks;
pub(super) mod membership;
mod name_vote;
mod queries;
mod user_events;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::agent::gossip::swim;
use crate::agent::gossip::wire::{NodeName, Tags};
use crate::model::mono::Mono;

use super::clock::LamportClock;
use super::coalescer::Coalescer;
use super::config::Config;
use super::coordinate::Position;
use super::io::{Event, MemberChange, Notice, Output};
use super::machine::Options;
use super::member::Member;
use super::members::Members;
use super::own_queries::OwnQueries;
use super::policy::Policy;
use super::questions::Questions;
use super::queues::{Queue, Queues};
use super::recent_events::{RecentEvents, RecentQueries};
use super::recent_intents::RecentIntents;
use super::snapshot::SnapshotLine;
use super::snapshot_log::SnapshotLog;

use housekeeping::Timers;
use key_tasks::KeyTasks;
use name_vote::NameVote;

/// Serf's own state. The failure detector calls it as its delegate; what it wants sent and told waits in
/// its two outboxes until [`super::Serf`] drains them.
pub(super) struct Core {
    config: Config,
    name: NodeName,
    /// Where answers to our queries are to be sent.
    address: SocketAddr,
    /// Our own tags: queries are filtered by them.
    tags: Arc<Tags>,
    gossip_interval: Duration,
    retransmit_mult: u32,
    /// Larger messages fit no packet of gossip.
    message_max: usize,
    policy: Box<dyn Policy>,
    rng: StdRng,
    clock: LamportClock,
    event_clock: LamportClock,
    query_clock: LamportClock,
    members: Members,
    intents: RecentIntents,
    /// Leaving members that are to be forgotten, and when.
    prunes: BTreeMap<NodeName, Mono>,
    /// Members that are gone by the failure detector's word alone, and until when they may contradict it.
    goodbyes: BTreeMap<NodeName, Mono>,
    recent_events: RecentEvents,
    recent_queries: RecentQueries,
    questions: Questions,
    own_queries: OwnQueries,
    vote: NameVote,
    queues: Queues,
    keys: KeyTasks,
    coalescer: Coalescer,
    position: Option<Position>,
    snapshot: SnapshotLog,
    timers: Timers,
    /// We leave: intents about it are not contradicted any more.
    leaving: bool,
    /// A join of ours runs: events from before it are not ours to hear.
    joining: bool,
    outputs: VecDeque<Output>,
    sends: VecDeque<(SocketAddr, Bytes)>,
}

impl Core {
    pub(super) fn new(options: Options, now: Mono) -> Self {
        let Options {
            swim,
            serf: config,
            restored,
            ..
        } = options;
        Self {
            name: options.name,
            address: options.address,
            tags: Arc::new(options.tags),
            gossip_interval: swim.gossip_interval,
            retransmit_mult: swim.retransmit_mult,
            message_max: swim.user_message_max(),
            policy: options.policy,
            // Another stream than the failure detector's, which has the same seed.
            rng: StdRng::seed_from_u64(options.seed ^ 0x5e7f),
            clock: LamportClock::restored(restored.clock),
            event_clock: LamportClock::restored(restored.event_clock),
            query_clock: LamportClock::restored(restored.query_clock),
            members: Members::default(),
            intents: RecentIntents::default(),
            prunes: BTreeMap::new(),
            goodbyes: BTreeMap::new(),
            recent_events: RecentEvents::new(config.buffer, restored.event_clock.saturating_add(1)),
            recent_queries: RecentQueries::new(
                config.buffer,
                restored.query_clock.saturating_add(1),
            ),
            questions: Questions::default(),
            own_queries: OwnQueries::default(),
            vote: NameVote::default(),
            queues: Queues::default(),
            keys: KeyTasks::new(options.keyring),
            coalescer: Coalescer::new(config.coalesce_period, config.quiescent_period),
            position: config.coordinates.then(Position::new),
            snapshot: SnapshotLog::new(&restored),
            timers: Timers::new(&config, now),
            leaving: false,
            joining: false,
            outputs: VecDeque::new(),
            sends: VecDeque::new(),
            config,
        }
    }

    pub(super) const fn name(&self) -> &NodeName {
        &self.name
    }

    pub(super) const fn config(&self) -> &Config {
        &self.config
    }

    pub(super) const fn members(&self) -> &Members {
        &self.members
    }

    pub(super) const fn queues(&self) -> &Queues {
        &self.queues
    }

    pub(super) const fn keys(&self) -> &KeyTasks {
        &self.keys
    }

    pub(super) const fn position(&self) -> Option<&Position> {
        self.position.as_ref()
    }

    /// The three clocks: members, events, queries.
    pub(super) const fn clocks(&self) -> [LamportClock; 3] {
        [self.clock, self.event_clock, self.query_clock]
    }

    pub(super) const fn rng(&mut self) -> &mut StdRng {
        &mut self.rng
    }

    pub(super) fn set_tags(&mut self, tags: Tags) {
        self.tags = Arc::new(tags);
    }

    pub(super) const fn set_joining(&mut self, joining: bool) {
        self.joining = joining;
    }

    /// What is to be told next.
    pub(super) fn pop_output(&mut self) -> Option<Output> {
        swim::pop_or_shrink(&mut self.outputs)
    }

    /// A message that is to be sent to one member next.
    pub(super) fn pop_send(&mut self) -> Option<(SocketAddr, Bytes)> {
        self.sends.pop_front()
    }

    /// Whether an intent that was watched has been told often enough.
    pub(super) fn pop_finished(&mut self) -> Option<swim::Ticket> {
        self.queues.pop_finished()
    }

    /// Queues a message for all, unless it would wait in vain.
    fn gossip(&mut self, queue: Queue, message: Bytes) {
        if message.len() > self.message_max {
            let reason = format!("{} bytes fit no packet of gossip", message.len());
            return self.ignored("broadcast", reason);
        }
        let max = self.queue_max();
        self.queues.push(queue, message, max);
    }

    /// Messages that each queue may hold.
    fn queue_max(&self) -> usize {
        self.config.min_queue_depth.max(2 * self.members.len())
    }

    fn notice(&mut self, notice: Notice) {
        self.outputs.push_back(Output::Notice(notice));
    }

    fn ignored(&mut self, what: &'static str, reason: String) {
        self.notice(Notice::Ignored { what, reason });
    }

    fn record(&mut self, line: Option<SnapshotLine>) {
        self.outputs.extend(line.map(Output::Snapshot));
    }

    /// Tells of a member's change, at once or with others later.
    fn tell_member(&mut self, now: Mono, change: MemberChange, member: Member) {
        let line = self.snapshot.member(change, &member);
        self.record(line);
        let line = self.snapshot.clock(self.clock.time());
        self.record(line);
        if self.coalescer.is_on() {
            self.coalescer.hold(now, change, member);
        } else {
            let event = Event::Members(change, vec![member]);
            self.outputs.push_back(Output::Event(event));
        }
    }
}
