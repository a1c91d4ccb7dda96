//! `leave`

use crate::cli::context::Context;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::HttpFlags;

/// Makes the agent leave the cluster and stop
///
/// The others see it as left, not as failed. On a server this lowers the number of voters.
#[derive(clap::Args)]
#[command(override_usage = "consulctl leave [options]")]
pub(crate) struct Args {
    #[command(flatten)]
    http: HttpFlags,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

impl Args {
    pub(crate) async fn run(self, context: &mut Context) -> Outcome {
        if !self.words.is_empty() {
            let words = self.words.join(" ");
            let text = format!("Error found unexpected args: [{words}]");
            return Err(Error::Usage(text));
        }
        let client = context.writer(&self.http)?;
        client.agent_leave().await.during("Error leaving")?;
        Ok(context.console.line("Graceful leave complete")?)
    }
}
