//! What a command runs in: its console, the environment, and the client it makes from both.

use std::time::Duration;

use crate::api::{Client, Patience, Settings};
use crate::output::{Colours, Console, Style, trace};

use super::error::{During, Error};
use super::flags::HttpFlags;
use super::root::Common;

/// Looks up a variable of the environment.
pub(crate) type Environment = Box<dyn Fn(&str) -> Option<String>>;

/// The surroundings of one command.
pub(crate) struct Context {
    /// What the command prints with.
    pub(crate) console: Console,
    environment: Environment,
    /// How long an agent may take to begin its answer, where a flag says so.
    timeout: Option<Duration>,
}

impl Context {
    pub(crate) fn new(console: Console, environment: Environment) -> Self {
        Self {
            console,
            environment,
            timeout: None,
        }
    }

    /// Does what the flags of all commands say.
    pub(crate) fn obey(&mut self, common: &Common) {
        match common.colour.as_deref() {
            Some("always") => self.console.set_colours(Colours::ALWAYS),
            Some("never") => self.console.set_colours(Colours::default()),
            _ => {}
        }
        // Nothing and less than nothing mean no bound, as in Go.
        self.timeout = common.timeout.map(|timeout| {
            let nanos = u64::try_from(timeout.0).unwrap_or_default();
            Duration::from_nanos(nanos)
        });
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

    /// Goes on if somebody types `word`, or if nobody is at a terminal: for what scripts have always done unasked. The end
    /// of the input is no consent.
    pub(crate) fn object(&mut self, question: &str, word: &str) -> Result<(), Error> {
        if !self.console.can_ask() {
            return Ok(());
        }
        match self.console.ask(question)? {
            Some(answer) if answer == word => Ok(()),
            _ => Err(Error::message("Nothing was changed.")),
        }
    }

    /// Says what to try next, a line each.
    pub(crate) fn hint(&mut self, hints: impl IntoIterator<Item = String>) -> Result<(), Error> {
        for hint in hints {
            let line = format!("hint: {hint}");
            let line = self.console.paint_note(Style::Quiet, &line);
            self.console.note(&line)?;
        }
        Ok(())
    }

    /// A client for the agent that flags and environment name.
    pub(crate) fn client(&mut self, flags: &HttpFlags) -> Result<Client, Error> {
        let what = "Error connecting to Consul agent";
        let mut settings = Settings::resolve(flags.overrides(), |name| self.variable(name))
            .map_err(crate::api::ApiError::from)
            .during(what)?;
        settings.patience = match self.timeout {
            Some(bound) => Patience::of(bound),
            None if self.console.err_is_terminal() => Patience::PERSON,
            None => Patience::SCRIPT,
        };
        let debug = self.variable("CONSULCTL_DEBUG").unwrap_or_default();
        if debug.split(',').any(|part| part == "api") {
            settings.trace = Some(trace);
        }
        for (name, value) in &settings.ignored {
            let text = format!("warning: {name} is ignored: \"{value}\" is neither true nor false");
            let text = self.console.paint_note(Style::Warning, &text);
            self.console.note(&text)?;
        }
        Client::new(&settings).during(what)
    }
}
