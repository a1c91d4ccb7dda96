//! `context show`

use serde::Serialize;

use crate::api::without_secrets;
use crate::cli::config::{Chosen, Origin, layered};
use crate::cli::context::Context;
use crate::cli::error::{Error, Outcome};
use crate::cli::flags::{HttpFlags, TableFlag};
use crate::output::Table;

/// Consul's variables and the settings of a context that they win over.
const SETTINGS: [(&str, &str); 7] = [
    ("address", "CONSUL_HTTP_ADDR"),
    ("ca_file", "CONSUL_CACERT"),
    ("ca_path", "CONSUL_CAPATH"),
    ("client_cert", "CONSUL_CLIENT_CERT"),
    ("client_key", "CONSUL_CLIENT_KEY"),
    ("tls_server_name", "CONSUL_TLS_SERVER_NAME"),
    ("namespace", "CONSUL_NAMESPACE"),
];

/// Shows what commands would use
///
/// Flags win over the environment, the environment over the context, the context over the default; a context that is named
/// with -context wins over the environment. Tokens are not shown, only where they come from.
///
/// $ consulctl context show -origin
#[derive(clap::Args)]
#[command(override_usage = "consulctl context show [options]")]
pub(crate) struct Args {
    /// Print where each value comes from.
    #[arg(long)]
    origin: bool,
    #[command(flatten)]
    format: TableFlag,
    #[command(flatten)]
    http: HttpFlags,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

/// One of the values.
#[derive(Serialize)]
struct Entry {
    setting: &'static str,
    value: String,
    origin: String,
}

impl Args {
    pub(crate) fn run(self, context: &mut Context) -> Outcome {
        if !self.words.is_empty() {
            return Err(Error::too_many("0", self.words.len()));
        }
        let entries = self.entries(context)?;
        let mut table = Table::new(&["Setting", "Value", "Origin"]);
        table.rows = entries
            .iter()
            .map(|entry| {
                let value = entry.value.clone();
                vec![entry.setting.to_owned(), value, entry.origin.clone()]
            })
            .collect();
        if self.format.is_text() && !self.origin {
            let names = ["Setting", "Value"];
            table = table
                .select(&names)
                .map_err(|error| super::print::no_column(&error))?;
        }
        super::print_table(context, &self.format, &table, &entries)
    }

    fn entries(&self, context: &mut Context) -> Result<Vec<Entry>, Error> {
        let profile = context.profile(&self.http, false)?;
        let (chosen, settings) = (profile.chosen, profile.settings);
        let overrides = self.http.overrides();
        let path = |path: Option<std::path::PathBuf>| path.map(|path| path.display().to_string());
        let flags = [
            ("address", overrides.address.clone()),
            ("ca_file", path(overrides.ca_file)),
            ("ca_path", path(overrides.ca_path)),
            ("client_cert", path(overrides.client_cert)),
            ("client_key", path(overrides.client_key)),
            ("tls_server_name", overrides.tls_server_name),
            ("namespace", overrides.namespace),
        ];
        let named = |setting: &str| {
            chosen
                .as_ref()
                .and_then(|chosen| chosen.named.texts.get(setting))
        };
        let entry = |setting, value: &str, origin: &str| Entry {
            setting,
            value: value.to_owned(),
            origin: origin.to_owned(),
        };
        let is_elsewhere = chosen
            .as_ref()
            .is_some_and(|chosen| chosen.is_elsewhere(|name| context.variable(name)));
        let by_name = chosen.as_ref().is_some_and(Chosen::is_by_flag);
        let mut entries = Vec::new();
        if let Some(chosen) = &chosen {
            let origin = match chosen.origin {
                Origin::Flag => "-context",
                Origin::Environment => "CONSULCTL_CONTEXT",
                Origin::File => "config.toml",
            };
            entries.push(entry("context", &chosen.name, origin));
        }
        for ((setting, variable), (_, flag)) in SETTINGS.into_iter().zip(flags) {
            let set = |value: Option<String>, origin| {
                let value = value.filter(|value| !value.is_empty());
                value.map(|value| (value, origin))
            };
            let own = context.variable(variable).filter(|_| !is_elsewhere);
            let own = set(own, variable);
            let said = set(named(setting).cloned(), "context");
            // A flag that names the context goes before the environment.
            let found = if by_name { said.or(own) } else { own.or(said) };
            if let Some((mut value, origin)) = set(flag, "flag").or(found) {
                if setting == "address" {
                    value = without_secrets(&value);
                }
                entries.push(entry(setting, &value, origin));
            } else if setting == "address" {
                entries.push(entry(setting, &settings.address.display_base(), "default"));
            }
        }
        if let Some(value) = named("datacenter") {
            entries.push(entry("datacenter", value, "context"));
        }
        let by_flag = overrides.token.is_some() || overrides.token_file.is_some();
        match token_origin(context, chosen.as_ref(), by_flag) {
            Some(origin) => entries.push(entry("token", "hidden", origin)),
            None => entries.push(entry("token", "none", "default")),
        }
        if let Some(chosen) = chosen {
            let text = chosen.named.read_only.to_string();
            entries.push(entry("read_only", &text, "context"));
        }
        Ok(entries)
    }
}

/// Where the token comes from, if there is one.
fn token_origin(context: &Context, chosen: Option<&Chosen>, by_flag: bool) -> Option<&'static str> {
    let set = |name: &&str| {
        let value = layered(chosen, name, |name| context.variable(name));
        value.is_some()
    };
    let mut variables = ["CONSUL_HTTP_TOKEN_FILE", "CONSUL_HTTP_TOKEN"].into_iter();
    let variable = variables.find(set);
    let given = chosen.filter(|chosen| chosen.gives_token(by_flag, variable.is_some()));
    match given {
        _ if by_flag => Some("flag"),
        Some(chosen) if chosen.named.texts.contains_key("token_file") => {
            Some("context, token_file")
        }
        Some(_) => Some("context, token_cmd"),
        None => variable,
    }
}
