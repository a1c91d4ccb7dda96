//! `reload`

use crate::cli::context::Context;
use crate::cli::error::{During as _, Outcome};
use crate::cli::flags::HttpFlags;

/// Makes the agent read its configuration files again
///
/// The same as sending SIGHUP. A broken file keeps the old configuration.
#[derive(clap::Args)]
#[command(override_usage = "consulctl reload [options]")]
pub(crate) struct Args {
    #[command(flatten)]
    http: HttpFlags,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

impl Args {
    pub(crate) async fn run(self, context: &mut Context) -> Outcome {
        let client = context.writer(&self.http)?;
        client.agent_reload().await.during("Error reloading")?;
        Ok(context.console.line("Configuration reload triggered")?)
    }
}
