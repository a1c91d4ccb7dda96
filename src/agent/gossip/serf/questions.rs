//! Queries of others that may still be answered: section 10 of the wire format.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::agent::gossip::wire::NodeName;
use crate::model::mono::Mono;

use super::io::QueryKey;

/// Questions that wait for an answer at most; past that, those that end first are given up.
const QUESTIONS_MAX: usize = 4096;

/// Where the answer to a query goes, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) address: SocketAddr,
    pub(super) source: NodeName,
    pub(super) relay_factor: u8,
    pub(super) deadline: Mono,
}

/// Queries that may still be answered.
#[derive(Debug, Default)]
pub(super) struct Questions {
    open: BTreeMap<QueryKey, Question>,
}

impl Questions {
    pub(super) fn insert(&mut self, now: Mono, key: QueryKey, question: Question) {
        if self.open.len() >= QUESTIONS_MAX {
            self.expire(now);
        }
        if self.open.len() >= QUESTIONS_MAX {
            let first = self.open.iter().min_by_key(|(_, open)| open.deadline);
            if let Some(key) = first.map(|(key, _)| *key) {
                self.open.remove(&key);
            }
        }
        self.open.insert(key, question);
    }

    /// A question whose time is not up.
    pub(super) fn get(&self, now: Mono, key: QueryKey) -> Option<&Question> {
        self.open.get(&key).filter(|open| now <= open.deadline)
    }

    /// Takes a question away: it has been answered.
    pub(super) fn close(&mut self, key: QueryKey) {
        self.open.remove(&key);
    }

    /// Forgets questions whose time is up.
    pub(super) fn expire(&mut self, now: Mono) {
        self.open.retain(|_, open| now <= open.deadline);
    }
}
