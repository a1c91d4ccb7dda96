//! Joining until it works: `retry_join` and `retry_join_wan`.

use std::time::Duration;

use tokio::time::sleep;
use tracing::{error, info, warn};

use crate::agent::gossip::GossipHandle;
use crate::model::duration::GoDuration;

use super::join::join;
use super::pool_kind::PoolKind;

/// Whom to join, and how often to try.
#[derive(Debug, Clone)]
pub struct RetryJoin {
    /// Which pool.
    pub pool: PoolKind,
    /// Addresses; one that answers is enough.
    pub addresses: Vec<String>,
    /// Between two attempts.
    pub interval: Duration,
    /// Attempts after the first one; 0 for no limit.
    pub max: u32,
}

/// Nobody answered as often as it was tried. The agent ends then; the text is Consul's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("agent: max join {} retry exhausted, exiting", .0.label())]
pub struct RetryExhausted(pub PoolKind);

/// Tries to join until somebody answers.
///
/// # Errors
/// When the attempts are used up.
pub async fn retry_join(pool: GossipHandle, retry: RetryJoin) -> Result<(), RetryExhausted> {
    let cluster = retry.pool.label();
    info!(
        target: "agent",
        cluster, discovery_methods = "",
        "Retry join is supported for the following discovery methods"
    );
    info!(target: "agent", cluster, "Joining cluster...");
    let addresses = joinable(&retry);
    let mut attempt = 0;
    loop {
        let result = match addresses.as_slice() {
            // Nothing but clouds that cannot be asked.
            [] => Err("No servers to join".to_owned()),
            addresses => join(&pool, retry.pool, addresses)
                .await
                .map_err(|err| err.to_string()),
        };
        let error = match result {
            Ok(num_agents) => {
                info!(
                    target: "agent",
                    cluster, num_agents,
                    "Join cluster completed. Synced with initial agents"
                );
                return Ok(());
            }
            Err(error) => error,
        };
        attempt += 1;
        if retry.max > 0 && attempt > retry.max {
            return Err(RetryExhausted(retry.pool));
        }
        let retry_interval = GoDuration::from(retry.interval);
        warn!(
            target: "agent",
            cluster, %retry_interval, error,
            "Join cluster failed, will retry"
        );
        sleep(retry.interval).await;
    }
}

/// The addresses without those that ask a cloud for them: no cloud can be asked, and that is said.
fn joinable(retry: &RetryJoin) -> Vec<String> {
    let (clouds, addresses): (Vec<String>, Vec<String>) = retry
        .addresses
        .iter()
        .cloned()
        .partition(|address| provider(address).is_some());
    for address in &clouds {
        let provider = provider(address).unwrap_or_default();
        error!(
            target: "agent",
            cluster = retry.pool.label(), address,
            error = format!("discover: unknown provider {provider:?}"),
            "Cannot discover address"
        );
    }
    addresses
}

/// The cloud that is to be asked, in an address such as `provider=aws tag_key=…`.
fn provider(address: &str) -> Option<&str> {
    address
        .split_whitespace()
        .find_map(|word| word.strip_prefix("provider="))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::member::Member;

    fn retry(addresses: &[&str], max: u32) -> RetryJoin {
        RetryJoin {
            pool: PoolKind::Wan,
            addresses: addresses.iter().map(|it| (*it).to_owned()).collect(),
            interval: Duration::from_secs(30),
            max,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_are_spaced_and_counted() {
        let pool = GossipHandle::detached(Member::default());
        let begun = tokio::time::Instant::now();
        let ended = retry_join(pool, retry(&["127.0.0.1"], 3)).await;
        assert_eq!(ended, Err(RetryExhausted(PoolKind::Wan)));
        assert_eq!(begun.elapsed().as_secs(), 3 * 30);
        assert_eq!(
            RetryExhausted(PoolKind::Lan).to_string(),
            "agent: max join LAN retry exhausted, exiting"
        );
    }

    #[test]
    fn clouds_are_not_joined() {
        let mixed = retry(&["provider=aws tag_key=x", "10.0.0.1"], 0);
        assert_eq!(joinable(&mixed), ["10.0.0.1"]);
        assert_eq!(provider("tag=1 provider=gce"), Some("gce"));
        assert_eq!(provider("provider.example.org"), None);
    }
}
