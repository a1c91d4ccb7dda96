//! One entrance to all runners.

use super::http::HttpRunner;
use super::script::Lingering;
use super::tls::CheckTls;
use super::{docker, grpc, h2ping, os_service, script, tcp, udp};
use crate::agent::checks::outcome::Outcome;
use crate::agent::checks::spec::{
    CheckSpec, DockerProbe, GrpcProbe, H2PingProbe, OsServiceProbe, Probe, ScriptProbe, TcpProbe,
    UdpProbe,
};

/// A check that is ready to run, any number of times, one after the other. Clones are the same
/// check.
#[derive(Clone, Debug)]
pub enum Runner {
    Script {
        probe: ScriptProbe,
        output_max_size: usize,
        lingering: Lingering,
    },
    Docker {
        probe: DockerProbe,
        output_max_size: usize,
    },
    Http(HttpRunner),
    Tcp(TcpProbe, CheckTls),
    Udp(UdpProbe),
    Grpc(GrpcProbe, CheckTls),
    H2Ping(H2PingProbe, CheckTls),
    OsService(OsServiceProbe),
}

impl Runner {
    /// `None` for checks that nothing runs: TTL and alias checks.
    pub fn new(spec: &CheckSpec, output_max_size: usize, tls: &CheckTls) -> Option<Self> {
        Some(match &spec.probe {
            Probe::Script(probe) => Self::Script {
                probe: probe.clone(),
                output_max_size,
                lingering: Lingering::default(),
            },
            Probe::Docker(probe) => Self::Docker {
                probe: probe.clone(),
                output_max_size,
            },
            Probe::Http(probe) => Self::Http(HttpRunner::new(probe, output_max_size, tls)),
            Probe::Tcp(probe) => Self::Tcp(probe.clone(), tls.clone()),
            Probe::Udp(probe) => Self::Udp(probe.clone()),
            Probe::Grpc(probe) => Self::Grpc(probe.clone(), tls.clone()),
            Probe::H2Ping(probe) => Self::H2Ping(probe.clone(), tls.clone()),
            Probe::OsService(probe) => Self::OsService(probe.clone()),
            Probe::Ttl { .. } | Probe::Alias { .. } => return None,
        })
    }

    /// Runs once. Dropping the future stops the run and what it started.
    pub async fn run(&self) -> Outcome {
        match self {
            Self::Script {
                probe,
                output_max_size,
                lingering,
            } => script::run(probe, *output_max_size, lingering).await,
            Self::Docker {
                probe,
                output_max_size,
            } => docker::run(probe, *output_max_size).await,
            Self::Http(http) => http.run().await,
            Self::Tcp(probe, tls) => tcp::run(probe, tls).await,
            Self::Udp(probe) => udp::run(probe).await,
            Self::Grpc(probe, tls) => grpc::run(probe, tls).await,
            Self::H2Ping(probe, tls) => h2ping::run(probe, tls).await,
            Self::OsService(probe) => os_service::run(probe).await,
        }
    }
}
