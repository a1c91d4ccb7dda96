//! `completion print`

use crate::cli::completion::{Shell, program, registration};
use crate::cli::context::Context;
use crate::cli::error::{Error, Outcome};

/// Prints what a shell runs to turn completion on
///
/// Source it each time the shell starts, rather than keeping it in a file: it belongs to the binary that printed it.
///
/// $ source <(consulctl completion print zsh)
///
/// $ consulctl completion print fish | source
#[derive(clap::Args)]
#[command(override_usage = "consulctl completion print bash|zsh|fish")]
pub(crate) struct Args {
    #[arg(hide = true, num_args = 0.., value_name = "shell")]
    shells: Vec<String>,
}

impl Args {
    pub(crate) fn run(self, context: &mut Context) -> Outcome {
        let shell = chosen(&self.shells, None)?;
        let text = registration(shell, &program());
        Ok(context.console.raw(text.as_bytes())?)
    }
}

/// The one shell that is named, or else the one that runs.
pub(super) fn chosen(named: &[String], running: Option<String>) -> Result<Shell, Error> {
    let (name, given) = match named {
        [] => (running.unwrap_or_default(), false),
        [name] => (name.clone(), true),
        more => return Err(Error::too_many("1", more.len())),
    };
    if let Some(shell) = Shell::named(&name) {
        return Ok(shell);
    }
    let text = if given {
        format!("completion knows bash, zsh and fish, not \"{name}\"")
    } else {
        "name a shell: bash, zsh or fish".to_owned()
    };
    Err(Error::Usage(text))
}
