//! What a command runs in: its console, the environment, and the client it makes from both.

use std::path::PathBuf;
use std::time::Duration;

use crate::api::{Client, Patience, Settings};
use crate::output::{Colours, Console, Style, page, pager, terminal_rows, trace};

use super::config::{Chosen, Config, Scope, TopSettings, choose, layered};
use super::error::{During, Error};
use super::flags::HttpFlags;
use super::profile::{self, Reading, TOKEN_GUARD};
use super::root::Common;

/// What is tried, in Consul's words.
pub(super) const CONNECTING: &str = "Error connecting to Consul agent";

/// How long a context's token may take; a person may have to find a device and type what it shows.
const TOKEN_PATIENCE: Duration = Duration::from_mins(2);

/// Looks up a variable of the environment.
pub(crate) type Environment = Box<dyn Fn(&str) -> Option<String>>;

/// The surroundings of one command.
pub(crate) struct Context {
    /// What the command prints with.
    pub(crate) console: Console,
    environment: Environment,
    /// How long an agent may take to begin its answer, where a flag says so.
    timeout: Option<Duration>,
    common: Common,
    /// The user's file, once it was needed.
    config: Option<Config>,
    /// Whether errors are wanted as JSON.
    pub(crate) json_errors: bool,
    /// Where the address of the last client came from, if not from the default.
    provenance: Option<String>,
    /// Whether long text is printed, not paged.
    pub(crate) no_pager: bool,
    /// Whether the command has a client to change something with.
    pub(crate) writes: bool,
}

/// What the context of a client is made from.
pub(crate) struct Profile {
    /// The context, where one is used.
    pub(crate) chosen: Option<Chosen>,
    /// What reaches the agent.
    pub(crate) settings: Settings,
}

impl Context {
    pub(crate) fn new(console: Console, environment: Environment) -> Self {
        Self {
            console,
            environment,
            timeout: None,
            common: Common::default(),
            config: None,
            json_errors: false,
            provenance: None,
            writes: false,
            no_pager: false,
        }
    }

    /// Does what the flags of all commands say.
    pub(crate) fn obey(&mut self, common: Common) {
        match common.colour.as_deref() {
            Some("always") => self.console.set_colours(Colours::ALWAYS),
            Some("never") => self.console.set_colours(Colours::default()),
            _ => {}
        }
        // Nothing means no bound, as in Go.
        self.timeout = common.timeout.map(|timeout| {
            let nanos = u64::try_from(timeout.0).unwrap_or_default();
            Duration::from_nanos(nanos)
        });
        self.console.set_quiet(common.quiet);
        self.common = common;
        // An empty name is none: it must not make the current context go away, and its guard with it.
        self.common.context = self.common.context.take().filter(|name| !name.is_empty());
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
        let answer = if self.common.no_input {
            None
        } else {
            self.console.ask(&format!("{question} [y/N] "))?
        };
        match answer.as_deref() {
            Some("y" | "Y" | "yes") => Ok(()),
            Some(_) => Err(Error::message("Nothing was changed.")),
            None => Err(Error::message(
                "nobody can be asked here: give -yes to go on without a question",
            )),
        }
    }

    /// Whether a question is to be asked or to be answered by a flag: at a terminal, and wherever a flag about questions is
    /// given.
    pub(crate) fn asks(&self, yes: bool) -> bool {
        let told = self.common.confirm.is_some() || self.common.no_input;
        !yes && (told || self.console.has_person())
    }

    /// Whether a person will have to answer, who may want to know more.
    pub(crate) fn asks_person(&self, yes: bool) -> bool {
        let told = self.common.confirm.is_some() || self.common.no_input;
        !yes && !told && self.console.can_ask()
    }

    /// Whether it matters how things are before a question: a person sits there, and no flag has answered.
    pub(crate) fn looks(&self, yes: bool) -> bool {
        let told = self.common.confirm.is_some() || self.common.no_input;
        !yes && !told && self.console.has_person()
    }

    /// Goes on if somebody types `word`, or if nobody is at a terminal: for what scripts have always done unasked. The end
    /// of the input is no consent.
    pub(crate) fn object(&mut self, question: &str, word: &str) -> Result<(), Error> {
        match self.common.confirm.as_deref() {
            Some(given) if given == word => return Ok(()),
            Some(given) => {
                let text = format!("-confirm={given} is not `{word}`: nothing was changed");
                return Err(Error::Message(text));
            }
            None if self.common.no_input => {
                let text = format!("this has to be confirmed: give -confirm={word}, or -yes");
                return Err(Error::Message(text));
            }
            None if !self.console.has_person() => return Ok(()),
            None if !self.console.can_ask() => {
                let text = format!(
                    "nobody can be asked, for standard error is no terminal: give -confirm={word}, or -yes"
                );
                return Err(Error::Message(text));
            }
            None => {}
        }
        match self.console.ask(question)? {
            Some(answer) if answer == word => Ok(()),
            _ => Err(Error::message("Nothing was changed.")),
        }
    }

    /// Says what to try next, a line each.
    pub(crate) fn hint(&mut self, hints: impl IntoIterator<Item = String>) -> Result<(), Error> {
        if self.common.quiet {
            return Ok(());
        }
        for hint in hints {
            let line = format!("hint: {hint}");
            self.console.note_in(Style::Quiet, &line)?;
        }
        Ok(())
    }

    /// Prints a text that may be longer than the terminal is high, there page by page.
    pub(crate) fn read(&mut self, text: &str) -> Result<(), Error> {
        let too_long = |rows: usize| !self.no_pager && text.lines().count() >= rows;
        if self.console.out_is_terminal() && terminal_rows().is_some_and(too_long) {
            self.console.flush()?;
            let dumb = self.variable("TERM").as_deref() == Some("dumb");
            let line = pager(|name| self.variable(name)).filter(|_| !dumb);
            if let Some(line) = line
                && page(&line, text)?
            {
                return Ok(());
            }
        }
        Ok(self.console.raw(text.as_bytes())?)
    }

    /// Whether a person reads along who may be told more than scripts.
    pub(crate) fn talks(&self) -> bool {
        self.console.err_is_terminal() && !self.common.quiet
    }

    /// Where the address of the last client came from, for a person who cannot reach it.
    pub(crate) fn provenance(&self) -> Option<String> {
        self.provenance.clone()
    }

    /// The user's file. A folder of it that is out of reach counts as none, unless a context is named.
    pub(crate) fn config(&mut self) -> Result<&mut Config, Error> {
        let variable = self.variable("CONSULCTL_CONTEXT");
        let is_needed =
            self.common.context.is_some() || variable.is_some_and(|name| !name.is_empty());
        self.load(is_needed)
    }

    /// The same for a command that is about the file, with all warnings about it.
    pub(crate) fn file(&mut self) -> Result<&mut Config, Error> {
        self.load(true)?;
        self.warn(|_| true)?;
        self.load(true)
    }

    /// What the file says about `top`, with the warnings about that.
    pub(crate) fn top_settings(&mut self) -> Result<TopSettings, Error> {
        let found = self.config()?.top.clone();
        self.warn(|scope| *scope == Scope::Top)?;
        Ok(found)
    }

    /// Tells the warnings about the file that concern these, each once; programs that read errors as JSON, and who wants
    /// quiet, are told none.
    fn warn(&mut self, concerns: impl Fn(&Scope) -> bool) -> Result<(), Error> {
        let Some(config) = &mut self.config else {
            return Ok(());
        };
        let told = config
            .warnings
            .extract_if(.., |warning| concerns(&warning.scope));
        let told: Vec<String> = told
            .map(|one| format!("warning: {}:{}: {}", config.path, one.line, one.text))
            .collect();
        if !self.common.quiet && !self.json_errors {
            for text in told {
                self.console.note_in(Style::Warning, &text)?;
            }
        }
        Ok(())
    }

    fn load(&mut self, is_needed: bool) -> Result<&mut Config, Error> {
        if self.config.is_none() {
            let home = self.variable("HOME");
            let found = match self.config_path() {
                Some(path) => profile::load(&path, home.as_deref(), is_needed)?,
                None => Config::default(),
            };
            self.config = Some(found);
        }
        Ok(self.config.get_or_insert_default())
    }

    /// Where the user's file is, or would be.
    pub(crate) fn config_path(&self) -> Option<PathBuf> {
        profile::path(|name| self.variable(name))
    }

    /// The context that speaks to the agent that these flags name. An agent whose address is given otherwise is not the
    /// context's: it gets neither its token nor its certificates, unless flags name both. A context that a flag names goes
    /// before the environment.
    fn chosen(&mut self, flags: &HttpFlags) -> Result<Option<Chosen>, Error> {
        let set = |value: Option<String>| value.filter(|value| !value.is_empty());
        let by_flag = set(flags.overrides().address).is_some();
        let by_variable = set(self.variable("CONSUL_HTTP_ADDR")).is_some();
        let flag = self.common.context.clone();
        if (by_flag || by_variable) && flag.is_none() {
            return Ok(None);
        }
        let variable = set(self.variable("CONSULCTL_CONTEXT"));
        let config = self.config()?;
        let found = choose(config, flag.as_deref(), variable.as_deref());
        let found = found.map_err(|(text, hint)| {
            let list = "`consulctl context ls` lists the contexts".to_owned();
            Error::Message(text).with_hint(hint.or(Some(list)))
        })?;
        let name = found.as_ref().map(|chosen| chosen.name.clone());
        self.warn(|scope| match scope {
            Scope::File => true,
            Scope::Context(concerned) => Some(concerned) == name.as_ref(),
            Scope::Top => false,
        })?;
        Ok(found)
    }

    /// What flags, environment and the context say about the agent. Reads the token, unless it is only to be shown.
    pub(crate) fn profile(
        &mut self,
        flags: &HttpFlags,
        with_token: bool,
    ) -> Result<Profile, Error> {
        let chosen = self.chosen(flags)?;
        let overrides = flags.overrides();
        let given = overrides.address.clone().filter(|text| !text.is_empty());
        let variable = |name: &str| layered(chosen.as_ref(), name, |name| self.variable(name));
        let mut settings = Settings::resolve(overrides, variable)
            .map_err(crate::api::ApiError::from)
            .during(CONNECTING)?;
        self.provenance = match &chosen {
            _ if given.is_some() => None,
            Some(chosen) if chosen.named.texts.contains_key("address") => Some(format!(
                "the address is that of the context {}",
                chosen.name
            )),
            _ if !self.console.err_is_terminal() => None,
            _ => {
                let variable = self.variable("CONSUL_HTTP_ADDR");
                Some(match variable.filter(|value| !value.is_empty()) {
                    Some(_) => "the address is that of CONSUL_HTTP_ADDR".to_owned(),
                    None => "the address is the default".to_owned(),
                })
            }
        };
        if let Some(chosen) = &chosen {
            settings.datacenter = chosen.named.texts.get("datacenter").cloned();
        }
        let mut profile = Profile { chosen, settings };
        if with_token {
            self.add_token(flags, &mut profile)?;
        }
        Ok(profile)
    }

    /// Reads or makes the context's token, where it is the one to use.
    fn add_token(&self, flags: &HttpFlags, profile: &mut Profile) -> Result<(), Error> {
        let given = flags.overrides();
        let by_flag = given.token.is_some() || given.token_file.is_some();
        let by_variable = ["CONSUL_HTTP_TOKEN", "CONSUL_HTTP_TOKEN_FILE"]
            .iter()
            .any(|name| self.variable(name).is_some_and(|value| !value.is_empty()));
        let Some(chosen) = &profile.chosen else {
            return Ok(());
        };
        if chosen.gives_token(by_flag, by_variable) {
            let reading = Reading {
                asks: self.console.can_ask(),
                limit: TOKEN_PATIENCE,
                within: self.variable(TOKEN_GUARD),
                silent: false,
                notice: self.talks().then_some(trace as fn(&str)),
            };
            profile.settings.token = profile::token(chosen, &reading)?;
        }
        Ok(())
    }

    /// A client for a command that changes something: a context that is read-only has to be named once more.
    pub(crate) fn writer(&mut self, flags: &HttpFlags) -> Result<Client, Error> {
        Ok(self.reach(flags, true)?.0)
    }

    /// A client, and the context that it is of; see [`Self::writer`] for one that `writes`.
    pub(crate) fn reach(
        &mut self,
        flags: &HttpFlags,
        writes: bool,
    ) -> Result<(Client, Option<Chosen>), Error> {
        let mut profile = self.profile(flags, false)?;
        self.writes |= writes;
        self.demand_address(flags, profile.chosen.as_ref())?;
        let read_only = profile.chosen.as_ref();
        if let Some(chosen) = read_only.filter(|chosen| writes && chosen.named.read_only) {
            self.unlock(&chosen.name)?;
        }
        // Only now: making a token may be work for a person, too.
        self.add_token(flags, &mut profile)?;
        let client = self.connect(profile.settings)?;
        Ok((client, profile.chosen))
    }

    /// Who uses a context means its agent: without an address there would be asked another one in silence.
    fn demand_address(&self, flags: &HttpFlags, chosen: Option<&Chosen>) -> Result<(), Error> {
        let Some(chosen) = chosen else {
            return Ok(());
        };
        let set = |value: Option<String>| value.is_some_and(|value| !value.is_empty());
        let layered = layered(Some(chosen), "CONSUL_HTTP_ADDR", |name| self.variable(name));
        if set(flags.overrides().address) || set(layered) {
            return Ok(());
        }
        let text = format!("the context {} has no address", chosen.name);
        let hint = format!(
            "give it `address = \"HOST:8500\"` in {}",
            self.config_name()
        );
        Err(Error::Message(text).with_hint(Some(hint)))
    }

    fn config_name(&self) -> &str {
        let path = self.config.as_ref().map(|config| config.path.as_str());
        path.unwrap_or("consulctl/config.toml")
    }

    /// Goes on if a read-only context is named by a flag or by a person.
    fn unlock(&mut self, name: &str) -> Result<(), Error> {
        match self.common.confirm_context.as_deref() {
            Some(given) if given == name => return Ok(()),
            Some(given) => {
                let text = format!("-confirm-context={given} is not `{name}`: nothing was changed");
                return Err(Error::Message(text));
            }
            None if self.common.no_input || !self.console.can_ask() => {
                let text = format!(
                    "the context {name} is read-only: give -confirm-context={name} to go on"
                );
                return Err(Error::Message(text));
            }
            None => {}
        }
        let question = format!("The context {name} is read-only. Type its name to go on: ");
        match self.console.ask(&question)? {
            Some(answer) if answer == name => Ok(()),
            _ => Err(Error::message("Nothing was changed.")),
        }
    }

    /// A client for the agent that flags, environment and context name.
    pub(crate) fn client(&mut self, flags: &HttpFlags) -> Result<Client, Error> {
        Ok(self.reach(flags, false)?.0)
    }

    /// How long agents may take.
    pub(crate) fn patience(&self) -> Patience {
        match self.timeout {
            Some(bound) => Patience::of(bound),
            None if self.console.err_is_terminal() => Patience::PERSON,
            None => Patience::SCRIPT,
        }
    }

    fn connect(&mut self, mut settings: Settings) -> Result<Client, Error> {
        settings.patience = self.patience();
        let debug = self.variable("CONSULCTL_DEBUG").unwrap_or_default();
        if self.common.verbose || debug.split(',').any(|part| part == "api") {
            settings.trace = Some(trace);
        }
        let ignored = settings.ignored.iter().filter(|_| !self.json_errors);
        for (name, value) in ignored {
            let text = format!("warning: {name} is ignored: \"{value}\" is neither true nor false");
            self.console.note_in(Style::Warning, &text)?;
        }
        Client::new(&settings).during(CONNECTING)
    }
}
