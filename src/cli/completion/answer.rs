//! The door that shells knock at: the variable `COMPLETE` names the shell that asks.
//!
//! Without words behind `--` the answer is the function that asks; with words, the last of which is being typed, one
//! candidate a line, a tab, and what it is.

use std::borrow::Cow;
use std::ffi::OsString;

use super::scripts::{Shell, registration};
use super::words::wanted;
use super::{names, words};
use crate::cli::context::Context;
use crate::cli::root;

/// The variable by which a shell asks.
const VARIABLE: &str = "COMPLETE";

/// How many letters of the word that is being typed a shell keeps by itself; what it gets follows them.
const KEPT: &str = "COMPLETE_KEPT";

/// Answers the shell if it asks; `None` when this is an ordinary run: others may use the variable, too. `words` stand
/// behind the program's name. A prompt is no place for messages, so there are none.
pub(crate) fn answer_shell(words: &[OsString], context: &mut Context) -> Option<u8> {
    let shell = Shell::named(&context.variable(VARIABLE)?)?;
    let text = match words.split_first() {
        None => registration(shell, &program()),
        Some((first, words)) if first == "--" => {
            let typed = words.iter().skip(1).map(|word| word.to_string_lossy());
            candidates(shell, &typed.collect::<Vec<_>>(), context)
        }
        Some(_) => return None,
    };
    let written = context.console.raw(text.as_bytes());
    match written.and_then(|()| context.console.flush()) {
        Ok(()) => Some(0),
        Err(_) => Some(1),
    }
}

/// What this program is called by: a path stays right when the shell goes elsewhere, and a bare name is looked up each
/// time.
pub(crate) fn program() -> String {
    let Some(name) = std::env::args_os().next() else {
        return "consulctl".to_owned();
    };
    let name = name.to_string_lossy().into_owned();
    if !name.contains('/') {
        return name;
    }
    match std::path::absolute(&name) {
        Ok(path) => path.display().to_string(),
        Err(_) => name,
    }
}

fn candidates(shell: Shell, typed: &[Cow<'_, str>], context: &Context) -> String {
    let variable = |name: &str| context.variable(name);
    let last = typed.len().saturating_sub(1);
    let meant = typed.iter().enumerate().map(|(place, word)| match shell {
        Shell::Bash => plain(word),
        // fish takes the quotes from the words that are complete.
        Shell::Fish if place == last => plain(word),
        _ => word.to_string(),
    });
    let meant: Vec<String> = meant.collect();
    let kept = context.variable(KEPT).and_then(|count| count.parse().ok());
    let kept: String = typed.last().map_or_else(String::new, |word| {
        word.chars().take(kept.unwrap_or_default()).collect()
    });
    let kept = plain(&kept).len();
    let found = names::all(wanted(&root::definition(), &meant), &variable);
    let lines = found.iter().filter(|one| is_one_line(one)).map(|one| {
        let value = one.value.get(kept..).unwrap_or_default();
        if one.help.is_empty() {
            format!("{value}\n")
        } else {
            format!("{value}\t{}\n", one.help)
        }
    });
    lines.collect()
}

/// Names with control characters cannot be told to a shell.
fn is_one_line(candidate: &words::Candidate) -> bool {
    let mut letters = candidate.value.chars().chain(candidate.help.chars());
    letters.all(|letter| !letter.is_control())
}

/// A word as it is meant, from the word as it is typed: without quotes, of which the last may still be open.
fn plain(word: &str) -> String {
    let mut text = String::new();
    let mut quote = None;
    let mut letters = word.chars();
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            ('\'' | '"', None) => quote = Some(letter),
            (found, Some(open)) if found == open => quote = None,
            ('\\', None | Some('"')) => text.extend(letters.next()),
            _ => text.push(letter),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_taken_away() {
        let cases = [
            (r"app/my\ key", "app/my key"),
            (r#""my key"#, "my key"),
            (r"'a\b'c", r"a\bc"),
            (r#""a\"b"#, "a\"b"),
            ("'my k", "my k"),
            ("plain", "plain"),
        ];
        for (typed, meant) in cases {
            assert_eq!(plain(typed), meant);
        }
    }
}
