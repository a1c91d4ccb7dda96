//! What the other rooms see of a pool.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::model::member::{Member, MemberStatus};
use crate::model::node::StringMap;

/// How long reaching another member may take, serf's TCP timeout in a LAN.
const DIAL_TIMEOUT: Duration = Duration::from_secs(10);
/// The port of a join address that names none.
const DEFAULT_LAN_PORT: u16 = 8301;

/// Why joining an address failed. The texts are those that `consul join` shows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// The address is no IP address with an optional port.
    #[error("Failed to join {0}: lookup {0}: no such host")]
    Unresolvable(String),
    /// Nobody answers there.
    #[error("Failed to join {ip}: dial tcp {address}: {reason}")]
    Unreachable {
        /// The member's address without the port.
        ip: IpAddr,
        /// The address that was dialled.
        address: SocketAddr,
        /// What the system said.
        reason: String,
    },
    /// Somebody answers, but this agent speaks no gossip yet.
    #[error("Failed to join {0}: this version of consulctl cannot join other members yet")]
    NotSupported(IpAddr),
}

/// What this agent says of itself in a pool.
#[derive(Debug, Clone)]
pub struct LocalMember {
    /// The member's name.
    pub name: String,
    /// The address that others reach.
    pub address: IpAddr,
    /// The gossip port.
    pub port: u16,
    /// Consul's tags.
    pub tags: StringMap,
}

/// A pool of members. Cheap to clone.
#[derive(Clone)]
pub struct GossipHandle {
    local: Arc<Member>,
}

impl GossipHandle {
    /// A pool of this agent alone.
    pub fn solo(local: LocalMember) -> Self {
        let member = Member {
            name: local.name,
            addr: local.address.to_string(),
            port: local.port,
            tags: local.tags,
            status: MemberStatus::Alive as i64,
            protocol_min: 1,
            protocol_max: 5,
            protocol_cur: 2,
            delegate_min: 2,
            delegate_max: 5,
            delegate_cur: 4,
        };
        Self {
            local: Arc::new(member),
        }
    }

    /// This agent.
    pub fn local(&self) -> &Member {
        &self.local
    }

    /// All members, this agent included.
    pub fn members(&self) -> Vec<Member> {
        vec![Member::clone(&self.local)]
    }

    /// Joins the pool of the member at an address.
    ///
    /// # Errors
    /// Always for now: either nobody is there, or gossip would be needed.
    pub async fn join(&self, address: &str) -> Result<usize, JoinError> {
        let target = parse(address).ok_or_else(|| JoinError::Unresolvable(address.to_owned()))?;
        let own = self.local.addr.parse::<IpAddr>().ok();
        if own == Some(target.ip()) && target.port() == self.local.port {
            return Ok(1);
        }
        let unreachable = |reason: String| JoinError::Unreachable {
            ip: target.ip(),
            address: target,
            reason,
        };
        match timeout(DIAL_TIMEOUT, TcpStream::connect(target)).await {
            Ok(Ok(_)) => Err(JoinError::NotSupported(target.ip())),
            Ok(Err(err)) if err.kind() == std::io::ErrorKind::ConnectionRefused => {
                Err(unreachable("connect: connection refused".to_owned()))
            }
            Ok(Err(err)) => Err(unreachable(err.to_string())),
            Err(_) => Err(unreachable("i/o timeout".to_owned())),
        }
    }

    /// The keys of the `serf_lan` and `serf_wan` sections of `info`.
    pub fn stats(&self) -> StringMap {
        let numbers = [
            ("coordinate_resets", 0),
            ("event_queue", 0),
            ("event_time", 1),
            ("failed", 0),
            ("health_score", 0),
            ("intent_queue", 0),
            ("left", 0),
            ("member_time", 1),
            ("members", 1),
            ("query_queue", 0),
            ("query_time", 1),
        ];
        let mut stats: StringMap = numbers
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.to_string()))
            .collect();
        stats.insert("encrypted".to_owned(), "false".to_owned());
        stats
    }
}

fn parse(address: &str) -> Option<SocketAddr> {
    let ip = |text: &str| text.trim_matches(['[', ']']).parse::<IpAddr>().ok();
    address
        .parse()
        .ok()
        .or_else(|| Some(SocketAddr::new(ip(address)?, DEFAULT_LAN_PORT)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool() -> GossipHandle {
        GossipHandle::solo(LocalMember {
            name: "n1".to_owned(),
            address: IpAddr::from([127, 0, 0, 1]),
            port: 8301,
            tags: StringMap::new(),
        })
    }

    #[tokio::test]
    async fn a_join_names_who_was_not_reached() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let found = pool().join(&address.to_string()).await.unwrap_err();
        assert_eq!(found, JoinError::NotSupported(address.ip()));
        drop(listener);
        let text = pool()
            .join(&address.to_string())
            .await
            .unwrap_err()
            .to_string();
        let expected =
            format!("Failed to join 127.0.0.1: dial tcp {address}: connect: connection refused");
        assert_eq!(text, expected);
    }

    #[test]
    fn the_pool_is_this_agent() {
        let members = pool().members();
        assert_eq!(members.len(), 1);
        assert_eq!(members[0].member_status(), MemberStatus::Alive);
    }
}
