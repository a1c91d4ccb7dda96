//! What somebody may have meant. Pure.

use std::ffi::OsString;

use clap::Command;

use super::topics::TOPICS;

/// The most letters that may be wrong, left out, added or swapped in a long name; one in a short name.
const MAX_SLIPS: usize = 3;

/// Names with fewer letters are like too many others.
const SHORTEST: usize = 3;

/// How many letters a name must have for each further slip.
const LETTERS_A_SLIP: usize = 5;

/// Consul's commands that are not here, and where the API has what they do.
const ELSEWHERE: [(&str, &str); 9] = [
    ("acl", "/v1/acl"),
    ("config", "/v1/config"),
    ("connect", "/v1/connect"),
    ("debug", "/v1/agent/metrics"),
    ("intention", "/v1/connect/intentions"),
    ("login", "/v1/acl/login"),
    ("logout", "/v1/acl/logout"),
    ("session", "/v1/session/list"),
    ("tls", ""),
];

/// What others call commands, in their group, and what they are called here.
const SYNONYMS: [(&str, &str, &str); 8] = [
    ("kv", "cat", "get"),
    ("kv", "del", "delete"),
    ("kv", "keys", "get -keys"),
    ("kv", "list", "get -keys"),
    ("kv", "ls", "get -keys"),
    ("kv", "remove", "delete"),
    ("kv", "rm", "delete"),
    ("kv", "set", "put"),
];

/// The one of `names` that is most like `word`, if one is like it at all.
pub(crate) fn closest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let letters = word.chars().count();
    if letters < SHORTEST {
        return None;
    }
    let bearable = (1 + letters / LETTERS_A_SLIP).min(MAX_SLIPS);
    names
        .into_iter()
        .filter(|name| name.chars().count().abs_diff(letters) <= bearable)
        .map(|name| {
            let slips = strsim::damerau_levenshtein(&word, &name.to_lowercase());
            (slips, name)
        })
        .filter(|(slips, _)| *slips <= bearable)
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, name)| name)
}

/// `did you mean …?` for a name that there is none of.
pub(crate) fn did_you_mean<'a>(
    word: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let found = closest(word, names)?;
    (found != word).then(|| format!("did you mean `{found}`?"))
}

/// A hint for a flag that the command does not have.
pub(crate) fn flag(command: &Command, name: &str) -> Option<String> {
    let flags = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let found = closest(name, flags.filter_map(clap::Arg::get_long))?;
    Some(format!("did you mean `-{found}`?"))
}

/// A hint for words that name no command.
pub(crate) fn command(root: &Command, words: &[OsString]) -> Option<String> {
    let mut here = root;
    let mut path = root.get_name().to_owned();
    let is_help = words.len() > 1 && words[0] == "help";
    if is_help {
        path.push_str(" help");
    }
    for word in words.iter().skip(usize::from(is_help)) {
        let word = word.to_str()?;
        if word.is_empty() || word.starts_with('-') {
            return None;
        }
        if let Some(next) = here.find_subcommand(word) {
            path = format!("{path} {word}");
            here = next;
            continue;
        }
        let is_first = here.get_name() == root.get_name();
        if let (true, Some(text)) = (is_first, elsewhere(word)) {
            return Some(text);
        }
        let group = here.get_name();
        let mut synonyms = SYNONYMS.iter().filter(|(of, ..)| *of == group && !is_help);
        let synonym = synonyms.find(|(_, name, _)| *name == word);
        let topics = TOPICS.iter().filter(|_| is_help && is_first);
        let names = here.get_subcommands().map(Command::get_name);
        let names = names.chain(topics.map(|topic| topic.name));
        let meant = synonym.map(|(_, _, here)| *here).or(closest(word, names))?;
        return Some(format!("did you mean `{path} {meant}`?"));
    }
    None
}

/// What is said of Consul's commands that are not here.
fn elsewhere(word: &str) -> Option<String> {
    let (name, endpoint) = ELSEWHERE.iter().find(|(name, _)| *name == word)?;
    Some(match *endpoint {
        "" => format!("`{name}` is not part of this program"),
        path => format!("`{name}` is not part of this program; the HTTP API has it under {path}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::root;

    #[test]
    fn slips_of_the_hand_are_recognised_and_other_words_are_not() {
        let names = ["web-7", "web-8x", "db-1"];
        assert_eq!(closest("web7", names), Some("web-7"));
        assert_eq!(closest("WEB-7", names), Some("web-7"));
        assert_eq!(closest("cache", names), None);
        assert_eq!(did_you_mean("db-1", names), None);
    }

    #[test]
    fn commands_are_suggested_in_their_group() {
        let hint = |line: &str| {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            command(&root::definition(), &words)
        };
        let meant = |text: &str| Some(format!("did you mean `consulctl {text}`?"));
        assert_eq!(hint("membres"), meant("members"));
        assert_eq!(hint("kv gte"), meant("kv get"));
        assert_eq!(
            hint("operator raft listpeers"),
            meant("operator raft list-peers")
        );
        assert_eq!(hint("nonsense"), None);
        assert_eq!(hint("help membes"), meant("help members"));
        assert_eq!(hint("help exit-code"), meant("help exit-codes"));
        assert_eq!(hint("help kv gte"), meant("help kv get"));
        assert_eq!(hint("kv list"), meant("kv get -keys"));
        assert_eq!(hint("kv rm a"), meant("kv delete"));
        let sessions = hint("session list").unwrap();
        assert!(sessions.ends_with("/v1/session/list"), "{sessions}");
        assert!(
            hint("intention")
                .unwrap()
                .ends_with("/v1/connect/intentions")
        );
    }
}
