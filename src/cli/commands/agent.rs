//! `agent`: runs a node. The only command that does not speak HTTP to one.

use std::time::Duration;

use crate::agent::config::AgentFlags;
use crate::agent::config_files;
use crate::agent::start::{self, Start};
use crate::agent::telemetry::host::hostname;
use crate::cli::context::Context;
use crate::cli::error::{Error, Outcome};

/// How long tasks that block may go on after the agent has stopped.
const RUNTIME_SHUTDOWN: Duration = Duration::from_secs(1);

/// Runs a Consul agent
///
/// The agent answers HTTP on port 8500 and DNS on port 8600 until it is interrupted. To try it,
/// with everything in memory:
///
/// $ consulctl agent -dev
///
/// A durable single server:
///
/// $ consulctl agent -server -bootstrap-expect=1 -data-dir=/var/lib/consulctl
#[derive(clap::Args)]
#[command(override_usage = "consulctl agent [options]")]
pub(crate) struct Args {
    #[command(flatten)]
    flags: AgentFlags,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

impl Args {
    pub(crate) fn run(self, context: &mut Context) -> Outcome {
        let flags = self.flags;
        if !self.words.is_empty() {
            return Err(Error::message(format!(
                "==> Unexpected extra arguments: [{}]",
                self.words.join(" ")
            )));
        }
        let built =
            config_files::load(&flags).map_err(|err| Error::message(format!("==> {err}")))?;
        context.console.flush()?;
        let reread = Box::new(move || config_files::load_again(&flags));
        let start = Start {
            built,
            hostname: hostname(),
            reread,
        };
        let code = run_on_all_cores(start)?;
        if code == 0 {
            Ok(())
        } else {
            Err(Error::Exit(code))
        }
    }
}

/// Commands run on one thread; an agent wants them all.
fn run_on_all_cores(start: Start) -> Result<u8, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(start::run(start));
    runtime.shutdown_timeout(RUNTIME_SHUTDOWN);
    outcome.map_err(|err| Error::message(format!("==> {err}")))
}
