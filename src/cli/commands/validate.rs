//! `validate`

use crate::agent::config::{AgentFlags, Format};
use crate::agent::config_files;
use crate::cli::context::Context;
use crate::cli::error::{Error, Outcome};

/// Checks configuration files
///
/// What `consulctl agent` would check before it starts, on files or folders of them, with every
/// error at once. Nothing is started and no agent is asked.
///
/// $ consulctl validate /etc/consulctl.d
#[derive(clap::Args)]
#[command(override_usage = "consulctl validate [options] FILE_OR_DIRECTORY...")]
pub(crate) struct Args {
    /// Format of all files whatever their extension: hcl or json.
    #[arg(
        long,
        value_name = "string",
        default_value = "",
        hide_default_value = true
    )]
    config_format: String,
    /// Print nothing when the configuration is valid.
    #[arg(long)]
    quiet: bool,
    #[arg(hide = true, num_args = 0.., value_name = "FILE_OR_DIRECTORY")]
    paths: Vec<String>,
}

impl Args {
    pub(crate) fn run(self, context: &mut Context) -> Outcome {
        if self.paths.is_empty() {
            let text = "Must specify at least one config file or directory";
            return Err(Error::message(text));
        }
        let format = self.config_format;
        if !format.is_empty() && Format::parse(&format).is_none() {
            // Consul's text, its quotes included.
            let text = "-config-format must be either 'hcl' or 'json";
            return Err(Error::message(text));
        }
        let flags = AgentFlags {
            config_files: self.paths,
            config_format: (!format.is_empty()).then_some(format),
            ..AgentFlags::default()
        };
        let built = config_files::load(&flags)
            .map_err(|error| Error::message(format!("Config validation failed: {error}")))?;
        if self.quiet {
            return Ok(());
        }
        for warning in built.warnings {
            context.console.note(&warning)?;
        }
        Ok(context.console.line("Configuration is valid!")?)
    }
}
