//! Serf as a whole: the failure detector and what stands on it.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use rand::seq::SliceRandom;

use crate::agent::gossip::swim::{self, ExchangeId, LocalNode, MemberUnrest, Swim, pop_or_shrink};
use crate::agent::gossip::wire::{
    Keyring, LamportTime, META_MAX, NodeName, PeerState, Tags, Versions, encode_tags,
};
use crate::model::coordinate::Coordinate;
use crate::model::member::MemberStatus;
use crate::model::mono::Mono;

use super::config::Config;
use super::coordinate::Position;
use super::core::Core;
use super::core::membership::LEAVING_TIMEOUT;
use super::io::{Input, Notice, Output, QueryKey, QueryRequest, RequestError, Stats};
use super::leave::Phase;
use super::member::Member;
use super::policy::Policy;
use super::queues::Queue;
use super::snapshot::Restored;

/// Exchanges that serf itself asks for have this bit; the failure detector's own have a higher one.
const OWN_EXCHANGE: ExchangeId = 1 << 62;

/// What serf starts from.
pub struct Options {
    pub swim: swim::Config,
    pub serf: Config,
    pub name: NodeName,
    /// The address that is advertised.
    pub address: SocketAddr,
    /// What this member says of itself.
    pub tags: Tags,
    /// Makes all random choices repeatable.
    pub seed: u64,
    pub policy: Box<dyn Policy>,
    /// `None` when nothing is encrypted.
    pub keyring: Option<Arc<Keyring>>,
    /// From the snapshot file. The members in it are rejoined, one after the other until one answers.
    pub restored: Restored,
}

/// Remembered members that are tried at the most after one has answered.
const FURTHER_REJOINS: usize = 8;

/// One member of a pool. Pure: give it what happened, do what it says, wake it at its deadline.
pub struct Serf {
    pub(super) swim: Swim,
    pub(super) core: Core,
    pub(super) phase: Phase,
    pub(super) outputs: VecDeque<Output>,
    /// Joins that others asked for and that run.
    joins: BTreeSet<ExchangeId>,
    last_exchange: ExchangeId,
    /// Remembered members that were not tried yet.
    rejoin: VecDeque<(NodeName, SocketAddr)>,
    rejoining: Option<(ExchangeId, NodeName)>,
    /// Whether a remembered member has answered.
    rejoined: bool,
    reconnecting: Option<ExchangeId>,
}

impl Serf {
    /// A pool of one: ourselves. Nothing is done before [`Self::start`].
    ///
    /// # Errors
    /// When the tags are too large.
    pub fn new(mut options: Options, now: Mono) -> Result<Self, RequestError> {
        let meta = meta_of(&options.tags)?;
        let node = LocalNode {
            name: options.name.clone(),
            address: options.address,
            meta,
            versions: Versions::CONSUL,
        };
        let swim = Swim::new(options.swim.clone(), node, options.seed, now);
        let mut rejoin = std::mem::take(&mut options.restored.alive);
        rejoin.retain(|(name, _)| *name != options.name);
        let mut core = Core::new(options, now);
        rejoin.shuffle(core.rng());
        Ok(Self {
            swim,
            core,
            phase: Phase::Here,
            outputs: VecDeque::new(),
            joins: BTreeSet::new(),
            last_exchange: 0,
            rejoin: rejoin.into(),
            rejoining: None,
            rejoined: false,
            reconnecting: None,
        })
    }

    /// Announces ourselves, starts all timers and tries to reach the members of an earlier life.
    pub fn start(&mut self, now: Mono) {
        self.core.start(now);
        self.swim.start(now, &mut self.core);
        // Our own joining is told before that of others is asked for.
        self.settle(now);
        self.rejoin_next(now);
        self.settle(now);
    }

    /// Takes in what happened. Time must not go backwards.
    pub fn handle(&mut self, now: Mono, input: Input) {
        if self.phase == Phase::Left {
            return;
        }
        match input {
            // Serf's own to give: `join`, `set_tags`, `leave` and `Input::Tick`.
            Input::Net(
                swim::Input::Exchange { .. }
                | swim::Input::SetMeta(_)
                | swim::Input::Leave
                | swim::Input::Tick,
            ) => {}
            Input::Net(input) => self.swim.handle(now, input, &mut self.core),
            Input::KeyringSaved(result) => self.core.keyring_saved(now, result),
            Input::Tick => {
                self.swim.handle(now, swim::Input::Tick, &mut self.core);
                self.core.tick(now);
                self.end_long_leaving(now);
                self.reconnect(now);
            }
        }
        self.settle(now);
    }

    /// The next thing to do, in the order in which it must be done.
    pub fn poll_output(&mut self) -> Option<Output> {
        pop_or_shrink(&mut self.outputs)
    }

    /// When [`Input::Tick`] is to be given, unless something else happens first.
    pub fn next_deadline(&self) -> Option<Mono> {
        if self.phase == Phase::Left {
            return None;
        }
        let timers = [
            self.swim.next_deadline(),
            self.core.next_deadline(),
            self.phase.deadline(),
        ];
        timers.into_iter().flatten().min()
    }

    /// Exchanges state with a member or a seed. `Output::Net(ExchangeDone)` with this id says how it ended;
    /// when it went well, all are told that we are here. Ids are the caller's, below 2⁶².
    pub fn join(&mut self, now: Mono, id: ExchangeId, to: SocketAddr, node: Option<NodeName>) {
        if self.phase != Phase::Here {
            let result = Err("Serf can't Join after Leave or Shutdown".to_owned());
            let done = swim::Output::ExchangeDone { id, result };
            self.outputs.push_back(Output::Net(done));
            return;
        }
        self.joins.insert(id);
        self.core.set_joining(true);
        self.exchange(now, id, to, node);
        self.settle(now);
    }

    /// Says of a failed member that it left, so that nobody waits for it; `prune` forgets it, too.
    ///
    /// # Errors
    /// When nobody has this name, or we have left.
    pub fn force_leave(&mut self, now: Mono, node: &str, prune: bool) -> Result<(), RequestError> {
        self.still_here()?;
        let member = self.core.members().get(node);
        let name = member.map(|entry| entry.member.name.clone());
        let name = name.ok_or_else(|| RequestError::UnknownMember(node.to_owned()))?;
        self.core.force_leave(now, name, prune);
        self.settle(now);
        Ok(())
    }

    /// Fires an event at all members, this one included.
    ///
    /// # Errors
    /// When it is too large, or we have left.
    pub fn user_event(
        &mut self,
        now: Mono,
        name: &str,
        payload: Bytes,
        coalesce: bool,
    ) -> Result<LamportTime, RequestError> {
        self.still_here()?;
        let ltime = self.core.fire(name, payload, coalesce)?;
        self.settle(now);
        Ok(ltime)
    }

    /// Asks all members, this one included. [`Output::QueryReply`] and, in the end, [`Output::QueryDone`]
    /// follow.
    ///
    /// # Errors
    /// When it is too large, too many run, or we have left.
    pub fn query(&mut self, now: Mono, request: QueryRequest) -> Result<QueryKey, RequestError> {
        self.still_here()?;
        let key = self.core.ask(now, request, self.swim.alive_count())?;
        self.settle(now);
        Ok(key)
    }

    /// Ends a query of ours before its time.
    pub fn give_up_query(&mut self, key: QueryKey) {
        self.core.give_up_query(key);
        self.gather();
    }

    /// Answers a query, once and in time.
    ///
    /// # Errors
    /// When it was answered, its time is up, the answer is too large, or we have left.
    pub fn respond(
        &mut self,
        now: Mono,
        key: QueryKey,
        payload: Bytes,
    ) -> Result<(), RequestError> {
        self.still_here()?;
        self.core.respond(now, key, payload)?;
        self.settle(now);
        Ok(())
    }

    /// Changes what this member says of itself.
    ///
    /// # Errors
    /// When the tags are too large, or we have left.
    pub fn set_tags(&mut self, now: Mono, tags: Tags) -> Result<(), RequestError> {
        self.still_here()?;
        let meta = meta_of(&tags)?;
        self.core.set_tags(tags);
        let input = swim::Input::SetMeta(meta);
        self.swim.handle(now, input, &mut self.core);
        self.settle(now);
        Ok(())
    }

    /// Nobody hears anything of who has left, and no time passes for it.
    fn still_here(&self) -> Result<(), RequestError> {
        if self.phase == Phase::Left {
            return Err(RequestError::Leaving);
        }
        Ok(())
    }

    /// All members that are not forgotten, this one included, sorted by name.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.core.members().iter().map(|entry| &entry.member)
    }

    /// How often members were in doubt, went and came back.
    pub fn unrest(&self, now: Mono) -> Vec<MemberUnrest> {
        self.swim.unrest(now).collect()
    }

    /// Counters and queues.
    pub fn stats(&self) -> Stats {
        let members = self.core.members();
        let queues = self.core.queues();
        let [member_clock, event_clock, query_clock] = self.core.clocks();
        Stats {
            members: members.len(),
            failed: members.with_status(MemberStatus::Failed).count(),
            left: members.with_status(MemberStatus::Left).count(),
            health_score: self.swim.health_score(),
            member_time: member_clock.time(),
            event_time: event_clock.time(),
            query_time: query_clock.time(),
            intent_queue: queues.len(Queue::Intents),
            event_queue: queues.len(Queue::Events),
            query_queue: queues.len(Queue::Queries),
            coordinate_resets: self.core.position().map_or(0, Position::resets),
            encrypted: self.keyring().is_some(),
        }
    }

    /// Where this member is in the network; `None` when coordinates are off.
    pub fn coordinate(&self) -> Option<Coordinate> {
        self.core.position().map(|position| position.own().clone())
    }

    /// Where a member, this one or another, said last that it is.
    pub fn coordinate_of(&self, node: &str) -> Option<Coordinate> {
        if *node == **self.name() {
            return self.coordinate();
        }
        self.core.position()?.of(node).cloned()
    }

    /// The keys that count now; `None` when nothing is encrypted.
    pub fn keyring(&self) -> Option<&Arc<Keyring>> {
        self.core.keys().ring()
    }

    /// This member's name.
    pub const fn name(&self) -> &NodeName {
        self.core.name()
    }

    /// Drops what waits to be gossiped of the members' states: see [`Swim::drop_broadcasts`].
    pub fn drop_broadcasts(&mut self) {
        self.swim.drop_broadcasts();
    }

    /// The failure detector, to look at.
    pub const fn swim(&self) -> &Swim {
        &self.swim
    }

    /// Lets everything that was caused take its effect, and gathers what is to be done outside.
    pub(super) fn settle(&mut self, now: Mono) {
        loop {
            if let Some(output) = self.swim.poll_output() {
                self.take_swim_output(now, output);
                continue;
            }
            self.gather();
            if let Some((to, message)) = self.core.pop_send() {
                self.swim.send_user(to, message);
            } else if !self.advance_leave(now) && !self.end_without_name() {
                break;
            }
        }
        self.core.watch_clock(now);
    }

    /// What serf tells comes after what the failure detector says about it, but before the end of an exchange
    /// or of leaving: whoever hears of that has heard of its members.
    pub(super) fn gather(&mut self) {
        while let Some(output) = self.core.pop_output() {
            self.outputs.push_back(output);
        }
    }

    fn take_swim_output(&mut self, now: Mono, output: swim::Output) {
        match &output {
            swim::Output::ExchangeDone { id, result } => {
                self.gather();
                if self.own_exchange_done(now, *id, result.is_ok()) {
                    return;
                }
                self.joins.remove(id);
                self.core.set_joining(!self.joins.is_empty());
                if result.is_ok() && self.phase == Phase::Here {
                    self.core.broadcast_join(now);
                    self.gather();
                }
            }
            swim::Output::Left => {
                self.gather();
                self.phase.swim_left(now, self.core.config());
            }
            swim::Output::Notice(swim::Notice::Conflict { node, .. })
                if *node == *self.name() && self.phase == Phase::Here =>
            {
                // The conflict is told before what comes of it.
                self.outputs.push_back(Output::Net(output));
                self.core.resolve_own_name(now, self.swim.alive_count());
                return;
            }
            _ => {}
        }
        self.outputs.push_back(Output::Net(output));
    }

    fn exchange(&mut self, now: Mono, id: ExchangeId, to: SocketAddr, node: Option<NodeName>) {
        let join = true;
        let input = swim::Input::Exchange { id, to, node, join };
        self.swim.handle(now, input, &mut self.core);
    }

    fn next_exchange(&mut self) -> ExchangeId {
        self.last_exchange = (self.last_exchange + 1) % OWN_EXCHANGE;
        OWN_EXCHANGE | self.last_exchange
    }

    /// Whether the exchange was serf's own; the callers need not hear of it.
    fn own_exchange_done(&mut self, now: Mono, id: ExchangeId, ok: bool) -> bool {
        if self.reconnecting == Some(id) {
            self.reconnecting = None;
            return true;
        }
        let Some((_, node)) = self.rejoining.take_if(|(exchange, _)| *exchange == id) else {
            return false;
        };
        if ok {
            self.tell(Notice::Rejoined { node });
            self.keep_missing();
            self.rejoin_next(now);
        } else if self.rejoin.is_empty() {
            if !self.rejoined {
                self.tell(Notice::RejoinFailed);
            }
        } else {
            self.rejoin_next(now);
        }
        true
    }

    /// After the first success only those are tried, and not many, whom whoever answered does not know: it may have
    /// restarted itself. serf stops here, and agents that outlive all others then wait for their own reconnecting.
    fn keep_missing(&mut self) {
        let members = self.core.members();
        self.rejoin.retain(|(name, _)| members.get(name).is_none());
        if !self.rejoined {
            self.rejoin.truncate(FURTHER_REJOINS);
        }
        self.rejoined = true;
    }

    fn rejoin_next(&mut self, now: Mono) {
        if self.phase != Phase::Here {
            return;
        }
        let Some((node, to)) = self.rejoin.pop_front() else {
            return;
        };
        let id = self.next_exchange();
        self.rejoining = Some((id, node.clone()));
        let notice = Notice::Rejoining {
            node: node.clone(),
            to,
        };
        self.tell(notice);
        self.exchange(now, id, to, Some(node));
    }

    /// Members that are said to leave, but that the failure detector has found alive all the time, stay.
    fn end_long_leaving(&mut self, now: Mono) {
        for name in self.core.long_leaving(now) {
            let alive = self.swim.peer(&name).is_some_and(|peer| {
                peer.state == PeerState::Alive && now - peer.changed_at > LEAVING_TIMEOUT
            });
            if alive {
                self.core.stays(&name);
            }
        }
    }

    fn reconnect(&mut self, now: Mono) {
        let may = self.reconnecting.is_none() && self.phase == Phase::Here;
        if let Some((node, to)) = self.core.reconnect(now, may) {
            let id = self.next_exchange();
            self.reconnecting = Some(id);
            self.exchange(now, id, to, Some(node));
        }
    }

    fn tell(&mut self, notice: Notice) {
        self.outputs.push_back(Output::Notice(notice));
    }
}

/// The tags as the failure detector tells them.
fn meta_of(tags: &Tags) -> Result<Bytes, RequestError> {
    let meta = encode_tags(tags);
    if meta.len() > META_MAX {
        return Err(RequestError::TagsTooLarge { limit: META_MAX });
    }
    Ok(meta)
}
