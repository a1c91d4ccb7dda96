//! Changing which context is current, and nothing else in the file. Pure.

/// The text with other values of `current` and `previous`; comments and everything else stay as they are.
pub(crate) fn with_current(text: &str, current: &str, previous: Option<&str>) -> String {
    let mut head = vec![format!("current = {}", quoted(current))];
    head.extend(previous.map(|name| format!("previous = {}", quoted(name))));
    let mut lines = text.lines();
    let mut kept: Vec<&str> = Vec::new();
    for line in lines.by_ref() {
        if line.trim_start().starts_with('[') {
            kept.push(line);
            break;
        }
        let key = line.split('=').next().unwrap_or_default().trim();
        if !matches!(key, "current" | "previous") {
            kept.push(line);
        }
    }
    kept.extend(lines);
    // Comments at the top stay at the top.
    let comments = kept.iter().take_while(|line| line.starts_with('#')).count();
    let mut all: Vec<&str> = kept[..comments].to_vec();
    all.extend(head.iter().map(String::as_str));
    all.extend(&kept[comments..]);
    format!("{}\n", all.join("\n"))
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
}
