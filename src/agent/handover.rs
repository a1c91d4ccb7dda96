//! How a server gives up its place in the cluster before it leaves.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use crate::agent::raft::Raft;

/// Longest wait for another server to take over the leadership.
const TRANSFER: Duration = Duration::from_secs(3);
/// Longest wait until the others have removed this server: Consul's `raftRemoveGracePeriod`.
const REMOVAL: Duration = Duration::from_secs(5);
/// Time between two looks at the configuration.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Makes sure that the cluster does without this server: hands the leadership over, or, where nobody takes it, removes
/// this server itself. True when other servers are there that remove it once it has left the pool.
pub(super) async fn hand_over(raft: &Raft, own: &str) -> bool {
    let voters = raft.configuration().servers;
    let others = voters.iter().filter(|server| server.voter).count();
    if others < 2 {
        return false;
    }
    if !raft.is_leader() {
        return true;
    }
    match raft.transfer_leader(None, TRANSFER).await {
        Ok(leader) => {
            info!(
                target: "agent.server", leader = leader.address,
                "successfully transferred leadership"
            );
            true
        }
        Err(error) => {
            warn!(target: "agent.server", %error, "failed to transfer leadership");
            remove_self(raft, own).await;
            false
        }
    }
}

async fn remove_self(raft: &Raft, own: &str) {
    if let Err(error) = raft.remove_server(own).await {
        tracing::error!(target: "agent.server", %error, "failed to remove ourself as raft peer");
    }
}

/// Waits until this server is not in the configuration any more: going at once could cost the others their quorum.
pub(super) async fn wait_until_removed(raft: &Raft, own: &str) {
    let deadline = Instant::now() + REMOVAL;
    while raft
        .configuration()
        .servers
        .iter()
        .any(|server| server.id == own)
    {
        if Instant::now() >= deadline {
            warn!(
                target: "agent.server",
                "failed to leave raft configuration gracefully, timeout"
            );
            return;
        }
        sleep(LOOK_EVERY).await;
    }
}
