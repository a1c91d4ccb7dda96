//! `context use`

use crate::cli::config::choose;
use crate::cli::context::Context;
use crate::cli::error::{Error, Outcome};
use crate::cli::profile;

/// Makes a context the current one
///
/// A dash means the one that was current before.
///
/// $ consulctl context use prod
///
/// $ consulctl context use -
#[derive(clap::Args)]
#[command(override_usage = "consulctl context use NAME")]
pub(crate) struct Args {
    #[arg(hide = true, num_args = 0.., value_name = "NAME")]
    words: Vec<String>,
}

impl Args {
    pub(crate) fn run(self, context: &mut Context) -> Outcome {
        let [name] = self.words.as_slice() else {
            return Err(Error::Usage("One context must be named.".to_owned()));
        };
        let path = context.config_path();
        let config = context.file()?;
        let name = match (name.as_str(), &config.previous) {
            ("-", Some(previous)) => previous.clone(),
            ("-", None) => return Err(Error::message("there is no previous context")),
            (name, _) => name.to_owned(),
        };
        choose(config, Some(&name), None)
            .map_err(|(text, hint)| Error::Message(text).with_hint(hint))?;
        if name.is_empty() {
            return Err(Error::message("there is no context \"\""));
        }
        let before = config.current.clone().filter(|current| *current != name);
        let before = before.or_else(|| config.previous.clone());
        let path = path.ok_or_else(|| Error::message("neither XDG_CONFIG_HOME nor HOME is set"))?;
        profile::switch(&path, &name, before.as_deref())?;
        Ok(context
            .console
            .line(&format!("The current context is {name}."))?)
    }
}
