//! The agent's running pools, from their start to their end.

use tracing::error;

use crate::agent::gossip::{BoundGossip, Gossip, GossipHandle};
use crate::agent::membership::{PoolKind, Pools};
use crate::model::member::{Member, MemberStatus};

use super::start_error::StartError;

/// One running pool.
struct Pool {
    gossip: Gossip,
    handle: GossipHandle,
}

/// The agent's running pools.
pub(super) struct RunningPools {
    lan: Pool,
    wan: Option<Pool>,
}

/// The pools with their ports open, before they gossip.
pub(super) struct BoundPools {
    lan: BoundGossip,
    wan: Option<BoundGossip>,
}

impl BoundPools {
    /// Opens the ports, and writes nothing.
    ///
    /// # Errors
    /// When a port is switched off that must be there, or is taken.
    pub(super) fn bind(settings: Pools) -> Result<Self, StartError> {
        let lan = settings.lan.ok_or_else(|| StartError::Setting {
            key: "ports.serf_lan",
            reason: "every agent gossips with its datacenter: give it a port".to_owned(),
        })?;
        Ok(Self {
            lan: Gossip::bind(lan)?,
            wan: settings.wan.map(Gossip::bind).transpose()?,
        })
    }

    /// Begins to gossip. The WAN pool comes first: the LAN pool's servers are brought into it.
    ///
    /// # Errors
    /// When a file or a tag is not as it has to be; then neither pool runs.
    pub(super) fn start(self) -> Result<RunningPools, StartError> {
        let wan = self.wan.map(|wan| start(PoolKind::Wan, wan));
        Ok(RunningPools {
            wan: wan.transpose()?,
            lan: start(PoolKind::Lan, self.lan)?,
        })
    }
}

fn start(kind: PoolKind, bound: BoundGossip) -> Result<Pool, StartError> {
    let pool = kind.label();
    let (gossip, handle) = bound
        .start()
        .map_err(|source| StartError::Gossip { pool, source })?;
    Ok(Pool { gossip, handle })
}

impl RunningPools {
    /// The pool of the datacenter's agents.
    pub(super) fn lan(&self) -> &GossipHandle {
        &self.lan.handle
    }

    /// The pool of all datacenters' servers; on servers only.
    pub(super) fn wan(&self) -> Option<&GossipHandle> {
        self.wan.as_ref().map(|wan| &wan.handle)
    }

    /// Returns when a pool has ended that was not asked to, with the reason to end the agent, too.
    pub(super) fn failed(&self) -> impl Future<Output = String> + Send + use<> {
        let (lan, wan) = (self.lan().clone(), self.wan().cloned());
        let wan_failed = async move {
            match wan {
                Some(wan) => wan.failed().await,
                None => std::future::pending().await,
            }
        };
        async move {
            let pool = tokio::select! {
                () = lan.failed() => PoolKind::Lan,
                () = wan_failed => PoolKind::Wan,
            };
            format!("gossip of the {} pool has ended unexpectedly", pool.label())
        }
    }

    /// Whether nobody else is in any pool.
    pub(super) fn is_alone(&self) -> bool {
        let alone = |pool: &GossipHandle| others(&pool.members(), pool.name()) == 0;
        alone(self.lan()) && self.wan().is_none_or(alone)
    }

    /// Leaves both pools gracefully. Both at a time: the members of either hear of it at once.
    pub(super) async fn leave(&self) {
        let lan = leave(PoolKind::Lan, self.lan());
        match self.wan() {
            Some(wan) => {
                tokio::join!(leave(PoolKind::Wan, wan), lan);
            }
            None => lan.await,
        }
    }

    /// Ends the pools. Others take this agent for failed unless it has left.
    pub(super) async fn shutdown(self) {
        if let Some(wan) = self.wan {
            wan.gossip.shutdown().await;
        }
        self.lan.gossip.shutdown().await;
    }
}

async fn leave(kind: PoolKind, pool: &GossipHandle) {
    if let Err(error) = pool.leave().await {
        let label = kind.label();
        error!(target: "agent", %error, "failed to leave {label} Serf cluster");
    }
}

/// Members besides this agent who would notice.
fn others(members: &[Member], own: &str) -> usize {
    let present = |member: &&Member| {
        matches!(
            member.member_status(),
            MemberStatus::Alive | MemberStatus::Leaving
        )
    };
    members
        .iter()
        .filter(present)
        .filter(|member| member.name != own)
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_are_gone_do_not_notice() {
        let member = |name: &str, status: MemberStatus| Member {
            name: name.to_owned(),
            status: status as i64,
            ..Member::default()
        };
        let mut members = vec![
            member("a", MemberStatus::Alive),
            member("b", MemberStatus::Failed),
            member("c", MemberStatus::Left),
        ];
        assert_eq!(others(&members, "a"), 0);
        members.push(member("d", MemberStatus::Alive));
        assert_eq!(others(&members, "a"), 1);
    }
}
