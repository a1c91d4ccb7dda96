//! What could come next, from the words before it. Pure: names that an agent knows are only asked for here.

use clap::{Arg, Command, ValueHint};

use super::taken::{self, Names};
use crate::cli::go_flags::{find, is_boolean};

/// Flags that stand before a command.
const TOP_FLAGS: [(&str, &str); 4] = [
    ("autocomplete-install", "Turn completion on"),
    ("autocomplete-uninstall", "Turn completion off"),
    ("help", "Print help"),
    ("version", "Print the version"),
];

/// Something that could come next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Candidate {
    /// The whole word.
    pub(super) value: String,
    /// What it is, in a few words; may be empty.
    pub(super) help: String,
}

impl Candidate {
    pub(super) fn new(value: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            help: help.into(),
        }
    }
}

/// What the prompt wants.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Words that are known without asking anybody.
    pub(super) candidates: Vec<Candidate>,
    /// Names to ask for.
    pub(super) names: Option<Names>,
    /// What every name is preceded by: `-datacenter=`, or nothing.
    pub(super) lead: String,
    /// What the names begin with.
    pub(super) part: String,
    /// Flags given so far, with their values (`true` for flags without one).
    pub(super) given: Vec<(String, String)>,
}

impl Wanted {
    /// The last value of a flag.
    pub(super) fn flag(&self, name: &str) -> Option<&str> {
        let mut given = self.given.iter().rev();
        let found = given.find(|(flag, _)| flag == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// What could stand in place of the last of `words`, which are those after the program's name.
pub(super) fn wanted(root: &Command, words: &[String]) -> Wanted {
    let Some((current, before)) = words.split_last() else {
        return Wanted::default();
    };
    let mut command = root;
    let mut path = Vec::new();
    let mut rest = before.iter();
    while command.has_subcommands() {
        let Some(word) = rest.next() else { break };
        let Some(next) = command.find_subcommand(word) else {
            return Wanted::default();
        };
        path.push(next.get_name().to_owned());
        command = next;
    }
    if command.has_subcommands() {
        return group(command, path.is_empty(), current);
    }
    let mut wanted = Wanted::default();
    let mut waiting: Option<&Arg> = None;
    let mut places = 0;
    let mut flags_are_over = false;
    for word in rest {
        if let Some(arg) = waiting.take() {
            wanted.given.push((long(arg), word.clone()));
        } else if flags_are_over || !word.starts_with('-') || word == "-" {
            flags_are_over = true;
            places += 1;
        } else if word == "--" {
            flags_are_over = true;
        } else {
            let (name, value) = split(word);
            let Some(arg) = find(command, name) else {
                continue;
            };
            match value {
                Some(value) => wanted.given.push((long(arg), value.to_owned())),
                None if is_boolean(arg) => wanted.given.push((long(arg), "true".to_owned())),
                None => waiting = Some(arg),
            }
        }
    }
    current.clone_into(&mut wanted.part);
    if let Some(arg) = waiting {
        of_flag(&mut wanted, &path, arg);
    } else if flags_are_over || !current.starts_with('-') {
        wanted.names = taken::by_place(&path, places);
    } else if let (name, Some(value)) = split(current) {
        if let Some(arg) = find(command, name) {
            value.clone_into(&mut wanted.part);
            current[..current.len() - value.len()].clone_into(&mut wanted.lead);
            of_flag(&mut wanted, &path, arg);
        }
    } else {
        wanted.candidates = flags(command, current);
    }
    wanted
}

fn long(arg: &Arg) -> String {
    arg.get_long().unwrap_or_default().to_owned()
}

/// The name of a flag without its dashes, and the value behind `=`.
fn split(word: &str) -> (&str, Option<&str>) {
    let body = word.strip_prefix("--").unwrap_or(&word[1..]);
    match body.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (body, None),
    }
}

/// The values of a flag.
fn of_flag(wanted: &mut Wanted, path: &[String], arg: &Arg) {
    wanted.names = taken::by_flag(path, arg.get_long().unwrap_or_default());
    if wanted.names.is_some() {
        return;
    }
    if matches!(
        arg.get_value_hint(),
        ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath
    ) {
        wanted.names = Some(Names::File);
        return;
    }
    for value in arg.get_possible_values() {
        let name = value.get_name();
        if !value.is_hide_set() && name.starts_with(&wanted.part) {
            let help = value.get_help().map(ToString::to_string);
            let value = format!("{}{name}", wanted.lead);
            wanted
                .candidates
                .push(Candidate::new(value, help.unwrap_or_default()));
        }
    }
}

/// The commands of a group, and before all commands the flags that may stand there.
fn group(command: &Command, is_root: bool, current: &str) -> Wanted {
    let mut candidates = Vec::new();
    if is_root && current.starts_with('-') {
        let dashes = dashes(current);
        for (name, help) in TOP_FLAGS {
            candidates.push(Candidate::new(format!("{dashes}{name}"), help));
        }
    }
    for child in command.get_subcommands() {
        if !child.is_hide_set() {
            let about = child.get_about().map(ToString::to_string);
            candidates.push(Candidate::new(child.get_name(), about.unwrap_or_default()));
        }
    }
    candidates.retain(|one| one.value.starts_with(current));
    candidates.sort_by(|a, b| a.value.cmp(&b.value));
    Wanted {
        candidates,
        ..Wanted::default()
    }
}

/// Flags with as many dashes as were typed.
fn dashes(current: &str) -> &'static str {
    if current.starts_with("--") { "--" } else { "-" }
}

fn flags(command: &Command, current: &str) -> Vec<Candidate> {
    let dashes = dashes(current);
    let mut found: Vec<Candidate> = command
        .get_arguments()
        .filter(|arg| !arg.is_hide_set())
        .filter_map(|arg| {
            let value = format!("{dashes}{}", arg.get_long()?);
            let help = arg.get_help().map(ToString::to_string);
            Some(Candidate::new(value, first_sentence(&help?)))
        })
        .chain([Candidate::new(format!("{dashes}help"), "Print help")])
        .filter(|one| one.value.starts_with(current))
        .collect();
    found.sort_by(|a, b| a.value.cmp(&b.value));
    found.dedup();
    found
}

fn first_sentence(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    let line = line.split(". ").next().unwrap_or_default();
    line.trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::root;

    fn ask(words: &[&str]) -> Wanted {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        wanted(&root::definition(), &words)
    }

    fn values(words: &[&str]) -> Vec<String> {
        let found = ask(words).candidates.into_iter();
        found.map(|one| one.value).collect()
    }

    #[test]
    fn commands_complete_level_by_level() {
        assert_eq!(values(&["mem"]), ["members"]);
        assert_eq!(values(&["kv", "ex"]), ["export"]);
        assert_eq!(values(&["operator", "raft", "list"]), ["list-peers"]);
        assert!(values(&["nonsense", ""]).is_empty());
        assert!(values(&[""]).len() > 15);
        assert_eq!(values(&["-ver"]), ["-version"]);
    }

    #[test]
    fn flags_keep_the_dashes_that_were_typed_and_end_at_a_positional() {
        assert_eq!(values(&["kv", "get", "-rec"]), ["-recurse"]);
        assert_eq!(values(&["kv", "get", "--rec"]), ["--recurse"]);
        assert!(values(&["kv", "get", "key", "-rec"]).is_empty());
        assert!(values(&["kv", "get", "-"]).contains(&"-help".to_owned()));
        assert_eq!(values(&["kv", "get", "-format=j"]), ["-format=json"]);
        assert_eq!(values(&["kv", "get", "-format", "j"]), ["json"]);
    }

    #[test]
    fn names_are_asked_for_where_they_are_taken() {
        let found = ask(&[
            "kv",
            "get",
            "-http-addr=h:1",
            "-recurse",
            "-datacenter",
            "dc2",
            "app/",
        ]);
        assert_eq!(found.names, Some(Names::Key));
        assert_eq!(found.part, "app/");
        assert_eq!(found.flag("http-addr"), Some("h:1"));
        assert_eq!(found.flag("datacenter"), Some("dc2"));
        assert_eq!(found.flag("recurse"), Some("true"));
        let found = ask(&["members", "--datacenter=d"]);
        assert_eq!(found.names, None);
        let found = ask(&["catalog", "nodes", "-datacenter=d"]);
        assert_eq!(found.names, Some(Names::Datacenter));
        assert_eq!(
            (found.lead.as_str(), found.part.as_str()),
            ("-datacenter=", "d")
        );
        assert_eq!(ask(&["force-leave", ""]).names, Some(Names::Member));
        assert_eq!(ask(&["force-leave", "a", ""]).names, None);
        assert_eq!(ask(&["rtt", "a", ""]).names, Some(Names::Member));
        assert_eq!(ask(&["kv", "put", "key", "va"]).names, None);
        assert_eq!(ask(&["members", "-ca-file", "x"]).names, Some(Names::File));
        assert_eq!(ask(&["catalog", "services", "-node-meta", ""]).names, None);
    }
}
