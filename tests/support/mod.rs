//! What the integration tests share: agents as real processes on loopback addresses of their own,
//! an HTTP client that hides nothing, and a DNS client.

mod agent;
mod cluster;
pub(crate) mod counterparts;
mod dns;
mod http;
pub(crate) mod linearizability;
mod lines;
mod program;
mod reference;
mod terminal;

pub(crate) use agent::{TestAgent, consulctl, own_address, started_and_ended, text_of};
pub(crate) use cluster::{QUICK, Seat, TestCluster};
pub(crate) use dns::Dns;
pub(crate) use http::{Answer, Client};
pub(crate) use lines::Lines;
pub(crate) use program::{Program, Serf, is_installed};
pub(crate) use reference::{Reference, reference};
pub(crate) use terminal::{Terminal, picture};

/// Longest time that a test waits for anything.
pub(crate) const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// Asks again until the answer is yes; there is no endpoint that would tell when it is.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = std::time::Instant::now();
    while !is_so() {
        assert!(
            began.elapsed() < PATIENCE,
            "not within {PATIENCE:?}: {what}"
        );
    }
}
