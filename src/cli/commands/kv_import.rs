//! `kv import`

use std::ffi::OsString;

use serde::Deserialize;

use crate::api::KvWrite;
use crate::cli::context::Context;
use crate::cli::data;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::{HttpFlags, NamespaceFlag, ServerFlags};
use crate::model::go_base64;
use crate::output::Progress;

/// Writes the keys of an export
///
/// DATA is the JSON that `kv export` printed: @FILE for a file, - for standard input, or the text
/// itself. Keys that exist are overwritten.
///
/// $ consulctl kv import @app.json
#[derive(clap::Args)]
#[command(override_usage = "consulctl kv import [options] [DATA]")]
pub(crate) struct Args {
    /// Print which keys would be written, and write none.
    #[arg(long)]
    dry_run: bool,
    /// Put this prefix before every key.
    #[arg(
        long,
        value_name = "string",
        default_value = "",
        hide_default_value = true
    )]
    prefix: String,
    #[command(flatten)]
    http: HttpFlags,
    #[command(flatten)]
    server: ServerFlags,
    #[command(flatten)]
    namespace: NamespaceFlag,
    #[arg(hide = true, num_args = 0.., value_name = "DATA")]
    words: Vec<OsString>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    key: String,
    flags: u64,
    value: String,
    namespace: String,
}

impl Args {
    pub(crate) async fn run(self, context: &mut Context) -> Outcome {
        let argument = match self.words.as_slice() {
            [] => return Err(Error::message("Error! Missing DATA argument")),
            [argument] => argument,
            more => {
                let text = format!("Error! Too many arguments (expected 1, got {})", more.len());
                return Err(Error::Message(text));
            }
        };
        let data = data::load(argument, &mut context.console)
            .map_err(|reason| Error::message(format!("Error! {reason}")))?;
        let entries = super::print::unmarshal::<Vec<Entry>>(&data)
            .map_err(|reason| Error::message(format!("Cannot unmarshal data: {reason}")))?;
        let http = self.http.with_namespace(&self.namespace);
        let client = if self.dry_run {
            context.client(&http)?
        } else {
            context.writer(&http)?
        };
        let options = self.server.options();
        let visible = context.console.shows_progress();
        let total = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        let progress = Progress::count(visible, total, "keys");
        for entry in entries {
            let name = entry.key;
            let value = go_base64::decode(entry.value.as_bytes()).map_err(|illegal| {
                let text = format!("Error base 64 decoding value for key {name}");
                Error::Message(format!("{text}: {illegal}"))
            })?;
            let write = KvWrite {
                key: under(&self.prefix, &name).into_bytes(),
                value: value.into(),
                flags: entry.flags,
                ..KvWrite::default()
            };
            let shown = String::from_utf8_lossy(&write.key).into_owned();
            let trying = format!("Error! Failed writing data for key {shown}");
            if !entry.namespace.is_empty() && entry.namespace != "default" {
                let text = format!("{trying}: namespaces are a Consul Enterprise feature");
                return Err(Error::Message(text));
            }
            let bytes = write.value.len();
            if self.dry_run {
                let text = format!("Would import: {shown}");
                progress.pause(|| context.console.line(&text))?;
                progress.advance(1);
                continue;
            }
            let written = client.kv_put(write, &options).await.during(&trying);
            written.map_err(|error| error.with_size(bytes))?;
            progress.pause(|| context.console.line(&format!("Imported: {shown}")))?;
            progress.advance(1);
        }
        Ok(())
    }
}

/// The key below the prefix, with one slash between them.
fn under(prefix: &str, key: &str) -> String {
    match prefix.trim_end_matches('/') {
        "" => key.to_owned(),
        prefix => format!("{prefix}/{key}"),
    }
}
