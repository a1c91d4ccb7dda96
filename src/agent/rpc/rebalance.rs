//! Clients turn to another server every few minutes, so that they stay spread when servers come and go.

use std::sync::Weak;
use std::time::Duration;

use tokio::time::sleep;

use super::handle::Shared;
use super::servers::rebalance_after;
use super::wire::{Nothing, encode, status};

/// Time for a server to answer that it is there.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// Rebalances until the last handle is gone.
pub(super) async fn run(shared: Weak<Shared>) {
    loop {
        let Some(held) = shared.upgrade() else { return };
        let members = (held.settings.cluster_size)();
        let servers = held.list().len();
        drop(held);
        let pause = rebalance_after(members, servers, &mut rand::rng());
        sleep(pause).await;
        let Some(held) = shared.upgrade() else { return };
        held.rebalance().await;
    }
}

impl Shared {
    /// Makes a random server that answers the one that is asked first; all stays as it is when none does.
    pub(super) async fn rebalance(&self) {
        let candidates = self.list().shuffled(&mut rand::rng());
        if candidates.len() < 2 {
            return;
        }
        let Ok(nothing) = encode(&Nothing {}) else {
            return;
        };
        for server in candidates {
            let call = self
                .pool
                .call(server.address, status::PING, &nothing, PING_TIMEOUT);
            if call.await.is_ok() {
                self.list().prefer(&server.id);
                return;
            }
        }
    }
}
