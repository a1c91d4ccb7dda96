//! `completion uninstall`

use crate::cli::completion::place;
use crate::cli::context::Context;
use crate::cli::error::{Error, Outcome};

use super::completion_print::chosen;

/// Takes completion out of the shell's start-up file
///
/// Removes what `completion install` or `-autocomplete-install` added, and nothing else.
///
/// $ consulctl completion uninstall zsh
#[derive(clap::Args)]
#[command(override_usage = "consulctl completion uninstall [options] [bash|zsh|fish]")]
pub(crate) struct Args {
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[arg(hide = true, num_args = 0.., value_name = "shell")]
    shells: Vec<String>,
}

impl Args {
    pub(crate) fn run(self, context: &mut Context) -> Outcome {
        let shell = chosen(&self.shells, context.variable("SHELL"))?;
        let place = place(shell, context)?;
        let file = place.file.display();
        let question = format!("Take completion out of {file}?");
        context.confirm(&question, self.yes)?;
        let text = if place.remove().map_err(Error::Message)? {
            format!("Completion is off in {file}.")
        } else {
            format!("Completion was not on in {file}.")
        };
        Ok(context.console.line(&text)?)
    }
}
