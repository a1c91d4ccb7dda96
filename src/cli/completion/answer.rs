//! The door that shells knock at: the variable `COMPLETE` names the shell that asks.
//!
//! Without words behind `--` the answer is the function that asks; with words, the last of which is being typed, one
//! candidate a line, a tab, and what it is.

use std::ffi::OsString;

use super::scripts::{Shell, registration};
use super::words::wanted;
use super::{names, words};
use crate::cli::context::Context;
use crate::cli::root;

/// The variable by which a shell asks.
const VARIABLE: &str = "COMPLETE";

/// Answers the shell if it asks; `None` when this is an ordinary run. `words` stand behind the program's name. A
/// prompt is no place for messages, so there are none.
pub(crate) fn answer_shell(words: &[OsString], context: &mut Context) -> Option<u8> {
    let shell = context
        .variable(VARIABLE)
        .filter(|shell| !shell.is_empty())?;
    let Some(shell) = Shell::named(&shell) else {
        return Some(1);
    };
    let text = match words.iter().position(|word| word == "--") {
        None => registration(shell, &program()),
        Some(place) => {
            let typed = words.iter().skip(place + 2);
            let typed = typed.map(|word| plain(shell, &word.to_string_lossy()));
            candidates(&typed.collect::<Vec<_>>(), context)
        }
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

fn candidates(typed: &[String], context: &Context) -> String {
    let variable = |name: &str| context.variable(name);
    let found = names::all(wanted(&root::definition(), typed), &variable);
    let lines = found.iter().filter(|one| is_one_line(one)).map(|one| {
        if one.help.is_empty() {
            format!("{}\n", one.value)
        } else {
            format!("{}\t{}\n", one.value, one.help)
        }
    });
    lines.collect()
}

/// Names with control characters cannot be told to a shell.
fn is_one_line(candidate: &words::Candidate) -> bool {
    let mut letters = candidate.value.chars().chain(candidate.help.chars());
    letters.all(|letter| !letter.is_control())
}

/// bash hands words over as they are typed; the other shells take quotes away themselves.
fn plain(shell: Shell, word: &str) -> String {
    if shell != Shell::Bash {
        return word.to_owned();
    }
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
    fn bash_s_quotes_are_taken_away() {
        let cases = [
            (r"app/my\ key", "app/my key"),
            (r#""my key"#, "my key"),
            (r"'a\b'c", r"a\bc"),
            (r#""a\"b"#, "a\"b"),
            ("plain", "plain"),
        ];
        for (typed, meant) in cases {
            assert_eq!(plain(Shell::Bash, typed), meant);
        }
        assert_eq!(plain(Shell::Zsh, r"a\b"), r"a\b");
    }
}
