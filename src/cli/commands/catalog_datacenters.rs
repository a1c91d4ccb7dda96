//! `catalog datacenters`

use crate::cli::context::Context;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::{HttpFlags, ServerFlags, TableFlag};
use crate::output::Table;

/// Lists the known datacenters, nearest first
#[derive(clap::Args)]
#[command(override_usage = "consulctl catalog datacenters [options]")]
pub(crate) struct Args {
    #[command(flatten)]
    format: TableFlag,
    #[command(flatten)]
    http: HttpFlags,
    #[command(flatten)]
    _server: ServerFlags,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

impl Args {
    pub(crate) async fn run(self, context: &mut Context) -> Outcome {
        if !self.words.is_empty() {
            return Err(Error::too_many("0", self.words.len()));
        }
        let client = context.client(&self.http)?;
        let found = client
            .catalog_datacenters()
            .await
            .during("Error listing datacenters")?;
        if !self.format.is_text() {
            let mut table = Table::new(&["Datacenter"]);
            table.rows = found.iter().map(|name| vec![name.clone()]).collect();
            return super::print_table(context, &self.format, &table, &found);
        }
        for name in found {
            context.console.line(&name)?;
        }
        Ok(())
    }
}
