//! `keygen`

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::cli::context::Context;
use crate::cli::error::Outcome;

/// Length of a gossip key in bytes: AES-256.
const KEY_BYTES: usize = 32;

/// Makes a new key for gossip encryption
///
/// The key is for the configuration's `encrypt`, the same on every agent.
#[derive(clap::Args)]
#[command(override_usage = "consulctl keygen")]
pub(crate) struct Args {
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

impl Args {
    #[expect(clippy::unused_self, reason = "every command runs the same way")]
    pub(crate) fn run(self, context: &mut Context) -> Outcome {
        let key: [u8; KEY_BYTES] = rand::random();
        Ok(context.console.line(&STANDARD.encode(key))?)
    }
}
