//! A ring of members in one process, each with its own sockets on its own loopback address: a neighbourhood for
//! measuring what a real agent sends and holds. `cargo bench --bench ring -- 199` starts them at the LAN's
//! defaults, says when all know all, and runs until its standard input ends.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use consulctl::agent::gossip::serf::{self, AnyMember};
use consulctl::agent::gossip::wire::Tags;
use consulctl::agent::gossip::{Gossip, GossipHandle, GossipSettings, swim};
use consulctl::agent::telemetry::metrics::Metrics;

/// Members when the command line names no number.
const DEFAULT_MEMBERS: u16 = 199;
/// The gossip port.
const PORT: u16 = 8301;

fn address(member: u16) -> SocketAddr {
    let [high, low] = (member + 256).to_be_bytes();
    SocketAddr::from(([127, 88, high, low], PORT))
}

fn settings(member: u16) -> GossipSettings {
    let tags = [
        ("role", "node"),
        ("dc", "dc1"),
        ("segment", ""),
        ("vsn", "2"),
        ("vsn_min", "2"),
        ("vsn_max", "3"),
        ("build", "1.10.0:"),
    ];
    let mut tags: Tags = tags
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
    let id = format!("00000000-0000-4000-8000-{member:012}");
    tags.insert("id".to_owned(), id);
    GossipSettings {
        pool: "lan",
        log_prefix: "agent.client",
        name: format!("member{member}"),
        bind: address(member),
        advertise: address(member),
        tags,
        default_port: PORT,
        swim: swim::Config::lan(),
        serf: serf::Config::default(),
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

async fn all_know(pools: &[(Gossip, GossipHandle)]) {
    for (_, handle) in pools {
        let mut changes = handle.changes();
        while handle.members().len() < pools.len() {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }
}

async fn ring(members: u16) {
    let mut pools: Vec<(Gossip, GossipHandle)> = Vec::new();
    for member in 0..members {
        let pool = Gossip::start(settings(member)).expect("loopback addresses are free");
        if member > 0 {
            let first = address(0).to_string();
            pool.1.join(&first).await.expect("the first one answers");
        }
        pools.push(pool);
    }
    let known = tokio::time::timeout(Duration::from_mins(5), all_know(&pools)).await;
    let said = match known {
        Ok(()) => format!("{members} members know each other; join {}", address(0)),
        Err(_) => format!("not all of {members} members know all"),
    };
    let mut out = std::io::stdout();
    writeln!(out, "{said}").expect("somebody reads");
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    drop(ended.await);
}

fn main() {
    let members = std::env::args()
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(DEFAULT_MEMBERS);
    let runtime = tokio::runtime::Runtime::new().expect("the system has threads");
    runtime.block_on(ring(members));
}
