//! `version`

use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::error::{Error, Outcome};
use crate::cli::flags::FormatFlag;
use crate::model::agent::{REVISION, VERSION};
use crate::output::{JsonIndent, to_json};

/// The gossip protocol that agents speak by default.
const PROTOCOL_DEFAULT: u8 = 2;
/// The oldest gossip protocol that agents understand.
const PROTOCOL_MIN: u8 = 2;
/// The newest gossip protocol that agents understand.
const PROTOCOL_MAX: u8 = 3;

/// Prints the version
#[derive(clap::Args)]
#[command(override_usage = "consulctl version [options]")]
pub(crate) struct Args {
    #[command(flatten)]
    format: FormatFlag,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

/// Field order and names are Consul's.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    version: &'static str,
    revision: &'static str,
    prerelease: &'static str,
    #[serde(rename = "RPC")]
    rpc: Protocols,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Protocols {
    default: u8,
    min: u8,
    max: u8,
}

impl Args {
    pub(crate) fn run(self, context: &mut Context) -> Outcome {
        if !self.format.is_json() {
            return print(context);
        }
        let version = Version {
            version: VERSION,
            revision: REVISION,
            prerelease: "",
            rpc: Protocols {
                default: PROTOCOL_DEFAULT,
                min: PROTOCOL_MIN,
                max: PROTOCOL_MAX,
            },
        };
        let text = to_json(&version, JsonIndent::Three)
            .map_err(|error| Error::message(error.to_string()))?;
        Ok(context.console.line(&text)?)
    }
}

/// The text form, which `-version` prints too.
pub(crate) fn print(context: &mut Context) -> Outcome {
    let console = &mut context.console;
    console.line(&format!("Consulctl v{VERSION}"))?;
    if !REVISION.is_empty() {
        console.line(&format!("Revision {REVISION}"))?;
    }
    Ok(console.line(&format!(
        "Protocol {PROTOCOL_DEFAULT} spoken by default, understands {PROTOCOL_MIN} to \
         {PROTOCOL_MAX} (agent will automatically use protocol >{PROTOCOL_DEFAULT} when speaking \
         to compatible agents)\n"
    ))?)
}
