//! `keyring`

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::api::KeyringChange;
use crate::cli::context::Context;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::{DataFlag, HttpFlags, go_int};
use crate::model::keyring::KeyringResponse;

/// Most members that carry an answer a second way.
const RELAY_FACTOR_MAX: i64 = 5;

/// Manages the keys that encrypt gossip
///
/// Keys are changed on all members of the LAN and of the WAN pool together, through a server. Rotate
/// a key in three steps: install the new one, use it, remove the old one. The exit code is 1 when any
/// member refuses or does not answer.
///
/// $ consulctl keyring -install="$(consulctl keygen)"
///
/// $ consulctl keyring -list
#[derive(clap::Args)]
#[command(override_usage = "consulctl keyring [options]")]
pub(crate) struct Args {
    /// Make a new key known to all members, so that they can read what is encrypted with it.
    #[arg(
        long,
        value_name = "string",
        default_value = "",
        hide_default_value = true
    )]
    install: String,
    /// List the keys that members know, and how many know each.
    #[arg(long)]
    list: bool,
    /// List the keys that members encrypt with, and how many use each.
    #[arg(long)]
    list_primary: bool,
    /// Ask the members of this datacenter only, without the WAN pool; for -list.
    #[arg(long)]
    local_only: bool,
    /// Have this many other members carry each answer a second way, 0 to 5.
    #[arg(
        long,
        value_name = "int",
        default_value = "0",
        hide_default_value = true,
        value_parser = go_int,
        allow_negative_numbers = true
    )]
    relay_factor: i64,
    /// Make members forget a key; the one that they encrypt with stays.
    #[arg(
        long,
        value_name = "string",
        default_value = "",
        hide_default_value = true
    )]
    remove: String,
    /// Encrypt with this key from now on; it must be installed.
    #[arg(
        long = "use",
        value_name = "string",
        default_value = "",
        hide_default_value = true
    )]
    primary: String,
    #[command(flatten)]
    format: DataFlag,
    #[command(flatten)]
    http: HttpFlags,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

/// What is to be done.
enum Action {
    List { primary: bool },
    Change(KeyringChange),
}

impl Action {
    /// What is said before it is done.
    fn title(&self) -> &'static str {
        match self {
            Self::List { primary: false } => "Gathering installed encryption keys...",
            Self::List { primary: true } => "Gathering installed primary encryption keys...",
            Self::Change(KeyringChange::Install(_)) => "Installing new gossip encryption key...",
            Self::Change(KeyringChange::Use(_)) => "Changing primary gossip encryption key...",
            Self::Change(KeyringChange::Remove(_)) => "Removing gossip encryption key...",
        }
    }
}

impl Args {
    pub(crate) async fn run(self, context: &mut Context) -> Outcome {
        let action = self.action()?;
        if !(0..=RELAY_FACTOR_MAX).contains(&self.relay_factor) {
            let text = format!(
                "Error parsing relay factor: Relay factor must be in range: [0, {RELAY_FACTOR_MAX}]"
            );
            return Err(Error::Message(text));
        }
        let relay_factor = u8::try_from(self.relay_factor).unwrap_or_default();
        // As in Consul, where the listing of primary keys is none for this purpose.
        if self.local_only && !self.list {
            let text = "Error validating local-only: local-only can only be set for list requests";
            return Err(Error::message(text));
        }
        let client = match &action {
            Action::List { .. } => context.client(&self.http)?,
            Action::Change(_) => context.writer(&self.http)?,
        };
        if !self.format.is_data() {
            context.console.line(&format!("==> {}", action.title()))?;
        }
        match action {
            Action::List { primary } => {
                let found = client.keyring_list(relay_factor, self.local_only);
                let found = found.await.during("error")?;
                self.print(context, &found, primary)
            }
            Action::Change(change) => {
                let done = client.keyring_change(&change, relay_factor);
                done.await.during("error")
            }
        }
    }

    fn action(&self) -> Result<Action, Error> {
        let key = |given: &String| (!given.is_empty()).then(|| given.clone());
        let listing = |given: bool, primary| given.then_some(Action::List { primary });
        let change = |given, change: fn(String) -> KeyringChange| {
            key(given).map(|key| Action::Change(change(key)))
        };
        let given = [
            change(&self.install, KeyringChange::Install),
            change(&self.primary, KeyringChange::Use),
            change(&self.remove, KeyringChange::Remove),
            listing(self.list, false),
            listing(self.list_primary, true),
        ];
        let mut given = given.into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(action), None) => Ok(action),
            (Some(_), Some(_)) => Err(Error::message("Only a single action is allowed")),
            (None, _) => Err(Error::Usage(String::new())),
        }
    }

    fn print(&self, context: &mut Context, found: &[KeyringResponse], primary: bool) -> Outcome {
        if self.format.is_data() {
            return super::print_data(context, self.format, found);
        }
        for response in found {
            let keys = if primary {
                &response.primary_keys
            } else {
                &response.keys
            };
            let text = section(response, keys);
            context.console.line(&text)?;
        }
        Ok(())
    }
}

/// A pool with its remarks and keys, an empty line before it.
fn section(response: &KeyringResponse, keys: &BTreeMap<String, usize>) -> String {
    let mut text = format!("\n{}:", response.pool());
    for (member, remark) in &response.messages {
        let _ = write!(text, "\n  ===> {member}: {remark}");
    }
    for (key, members) in keys {
        let _ = write!(text, "\n  {key} [{members}/{}]", response.num_nodes);
    }
    text
}
