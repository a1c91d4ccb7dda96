//! `info`

use crate::cli::context::Context;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::{FormatFlag, HttpFlags};

/// Shows the agent's inner numbers: raft, gossip, runtime
#[derive(clap::Args)]
#[command(override_usage = "consulctl info [options]")]
pub(crate) struct Args {
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    http: HttpFlags,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

impl Args {
    pub(crate) async fn run(self, context: &mut Context) -> Outcome {
        let client = context.client(&self.http)?;
        let what = "Error querying agent";
        let found = client.agent_self().await.during(what)?;
        let Some(stats) = found["Stats"].as_object() else {
            let text = "Agent response did not contain 'Stats' key";
            return Err(Error::message(text));
        };
        if self.format.is_json() {
            return super::print_json(context, stats);
        }
        let mut sections: Vec<_> = stats.iter().collect();
        sections.sort_unstable_by_key(|(name, _)| *name);
        for (name, section) in sections {
            context.console.line(&format!("{name}:"))?;
            let mut pairs: Vec<_> = section.as_object().into_iter().flatten().collect();
            pairs.sort_unstable_by_key(|(key, _)| *key);
            for (key, value) in pairs {
                let value = match value.as_str() {
                    Some(text) => text.to_owned(),
                    None => value.to_string(),
                };
                context.console.line(&format!("\t{key} = {value}"))?;
            }
        }
        Ok(())
    }
}
