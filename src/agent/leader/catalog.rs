//! Keeps the catalog's nodes as serf knows them.

use std::time::Instant;

use tracing::{error, info, warn};

use crate::agent::gossip::{Event, MemberChange};
use crate::agent::store::Command;
use crate::model::catalog::DeregisterRequest;
use crate::model::member::Member;

use super::log::{DutyError, LeaderLog};
use super::metrics::LeaderMetrics;
use super::reconcile::{Place, REPLACED, Step, step_for, step_for_reaped, steps_for_forgotten};
use super::seat::Seat;

/// The catalog's side of membership, while this server leads.
pub(super) struct CatalogKeeper<'a> {
    pub(super) seat: &'a Seat,
    pub(super) log: &'a LeaderLog,
    pub(super) metrics: &'a LeaderMetrics,
}

impl CatalogKeeper<'_> {
    fn place(&self) -> Place<'_> {
        Place {
            own: self.seat.lan.name(),
            datacenter: &self.seat.datacenter,
        }
    }

    /// Compares all members with the catalog; `both_ways` also removes nodes that serf does not know.
    pub(super) async fn compare(&self, both_ways: bool) {
        let began = Instant::now();
        self.compare_all(both_ways).await;
        self.metrics.reconcile.record_duration(began.elapsed());
    }

    async fn compare_all(&self, both_ways: bool) {
        let members = self.seat.lan.members();
        for member in members.iter() {
            self.see(member).await;
        }
        if !both_ways {
            return;
        }
        for step in steps_for_forgotten(&members, self.place(), &self.seat.raft.state()) {
            let name = match &step {
                Step::Deregister { node, .. } => node.clone(),
                _ => self.seat.lan.name().to_owned(),
            };
            self.take(&name, Some(step)).await;
        }
    }

    /// Takes in what just happened.
    pub(super) async fn hear(&self, event: Event) {
        let Event::Members(change, members) = event else {
            return;
        };
        for member in members {
            let member: Member = member.to_public();
            if change == MemberChange::Reap {
                let state = self.seat.raft.state();
                let step = step_for_reaped(&member, self.place(), &state);
                self.take(&member.name, step).await;
            } else {
                self.see(&member).await;
            }
        }
    }

    /// Brings the catalog up to date with a member.
    async fn see(&self, member: &Member) {
        let next = || step_for(member, self.place(), &self.seat.raft.state());
        let step = next();
        let is_replaced =
            matches!(&step, Some(Step::Deregister { reason, .. }) if *reason == REPLACED);
        self.take(&member.name, step).await;
        if is_replaced {
            self.take(&member.name, next()).await;
        }
    }

    async fn take(&self, member: &str, step: Option<Step>) {
        let Some(step) = step else { return };
        let began = Instant::now();
        if let Err(err) = self.carry_out(member, step).await {
            error!(target: "agent.server", member, error = %err, "failed to reconcile member");
        }
        self.metrics
            .reconcile_member
            .record_duration(began.elapsed());
    }

    async fn carry_out(&self, member: &str, step: Step) -> Result<(), DutyError> {
        match step {
            Step::MarkAlive(request) => {
                info!(target: "agent.server", member, "member joined, marking health alive");
                self.log.write(Command::Register(request)).await
            }
            Step::MarkFailed(request) => {
                info!(target: "agent.server", member, "member failed, marking health critical");
                self.log.write(Command::Register(request)).await
            }
            Step::IgnoreFailed => {
                info!(
                    target: "agent.server", member,
                    "ignoring failed event for member because it does not exist in the catalog"
                );
                Ok(())
            }
            Step::Deregister { node, reason } => {
                info!(target: "agent.server", member, reason, "deregistering member");
                let request = DeregisterRequest {
                    node,
                    ..DeregisterRequest::default()
                };
                self.log.write(Command::Deregister(request)).await
            }
            Step::SpareSelf => {
                warn!(
                    target: "agent.server", name = member,
                    "deregistering self should be done by follower"
                );
                Ok(())
            }
        }
    }
}
