//! `context ls`

use serde::Serialize;

use crate::api::without_secrets;
use crate::cli::context::Context;
use crate::cli::error::{Error, Outcome};
use crate::cli::flags::TableFlag;
use crate::output::Table;

/// Lists the contexts
///
/// A star marks the current one.
///
/// $ consulctl context ls
#[derive(clap::Args)]
#[command(override_usage = "consulctl context ls [options]")]
pub(crate) struct Args {
    #[command(flatten)]
    format: TableFlag,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

/// A context in JSON.
#[derive(Serialize)]
struct Entry {
    name: String,
    current: bool,
    address: String,
    datacenter: String,
    read_only: bool,
}

impl Args {
    pub(crate) fn run(self, context: &mut Context) -> Outcome {
        if !self.words.is_empty() {
            return Err(Error::too_many("0", self.words.len()));
        }
        let path = context.config_path();
        let config = context.file()?;
        let entries = config.contexts.iter().map(|(name, named)| {
            let text = |setting: &str| named.texts.get(setting).cloned().unwrap_or_default();
            Entry {
                current: config.current.as_ref() == Some(name),
                name: name.clone(),
                address: without_secrets(&text("address")),
                datacenter: text("datacenter"),
                read_only: named.read_only,
            }
        });
        let entries: Vec<Entry> = entries.collect();
        let mut table = Table::new(&["Name", "Current", "Address", "Datacenter", "ReadOnly"]);
        let shown = |text: &str| if text.is_empty() { "-" } else { text }.to_owned();
        table.rows = entries
            .iter()
            .map(|entry| {
                vec![
                    entry.name.clone(),
                    if entry.current { "*" } else { "-" }.to_owned(),
                    shown(&entry.address),
                    shown(&entry.datacenter),
                    entry.read_only.to_string(),
                ]
            })
            .collect();
        if entries.is_empty() && self.format.is_text() {
            let place = path.map(|path| path.display().to_string());
            let place =
                place.unwrap_or_else(|| "$XDG_CONFIG_HOME/consulctl/config.toml".to_owned());
            context
                .console
                .note(&format!("There are no contexts in {place}."))?;
            return context.hint(["`consulctl help contexts` shows how to write one".to_owned()]);
        }
        super::print_table(context, &self.format, &table, &entries)
    }
}
