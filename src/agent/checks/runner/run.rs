//! One entrance to all runners.

use super::http::HttpRunner;
use super::{script, tcp};
use crate::agent::checks::outcome::Outcome;
use crate::agent::checks::spec::{CheckSpec, Probe, ScriptProbe, TcpProbe};

/// A check that is ready to run, any number of times.
#[derive(Clone, Debug)]
pub enum Runner {
    Script {
        probe: ScriptProbe,
        output_max_size: usize,
    },
    Http(HttpRunner),
    Tcp(TcpProbe),
}

impl Runner {
    /// `None` for checks that nothing runs: TTL and alias checks.
    pub fn new(spec: &CheckSpec, output_max_size: usize) -> Option<Self> {
        match &spec.probe {
            Probe::Script(probe) => Some(Self::Script {
                probe: probe.clone(),
                output_max_size,
            }),
            Probe::Http(probe) => Some(Self::Http(HttpRunner::new(probe, output_max_size))),
            Probe::Tcp(probe) => Some(Self::Tcp(probe.clone())),
            Probe::Ttl { .. } | Probe::Alias { .. } => None,
        }
    }

    /// Runs once. Dropping the future stops the run and what it started.
    pub async fn run(&self) -> Outcome {
        match self {
            Self::Script {
                probe,
                output_max_size,
            } => script::run(probe, *output_max_size).await,
            Self::Http(http) => http.run().await,
            Self::Tcp(probe) => tcp::run(probe).await,
        }
    }
}
