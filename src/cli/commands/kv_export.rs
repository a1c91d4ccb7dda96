//! `kv export`

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::{FormatFlag, HttpFlags, NamespaceFlag, ServerFlags};
use crate::output::{JsonIndent, Progress, to_json};

/// Prints all keys under a prefix as JSON
///
/// `kv import` reads it back, in another cluster if need be.
///
/// $ consulctl kv export app/ > app.json
#[derive(clap::Args)]
#[command(override_usage = "consulctl kv export [options] [KEY_OR_PREFIX]")]
pub(crate) struct Args {
    #[command(flatten)]
    _format: FormatFlag,
    #[command(flatten)]
    http: HttpFlags,
    #[command(flatten)]
    server: ServerFlags,
    #[command(flatten)]
    namespace: NamespaceFlag,
    #[arg(hide = true, num_args = 0.., value_name = "KEY_OR_PREFIX")]
    words: Vec<OsString>,
}

/// One exported key; names and order are Consul's.
#[derive(Serialize)]
struct Entry {
    key: String,
    flags: u64,
    value: String,
}

impl Args {
    pub(crate) async fn run(mut self, context: &mut Context) -> Outcome {
        if self.words.len() > 1 {
            return Err(Error::too_many("1", self.words.len()));
        }
        let mut prefix = self.words.pop().unwrap_or_default().into_vec();
        if prefix.first() == Some(&b'/') {
            prefix.remove(0);
        }
        let client = context.client(&self.http.with_namespace(&self.namespace))?;
        let progress = Progress::bytes(context.console.shows_progress(), None);
        let (pairs, _) = client
            .kv_list(&prefix, &self.server.options())
            .await
            .during("Error querying Consul agent")?;
        drop(progress);
        let entries: Vec<Entry> = pairs
            .iter()
            .map(|pair| Entry {
                key: pair.key.to_string(),
                flags: pair.flags,
                value: STANDARD.encode(&pair.value.0),
            })
            .collect();
        let text = to_json(&entries, JsonIndent::Tab)
            .map_err(|error| Error::message(format!("Error exporting KV data: {error}")))?;
        Ok(context.console.line(&text)?)
    }
}
