//! What hears the LAN pool for operators: user events and reports of members.

use tokio::sync::mpsc;

use crate::agent::config::Config;
use crate::agent::gossip::GossipHandle;
use crate::agent::gossip_report::GossipReports;
use crate::agent::local::Local;
use crate::agent::remote_exec::{RemoteExec, RpcDesk, WAITING};
use crate::agent::rpc::Rpc;
use crate::agent::user_events::{OwnService, OwnServices, Receiver, UserEvents};

use super::run::Background;

/// What listens to the LAN pool besides the leader: made before the pool is joined, so that nothing is
/// missed.
pub(super) struct Listening {
    events: UserEvents,
    receiver: Receiver,
    reports: GossipReports,
}

impl Listening {
    /// Begins to listen; events are taken in once [`Self::receive`] is called.
    pub(super) fn start(config: &Config, lan: &GossipHandle, background: &Background) -> Self {
        let (events, receiver) = UserEvents::new(lan.clone(), &config.node.name);
        let (reports, asking, answering) = GossipReports::new(lan.clone());
        background.spawn(asking.run());
        background.spawn(answering.run());
        Self {
            events,
            receiver,
            reports,
        }
    }

    /// Begins to take in user events; their filters look at this agent's services. `remote_exec` runs the commands
    /// that some of them call for.
    pub(super) fn receive(
        self,
        local: &Local,
        remote_exec: Option<RemoteExec<RpcDesk>>,
        background: &Background,
    ) -> (UserEvents, GossipReports) {
        let executor = remote_exec.map(|remote_exec| {
            let (sender, calls) = mpsc::channel(WAITING);
            background.spawn(remote_exec.run(calls));
            sender
        });
        let receiver = self.receiver.with_remote_exec(executor);
        background.spawn(receiver.run(LocalServices(local.clone())));
        (self.events, self.reports)
    }
}

/// Who runs commands from afar, where that is allowed.
pub(super) fn remote_exec(config: &Config, rpc: &Rpc) -> Option<RemoteExec<RpcDesk>> {
    let tokens = &config.acl.tokens;
    let own = [tokens.agent.reveal(), tokens.default.reveal()];
    let token = own.into_iter().find(|token| !token.is_empty());
    let desk = RpcDesk {
        rpc: rpc.clone(),
        token: token.unwrap_or_default().to_owned(),
    };
    (!config.node.disable_remote_exec).then(|| RemoteExec::new(desk, &config.node.name))
}

/// This agent's services, on which filters of user events look.
struct LocalServices(Local);

impl OwnServices for LocalServices {
    fn own_services(&self) -> Vec<OwnService> {
        let state = self.0.state();
        let services = state.services().map(|local| OwnService {
            id: local.service.id.clone(),
            tags: local.service.tags.clone(),
        });
        services.collect()
    }
}
