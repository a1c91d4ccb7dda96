//! Files that are made from the definition of the commands: static completions and manual pages.

use std::io;
use std::path::{Path, PathBuf};

use clap::Command;
use clap_complete::Shell;

use super::help::{examples_first, is_example};
use super::root;
use super::topics::{TOPICS, Topic};

/// Every generated file: its path from the project's root, and its text.
pub fn files() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        let mut command = root::definition();
        let name = command.get_name().to_owned();
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut command, &name, &mut text);
        let file = match shell {
            Shell::Bash => format!("{name}.bash"),
            Shell::Zsh => format!("_{name}"),
            _ => format!("{name}.fish"),
        };
        found.push((Path::new("completions").join(file), text_of(&text)));
    }
    let mut command = root::definition();
    command.build();
    pages(&command, &mut found);
    for topic in &TOPICS {
        let path = Path::new("man").join(format!("consulctl-{}.7", topic.name));
        found.push((path, topic_page(topic)));
    }
    found
}

fn pages(command: &Command, found: &mut Vec<(PathBuf, String)>) {
    let name = command
        .get_display_name()
        .unwrap_or_else(|| command.get_name())
        .to_owned();
    if let Ok(text) = page(command, &name) {
        let path = Path::new("man").join(format!("{name}.1"));
        found.push((path, text));
    }
    for child in command.get_subcommands() {
        if child.get_name() != "help" {
            pages(child, found);
        }
    }
}

/// A manual page, with the examples before all else. Flags have one dash, as in the command's help.
fn page(command: &Command, name: &str) -> io::Result<String> {
    let about = command.get_long_about().or_else(|| command.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    let paragraphs = examples_first(&about);
    let last = paragraphs.iter().rposition(|one| is_example(one));
    let examples = paragraphs
        .get(1..=last.unwrap_or_default())
        .unwrap_or_default();
    let mut text = paragraphs.clone();
    text.drain(1..=examples.len());
    let command = command.clone().disable_help_subcommand(true);
    let man = clap_mangen::Man::new(command.long_about(text.join("\n\n")))
        .title(name)
        .source("consulctl")
        .manual("consulctl");
    let mut bytes = Vec::new();
    man.render(&mut bytes)?;
    let text = text_of(&bytes).replace(r"\-\-", r"\-");
    let section = examples.iter().map(|paragraph| {
        let lines = roff(paragraph);
        if is_example(paragraph) {
            format!(".PP\n.RS 4\n.nf\n{lines}.fi\n.RE\n")
        } else {
            format!(".PP\n{lines}")
        }
    });
    let section: String = section.collect();
    if section.is_empty() {
        return Ok(text);
    }
    Ok(text.replacen(
        ".SH SYNOPSIS\n",
        &format!(".SH EXAMPLES\n{section}.SH SYNOPSIS\n"),
        1,
    ))
}

/// The manual page of a help topic.
fn topic_page(topic: &Topic) -> String {
    let name = format!("consulctl-{}", topic.name);
    let title = format!(".TH {name} 7 \"\" consulctl consulctl\n");
    let about = roff(&format!("{name} - {}", topic.about));
    let text = roff(topic.text);
    format!("{title}.SH NAME\n{about}.SH DESCRIPTION\n.nf\n{text}.fi\n")
}

/// Lines of text as roff takes them.
fn roff(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let line = line
            .replace('\\', r"\e")
            .replace('-', r"\-")
            .replace('\'', r"\(aq");
        // A full stop in front would be a request.
        let guard = if line.starts_with('.') { r"\&" } else { "" };
        format!("{guard}{line}\n")
    });
    lines.collect()
}

/// Text without spaces at the ends of its lines.
fn text_of(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    format!("{}\n", lines.join("\n"))
}

/// Writes every generated file below `project`, and removes nothing.
///
/// # Errors
///
/// A folder or file that cannot be written.
pub fn write_to(project: &Path) -> io::Result<()> {
    for (path, text) in files() {
        let path = project.join(path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, text)?;
    }
    Ok(())
}
