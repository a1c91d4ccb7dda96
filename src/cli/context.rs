//! What a command runs in: its console, the environment, and the client it makes from both.

use crate::api::{Client, Settings};
use crate::output::{Console, Style};

use super::error::{During, Error};
use super::flags::HttpFlags;

/// Looks up a variable of the environment.
pub(crate) type Environment = Box<dyn Fn(&str) -> Option<String>>;

/// The surroundings of one command.
pub(crate) struct Context {
    /// What the command prints with.
    pub(crate) console: Console,
    environment: Environment,
}

impl Context {
    pub(crate) fn new(console: Console, environment: Environment) -> Self {
        Self {
            console,
            environment,
        }
    }

    /// A variable of the environment.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        (self.environment)(name)
    }

    /// Goes on only if `yes` was given, or if somebody at a terminal says so.
    pub(crate) fn confirm(&mut self, question: &str, yes: bool) -> Result<(), Error> {
        if yes {
            return Ok(());
        }
        match self.console.ask(&format!("{question} [y/N] "))?.as_deref() {
            Some("y" | "Y" | "yes") => Ok(()),
            Some(_) => Err(Error::message("Nothing was changed.")),
            None => Err(Error::message(
                "nobody can be asked here: give -yes to go on without a question",
            )),
        }
    }

    /// A client for the agent that flags and environment name.
    pub(crate) fn client(&mut self, flags: &HttpFlags) -> Result<Client, Error> {
        let what = "Error connecting to Consul agent";
        let settings = Settings::resolve(flags.overrides(), |name| self.variable(name))
            .map_err(crate::api::ApiError::from)
            .during(what)?;
        for (name, value) in &settings.ignored {
            let text = format!("warning: {name} is ignored: \"{value}\" is neither true nor false");
            let text = self.console.paint_note(Style::Warning, &text);
            self.console.note(&text)?;
        }
        Client::new(&settings).during(what)
    }
}
