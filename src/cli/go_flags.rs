//! Arguments the way Go's `flag` package and Consul's command dispatcher read them.
//!
//! clap defines the flags; this file turns what was typed (`-flag=value`, `-flag value`, `--flag`,
//! Go's booleans, flags only before positionals) into the one spelling that clap is then given.
//! Pure: no environment, no terminal.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use clap::{Arg, ArgAction, Command};

use super::topics::{Topic, topic};

/// What the words after the program's name ask for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// `-v`, `-version` or `--version` before any command.
    Version,
    /// No command, or one that does not exist: print the list of commands.
    Unknown,
    /// `-h` without a command.
    Help,
    /// `help` and a topic.
    Topic(&'static Topic),
    /// `-h` after a command: its path, for example `["kv", "get"]`.
    CommandHelp(Vec<String>),
    /// Flags stand before the command, which Consul refuses.
    FlagsBeforeCommand(Vec<String>),
    /// `-autocomplete-install`, `-autocomplete-uninstall`, or both, which is refused later.
    Autocomplete { install: bool, uninstall: bool },
    /// A command group without a command in it, for example `kv` or `kv nonsense`.
    Group(Vec<String>),
    /// A command and the words that follow it.
    Run {
        path: Vec<String>,
        rest: Vec<OsString>,
    },
}

/// A flag that cannot be read; the texts are those of Go's `flag` package.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FlagError {
    #[error("flag provided but not defined: -{0}")]
    Undefined(String),
    #[error("flag needs an argument: -{0}")]
    NeedsArgument(String),
    #[error("bad flag syntax: {0}")]
    BadSyntax(String),
    #[error("invalid boolean value \"{value}\" for -{flag}: parse error")]
    BadBoolean { flag: String, value: String },
}

/// Decides what the words ask for. The first word without a dash names the command, words after it
/// descend into groups, and a help flag counts anywhere before `--`.
pub(crate) fn classify(root: &Command, words: &[OsString]) -> Request {
    if let Some(request) = help_on(root, words) {
        return request;
    }
    let mut top_flags = false;
    let (mut help, mut version, mut install, mut uninstall) = (false, false, false, false);
    let mut found: Option<(Vec<String>, usize)> = None;
    let mut next = 0;
    while let Some(word) = words.get(next) {
        next += 1;
        let text = word.to_string_lossy();
        match (text.as_ref(), &found) {
            ("--", _) => break,
            ("-h" | "-help" | "--help", _) => help = true,
            ("-autocomplete-install" | "--autocomplete-install", _) => install = true,
            ("-autocomplete-uninstall" | "--autocomplete-uninstall", _) => uninstall = true,
            ("-v" | "-version" | "--version", None) => version = true,
            (flag, None) if flag.starts_with('-') => top_flags = true,
            ("", None) | (_, Some(_)) => {}
            (_, None) => {
                let path = descend(root, &words[next - 1..]);
                next += path.len().saturating_sub(1);
                found = Some((path, next));
            }
        }
    }
    if version {
        return Request::Version;
    }
    if install || uninstall {
        return Request::Autocomplete { install, uninstall };
    }
    match found {
        None if help => Request::Help,
        None => Request::Unknown,
        Some((path, _)) if path.is_empty() => Request::Unknown,
        Some((path, _)) if help => Request::CommandHelp(path),
        Some((path, _)) if top_flags => Request::FlagsBeforeCommand(path),
        Some((path, end)) => {
            if at(root, &path).is_some_and(Command::has_subcommands) {
                Request::Group(path)
            } else {
                let rest = words.get(end..).unwrap_or_default().to_vec();
                Request::Run { path, rest }
            }
        }
    }
}

/// `help` with a topic or a command behind it. Alone it is no command, as in Consul.
fn help_on(root: &Command, words: &[OsString]) -> Option<Request> {
    let ("help", rest) = (words.first()?.to_str()?, &words[1..]) else {
        return None;
    };
    let rest: Vec<OsString> = rest
        .iter()
        .filter(|word| !is_no_pager(word))
        .cloned()
        .collect();
    let name = rest.first()?.to_str()?;
    if let (Some(topic), 1) = (topic(name), rest.len()) {
        return Some(Request::Topic(topic));
    }
    let path = descend(root, &rest);
    (path.len() == rest.len()).then_some(Request::CommandHelp(path))
}

/// Whether it is the flag that keeps help from being paged.
pub(crate) fn is_no_pager(word: &OsStr) -> bool {
    word == "-no-pager" || word == "--no-pager"
}

/// The longest run of words that names a command; empty if the first word names none.
fn descend(root: &Command, words: &[OsString]) -> Vec<String> {
    let mut path = Vec::new();
    let mut here = root;
    for word in words {
        let Some(next) = word.to_str().and_then(|name| here.find_subcommand(name)) else {
            break;
        };
        path.push(next.get_name().to_owned());
        here = next;
    }
    path
}

/// The command at a path.
pub(crate) fn at<'a>(root: &'a Command, path: &[String]) -> Option<&'a Command> {
    path.iter()
        .try_fold(root, |command, name| command.find_subcommand(name))
}

/// Rewrites the words of one command into what clap reads: `--flag=value` for every flag (the last
/// one wins where a flag holds one value), then `--` and the positionals.
pub(crate) fn normalise(command: &Command, words: &[OsString]) -> Result<Vec<OsString>, FlagError> {
    let mut given = Given::default();
    let mut rest = words.iter();
    let mut positionals: Vec<OsString> = Vec::new();
    while let Some(word) = rest.next() {
        let bytes = word.as_bytes();
        if bytes.len() < 2 || bytes[0] != b'-' {
            positionals.push(word.clone());
            break;
        }
        let body = bytes.strip_prefix(b"--").unwrap_or(&bytes[1..]);
        if body.is_empty() {
            break;
        }
        if body[0] == b'-' || body[0] == b'=' {
            return Err(FlagError::BadSyntax(word.to_string_lossy().into_owned()));
        }
        let (name, inline) = split_value(body);
        let arg = find(command, &name).ok_or_else(|| FlagError::Undefined(name.clone()))?;
        if is_boolean(arg) {
            given.boolean(arg, go_bool(&name, inline)?);
        } else {
            let value = match inline {
                Some(value) => value,
                None => rest.next().cloned().ok_or(FlagError::NeedsArgument(name))?,
            };
            given.value(arg, &value);
        }
    }
    positionals.extend(rest.cloned());
    let mut out = given.words;
    out.push("--".into());
    out.append(&mut positionals);
    Ok(out)
}

/// The flags seen so far, one word each, later ones replacing earlier ones of the same name.
#[derive(Default)]
struct Given {
    names: Vec<String>,
    words: Vec<OsString>,
}

impl Given {
    fn boolean(&mut self, arg: &Arg, value: bool) {
        let name = long_name(arg);
        self.forget(&name);
        if matches!(arg.get_action(), ArgAction::SetTrue) {
            if value {
                self.push(&name, OsString::from(format!("--{name}")));
            }
        } else {
            self.push(&name, OsString::from(format!("--{name}={value}")));
        }
    }

    fn value(&mut self, arg: &Arg, value: &OsStr) {
        let name = long_name(arg);
        if !matches!(arg.get_action(), ArgAction::Append) {
            self.forget(&name);
        }
        let mut word = OsString::from(format!("--{name}="));
        word.push(value);
        self.push(&name, word);
    }

    fn forget(&mut self, name: &str) {
        if let Some(place) = self.names.iter().position(|seen| seen == name) {
            self.names.remove(place);
            self.words.remove(place);
        }
    }

    fn push(&mut self, name: &str, word: OsString) {
        self.names.push(name.to_owned());
        self.words.push(word);
    }
}

fn long_name(arg: &Arg) -> String {
    arg.get_long().unwrap_or_default().to_owned()
}

/// `name=value` at the first `=`.
fn split_value(body: &[u8]) -> (String, Option<OsString>) {
    match body.iter().position(|byte| *byte == b'=') {
        None => (String::from_utf8_lossy(body).into_owned(), None),
        Some(place) => (
            String::from_utf8_lossy(&body[..place]).into_owned(),
            Some(OsString::from_vec(body[place + 1..].to_vec())),
        ),
    }
}

/// The flag of that name; Go knows one spelling for each, so aliases count and letters do not
/// abbreviate.
pub(crate) fn find<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|arg| {
        arg.get_long() == Some(name)
            || arg
                .get_all_aliases()
                .is_some_and(|aliases| aliases.contains(&name))
    })
}

/// A boolean flag is one that may stand without a value.
pub(crate) fn is_boolean(arg: &Arg) -> bool {
    match arg.get_action() {
        ArgAction::SetTrue | ArgAction::SetFalse | ArgAction::Count => true,
        _ => arg
            .get_num_args()
            .is_some_and(|range| range.min_values() == 0),
    }
}

fn go_bool(flag: &str, value: Option<OsString>) -> Result<bool, FlagError> {
    let Some(value) = value else { return Ok(true) };
    value
        .to_str()
        .and_then(parse_go_bool)
        .ok_or_else(|| FlagError::BadBoolean {
            flag: flag.to_owned(),
            value: value.to_string_lossy().into_owned(),
        })
}

/// Go's `strconv.ParseBool`.
pub(crate) fn parse_go_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
