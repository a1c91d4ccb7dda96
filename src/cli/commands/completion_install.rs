//! `completion install`

use crate::cli::completion::place;
use crate::cli::context::Context;
use crate::cli::error::{Error, Outcome};

use super::completion_print::chosen;

/// Turns completion on in the shell's start-up file
///
/// Shows what it adds and asks first. Without a shell, the one that SHELL names. Doing it twice changes nothing; another
/// binary takes the place of the first.
///
/// $ consulctl completion install
///
/// $ consulctl completion install -yes fish
#[derive(clap::Args)]
#[command(override_usage = "consulctl completion install [options] [bash|zsh|fish]")]
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
        let text = format!("This goes into {file}:\n\n    {}\n", place.line);
        context.console.note(&text)?;
        context.confirm("Add it?", self.yes)?;
        let text = if place.add().map_err(Error::Message)? {
            format!("Completion is on in {file}; it works from the next shell on.")
        } else {
            format!("Completion is on in {file} already.")
        };
        Ok(context.console.line(&text)?)
    }
}
