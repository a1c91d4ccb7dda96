//! From the arguments to the exit code.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Command;

use crate::output::{Colours, Console, Streams};

use super::context::{Context, Environment};
use super::error::{Error, Outcome};
use super::go_flags::{FlagError, Request, at, classify, normalise};
use super::{commands, completion, go_flags, go_flags_errors, help, root, suggest};

/// Consul's exit code for an unknown command.
const UNKNOWN_COMMAND: u8 = 127;

/// Nagios' code for what cannot be told.
const NAGIOS_UNKNOWN: u8 = 3;

/// Commands whose `-format=json` is Consul's own: their errors stay text, which scripts may read.
const CONSULS_JSON: [&str; 3] = ["operator autopilot state", "snapshot inspect", "version"];

/// Everything that a run of the command line depends on.
pub struct Invocation {
    /// The words after the program's name.
    pub words: Vec<OsString>,
    /// Looks up a variable of the environment.
    pub environment: Environment,
    /// Input and output.
    pub streams: Streams,
}

/// Runs the command line of this process and returns its exit code.
pub fn run() -> ExitCode {
    let invocation = Invocation {
        words: std::env::args_os().skip(1).collect(),
        environment: Box::new(|name| std::env::var(name).ok()),
        streams: Streams::of_process(),
    };
    ExitCode::from(run_with(invocation))
}

/// Runs the command line on given words, environment and streams.
pub fn run_with(invocation: Invocation) -> u8 {
    let Invocation {
        words,
        environment,
        streams,
    } = invocation;
    let colours = Colours::from_environment(
        &environment,
        streams.out_is_terminal,
        streams.err_is_terminal,
    );
    let mut context = Context::new(Console::new(streams, colours), environment);
    if let Some(code) = completion::answer_shell(&words, &mut context) {
        return code;
    }
    let definition = root::definition();
    let result = serve(&definition, &words, &mut context);
    let code = match result {
        Ok(()) => 0,
        Err(error) => {
            let code = exit_code(&error, &words);
            match tell(&error, &definition, &words, &mut context) {
                Ok(()) => code,
                Err(failed) => failed.exit_code().max(code),
            }
        }
    };
    let Err(error) = context.console.flush() else {
        return code;
    };
    let error = Error::from(error);
    if let Some(text) = error.text().filter(|_| code == 0) {
        let text = if context.json_errors {
            as_json(&error, &text, &[])
        } else {
            text
        };
        // Standard output cannot be written, and neither can this be, perhaps.
        let _ = context.console.note(&text);
    }
    match code {
        // What was to be done is done, whether or not that can be printed, and a script must not do it again.
        0 if context.writes => 0,
        0 => error.exit_code(),
        _ => code,
    }
}

fn serve(definition: &Command, words: &[OsString], context: &mut Context) -> Outcome {
    // Help takes no flags of a command, but this one.
    context.no_pager = words.iter().any(|word| go_flags::is_no_pager(word));
    match classify(definition, words) {
        Request::Version => commands::version::print(context),
        Request::Help => context.read(&help::top(definition)),
        Request::Topic(topic) => context.read(&topic.shown()),
        Request::Unknown => {
            context.console.note(&help::top(definition))?;
            context.hint(suggest::command(definition, words))?;
            Err(Error::Exit(UNKNOWN_COMMAND))
        }
        Request::CommandHelp(path) => {
            let text = at(definition, &path).map(help::of).unwrap_or_default();
            context.read(&text)
        }
        Request::Group(_) => Err(Error::Usage(String::new())),
        Request::FlagsBeforeCommand(_) => Err(Error::Usage(
            "Invalid flags before the subcommand. If these flags are for\n\
             the subcommand, please put them after the subcommand."
                .to_owned(),
        )),
        Request::Autocomplete { install, uninstall } => {
            completion::autocomplete(install, uninstall, context)
        }
        Request::Run { path, rest } => {
            let command = at(definition, &path).ok_or(Error::Exit(UNKNOWN_COMMAND))?;
            let takes_errors = !CONSULS_JSON.contains(&path.join(" ").as_str())
                && !context.console.err_is_terminal();
            context.json_errors = takes_errors && seems_json(command, &rest);
            let rest = normalise(command, &rest).map_err(|error| {
                let hint = match &error {
                    FlagError::Undefined(name) => suggest::flag(command, name),
                    _ => None,
                };
                Error::Usage(error.to_string()).with_hint(hint)
            })?;
            context.json_errors = takes_errors && wants_json(&rest);
            let mut words: Vec<OsString> = vec![definition.get_name().into()];
            words.extend(path.iter().map(OsString::from));
            words.extend(rest);
            let (parsed, common) =
                root::parse(words).map_err(|error| Error::Usage(go_flags_errors::text(&error)))?;
            context.obey(common);
            root::run(parsed, context)
        }
    }
}

/// The exit code. To who asked for Nagios' codes, 1 would be a warning.
fn exit_code(error: &Error, words: &[OsString]) -> u8 {
    let is_check = |word: &OsString| {
        let word = word.to_string_lossy();
        let name = word.trim_start_matches('-').split('=').next();
        word.starts_with('-') && name == Some("check")
    };
    let checks = words.first().is_some_and(|word| word == "top") && words.iter().any(is_check);
    match error.exit_code() {
        1 if checks && !matches!(error, Error::Exit(_)) => NAGIOS_UNKNOWN,
        code => code,
    }
}

/// Whether normalised words ask for JSON: flags stand before `--`, and what is behind it may be a key or the flag of another
/// program.
fn wants_json(words: &[OsString]) -> bool {
    let mut flags = words.iter().take_while(|word| *word != "--");
    flags.any(|word| word == "--format=json")
}

/// The same for words that cannot be normalised.
fn seems_json(command: &Command, words: &[OsString]) -> bool {
    let flags: Vec<&str> = words
        .iter()
        .map_while(|word| word.to_str().filter(|word| *word != "--"))
        .map(|word| {
            word.strip_prefix("--")
                .or(word.strip_prefix('-'))
                .unwrap_or(word)
        })
        .collect();
    let is_json = flags
        .iter()
        .any(|word| matches!(*word, "format=json" | "o=json"))
        || flags
            .windows(2)
            .any(|pair| matches!(pair, ["format" | "o", "json"]));
    is_json && go_flags::find(command, "format").is_some()
}

/// Prints an error, the help that belongs to it, and what to try next.
fn tell(error: &Error, definition: &Command, words: &[OsString], context: &mut Context) -> Outcome {
    let Some(text) = error.text() else {
        return Ok(());
    };
    if context.json_errors {
        return tell_json(error, &text, context);
    }
    if !text.is_empty() {
        context.console.note(&text)?;
    }
    let at_terminal = context.console.err_is_terminal();
    let mut help_hint = None;
    if error.is_usage() {
        let path = match classify(definition, words) {
            Request::Run { path, .. }
            | Request::Group(path)
            | Request::FlagsBeforeCommand(path) => path,
            _ => Vec::new(),
        };
        if !text.is_empty() && at_terminal {
            // What is wrong must not scroll off before a page of help.
            let name = [&[definition.get_name().to_owned()], path.as_slice()].concat();
            help_hint = Some(format!("`{} -h` shows how it is used", name.join(" ")));
        } else if let Some(command) = at(definition, &path) {
            if !text.is_empty() {
                context.console.note("")?;
            }
            context.console.note(help::of(command).trim_end())?;
        }
    }
    let group = matches!(classify(definition, words), Request::Group(_));
    let misspelt = group.then(|| suggest::command(definition, words));
    let provenance = context.provenance().filter(|_| error.is_of_connection());
    context.hint(
        provenance
            .into_iter()
            .chain(error.hints())
            .chain(misspelt.flatten())
            .chain(help_hint),
    )
}

/// The same for programs: one JSON value on a line of standard error.
fn tell_json(error: &Error, text: &str, context: &mut Context) -> Outcome {
    let provenance = context.provenance().filter(|_| error.is_of_connection());
    let hints: Vec<String> = provenance.into_iter().chain(error.hints()).collect();
    Ok(context.console.note(&as_json(error, text, &hints))?)
}

fn as_json(error: &Error, text: &str, hints: &[String]) -> String {
    let value = serde_json::json!({
        "error": {"kind": error.kind(), "message": text, "hints": hints}
    });
    value.to_string()
}
