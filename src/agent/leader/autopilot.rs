//! Looks after the servers' health while this server leads.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::agent::membership::ServerInfo;
use crate::agent::raft::Raft;
use crate::agent::rpc::{Rpc, Server};
use crate::model::member::MemberStatus;
use crate::model::raft::{AutopilotConfiguration, RaftServer};

use super::health::{Health, Moment, Report, Sight};
use super::metrics::LeaderMetrics;
use super::seat::Seat;

/// How often the servers are asked: Consul's 2 s.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
/// How long an answer is waited for: half of that, as in Consul.
const LOOK_LIMIT: Duration = Duration::from_secs(1);

/// Asks the servers how they are, for as long as it lives; nobody is told anything afterwards.
pub(super) struct Autopilot<'a> {
    pub(super) seat: &'a Seat,
    pub(super) rpc: &'a Rpc,
    pub(super) metrics: &'a LeaderMetrics,
    /// Who has been healthy for long enough to vote.
    pub(super) stable: watch::Sender<BTreeSet<String>>,
}

impl Drop for Autopilot<'_> {
    /// Another server's autopilot knows better from here on.
    fn drop(&mut self) {
        self.rpc.report_autopilot(None);
    }
}

impl Autopilot<'_> {
    /// Looks every two seconds.
    pub(super) async fn watch(&self) {
        let began = Instant::now();
        let mut health = Health::default();
        let mut tick = interval(LOOK_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            self.look(&mut health, began).await;
        }
    }

    async fn look(&self, health: &mut Health, began: Instant) {
        let raft = &self.seat.raft;
        let servers = raft.configuration().servers;
        let members = self.seat.servers();
        // Before the others are asked: what they have by then, the leader has had.
        let own = own_report(raft);
        let mut reports = self.ask(&servers, &members).await;
        reports.insert(self.seat.own_id.clone(), own);
        let configuration = self.seat.configuration();
        let now = Moment {
            elapsed: began.elapsed(),
            unix: Timestamp::now().as_second(),
        };
        let mut state = health.look(&Sight {
            now,
            own: &self.seat.own_id,
            servers: &servers,
            members: &members,
            reports: &reports,
            configuration: &configuration,
        });
        let catalog = raft.state();
        for server in state.servers.values_mut() {
            let node = catalog.node(&server.name);
            server.meta = node.and_then(|n| n.meta.clone()).unwrap_or_default();
        }
        self.metrics.healthy.set(f32::from(u8::from(state.healthy)));
        self.metrics
            .failure_tolerance
            .set_count(state.failure_tolerance);
        self.rpc.report_autopilot(Some(state));
        self.publish(health, now, &configuration);
    }

    fn publish(&self, health: &Health, now: Moment, configuration: &AutopilotConfiguration) {
        let stable = health.stable(now, configuration.server_stabilization_time.as_std());
        self.stable.send_if_modified(|before| {
            let differs = *before != stable;
            *before = stable;
            differs
        });
    }

    /// Asks all servers at once that gossip does not hold for dead.
    async fn ask(
        &self,
        servers: &[RaftServer],
        members: &[ServerInfo],
    ) -> BTreeMap<String, Report> {
        let mut questions = JoinSet::new();
        let is_ours = |member: &&ServerInfo| {
            member.id != self.seat.own_id
                && member.status == MemberStatus::Alive
                && servers.iter().any(|server| server.id == member.id)
        };
        for member in members.iter().filter(is_ours) {
            let server = Server {
                id: member.id.clone(),
                name: member.name.clone(),
                address: member.rpc,
            };
            let rpc = self.rpc.clone();
            questions.spawn(async move {
                let asked = rpc.raft_stats_of(&server, LOOK_LIMIT);
                let answer = tokio::time::timeout(LOOK_LIMIT, asked).await;
                (server.id, answer)
            });
        }
        let mut reports = BTreeMap::new();
        while let Some(answered) = questions.join_next().await {
            if let Ok((id, Ok(Ok(reply)))) = answered {
                reports.insert(id, Report::from(&reply));
            }
        }
        reports
    }
}

fn own_report(raft: &Raft) -> Report {
    let stats = raft.stats();
    Report {
        last_contact: Some(Duration::ZERO.into()),
        last_index: stats.last_log_index,
        last_term: stats.last_log_term,
    }
}
