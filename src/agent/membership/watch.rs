//! Hears what happens in the pools: servers that come and go, and new leaders.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tracing::{info, warn};

use crate::agent::gossip::serf;
use crate::agent::gossip::{Event, GossipHandle, MemberChange};

use super::server_tags::ServerInfo;
use super::tags::NEW_LEADER;

/// What the watcher needs to know of the agent.
#[derive(Clone)]
pub struct Watch {
    /// Whether this agent is a server.
    pub server: bool,
    /// The agent's datacenter.
    pub datacenter: String,
    /// Called when there is somebody new to ask: a server joined, or a leader was elected.
    pub server_up: Arc<dyn Fn() + Send + Sync>,
}

/// Follows the pools until they end, logs what Consul logs, and says when to compare with the catalog. Hears what
/// happens from the call on, not only from the first poll.
pub fn watch(
    lan: GossipHandle,
    wan: Option<GossipHandle>,
    settings: Watch,
) -> impl Future<Output = ()> + Send {
    // Listening comes before looking, so that nobody who joins in between is missed.
    let near = lan.subscribe();
    let far = wan.map(|wan| wan.subscribe());
    async move {
        let mut known = Known {
            settings,
            servers: BTreeSet::new(),
        };
        for server in lan.members().iter().filter_map(ServerInfo::of) {
            if server.is_present() {
                known.joined(&server);
            }
        }
        let far = async {
            if let Some(far) = far {
                report_wan(far).await;
            }
        };
        tokio::join!(follow(lan, near, known), far);
    }
}

/// The servers of the LAN pool that have been reported.
struct Known {
    settings: Watch,
    servers: BTreeSet<String>,
}

impl Known {
    fn joined(&mut self, server: &ServerInfo) {
        if server.datacenter != self.settings.datacenter {
            warn!(target: "agent.server", %server, "Member in wrong datacenter");
            return;
        }
        if !self.servers.insert(server.name.clone()) {
            return;
        }
        if self.settings.server {
            info!(target: "agent.server", %server, "Adding LAN server");
        } else {
            info!(target: "agent.client", %server, "adding server");
        }
        (self.settings.server_up)();
    }

    fn gone(&mut self, server: &ServerInfo) {
        if !self.servers.remove(&server.name) {
            return;
        }
        if self.settings.server {
            info!(target: "agent.server", %server, "Removing LAN server");
        } else {
            info!(target: "agent.client", %server, "removing server");
        }
    }

    fn changed(&mut self, change: MemberChange, members: &[serf::Member]) {
        for server in members.iter().filter_map(server_of) {
            match change {
                MemberChange::Join | MemberChange::Update => self.joined(&server),
                MemberChange::Leave | MemberChange::Failed | MemberChange::Reap => {
                    self.gone(&server);
                }
            }
        }
    }

    fn elected(&self, leader: &str) {
        if self.settings.server {
            info!(target: "agent.server", payload = leader, "New leader elected");
        } else {
            info!(target: "agent.client", payload = leader, "New leader elected");
        }
        (self.settings.server_up)();
    }
}

fn server_of(member: &serf::Member) -> Option<ServerInfo> {
    ServerInfo::parse(
        &member.name,
        member.address.ip(),
        member.status,
        &member.tags,
    )
}

async fn follow(lan: GossipHandle, mut events: Receiver<Event>, mut known: Known) {
    loop {
        match events.recv().await {
            Ok(Event::Members(change, members)) => known.changed(change, &members),
            Ok(Event::User { name, payload, .. }) if name == NEW_LEADER => {
                known.elected(&String::from_utf8_lossy(&payload));
            }
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => {
                for server in lan.members().iter().filter_map(ServerInfo::of) {
                    if server.is_present() {
                        known.joined(&server);
                    } else {
                        known.gone(&server);
                    }
                }
            }
            Err(RecvError::Closed) => return,
        }
    }
}

async fn report_wan(mut events: Receiver<Event>) {
    loop {
        let (change, members) = match events.recv().await {
            Ok(Event::Members(change, members)) => (change, members),
            // What was missed is seen in the member list; only log lines are lost.
            Ok(_) | Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        };
        let event = match change {
            MemberChange::Join => "member-join",
            MemberChange::Leave => "member-leave",
            MemberChange::Failed => "member-failed",
            MemberChange::Update => "member-update",
            MemberChange::Reap => "member-reap",
        };
        for member in members {
            let server = &*member.name;
            info!(
                target: "agent.server", event, server, area = "wan",
                "Handled event for server in area"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::agent::gossip::wire::{Tags, Versions};
    use crate::model::member::MemberStatus;

    fn member(name: &str, dc: &str) -> serf::Member {
        let tags: Tags = [
            ("role", "consul"),
            ("dc", dc),
            ("port", "8300"),
            ("vsn", "2"),
            ("build", "1.8.7:"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        serf::Member {
            name: name.into(),
            address: ([127, 0, 0, 1], 8301).into(),
            tags: Arc::new(tags),
            status: MemberStatus::Alive,
            versions: Versions::CONSUL,
        }
    }

    #[test]
    fn a_new_server_or_leader_is_a_reason_to_sync() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&calls);
        let mut known = Known {
            settings: Watch {
                server: false,
                datacenter: "dc1".to_owned(),
                server_up: Arc::new(move || {
                    counter.fetch_add(1, Ordering::Relaxed);
                }),
            },
            servers: BTreeSet::new(),
        };
        let servers = [member("a", "dc1"), member("b", "dc1")];
        known.changed(MemberChange::Join, &servers);
        assert_eq!(calls.load(Ordering::Relaxed), 2);
        // What was said once is not said again, and other datacenters do not count.
        known.changed(MemberChange::Update, &servers);
        known.changed(MemberChange::Join, &[member("c", "dc2")]);
        assert_eq!(calls.load(Ordering::Relaxed), 2);
        known.changed(MemberChange::Failed, &servers[..1]);
        assert_eq!(known.servers.len(), 1);
        known.changed(MemberChange::Join, &servers[..1]);
        known.elected("b");
        assert_eq!(calls.load(Ordering::Relaxed), 4);
    }
}
