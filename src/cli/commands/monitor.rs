//! `monitor`

use crate::cli::context::Context;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::HttpFlags;

/// Consul's text for a stream that ends without being interrupted.
const ENDED: &str = "\nRemote side ended the monitor! This usually means that the\n\
    remote side has exited or crashed.";

/// Streams the agent's log
///
/// At a level of its own, whatever the agent writes to its own log. Ctrl-C ends it.
///
/// $ consulctl monitor -log-level=trace
#[derive(clap::Args)]
#[command(override_usage = "consulctl monitor [options]")]
pub(crate) struct Args {
    /// Least important level to show: trace, debug, info, warn or err.
    #[arg(
        long,
        value_name = "string",
        default_value = "INFO",
        hide_default_value = true
    )]
    log_level: String,
    /// Print JSON, one object a line.
    #[arg(long)]
    log_json: bool,
    #[command(flatten)]
    http: HttpFlags,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

impl Args {
    pub(crate) async fn run(self, context: &mut Context) -> Outcome {
        let client = context.client(&self.http)?;
        let mut stream = client
            .agent_monitor(&self.log_level, self.log_json)
            .await
            .during("Error starting monitor")?;
        let interrupt = tokio::signal::ctrl_c();
        tokio::pin!(interrupt);
        loop {
            let part = tokio::select! {
                _ = &mut interrupt => return Ok(()),
                part = stream.next() => part,
            };
            let Ok(Some(part)) = part else {
                return Err(Error::message(ENDED));
            };
            context.console.raw(&part)?;
            context.console.flush()?;
        }
    }
}
