//! What listens to the LAN pool beside the leader: user events, and the reports for the dashboard.

use super::config::Config;
use super::gossip::GossipHandle;
use super::gossip_report::{Answering, GossipReports};
use super::local::Local;
use super::run::Background;
use super::user_events::{OwnService, OwnServices, Receiver, UserEvents};

/// Made before a pool is joined, so that nothing is missed.
pub(super) struct Listening {
    pub(super) events: UserEvents,
    pub(super) reports: GossipReports,
    receiver: Receiver,
}

impl Listening {
    pub(super) fn start(config: &Config, lan: &GossipHandle, background: &Background) -> Self {
        let (events, receiver) = UserEvents::new(lan.clone(), &config.node.name);
        let (reports, asking) = GossipReports::new(lan.clone());
        background.spawn(asking.run());
        background.spawn(Answering::new(lan.clone()).run());
        Self {
            events,
            reports,
            receiver,
        }
    }

    /// Takes user events in, once this agent knows its services.
    pub(super) fn receive(self, local: &Local, background: &Background) -> (UserEvents, GossipReports) {
        background.spawn(self.receiver.run(LocalServices(local.clone())));
        (self.events, self.reports)
    }
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
