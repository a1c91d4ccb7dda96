//! Queries that this member asked and that still run: section 10 of the wire format.

use std::collections::{BTreeMap, BTreeSet};

use crate::agent::gossip::wire::{NodeName, QUERY_FLAG_ACK, QueryResponse};
use crate::model::mono::Mono;

use super::io::{QueryKey, QueryReply};

/// Queries that run at once.
const RUNNING_MAX: usize = 1024;
/// Members whose acknowledgements, and whose answers, to one query are told.
const REPLIERS_MAX: usize = 65_536;

/// What an answer is worth.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// To be told.
    Tell(QueryReply),
    /// Heard before, by this way or a relay, or not asked for.
    Known,
    /// To no query that runs.
    NotRunning,
}

#[derive(Debug)]
struct Running {
    wants_acks: bool,
    deadline: Mono,
    acks: BTreeSet<NodeName>,
    answers: BTreeSet<NodeName>,
}

/// Queries that this member asked and that still run.
#[derive(Debug, Default)]
pub(super) struct OwnQueries {
    running: BTreeMap<QueryKey, Running>,
}

impl OwnQueries {
    /// Whether another one may run.
    pub(super) fn has_room(&self) -> bool {
        self.running.len() < RUNNING_MAX
    }

    pub(super) fn start(&mut self, key: QueryKey, wants_acks: bool, deadline: Mono) {
        let running = Running {
            wants_acks,
            deadline,
            acks: BTreeSet::new(),
            answers: BTreeSet::new(),
        };
        self.running.insert(key, running);
    }

    /// Takes an answer in.
    pub(super) fn take(&mut self, now: Mono, response: QueryResponse) -> Verdict {
        let key = QueryKey {
            ltime: response.ltime,
            id: response.id,
        };
        let running = self.running.get_mut(&key);
        let Some(running) = running.filter(|running| now < running.deadline) else {
            return Verdict::NotRunning;
        };
        let is_ack = response.flags & QUERY_FLAG_ACK != 0;
        let heard = if is_ack {
            &mut running.acks
        } else {
            &mut running.answers
        };
        if is_ack && !running.wants_acks || heard.len() >= REPLIERS_MAX {
            return Verdict::Known;
        }
        if !heard.insert(response.from.clone()) {
            return Verdict::Known;
        }
        Verdict::Tell(if is_ack {
            QueryReply::Ack(response.from)
        } else {
            QueryReply::Response {
                from: response.from,
                payload: response.payload,
            }
        })
    }

    /// Forgets a query; whether it was running.
    pub(super) fn give_up(&mut self, key: QueryKey) -> bool {
        self.running.remove(&key).is_some()
    }

    /// Forgets queries whose time is up, and names them.
    pub(super) fn expire(&mut self, now: Mono) -> Vec<QueryKey> {
        let over = self
            .running
            .extract_if(.., |_, running| running.deadline <= now);
        over.map(|(key, _)| key).collect()
    }

    /// Forgets all queries, and names them.
    pub(super) fn end(&mut self) -> Vec<QueryKey> {
        std::mem::take(&mut self.running).into_keys().collect()
    }

    /// When the next query's time is up.
    pub(super) fn next_deadline(&self) -> Option<Mono> {
        self.running.values().map(|running| running.deadline).min()
    }
}
