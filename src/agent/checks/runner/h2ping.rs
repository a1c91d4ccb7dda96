//! h2ping checks.

use crate::agent::checks::outcome::Outcome;
use crate::agent::checks::spec::H2PingProbe;

pub(super) async fn run(probe: &H2PingProbe) -> Outcome {
    Outcome::critical(format!("cannot ask {:?}", probe.address))
}
