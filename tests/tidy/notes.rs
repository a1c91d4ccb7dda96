//! A note about work to be done names the issue where it is planned: `TODO(#12)`.

use crate::source::Source;

/// The words that mark a note. Put together, so that this file does not find itself.
const WORDS: [&str; 3] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];

/// Notes without a number.
pub(crate) fn faults(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources {
        for (number, line) in source.text.lines().enumerate() {
            for word in WORDS {
                if line
                    .match_indices(word)
                    .any(|(at, _)| is_note(line, at, word))
                {
                    faults.push(format!("{}:{}: {word}", source.path, number + 1));
                }
            }
        }
    }
    faults
}

/// Whether the word stands alone and no number follows.
fn is_note(line: &str, at: usize, word: &str) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    let rest = &line[at + word.len()..];
    if line[..at].ends_with(in_word) || rest.starts_with(in_word) {
        return false;
    }
    let number = rest.trim_start_matches(['(', ' ']).strip_prefix('#');
    !number.is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()))
}

#[test]
fn notes_without_a_number_are_found() {
    let word = WORDS[0];
    let found = |text: String| faults(&[Source::new("src/a.rs", &text)]).len();
    assert_eq!(found(format!("// {word}: later\n")), 1);
    assert_eq!(found(format!("// {word}(someone) later\n")), 1);
    assert_eq!(found(format!("// {word}(#12): later\n")), 0);
    assert_eq!(found(format!("// {word} #12 later\n")), 0);
    assert_eq!(found(format!("let {word}S = 1;\n")), 0);
}
