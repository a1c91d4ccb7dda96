//! OS service checks: the state of a systemd unit.

use crate::agent::checks::outcome::Outcome;
use crate::agent::checks::spec::OsServiceProbe;

pub(super) async fn run(probe: &OsServiceProbe) -> Outcome {
    Outcome::critical(format!("cannot ask for service {:?}", probe.service))
}
