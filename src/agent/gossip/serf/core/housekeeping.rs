//! What serf does from time to time: section 10 of the wire format.

use std::net::SocketAddr;
use std::time::Duration;

use rand::RngExt;
use rand::seq::IteratorRandom;

use crate::agent::gossip::wire::NodeName;
use crate::model::member::MemberStatus;
use crate::model::mono::Mono;

use super::super::config::Config;
use super::super::io::{Event, Notice, Output};
use super::super::members::Entry;
use super::super::queues::Queue;
use super::Core;

/// When each duty is due; `None` where it is switched off.
#[derive(Debug)]
pub(super) struct Timers {
    reap: Option<Mono>,
    long_leaving: Option<Mono>,
    reconnect: Option<Mono>,
    queue_check: Option<Mono>,
}

impl Timers {
    pub(super) fn new(config: &Config, now: Mono) -> Self {
        Self {
            reap: after(now, config.reap_interval),
            long_leaving: after(now, config.reap_interval),
            reconnect: after(now, config.reconnect_interval),
            queue_check: after(now, config.queue_check_interval),
        }
    }

    /// Whether it is time to look for members that leave for long.
    pub(super) fn long_leaving_is_due(&mut self, now: Mono, config: &Config) -> bool {
        let due = is_due(self.long_leaving, now);
        if due {
            self.long_leaving = after(now, config.reap_interval);
        }
        due
    }
}

/// An interval of zero switches a duty off.
fn after(now: Mono, interval: Duration) -> Option<Mono> {
    (!interval.is_zero()).then(|| now + interval)
}

fn is_due(timer: Option<Mono>, now: Mono) -> bool {
    timer.is_some_and(|at| at <= now)
}

impl Core {
    /// Begins to count the intervals.
    pub(in super::super) fn start(&mut self, now: Mono) {
        self.timers = Timers::new(&self.config, now);
    }

    /// When there is something to do next.
    pub(in super::super) fn next_deadline(&self) -> Option<Mono> {
        [
            self.timers.reap,
            self.timers.long_leaving,
            self.timers.reconnect,
            self.timers.queue_check,
            self.coalescer.due(),
            self.snapshot.clock_due(),
            self.own_queries.next_deadline(),
            self.prunes.values().min().copied(),
            self.goodbyes.values().min().copied(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Does what is due, except [`Self::reconnect`].
    pub(in super::super) fn tick(&mut self, now: Mono) {
        if is_due(self.timers.reap, now) {
            self.timers.reap = after(now, self.config.reap_interval);
            self.reap(now);
        }
        if is_due(self.timers.queue_check, now) {
            self.timers.queue_check = after(now, self.config.queue_check_interval);
            self.check_queues();
        }
        self.goodbyes_due(now);
        self.prune_due(now);
        self.expire_queries(now);
        if is_due(self.snapshot.clock_due(), now) {
            let line = self.snapshot.clock(self.clock.time());
            self.record(line);
        }
        if is_due(self.coalescer.due(), now) {
            for (change, members) in self.coalescer.flush() {
                let event = Event::Members(change, members);
                self.outputs.push_back(Output::Event(event));
            }
        }
    }

    /// To be called after everything that may have moved the clock.
    pub(in super::super) fn watch_clock(&mut self, now: Mono) {
        self.snapshot.watch_clock(now, self.clock.time());
    }

    fn reap(&mut self, now: Mono) {
        let is_over = |entry: &&Entry| {
            let timeout = match entry.member.status {
                MemberStatus::Failed => self.config.reconnect_timeout,
                MemberStatus::Left => self.config.tombstone_timeout,
                MemberStatus::None | MemberStatus::Alive | MemberStatus::Leaving => return false,
            };
            now - entry.gone_at > self.policy.reconnect_timeout(&entry.member, timeout)
        };
        let over = self.members.iter().filter(is_over);
        let over: Vec<NodeName> = over.map(|entry| entry.member.name.clone()).collect();
        for name in over {
            self.erase(now, &name);
        }
        self.intents.expire(now, self.config.recent_intent_timeout);
        self.questions.expire(now);
    }

    /// A failed member that is to be tried again now. So many are tried that each one is tried about once
    /// an interval by somebody. A turn in which we may not is skipped.
    pub(in super::super) fn reconnect(
        &mut self,
        now: Mono,
        may: bool,
    ) -> Option<(NodeName, SocketAddr)> {
        if !is_due(self.timers.reconnect, now) {
            return None;
        }
        self.timers.reconnect = after(now, self.config.reconnect_interval);
        if !may {
            return None;
        }
        let failed = self.members.with_status(MemberStatus::Failed).count();
        let left = self.members.with_status(MemberStatus::Left).count();
        let others = (self.members.len() - failed - left).max(1);
        if failed == 0 || self.rng.random_range(0..others) >= failed {
            return None;
        }
        let failed = self.members.with_status(MemberStatus::Failed);
        let member = &failed.choose(&mut self.rng)?.member;
        let (node, to) = (member.name.clone(), member.address);
        self.notice(Notice::Reconnecting {
            node: node.clone(),
            to,
        });
        Some((node, to))
    }

    fn check_queues(&mut self) {
        let [intents, queries, events] = Queue::ALL.map(|queue| self.queues.len(queue));
        self.notice(Notice::Queues {
            intents,
            events,
            queries,
        });
        let max = self.queue_max();
        for queue in Queue::ALL {
            let dropped = self.queues.prune(queue, max);
            if dropped > 0 {
                let depth = self.queues.len(queue) + dropped;
                let queue = queue.name();
                self.notice(Notice::QueuePruned {
                    queue,
                    depth,
                    dropped,
                });
            }
        }
    }
}
