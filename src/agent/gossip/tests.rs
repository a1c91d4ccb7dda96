//! Pools that talk to each other over loopback addresses of their own.

mod keyrings;
mod pools;
mod restarts;
mod serf_agent;
mod streams;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::time::timeout;

use super::serf::{self, AnyMember};
use super::swim;
use super::wire::{Key, Tags};
use super::{Event, Gossip, GossipHandle, GossipSettings};
use crate::agent::telemetry::metrics::Metrics;
use crate::model::member::{Member, MemberStatus};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A loopback address that no other pool has: of these tests by the second byte, of other processes that
/// run them by the last two.
fn address() -> IpAddr {
    static LAST: AtomicU8 = AtomicU8::new(60);
    let [.., high, low] = std::process::id().to_be_bytes();
    let count = LAST.fetch_add(1, Ordering::Relaxed);
    IpAddr::V4(Ipv4Addr::new(127, count, high, low))
}

/// Fast timings, no files, no key.
fn settings(name: &str) -> GossipSettings {
    let address = SocketAddr::new(address(), 0);
    let ms = Duration::from_millis;
    GossipSettings {
        pool: "lan",
        log_prefix: "agent.server",
        name: name.to_owned(),
        bind: address,
        advertise: address,
        tags: Tags::from([("role".to_owned(), "node".to_owned())]),
        default_port: 8301,
        swim: swim::Config {
            probe_interval: ms(200),
            probe_timeout: ms(100),
            gossip_interval: ms(20),
            push_pull_interval: Duration::from_secs(2),
            suspicion_mult: 2,
            suspicion_max_timeout_mult: 2,
            tcp_timeout: Duration::from_secs(5),
            ..swim::Config::lan()
        },
        serf: serf::Config {
            leave_propagate_delay: ms(200),
            broadcast_timeout: Duration::from_secs(2),
            ..serf::Config::default()
        },
        key: None,
        keyring_file: None,
        verify_incoming: true,
        verify_outgoing: true,
        snapshot_file: None,
        rejoin_after_leave: false,
        policy: Box::new(AnyMember),
        metrics: Metrics::default(),
    }
}

fn key(byte: u8) -> Key {
    Key::new(&[byte; 32]).expect("has a key's length")
}

fn start(settings: GossipSettings) -> (Gossip, GossipHandle) {
    Gossip::start(settings).expect("starts")
}

/// Where a pool is reached.
fn place(handle: &GossipHandle) -> String {
    let own = handle.local();
    format!("{}:{}", own.addr, own.port)
}

/// Waits until the list of members is as wanted.
async fn until(handle: &GossipHandle, what: &str, wanted: impl Fn(&[Member]) -> bool) {
    let mut changes = handle.changes();
    let waiting = async {
        loop {
            changes.borrow_and_update();
            if wanted(&handle.members()) {
                return;
            }
            changes.changed().await.expect("the pool runs");
        }
    };
    let arrived = timeout(PATIENCE, waiting).await.is_ok();
    assert!(
        arrived,
        "{}: {what}: {:#?}",
        handle.name(),
        handle.members()
    );
}

/// Waits until these members, sorted by name, and no others are there and alive.
async fn until_alive(handle: &GossipHandle, names: &[&str]) {
    let alive = MemberStatus::Alive as i64;
    until(handle, "all alive", |members| {
        let found = members.iter().filter(|member| member.status == alive);
        found
            .map(|member| member.name.as_str())
            .eq(names.iter().copied())
    })
    .await;
}

async fn until_status(handle: &GossipHandle, name: &str, status: MemberStatus) {
    until(handle, status.as_str(), |members| {
        members
            .iter()
            .any(|member| member.name == name && member.status == status as i64)
    })
    .await;
}

/// The first event that `pick` picks.
async fn event<T>(
    events: &mut broadcast::Receiver<Event>,
    mut pick: impl FnMut(Event) -> Option<T>,
) -> T {
    let waiting = async {
        loop {
            let event = events.recv().await.expect("none is lost");
            if let Some(picked) = pick(event) {
                return picked;
            }
        }
    };
    timeout(PATIENCE, waiting).await.expect("the event comes")
}

/// Two pools that know each other.
async fn pair(one: GossipSettings, two: GossipSettings) -> [(Gossip, GossipHandle); 2] {
    let names = [one.name.clone(), two.name.clone()];
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.sort_unstable();
    let (one, two) = (start(one), start(two));
    assert_eq!(two.1.join(&place(&one.1)).await, Ok(1));
    until_alive(&one.1, &names).await;
    until_alive(&two.1, &names).await;
    [one, two]
}
