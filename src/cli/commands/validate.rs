//! `validate`: checks configuration files without starting anything.

use crate::agent::config::AgentFlags;
use crate::agent::config_files;
use crate::cli::context::Context;
use crate::cli::error::{Error, Outcome};
use crate::output::Style;

/// Checks configuration files
///
/// Reads the files and folders as an agent with `-config-file` and `-config-dir` would, and reports all
/// mistakes at once, each with file and line. Nothing is started.
///
/// $ consulctl validate /etc/consul.d
#[derive(clap::Args)]
#[command(override_usage = "consulctl validate [options] FILE_OR_DIRECTORY...")]
pub(crate) struct Args {
    /// Language of all files: hcl or json. By default the extension of each file tells.
    #[arg(long)]
    config_format: Option<String>,
    /// Say nothing when all is well
    #[arg(
        long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
        value_parser = crate::agent::config::go_bool
    )]
    quiet: Option<bool>,
    #[arg(hide = true, num_args = 0..)]
    files: Vec<String>,
}

impl Args {
    pub(crate) fn run(self, context: &mut Context) -> Outcome {
        if self.files.is_empty() {
            let text = "Must specify at least one config file or directory";
            return Err(Error::message(text));
        }
        let flags = AgentFlags {
            config_files: self.files,
            config_format: self.config_format,
            ..AgentFlags::default()
        };
        let built = config_files::load(&flags)
            .map_err(|err| Error::message(format!("Config validation failed: {err}")))?;
        if self.quiet == Some(true) {
            return Ok(());
        }
        for warning in &built.warnings {
            let line = context.console.paint_note(Style::Warning, warning);
            context.console.note(&line)?;
        }
        Ok(context.console.line("Configuration is valid!")?)
    }
}
