//! `top`

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::api::Client;
use crate::cli::child::Interrupts;
use crate::cli::config::{MIN_INTERVAL_MS, Named, TopSettings};
use crate::cli::context::Context;
use crate::cli::error::{Error, Outcome};
use crate::cli::flags::HttpFlags;
use crate::cli::visit::Visits;
use crate::tui::{
    self, Accent, ActError, App, Contexts, History, Observations, Palette, Place, Surroundings,
    Theme, Thresholds, View, shot,
};

/// Columns of a text where neither flag nor environment tells.
const WIDTH: usize = 80;
/// What `-print-config` prints.
const TEMPLATE: &str = "\
# ~/.config/consulctl/config.toml: how top starts. Flags go before it.
[top]
view = \"overview\"      # overview, members, raft, checks, services, latency, kv, logs, events
theme = \"ansi\"         # ansi, deuteranopia, mono
interval_ms = 1000     # between two questions to the agent, 500 or more

[top.columns]          # the key `o` shows the names
# members = [\"NODE\", \"STATE\", \"ADDRESS\"]

[top.thresholds]
lag_entries_warn = 50  # a server trails by more than so many entries of the log
lag_entries_crit = 250
contact_ms_crit = 200  # a server has not heard of the leader for so long
score_warn = 1         # of gossip, 0 to 7
score_crit = 3
";

/// Columns and rows of a file of the screen.
const SHOT: (u16, u16) = (120, 40);
/// Milliseconds between two questions where neither flag nor file tells.
const INTERVAL_MS: u64 = 1000;

/// Shows the cluster: leader, raft, gossip, checks
///
/// Asks one agent over HTTP and needs no rights but to read; `:via` asks another one, `:ctx` that of another context. Works
/// against HashiCorp Consul, too; what only our agents know is n/a there.
///
/// $ consulctl top
///
/// $ consulctl top -once
///
/// $ consulctl top -once -format=json
///
/// $ consulctl top -format=json | jq -c .verdict
///
/// $ consulctl top -check
#[derive(clap::Args)]
#[command(override_usage = "consulctl top [options]")]
pub(crate) struct Args {
    /// Print the picture once and end.
    #[arg(long)]
    once: bool,
    /// Print one line for Nagios and end with its codes: 0 all is well, 1 warning, 2 critical, 3 unknown.
    #[arg(long)]
    check: bool,
    /// Write the overview to a file and end: FILE.txt, FILE.ansi (with colours) or FILE.svg. As wide as -width says, by
    /// default 120 columns.
    #[arg(long, value_name = "file")]
    screenshot: Option<PathBuf>,
    /// Print what can stand in the configuration file about top, with the defaults, and end.
    #[arg(long)]
    print_config: bool,
    /// Let keys change something: `a` shows what can be done to a row. Without this flag nothing can be changed.
    #[arg(long)]
    write: bool,
    /// Columns of the text that -once prints, at least 20. Default the variable COLUMNS, or 80.
    #[arg(long, value_name = "columns", value_parser = columns_of_text)]
    width: Option<u16>,
    /// Colours: ansi, deuteranopia or mono. NO_COLOR means mono.
    #[arg(long, value_name = "name", value_parser = named_palette)]
    theme: Option<Palette>,
    /// Let the mouse do something: the wheel moves, a click selects a row, sorts by a column or opens a view. `m` turns it
    /// on and off. Shift-drag selects text meanwhile.
    #[arg(long)]
    mouse: bool,
    /// Use no other symbols than those of ASCII. Default where the locale is not UTF-8.
    #[arg(long)]
    ascii: bool,
    /// Milliseconds between two questions to the agent, at least 500. Default 1000.
    #[arg(long, value_name = "ms", value_parser = interval)]
    interval: Option<u64>,
    /// What to print: text or json; with -check also nagios, which is what text is there, or prometheus. Also -o.
    #[arg(
        long,
        alias = "o",
        value_name = "text|json|nagios|prometheus",
        default_value = "text",
        hide_default_value = true
    )]
    format: Format,
    #[command(flatten)]
    http: HttpFlags,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// The line for Nagios, as text is with `-check`.
    Nagios,
    /// For Prometheus' text file collector.
    Prometheus,
}

impl Args {
    fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    pub(crate) async fn run(self, context: &mut Context) -> Outcome {
        if !self.check && matches!(self.format, Format::Nagios | Format::Prometheus) {
            let text = "-format=nagios and -format=prometheus tell what -check finds: give -check";
            return Err(Error::message(text));
        }
        if self.write && (self.once || self.check || self.is_json()) {
            let text = "-write is for the dashboard: -once, -check and -format=json change nothing";
            return Err(Error::message(text));
        }
        if self.print_config {
            return Ok(context.console.raw(TEMPLATE.as_bytes())?);
        }
        if let Some(path) = &self.screenshot {
            form(path)?;
        }
        let start = match self.start(context) {
            Ok(start) => start,
            // What cannot be asked is unknown: 1 would be a warning.
            Err(error) if self.check => {
                let line = tui::once::unknown(&error.to_string());
                context.console.line(&line)?;
                return Err(Error::Exit(tui::Verdict::Unknown.exit_code()));
            }
            Err(error) => return Err(error),
        };
        if let Some(path) = &self.screenshot {
            return start.shoot(path, self.width).await;
        }
        if !self.once && !self.check {
            return if self.is_json() {
                start.stream(context).await
            } else {
                start.watch(context, self.write, self.mouse).await
            };
        }
        let Start {
            client,
            theme,
            limits,
            ..
        } = start;
        let snapshot = tui::everything(&client, now).await;
        let mut seen = Observations::default();
        let picture = tui::derive(now(), &snapshot, &mut seen, &limits);
        if self.check {
            let (line, verdict) = tui::once::check(&snapshot, &picture);
            match self.format {
                Format::Text | Format::Nagios => context.console.line(&line)?,
                Format::Json => super::print_json(context, &tui::report(&snapshot, &picture))?,
                Format::Prometheus => {
                    let text = tui::once::prometheus(&picture, verdict);
                    context.console.raw(text.as_bytes())?;
                }
            }
            return match verdict.exit_code() {
                0 => Ok(()),
                code => Err(Error::Exit(code)),
            };
        }
        if self.is_json() {
            super::print_json(context, &tui::report(&snapshot, &picture))?;
            return reached(&snapshot);
        }
        let width = self.width.map_or_else(|| columns(context), usize::from);
        let text = tui::once::text(&snapshot, &picture, &theme.glyphs, width);
        context.console.line(&text)?;
        reached(&snapshot)
    }
}

/// An agent that cannot be reached is a failure, after what is known of it was printed.
fn reached(snapshot: &tui::ClusterSnapshot) -> Outcome {
    match snapshot.unreachable() {
        None => Ok(()),
        Some(_) => Err(Error::Exit(1)),
    }
}

/// What flags, environment and the user's file say together.
struct Start {
    client: Client,
    /// The context that the client is of.
    here: Option<Place>,
    theme: Theme,
    limits: Thresholds,
    /// What lies between two questions.
    pause: Duration,
}

impl Args {
    fn start(&self, context: &mut Context) -> Result<Start, Error> {
        if !self.words.is_empty() {
            return Err(Error::too_many("0", self.words.len()));
        }
        let (client, chosen) = context.reach(&self.http, self.write)?;
        let here = chosen.map(|chosen| place(&chosen.name, &chosen.named));
        let top = context.top_settings()?;
        let limits = limits(&top);
        let interval = self.interval.or(top.interval_ms).unwrap_or(INTERVAL_MS);
        let palette = self.theme.or_else(|| top.theme.and_then(Palette::named));
        Ok(Start {
            client,
            here,
            theme: Theme::from_environment(|name| context.variable(name), palette, self.ascii),
            limits,
            pause: Duration::from_millis(interval.max(MIN_INTERVAL_MS)),
        })
    }
}

impl Start {
    /// An object a refresh, a line each, until interrupted or nobody reads any more.
    async fn stream(self, context: &mut Context) -> Outcome {
        let mut interrupts = Interrupts::listen()
            .map_err(|error| Error::message(format!("cannot listen for signals: {error}")))?;
        let mut stream = tui::Stream::start(&self.client, self.pause, self.limits);
        loop {
            let report = tokio::select! {
                _ = interrupts.next() => return Ok(()),
                report = stream.next(now) => report?,
            };
            let line = serde_json::to_string(&report)
                .map_err(|error| Error::message(format!("Error encoding JSON: {error}")))?;
            context.console.line(&line)?;
            context.console.flush()?;
        }
    }

    /// The overview in a file. An agent that cannot be reached is a failure, after the file says so.
    async fn shoot(self, path: &Path, width: Option<u16>) -> Outcome {
        let format = form(path)?;
        let snapshot = tui::everything(&self.client, now).await;
        let reached = reached(&snapshot);
        let seen = Observations::default();
        let mut app = App::looking(snapshot, seen, &self.theme, self.limits);
        app.desk.contexts.here = self.here;
        let size = (width.unwrap_or(SHOT.0), SHOT.1);
        let text = shot::write(&shot::render(&mut app, now(), size), format);
        std::fs::write(path, text).map_err(|error| {
            let reason = crate::api::io_reason(&error);
            Error::message(format!("cannot write {}: {reason}", path.display()))
        })?;
        reached
    }

    /// The dashboard.
    async fn watch(self, context: &mut Context, write: bool, mouse: bool) -> Outcome {
        if !context.console.out_is_terminal() {
            let text = "standard output is not a terminal: use -once, -format=json or -check";
            return Err(Error::message(text));
        }
        context.console.flush()?;
        let mut app = App::new(self.client.address(), self.theme, self.limits);
        app.history = History::sampled_every(
            tui::Millis::try_from(self.pause.as_millis()).unwrap_or(tui::Millis::MAX),
        );
        if write {
            app.desk.gate = tui::Gate::open();
        }
        app.mouse.on = mouse;
        configure(&mut app, context)?;
        let visits = Visits::new(context)?;
        let contexts = visits.contexts().iter();
        app.desk.contexts = Contexts {
            all: contexts.map(|(name, named)| place(name, named)).collect(),
            here: self.here,
            writes: write,
        };
        let opener: tui::Opener = Arc::new(move |name| visits.client(name).map_err(unreachable));
        let surroundings = Surroundings {
            opener,
            pause: self.pause,
            in_tmux: context.variable("TMUX").is_some_and(|it| !it.is_empty()),
        };
        Ok(tui::run(&self.client, surroundings, app, now).await?)
    }
}

/// The view and the columns that the user's file names. Names of columns that are wrong are told, and have no effect.
fn configure(app: &mut App, context: &mut Context) -> Outcome {
    let top = context.config()?.top.clone();
    let named = |name: &str| View::ALL.into_iter().find(|view| view.name() == name);
    for (view, (line, names)) in &top.columns {
        let Some(Err(reason)) = named(view).map(|view| app.choose_columns(view, names)) else {
            continue;
        };
        let path = context.config_path().unwrap_or_default();
        let text = format!("warning: {}:{line}: {reason}", path.display());
        context.console.note(&text)?;
    }
    if let Some(view) = top.view.and_then(named) {
        app.start_at(view);
    }
    Ok(())
}

/// A context as the dashboard shows it.
fn place(name: &str, named: &Named) -> Place {
    Place {
        name: name.to_owned(),
        accent: named.accent.and_then(Accent::named),
        read_only: named.read_only,
    }
}

fn unreachable(error: Error) -> ActError {
    ActError::Agent {
        text: error.to_string(),
        hint: "",
        source: error.into(),
    }
}

/// The limits with what the user's file says.
fn limits(top: &TopSettings) -> Thresholds {
    let or = |name: &str, default: u64| top.thresholds.get(name).copied().unwrap_or(default);
    let default = Thresholds::default();
    let contact = top.thresholds.get("contact_ms_crit");
    let contact = contact.and_then(|ms| i64::try_from(*ms).ok());
    Thresholds {
        lag_warn: or("lag_entries_warn", default.lag_warn),
        lag_max: or("lag_entries_crit", default.lag_max),
        contact_max_ms: contact.unwrap_or(default.contact_max_ms),
        score_warn: or("score_warn", default.score_warn),
        score_crit: or("score_crit", default.score_crit),
    }
}

/// Columns that a text has at least.
const MIN_WIDTH: u16 = 20;

fn interval(text: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|ms| *ms >= MIN_INTERVAL_MS);
    number.ok_or_else(|| format!("must be a number of milliseconds, at least {MIN_INTERVAL_MS}"))
}

fn columns_of_text(text: &str) -> Result<u16, String> {
    let number = text.parse().ok().filter(|columns| *columns >= MIN_WIDTH);
    number.ok_or_else(|| format!("must be a number of columns, at least {MIN_WIDTH}"))
}

fn named_palette(name: &str) -> Result<Palette, String> {
    Palette::named(name).ok_or_else(|| "must be ansi, deuteranopia or mono".to_owned())
}

/// What a file of the screen holds.
fn form(path: &Path) -> Result<shot::Format, Error> {
    shot::Format::of(&path.to_string_lossy()).ok_or_else(|| {
        let text = format!(
            "-screenshot={}: the name must end with .txt, .ansi or .svg",
            path.display()
        );
        Error::Message(text)
    })
}

fn columns(context: &Context) -> usize {
    let given = context.variable("COLUMNS");
    given.and_then(|text| text.parse().ok()).unwrap_or(WIDTH)
}

fn now() -> tui::Millis {
    jiff::Timestamp::now().as_millisecond()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::config::{ACCENTS, THEMES, VIEWS, parse};

    #[test]
    fn the_template_says_what_happens_without_it() {
        let found = parse(TEMPLATE).unwrap();
        assert_eq!(found.warnings, []);
        assert_eq!(found.top.interval_ms, Some(INTERVAL_MS));
        assert_eq!(found.top.view, Some(View::default().name()));
        assert_eq!(
            found.top.theme.and_then(Palette::named),
            Some(Palette::default())
        );
        assert_eq!(limits(&found.top), Thresholds::default());
    }

    #[test]
    fn what_the_file_may_name_is_there() {
        assert_eq!(View::ALL.map(View::name), VIEWS);
        for name in THEMES {
            assert!(Palette::named(name).is_some(), "{name}");
        }
    }

    #[test]
    fn every_colour_of_a_context_is_an_accent() {
        for name in ACCENTS {
            assert!(Accent::named(name).is_some(), "{name}");
        }
    }
}
