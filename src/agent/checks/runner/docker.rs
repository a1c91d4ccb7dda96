//! Docker checks: a command inside a container.

use crate::agent::checks::outcome::Outcome;
use crate::agent::checks::spec::DockerProbe;

pub(super) async fn run(probe: &DockerProbe, _output_max_size: usize) -> Outcome {
    let id = &probe.container_id;
    Outcome::critical(format!("cannot run anything in container {id}"))
}
