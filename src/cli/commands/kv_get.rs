//! `kv get`

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::api::{Client, QueryOptions};
use crate::cli::context::Context;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::{HttpFlags, NamespaceFlag, ServerFlags, TableFlag, no_lines};
use crate::cli::follow::{Item, View, follow};
use crate::cli::known::{self, Kind};
use crate::model::kv::KvPair;
use crate::output::{Shape, Table, tabulate};

const QUERYING: &str = "Error querying Consul agent";

/// Where the value stands in a table of pairs.
const VALUE_COLUMN: usize = 1;

/// Reads a key, or lists keys
///
/// Prints the value as it is stored. A key that does not exist is an error; a key without a value
/// prints an empty line.
///
/// $ consulctl kv get app/limit
///
/// $ consulctl kv get -recurse app/
///
/// $ consulctl kv get -keys app/
#[derive(clap::Args)]
#[command(override_usage = "consulctl kv get [options] [KEY_OR_PREFIX]")]
pub(crate) struct Args {
    /// Print values in base64.
    #[arg(long)]
    base64: bool,
    /// Print flags, indexes and the lock as well.
    #[arg(long)]
    detailed: bool,
    /// Print the names of the keys that start with the prefix, up to the next separator.
    #[arg(long)]
    keys: bool,
    /// Print all keys that start with the prefix, with their values.
    #[arg(long)]
    recurse: bool,
    /// Where -keys cuts names.
    #[arg(long, value_name = "string", default_value = "/")]
    separator: String,
    #[command(flatten)]
    format: TableFlag,
    /// Go on and show every change, until interrupted.
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    http: HttpFlags,
    #[command(flatten)]
    server: ServerFlags,
    #[command(flatten)]
    namespace: NamespaceFlag,
    #[arg(hide = true, num_args = 0.., value_name = "KEY_OR_PREFIX")]
    words: Vec<OsString>,
}

impl Args {
    pub(crate) async fn run(mut self, context: &mut Context) -> Outcome {
        if self.words.len() > 1 {
            return Err(Error::too_many("1", self.words.len()));
        }
        let mut key = self.words.pop().unwrap_or_default().into_vec();
        // Keys do not start with a slash, but people write one.
        if key.first() == Some(&b'/') {
            key.remove(0);
        }
        if key.is_empty() && !(self.recurse || self.keys) {
            return Err(Error::message("Error! Missing KEY argument"));
        }
        let client = context.client(&self.http.with_namespace(&self.namespace))?;
        let options = self.server.options();
        if self.watch {
            return self.follow(context, &client, &key, &options).await;
        }
        if self.keys && !self.recurse {
            let keys = client.kv_keys(&key, &self.separator, &options).await;
            let (keys, _) = keys.during(QUERYING)?;
            return self.print_keys(context, &keys);
        }
        if self.recurse {
            let (pairs, _) = client.kv_list(&key, &options).await.during(QUERYING)?;
            if self.keys {
                let keys: Vec<String> = pairs.iter().map(|pair| pair.key.to_string()).collect();
                return self.print_keys(context, &keys);
            }
            return self.print_pairs(context, &pairs);
        }
        let (pair, _) = client.kv_get(&key, &options).await.during(QUERYING)?;
        let Some(pair) = pair else {
            let key = String::from_utf8_lossy(&key);
            let hint = known::hint(context, &client, Kind::Key, &key, &options).await;
            let error = Error::message(format!("Error! No key exists at: {key}"));
            return Err(error.with_hint(hint));
        };
        if !self.format.is_text() {
            let table = self.table(std::slice::from_ref(&pair))?;
            return super::print_table(context, &self.format, &table, &pair);
        }
        if self.detailed {
            return self.print_details(context, &pair);
        }
        self.print_value(context, &pair)?;
        Ok(context.console.line("")?)
    }

    /// The value as it is stored; a terminal gets nothing to obey.
    fn print_value(&self, context: &mut Context, pair: &KvPair) -> Outcome {
        let value = self.value(pair);
        let value = context.console.shown_bytes(&value).into_owned();
        Ok(context.console.raw(&value)?)
    }

    /// Shows the key, the keys or the pairs again whenever one changes.
    async fn follow(
        &self,
        context: &mut Context,
        client: &Client,
        key: &[u8],
        options: &QueryOptions,
    ) -> Outcome {
        let json = match self.format.format {
            Shape::Text => false,
            Shape::Json => true,
            _ => return Err(no_lines()),
        };
        let ask = async |index: u64| {
            let options = QueryOptions {
                index,
                ..options.clone()
            };
            let mut items = Vec::new();
            let meta = if self.keys {
                let separator = if self.recurse { "" } else { &self.separator };
                let keys = client.kv_keys(key, separator, &options).await;
                let (keys, meta) = keys.during(QUERYING)?;
                for key in keys {
                    items.push(Item::new(&key, &one_line(&key), &key)?);
                }
                meta
            } else {
                let (pairs, meta) = if self.recurse {
                    client.kv_list(key, &options).await.during(QUERYING)?
                } else {
                    let (pair, meta) = client.kv_get(key, &options).await.during(QUERYING)?;
                    (pair.into_iter().collect(), meta)
                };
                for pair in pairs {
                    let key = pair.key.to_string();
                    let value = self.value(&pair);
                    let text = format!("{key}:{}", String::from_utf8_lossy(&value));
                    items.push(Item::new(&key, &one_line(&text), &pair)?);
                }
                meta
            };
            let lines: Vec<&str> = items.iter().map(Item::text).collect();
            let text = lines.join("\n");
            let index = meta.index;
            Ok(View { items, text, index })
        };
        follow(context, json, ask).await
    }

    fn value(&self, pair: &KvPair) -> Vec<u8> {
        if self.base64 {
            STANDARD.encode(&pair.value.0).into_bytes()
        } else {
            pair.value.0.to_vec()
        }
    }

    /// The pairs with all that is known of them. A value that is no text cannot be shown without `-base64`.
    fn table(&self, pairs: &[KvPair]) -> Result<Table, Error> {
        let mut table = Table::new(&[
            "Key",
            "Value",
            "Flags",
            "CreateIndex",
            "ModifyIndex",
            "LockIndex",
            "Session",
        ]);
        let has_values = match &self.format.format {
            Shape::Csv | Shape::Wide => true,
            Shape::Columns(names) => {
                let mut places = names.iter().map(|name| table.column(name));
                places.any(|place| place == Ok(VALUE_COLUMN))
            }
            _ => false,
        };
        let is_text = |pair: &&KvPair| self.base64 || str::from_utf8(&pair.value.0).is_ok();
        if has_values && let Some(pair) = pairs.iter().find(|pair| !is_text(pair)) {
            let error = Error::message(format!("the value of {} is not text", pair.key));
            let hint = "`-base64` prints values of any bytes";
            return Err(error.with_hint(Some(hint.to_owned())));
        }
        let is_aligned = self.format.format != Shape::Csv;
        let rows = pairs.iter().map(|pair| {
            let value = String::from_utf8_lossy(&self.value(pair)).into_owned();
            vec![
                pair.key.to_string(),
                if is_aligned { quoted(value) } else { value },
                pair.flags.to_string(),
                pair.create_index.to_string(),
                pair.modify_index.to_string(),
                pair.lock_index.to_string(),
                pair.session.clone(),
            ]
        });
        table.rows = rows.collect();
        Ok(table)
    }

    fn print_keys(&self, context: &mut Context, keys: &[String]) -> Outcome {
        if !self.format.is_text() {
            let mut table = Table::new(&["Key"]);
            table.rows = keys.iter().map(|key| vec![key.clone()]).collect();
            return super::print_table(context, &self.format, &table, keys);
        }
        for key in keys {
            let key = context.console.shown(key).into_owned();
            context.console.line(&key)?;
        }
        Ok(())
    }

    fn print_pairs(&self, context: &mut Context, pairs: &[KvPair]) -> Outcome {
        if !self.format.is_text() {
            return super::print_table(context, &self.format, &self.table(pairs)?, pairs);
        }
        for (number, pair) in pairs.iter().enumerate() {
            if self.detailed {
                if number > 0 {
                    context.console.line("")?;
                }
                self.print_details(context, pair)?;
                continue;
            }
            let key = context
                .console
                .shown_bytes(pair.key.as_bytes())
                .into_owned();
            context.console.raw(&key)?;
            context.console.raw(b":")?;
            self.print_value(context, pair)?;
            context.console.raw(b"\n")?;
        }
        Ok(())
    }

    fn print_details(&self, context: &mut Context, pair: &KvPair) -> Outcome {
        let session = if pair.session.is_empty() {
            "-"
        } else {
            &pair.session
        };
        let rows = [
            ("CreateIndex", pair.create_index.to_string()),
            ("Flags", pair.flags.to_string()),
            ("Key", pair.key.to_string()),
            ("LockIndex", pair.lock_index.to_string()),
            ("ModifyIndex", pair.modify_index.to_string()),
            ("Session", session.to_owned()),
            ("Value", String::new()),
        ];
        // The value may hold anything, so it does not pass through text.
        let table = tabulate(&rows);
        let value = self.value(pair);
        let table = if value.is_empty() {
            table.trim_end()
        } else {
            table.trim_end_matches('\n')
        };
        let table = context.console.shown(table).into_owned();
        context.console.raw(table.as_bytes())?;
        self.print_value(context, pair)?;
        Ok(context.console.line("")?)
    }
}

/// A value as a table may hold it: in quotes, as in JSON, where its spaces or what is escaped would not be seen.
fn quoted(value: String) -> String {
    let is_plain =
        value.trim() == value && !value.starts_with('"') && !value.contains(char::is_control);
    if is_plain {
        value
    } else {
        serde_json::Value::from(value).to_string()
    }
}

/// One line, and nothing that a terminal would obey, whatever keys and values hold.
fn one_line(text: &str) -> String {
    text.escape_debug().to_string()
}
