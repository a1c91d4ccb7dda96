//! Help texts in Consul's shape, from the clap definition.

use clap::{Arg, Command};

use super::go_flags::is_boolean;

/// Columns that text is wrapped to.
const WIDTH: usize = 78;

/// Indentation of a command's text.
const TEXT: usize = 2;

/// Indentation of what a flag does.
const FLAG_TEXT: usize = 5;

/// Indentation of examples.
const EXAMPLE: usize = 6;

/// Heading of the flags that are a command's own.
const OWN_FLAGS: &str = "Command Options";

/// The list of commands.
pub(crate) fn top(root: &Command) -> String {
    let mut text = format!(
        "Usage: {} [--version] [--help] <command> [<args>]\n\n",
        root.get_name()
    );
    text.push_str("Available commands are:\n");
    text.push_str(&list(root));
    text
}

/// The help of a command or of a group of commands.
pub(crate) fn of(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    let mut text = format!("{}\n", usage.trim());
    let about = command.get_long_about().or_else(|| command.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    for paragraph in examples_first(&about) {
        let indent = if is_example(paragraph) { EXAMPLE } else { TEXT };
        text.push('\n');
        for line in paragraph.lines() {
            text.push_str(&wrap(line, indent));
        }
    }
    if command.has_subcommands() {
        text.push_str("\nSubcommands:\n");
        text.push_str(&list(command));
        return text;
    }
    let mut headings: Vec<String> = command.get_arguments().map(heading).collect();
    headings.sort_by_key(|name| (name == OWN_FLAGS, name.clone()));
    headings.dedup();
    for name in headings {
        let mut flags: Vec<&Arg> = command
            .get_arguments()
            .filter(|arg| arg.get_long().is_some() && !arg.is_hide_set())
            .filter(|arg| heading(arg) == name)
            .collect();
        if flags.is_empty() {
            continue;
        }
        flags.sort_by_key(|arg| arg.get_long().unwrap_or_default());
        text.push_str(&format_heading(&name));
        for arg in flags {
            text.push_str(&flag(arg));
        }
    }
    text
}

/// Whether a paragraph is something to type.
pub(super) fn is_example(paragraph: &str) -> bool {
    paragraph.starts_with("$ ")
}

/// The paragraphs of a text about a command: what it does in a line, how it is typed, and then the rest. A paragraph that
/// ends in a colon belongs to the example behind it.
pub(super) fn examples_first(about: &str) -> Vec<&str> {
    let mut rest = about
        .split("\n\n")
        .filter(|paragraph| !paragraph.is_empty());
    let mut first: Vec<&str> = rest.next().into_iter().collect();
    let (mut text, mut rest) = (Vec::new(), rest.peekable());
    while let Some(paragraph) = rest.next() {
        let leads = paragraph.ends_with(':') && rest.peek().is_some_and(|next| is_example(next));
        if leads || is_example(paragraph) {
            first.push(paragraph);
        } else {
            text.push(paragraph);
        }
    }
    first.append(&mut text);
    first
}

fn format_heading(name: &str) -> String {
    format!("\n{name}\n")
}

fn heading(arg: &Arg) -> String {
    arg.get_help_heading().unwrap_or(OWN_FLAGS).to_owned()
}

fn flag(arg: &Arg) -> String {
    let name = arg.get_long().unwrap_or_default();
    let mut text = if is_boolean(arg) {
        format!("\n  -{name}\n")
    } else {
        let value = arg.get_value_names().and_then(|names| names.first());
        let value = value.map_or("value", |value| value.as_str());
        format!("\n  -{name}=<{value}>\n")
    };
    let help = arg.get_long_help().or_else(|| arg.get_help());
    if let Some(help) = help {
        // clap takes the last full stop away.
        let help = format!("{}.", help.to_string().trim_end_matches('.'));
        for line in help.lines().filter(|line| !line.is_empty()) {
            text.push_str(&wrap(line, FLAG_TEXT));
        }
    }
    text
}

/// The visible commands below `command`, sorted, with what they do.
fn list(command: &Command) -> String {
    let mut names: Vec<(&str, String)> = command
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(|command| {
            let about = command.get_about().map(ToString::to_string);
            (command.get_name(), about.unwrap_or_default())
        })
        .collect();
    names.sort_unstable();
    let widest = names.iter().map(|(name, _)| name.len()).max();
    let widest = widest.unwrap_or_default();
    let lines: Vec<String> = names
        .iter()
        .map(|(name, about)| format!("    {name:widest$}    {about}\n"))
        .collect();
    lines.concat()
}

/// Breaks a line at spaces so that it fits, every part indented.
fn wrap(line: &str, indent: usize) -> String {
    let margin = " ".repeat(indent);
    let mut text = String::new();
    let mut used = 0;
    for word in line.split_whitespace() {
        let width = word.chars().count();
        if used > 0 && indent + used + 1 + width > WIDTH {
            text.push('\n');
            used = 0;
        }
        if used == 0 {
            text.push_str(&margin);
        } else {
            text.push(' ');
            used += 1;
        }
        text.push_str(word);
        used += width;
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_and_indented() {
        let long = "word ".repeat(20);
        for line in wrap(&long, 5).lines() {
            assert!(
                line.starts_with("     word") && line.len() <= WIDTH,
                "{line}"
            );
        }
        assert_eq!(wrap("a  b", 2), "  a b\n");
    }

    #[test]
    fn examples_stand_before_the_text() {
        let about = "Does\n\nText.\n\n$ one\n\nMore:\n\n$ two";
        assert_eq!(
            examples_first(about),
            ["Does", "$ one", "More:", "$ two", "Text."]
        );
        assert!(examples_first("").is_empty());
    }

    #[test]
    fn every_command_says_what_it_is_and_how_it_is_called() {
        let root = super::super::root::definition();
        let mut left: Vec<(String, &Command)> = vec![("consulctl".to_owned(), &root)];
        while let Some((path, command)) = left.pop() {
            for child in command.get_subcommands() {
                let path = format!("{path} {}", child.get_name());
                let text = of(child);
                let usage = text.lines().next().unwrap_or_default();
                assert!(format!("{usage} ").starts_with(&format!("Usage: {path} ")));
                assert!(child.get_about().is_some(), "{path} has no synopsis");
                for line in text.lines() {
                    assert!(line.chars().count() <= 100, "{path}: {line}");
                }
                left.push((path, child));
            }
        }
    }
}
