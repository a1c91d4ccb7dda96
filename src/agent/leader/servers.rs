//! Brings servers into raft and out of it while this server leads: one change at a time.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use tracing::{debug, error, info, warn};

use crate::agent::gossip::{Event, GossipHandle, MemberChange};
use crate::agent::membership::ServerInfo;
use crate::agent::raft::{Peer, WriteError};
use crate::agent::rpc::{Rpc, Server};
use crate::model::member::MemberStatus;

use super::quorum::{Change, Refusal, Scope, View, Why, by_id, decide, unplaced};
use super::seat::Seat;

/// How often members are compared with the catalog and with raft even when nothing happened: Consul's 60 s.
pub(super) const RECONCILE_INTERVAL: Duration = Duration::from_mins(1);
/// How often raft's servers are looked at even when nothing happened, dead ones included: Consul's 10 s.
const TASKS_INTERVAL: Duration = Duration::from_secs(10);
/// When a change that failed is tried again; each further time after twice as long, up to [`TASKS_INTERVAL`].
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// The longest time for one change: a server that is waited for must not keep others out for ever.
const CHANGE_LIMIT: Duration = Duration::from_secs(30);
/// Changes in one go; what is left waits for the next occasion.
const MAX_CHANGES: usize = 64;
/// How long gossip has to find everybody after a change of leader, before a server that it does not know is stale.
pub(super) const SETTLING_TIME: Duration = Duration::from_mins(1);
/// The longest time for telling a pool that a member left.
const FAREWELL_LIMIT: Duration = Duration::from_secs(5);
/// The longest wait for a new server's answer.
const ASK_LIMIT: Duration = Duration::from_secs(2);

/// Keeps raft's servers as they should be.
pub(super) struct ServerKeeper<'a> {
    pub(super) seat: &'a Seat,
    /// Asks a server that is new which cluster it is in; tests do without.
    rpc: Option<&'a Rpc>,
    /// The pool of all datacenters' servers, where there is one.
    pub(super) wan: Option<&'a GossipHandle>,
    leads_since: Instant,
    /// Servers that were heard of and that raft does not have yet, or not where they are. Nobody else is added, so that a
    /// server which an operator removes stays outside until it is heard of again, or all members are compared.
    joining: BTreeSet<String>,
    /// Whether all members are compared with raft next.
    compare: bool,
    /// Servers that gossip has forgotten since, and that may still be in raft.
    reaped: BTreeSet<String>,
    /// What was refused last time: said once.
    refused: BTreeSet<Refusal>,
}

impl<'a> ServerKeeper<'a> {
    pub(super) fn new(seat: &'a Seat, wan: Option<&'a GossipHandle>) -> Self {
        Self {
            seat,
            rpc: None,
            wan,
            leads_since: Instant::now(),
            joining: BTreeSet::new(),
            compare: true,
            reaped: BTreeSet::new(),
            refused: BTreeSet::new(),
        }
    }

    /// The same, and a server that is in another cluster is not taken in.
    pub(super) fn asking(self, rpc: &'a Rpc) -> Self {
        Self {
            rpc: Some(rpc),
            ..self
        }
    }

    /// Follows members and health for as long as this server leads.
    pub(super) async fn keep(&mut self, mut stable: watch::Receiver<BTreeSet<String>>) {
        // From here on every change is heard; what happened before is seen by the first look.
        let mut events = self.seat.lan.subscribe();
        let mut tick = interval_at(Instant::now() + TASKS_INTERVAL, TASKS_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut reconcile = interval_at(Instant::now() + RECONCILE_INTERVAL, RECONCILE_INTERVAL);
        reconcile.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut hearing = true;
        let mut scope = Some(Scope::Members);
        let (mut again, mut pause) = (None, RETRY_PAUSE);
        loop {
            if let Some(scope) = scope.take() {
                if self.settle(scope, &stable).await {
                    (again, pause) = (None, RETRY_PAUSE);
                } else {
                    again = Some(Instant::now() + pause);
                    pause = (pause * 2).min(TASKS_INTERVAL);
                }
            }
            tokio::select! {
                heard = self.hear(&mut events), if hearing => match heard {
                    Heard::Servers => scope = Some(Scope::Members),
                    Heard::End => hearing = false,
                },
                changed = stable.changed() => match changed {
                    Ok(()) => scope = Some(Scope::Members),
                    // Whoever looks after the health has ended, and so does this.
                    Err(_) => return,
                },
                _ = tick.tick() => scope = Some(Scope::Cleanup),
                _ = reconcile.tick() => {
                    self.compare = true;
                    scope = Some(Scope::Members);
                }
                () = wait_until(again) => scope = Some(Scope::Members),
            }
        }
    }

    /// Waits for an event that concerns a server.
    async fn hear(&mut self, events: &mut Receiver<Event>) -> Heard {
        loop {
            match events.recv().await {
                Ok(Event::Members(change, members)) => {
                    let members = members.into_iter().map(|member| member.to_public());
                    let mut servers = members
                        .filter_map(|member| ServerInfo::of(&member))
                        .filter(|server| server.datacenter == self.seat.datacenter)
                        .peekable();
                    if servers.peek().is_none() {
                        continue;
                    }
                    let heard_of = if change == MemberChange::Reap {
                        &mut self.reaped
                    } else {
                        &mut self.joining
                    };
                    heard_of.extend(servers.map(|server| server.id));
                    return Heard::Servers;
                }
                Ok(_) => {}
                // What was missed is in the list of members.
                Err(RecvError::Lagged(_)) => {
                    self.compare = true;
                    return Heard::Servers;
                }
                Err(RecvError::Closed) => return Heard::End,
            }
        }
    }

    /// Makes changes until there is none left. Returns whether that succeeded.
    async fn settle(
        &mut self,
        mut scope: Scope,
        stable: &watch::Receiver<BTreeSet<String>>,
    ) -> bool {
        let mut last = None;
        // One that cannot be taken in holds up nobody else.
        let mut postponed = BTreeSet::new();
        for _ in 0..MAX_CHANGES {
            let members = self.seat.servers();
            let servers = self.seat.raft.configuration().servers;
            self.reaped
                .retain(|id| servers.iter().any(|server| server.id == *id));
            let unplaced = unplaced(&self.seat.own_id, &members, &servers);
            if std::mem::take(&mut self.compare) {
                self.joining.clone_from(&unplaced);
            } else {
                self.joining.retain(|id| unplaced.contains(id));
            }
            let joining = &self.joining - &postponed;
            let decision = decide(
                &View {
                    own: &self.seat.own_id,
                    servers: &servers,
                    members: &members,
                    joining: &joining,
                    reaped: &self.reaped,
                    stable: &stable.borrow().clone(),
                    configuration: &self.seat.configuration(),
                    settled: self.leads_since.elapsed() >= SETTLING_TIME,
                },
                scope,
            );
            self.say(scope, decision.refusals);
            let Some(change) = decision.change else {
                return postponed.is_empty();
            };
            if last.as_ref() == Some(&change) {
                // Raft has not shown its outcome yet.
                return false;
            }
            if !self.carry_out(&change).await {
                let Change::Add { id, .. } = change else {
                    return false;
                };
                postponed.insert(id);
                continue;
            }
            if matches!(change, Change::Promote { .. }) {
                // It may be what a dead server was waiting for.
                scope = Scope::Cleanup;
            }
            last = Some(change);
        }
        false
    }

    /// Says what was refused, once as long as it lasts.
    fn say(&mut self, scope: Scope, refusals: Vec<Refusal>) {
        let is_of_cleanup = |refusal: &Refusal| {
            !matches!(
                refusal,
                Refusal::TwoBootstraps { .. } | Refusal::TooManyRemovals { .. }
            )
        };
        let refusals: BTreeSet<Refusal> = refusals.into_iter().collect();
        for refusal in refusals.difference(&self.refused) {
            match refusal {
                Refusal::TwoBootstraps { node_to_add, other } => {
                    error!(target: "agent.server", %node_to_add, %other, "{refusal}");
                }
                Refusal::TooManyRemovals { node_to_add } => {
                    error!(
                        target: "agent.server", server = %node_to_add, error = %refusal,
                        "failed to add raft peer"
                    );
                }
                _ => debug!(
                    target: "agent.server.autopilot", reason = %refusal,
                    "Failed to remove dead servers"
                ),
            }
        }
        // Only a cleanup looks at what cleanups refuse.
        let mut refused = std::mem::replace(&mut self.refused, refusals);
        if scope == Scope::Members {
            refused.retain(is_of_cleanup);
            self.refused.append(&mut refused);
        }
    }

    /// Makes a change. Returns whether it was made; why not has been said.
    async fn carry_out(&self, change: &Change) -> bool {
        let made = async {
            match change {
                Change::Add { id, name, address } => self.add(id, name, address).await,
                Change::Promote { id, name, address } => {
                    info!(target: "agent.server.autopilot", %id, %address, %name, "Promoting server");
                    let promoted = self.seat.raft.promote(id).await;
                    promoted.inspect_err(|error| complain("failed to promote server", id, error))
                }
                Change::Remove { id, why } => self.remove(id, why).await,
                Change::Bury { id, name } => self.bury(id, name).await,
            }
        };
        if let Ok(made) = timeout(CHANGE_LIMIT, made).await {
            return made.is_ok();
        }
        warn!(
            target: "agent.server.autopilot", ?change,
            "change of the raft configuration is still not done after {CHANGE_LIMIT:?}"
        );
        false
    }

    async fn add(&self, id: &str, name: &str, address: &str) -> Result<(), WriteError> {
        if self.is_of_another_cluster(id, name, address).await {
            return Err(WriteError::Refused(format!("{name} is in another cluster")));
        }
        info!(target: "agent.server.autopilot", %id, %address, "adding server to the raft configuration");
        let peer = Peer {
            id: id.to_owned(),
            address: address.to_owned(),
        };
        let added = self.seat.raft.add_nonvoter(&peer).await;
        added.inspect_err(|error| complain("failed to add raft peer", id, error))
    }

    /// Whether a server that is new here has a raft configuration of its own without any server of ours. Whichever of the
    /// two clusters took the other's servers in would cut their logs.
    async fn is_of_another_cluster(&self, id: &str, name: &str, address: &str) -> bool {
        let (Some(rpc), Ok(rpc_address)) = (self.rpc, address.parse()) else {
            return false;
        };
        let ours = self.seat.raft.configuration().servers;
        if ours.iter().any(|server| server.id == id) {
            return false;
        }
        let server = Server {
            id: id.to_owned(),
            name: name.to_owned(),
            address: rpc_address,
        };
        let theirs = match rpc.peers_of(&server, ASK_LIMIT).await {
            Ok(theirs) => theirs,
            Err(error) => {
                warn!(
                    target: "agent.server", server = name, %error,
                    "cannot ask a new server for its raft configuration, will retry"
                );
                return true;
            }
        };
        let is_shared =
            |peer: &String| *peer != *address && ours.iter().any(|server| server.address == *peer);
        if theirs.is_empty() || theirs.iter().any(is_shared) {
            return false;
        }
        error!(
            target: "agent.server", server = name, peers = theirs.join(","),
            "this server is in a raft cluster of its own: stop it, move its data folder away, and start it \
             without -bootstrap"
        );
        true
    }

    async fn remove(&self, id: &str, why: &Why) -> Result<(), WriteError> {
        match why {
            Why::Stale => info!(
                target: "agent.server.autopilot", %id,
                "Attempting removal of stale server"
            ),
            Why::Left | Why::Reaped | Why::SameAddress(_) => {
                info!(target: "agent.server", %id, "removing server by ID");
            }
        }
        let removed = self.seat.raft.remove_server(id).await;
        removed.inspect_err(|error| complain("failed to remove raft server", id, error))?;
        if let Why::SameAddress(address) = why {
            info!(target: "agent.server", %address, "removed server with duplicate address");
        }
        Ok(())
    }

    /// Tells both pools that a failed server left, so that nobody waits for it and the catalog forgets it, and removes it.
    async fn bury(&self, id: &str, name: &str) -> Result<(), WriteError> {
        info!(target: "agent.server.autopilot", %name, "Attempting removal of failed server node");
        farewell(&self.seat.lan, name).await;
        if let Some(wan) = self.wan {
            farewell(wan, &format!("{name}.{}", self.seat.datacenter)).await;
        }
        // It may have come back meanwhile. Raft's next look at it is as at any other server.
        let members = self.seat.servers();
        let is_back = by_id(&members)
            .get(id)
            .is_some_and(|member| member.status == MemberStatus::Alive);
        if is_back {
            return Ok(());
        }
        self.remove(id, &Why::Left).await
    }
}

/// What was heard of.
enum Heard {
    /// A server has changed.
    Servers,
    /// The pool has ended, the agent is about to.
    End,
}

async fn wait_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

async fn farewell(pool: &GossipHandle, name: &str) {
    match timeout(FAREWELL_LIMIT, pool.force_leave(name, false)).await {
        Ok(Ok(())) => {}
        // It may have come back, left, or not be in this pool.
        Ok(Err(error)) => {
            debug!(target: "agent.server.autopilot", name, %error, "failed server was not made to leave");
        }
        Err(_) => debug!(target: "agent.server.autopilot", name, "the pool does not answer"),
    }
}

fn complain(what: &'static str, id: &str, error: &WriteError) {
    match error {
        // The next leader sees to it.
        WriteError::NotLeader(_) | WriteError::NoLeader | WriteError::LeadershipLost => {
            debug!(target: "agent.server.autopilot", id, %error, "{what}");
        }
        WriteError::Stopped(_) | WriteError::Refused(_) => {
            error!(target: "agent.server.autopilot", id, %error, "{what}");
        }
    }
}

#[cfg(test)]
mod tests;
