//! Servers of this datacenter bring each other into the WAN pool: section 13.5 of the wire format.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{debug, warn};

use crate::agent::gossip::{Event, GossipHandle, MemberChange};
use crate::model::member::{Member, MemberStatus};

use super::server_tags::ServerInfo;

/// How often the pools are compared even when nothing happened: Consul's 60 seconds.
const FLOOD_INTERVAL: Duration = Duration::from_mins(1);

/// A server that is to be brought into the WAN pool.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Missing {
    /// Its name there.
    name: String,
    address: SocketAddr,
}

impl Missing {
    /// As a join address that says who is expected.
    fn seed(&self) -> String {
        format!("{}/{}", self.name, self.address)
    }
}

/// Joins every living server of the LAN pool that the WAN pool misses: when one joins, and every 60 s.
pub async fn flood(lan: GossipHandle, wan: GossipHandle, own_wan_port: u16) {
    let mut events = lan.subscribe();
    let mut tick = interval(FLOOD_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            event = events.recv() => match event {
                Ok(Event::Members(MemberChange::Join | MemberChange::Update, _))
                | Err(RecvError::Lagged(_)) => {}
                Ok(_) => continue,
                Err(RecvError::Closed) => return,
            },
        }
        for server in missing(&lan.members(), &wan.members(), own_wan_port) {
            let (name, address) = (&server.name, server.address);
            match wan.join(&server.seed()).await {
                Ok(_) => debug!(
                    target: "agent.server", server = name, %address,
                    "Successfully performed flood-join for server at address"
                ),
                Err(error) => warn!(
                    target: "agent.server", server = name, %address, %error,
                    "Failed to flood-join server at address"
                ),
            }
        }
    }
}

fn missing(lan: &[Member], wan: &[Member], own_wan_port: u16) -> Vec<Missing> {
    let is_there = |name: &str| {
        wan.iter()
            .any(|member| member.name == name && member.member_status() == MemberStatus::Alive)
    };
    lan.iter()
        .filter_map(ServerInfo::of)
        .filter(|server| server.status == MemberStatus::Alive)
        .map(|server| Missing {
            name: format!("{}.{}", server.name, server.datacenter),
            address: SocketAddr::new(
                server.rpc.ip(),
                server.wan_join_port.unwrap_or(own_wan_port),
            ),
        })
        .filter(|server| !is_there(&server.name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(name: &str, status: MemberStatus, wan_join_port: Option<&str>) -> Member {
        let tags = [
            ("role", "consul"),
            ("dc", "dc1"),
            ("port", "8300"),
            ("vsn", "2"),
            ("build", "1.8.7:"),
        ];
        let port = wan_join_port.map(|port| ("wan_join_port", port));
        Member {
            name: name.to_owned(),
            addr: "127.0.0.1".to_owned(),
            tags: tags
                .into_iter()
                .chain(port)
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            status: status as i64,
            ..Member::default()
        }
    }

    #[test]
    fn living_servers_that_the_wan_pool_misses_are_found() {
        let alive = MemberStatus::Alive;
        let client = Member {
            tags: [("role".to_owned(), "node".to_owned())].into(),
            ..server("c", alive, None)
        };
        let lan = [
            server("a", alive, Some("9302")),
            server("b", alive, None),
            server("d", alive, None),
            server("e", MemberStatus::Failed, None),
            client,
        ];
        let wan = [
            server("b.dc1", alive, None),
            server("d.dc1", MemberStatus::Left, None),
        ];
        let found: Vec<String> = missing(&lan, &wan, 8302)
            .iter()
            .map(Missing::seed)
            .collect();
        assert_eq!(found, ["a.dc1/127.0.0.1:9302", "d.dc1/127.0.0.1:8302"]);
    }
}
