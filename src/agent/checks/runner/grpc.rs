//! grpc checks.

use crate::agent::checks::outcome::Outcome;
use crate::agent::checks::spec::GrpcProbe;

pub(super) async fn run(probe: &GrpcProbe) -> Outcome {
    Outcome::critical(format!("cannot ask {:?}", probe.address))
}
