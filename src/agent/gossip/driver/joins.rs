//! Joining at the addresses that a text means, one after the other, for whoever asked.

use std::collections::{HashMap, VecDeque};

use tokio::sync::oneshot;
use tracing::Level;

use super::Driver;
use crate::agent::gossip::arrivals::Arrival;
use crate::agent::gossip::handle::JoinError;
use crate::agent::gossip::resolve::{Target, resolve};
use crate::agent::gossip::swim::ExchangeId;

/// Joins that are under way at the same time.
const JOINS_MAX: usize = 256;

/// Joins that are under way.
#[derive(Default)]
pub(super) struct Joins {
    last: u64,
    /// By number.
    under_way: HashMap<u64, Join>,
}

/// One join: its addresses are tried one after the other.
struct Join {
    /// Waits for the number of members that answered.
    done: oneshot::Sender<Result<usize, JoinError>>,
    next: VecDeque<Target>,
    /// What is being tried.
    current: Option<Target>,
    joined: usize,
    errors: Vec<JoinError>,
}

impl Driver {
    /// Begins to join an address.
    pub(super) fn join(
        &mut self,
        address: String,
        done: oneshot::Sender<Result<usize, JoinError>>,
    ) {
        let refusal = if self.state.leaves {
            Some(JoinError::Stopped)
        } else if self.state.joins.under_way.len() >= JOINS_MAX {
            Some(JoinError::Unresolvable {
                address: address.clone(),
                reason: format!("{JOINS_MAX} joins are under way"),
            })
        } else {
            None
        };
        if let Some(refusal) = refusal {
            // Whoever asked may have given up.
            _ = done.send(Err(refusal));
            return;
        }
        let join = self.add_join(done);
        let (arrive, port) = (self.arrive.clone(), self.default_port);
        self.spawn(async move {
            let result = resolve(&address, port).await;
            // The driver may have ended.
            _ = arrive.send(Arrival::Resolved { join, result }).await;
        });
    }

    fn add_join(&mut self, done: oneshot::Sender<Result<usize, JoinError>>) -> u64 {
        let joins = &mut self.state.joins;
        joins.last += 1;
        joins.under_way.insert(
            joins.last,
            Join {
                done,
                next: VecDeque::new(),
                current: None,
                joined: 0,
                errors: Vec::new(),
            },
        );
        joins.last
    }

    /// The addresses are known, or there are none.
    pub(super) fn resolved(&mut self, join: u64, result: Result<Vec<Target>, JoinError>) {
        let Some(found) = self.state.joins.under_way.get_mut(&join) else {
            return;
        };
        match result {
            Ok(targets) => found.next = targets.into(),
            Err(error) => {
                self.log.memberlist(Level::WARN, format_args!("{error}"));
                found.errors.push(error);
            }
        }
        self.try_next(join);
    }

    /// One address answered, or did not. The number of an exchange is that of its join.
    pub(super) fn exchange_done(&mut self, id: ExchangeId, result: Result<(), String>) {
        let log = self.log;
        let Some(join) = self.state.joins.under_way.get_mut(&id) else {
            return;
        };
        let Some(target) = join.current.take() else {
            return;
        };
        match result {
            Ok(()) => join.joined += 1,
            Err(reason) => {
                let error = JoinError::Failed {
                    address: target.address,
                    reason,
                };
                log.memberlist(Level::DEBUG, format_args!("{error}"));
                join.errors.push(error);
            }
        }
        self.try_next(id);
    }

    fn try_next(&mut self, id: u64) {
        let Some(join) = self.state.joins.under_way.get_mut(&id) else {
            return;
        };
        if self.state.leaves {
            join.next.clear();
        }
        let Some(target) = join.next.pop_front() else {
            self.end_join(id);
            return;
        };
        join.current = Some(target.clone());
        let now = self.clock.now();
        self.serf.join(now, id, target.address, target.node);
    }

    fn end_join(&mut self, id: u64) {
        let Some(join) = self.state.joins.under_way.remove(&id) else {
            return;
        };
        let result = match join.joined {
            0 if join.errors.is_empty() => Err(JoinError::Stopped),
            0 => Err(JoinError::of(join.errors)),
            joined => Ok(joined),
        };
        // Whoever asked may have given up.
        _ = join.done.send(result);
    }
}
