//! A new leader takes up its duties, or lets another server lead.

use std::time::Duration;

use tokio::time::sleep;
use tracing::{error, info, warn};

use crate::agent::raft::Raft;

use super::log::DutyError;

/// Pause before a leader that could not take up its duties, and whose place no other server took, tries again.
const ESTABLISH_PAUSE: Duration = Duration::from_secs(5);
/// How often a leader that cannot take up its duties asks another server to lead: Consul's 3.
const TRANSFER_ATTEMPTS: u32 = 3;
/// How long it waits for that each time.
const TRANSFER_LIMIT: Duration = Duration::from_secs(5);

/// Takes up the duties, over and over until it succeeds or another server was asked to lead instead. Returns whether this
/// server leads.
pub(super) async fn establish<F>(raft: &Raft, take_office: impl Fn() -> F) -> bool
where
    F: Future<Output = Result<(), DutyError>>,
{
    while let Err(error) = take_office().await {
        error!(target: "agent.server", %error, "failed to establish leadership");
        if hand_over(raft).await {
            return false;
        }
        sleep(ESTABLISH_PAUSE).await;
    }
    true
}

/// Asks another server to lead. Returns whether this one does not lead any more.
async fn hand_over(raft: &Raft) -> bool {
    for attempt in 0..TRANSFER_ATTEMPTS {
        if !raft.is_leader() {
            return true;
        }
        match raft.transfer_leader(None, TRANSFER_LIMIT).await {
            Ok(_) => {
                info!(
                    target: "agent.server", attempt, retry_limit = TRANSFER_ATTEMPTS,
                    "successfully transferred leadership"
                );
                return true;
            }
            Err(error) => error!(
                target: "agent.server", attempt, retry_limit = TRANSFER_ATTEMPTS, %error,
                "failed to transfer leadership attempt, will retry"
            ),
        }
    }
    warn!(
        target: "agent.server",
        "failed to transfer leadership in {TRANSFER_ATTEMPTS} attempts"
    );
    false
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::future::ready;
    use std::pin::Pin;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::{Arc, Mutex};
    use std::time::SystemTime;

    use super::*;
    use crate::agent::raft::{
        Call, DEFAULT_SNAPSHOT_THRESHOLD, DEFAULT_TRAILING_LOGS, Lane, Peer, RaftSettings,
        Transport, TransportError,
    };
    use crate::agent::telemetry::metrics::Metrics;

    const HOLD: Duration = Duration::from_secs(20);

    /// Servers of one process by their addresses.
    #[derive(Default)]
    struct Servers(Mutex<BTreeMap<String, Raft>>);

    impl Transport for Servers {
        fn call<'a>(
            &'a self,
            peer: &'a Peer,
            _: Lane,
            call: Call,
            body: Vec<u8>,
            _: Duration,
        ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, TransportError>> + Send + 'a>> {
            let raft = self.0.lock().unwrap().get(&peer.address).cloned();
            Box::pin(async move {
                let raft = raft.ok_or_else(|| TransportError::Broken("not there".to_owned()))?;
                let served = raft.serve(call, &body).await;
                served.map_err(|error| TransportError::Broken(error.to_string()))
            })
        }
    }

    /// Servers of which the first leads and all vote.
    async fn cluster(count: usize) -> Vec<Raft> {
        let servers = Arc::new(Servers::default());
        let mut cluster: Vec<Raft> = Vec::new();
        for n in 0..count {
            let (id, address) = (format!("id-{n}"), format!("10.0.0.{n}:8300"));
            let (raft, _) = Raft::start(RaftSettings {
                dir: None,
                node_uuid: id.clone(),
                address: address.clone(),
                raft_multiplier: 1,
                bootstrap: n == 0,
                snapshot_threshold: DEFAULT_SNAPSHOT_THRESHOLD,
                trailing_logs: DEFAULT_TRAILING_LOGS,
                transport: Arc::clone(&servers) as Arc<dyn Transport>,
                clock: Arc::new(SystemTime::now),
                metrics: Metrics::default(),
            })
            .await
            .expect("started");
            servers
                .0
                .lock()
                .unwrap()
                .insert(address.clone(), raft.clone());
            match cluster.first() {
                None => {
                    raft.wait_for_leader(HOLD).await.expect("led");
                    raft.verify_leader(HOLD).await.expect("leads");
                }
                Some(leader) => {
                    let peer = Peer {
                        id: id.clone(),
                        address,
                    };
                    leader.add_nonvoter(&peer).await.expect("added");
                    leader.promote(&id).await.expect("votes");
                }
            }
            cluster.push(raft);
        }
        cluster
    }

    async fn close(cluster: Vec<Raft>) {
        for raft in cluster {
            raft.shutdown().await.expect("closed");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_cannot_take_office_hands_over() {
        let cluster = cluster(2).await;
        let tried = AtomicU32::new(0);
        let leads = establish(&cluster[0], || {
            tried.fetch_add(1, Ordering::Relaxed);
            ready(Err(DutyError::Refused("the disk is full".to_owned())))
        })
        .await;
        assert!(!leads);
        assert_eq!(tried.into_inner(), 1);
        let mut leadership = cluster[1].leadership();
        let elected = leadership.wait_for(crate::agent::raft::Leadership::is_leader);
        tokio::time::timeout(HOLD, elected)
            .await
            .expect("in time")
            .expect("runs");
        assert!(!cluster[0].is_leader());
        close(cluster).await;
    }

    #[tokio::test]
    async fn who_is_alone_tries_again() {
        let cluster = cluster(1).await;
        let tried = AtomicU32::new(0);
        tokio::time::pause();
        let leads = establish(&cluster[0], || {
            let is_early = tried.fetch_add(1, Ordering::Relaxed) < 2;
            let refused = || DutyError::Refused("the disk is full".to_owned());
            ready(if is_early { Err(refused()) } else { Ok(()) })
        })
        .await;
        tokio::time::resume();
        assert!(leads);
        assert_eq!(tried.into_inner(), 3);
        assert!(cluster[0].is_leader());
        close(cluster).await;
    }
}
