//! Changing which context is current, and nothing else in the file. Pure.

use std::ops::Range;

use toml::de::DeTable;

/// The text with other values of `current` and `previous`; comments, ends of lines and everything else stay as they are.
/// Without a `previous`, that one stays as well; so does text that is no TOML.
pub(crate) fn with_current(text: &str, current: &str, previous: Option<&str>) -> String {
    let Ok(root) = DeTable::parse(text) else {
        return text.to_owned();
    };
    let place = |key: &str| -> Option<Range<usize>> {
        let value = root.get_ref().get(key)?;
        Some(value.span())
    };
    let mut changes = Vec::new();
    let mut added = Vec::new();
    for (key, name) in [("current", Some(current)), ("previous", previous)] {
        let Some(value) = name.map(quoted) else {
            continue;
        };
        match place(key) {
            Some(place) => changes.push((place, value)),
            None => added.push(format!("{key} = {value}")),
        }
    }
    if !added.is_empty() {
        let at =
            place("current").map_or_else(|| below_comments(text), |at| next_line(text, at.end));
        let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let is_inside = at > 0 && !text[..at].ends_with(['\n', '\u{feff}']);
        let before = if is_inside { end } else { "" };
        let lines = added.join(end);
        changes.push((at..at, format!("{before}{lines}{end}")));
    }
    // From the end, so that the places before stay right.
    changes.sort_by_key(|(place, _)| std::cmp::Reverse(place.start));
    let mut changed = text.to_owned();
    for (place, value) in changes {
        changed.replace_range(place, &value);
    }
    changed
}

/// Where the first line begins that is no comment: comments at the top stay at the top.
fn below_comments(text: &str) -> usize {
    let mut at = if text.starts_with('\u{feff}') { 3 } else { 0 };
    while text[at..].starts_with('#') {
        at = next_line(text, at);
    }
    at
}

/// Where the line after the one of this place begins, or the end.
fn next_line(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |end| at + end + 1)
}

/// A name as a TOML string; JSON's escapes are TOML's too.
fn quoted(name: &str) -> String {
    serde_json::Value::from(name).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::config::parse;

    #[test]
    fn only_the_current_context_changes() {
        let text =
            "# mine\ncurrent = \"a\"\n\n[contexts.a] # one\n[contexts.\"b c\"]\ncurrent = 1\n";
        let changed = with_current(text, "b c", Some("a"));
        let expected = "# mine\ncurrent = \"b c\"\nprevious = \"a\"\n\n[contexts.a] # one\n[contexts.\"b c\"]\ncurrent = 1\n";
        assert_eq!(changed, expected);
        let back = with_current(&changed, "a", Some("b c"));
        let found = parse(&back).unwrap();
        assert_eq!(found.current.as_deref(), Some("a"));
        assert_eq!(found.previous.as_deref(), Some("b c"));
        assert_eq!(with_current("", "x", None), "current = \"x\"\n");
    }

    #[test]
    fn comments_and_ends_of_lines_stay() {
        let text = "# mine\r\n\"current\"='a' # of \"a\"\r\nprevious = \"c\"\t# before\r\n[contexts.a]\r\n";
        let expected = "# mine\r\n\"current\"=\"b\" # of \"a\"\r\nprevious = \"a\"\t# before\r\n[contexts.a]\r\n";
        assert_eq!(with_current(text, "b", Some("a")), expected);
        let text = "# mine\r\n[contexts.a]\r\n";
        let expected = "# mine\r\ncurrent = \"a\"\r\nprevious = \"b\"\r\n[contexts.a]\r\n";
        assert_eq!(with_current(text, "a", Some("b")), expected);
        let end = with_current("current = \"a\" # é", "b", Some("a"));
        assert_eq!(end, "current = \"b\" # é\nprevious = \"a\"\n");
        assert_eq!(with_current("# é", "b", None), "# é\ncurrent = \"b\"\n");
        assert_eq!(with_current("a = = 1", "b", None), "a = = 1");
    }
}
