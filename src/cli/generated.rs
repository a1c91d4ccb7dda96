//! Files that are made from the definition of the commands: static completions and manual pages.

use std::io;
use std::path::{Path, PathBuf};

use clap::Command;
use clap_complete::Shell;

use super::root;

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
    found
}

fn pages(command: &Command, found: &mut Vec<(PathBuf, String)>) {
    let name = command
        .get_display_name()
        .unwrap_or_else(|| command.get_name())
        .to_owned();
    let page = clap_mangen::Man::new(command.clone().disable_help_subcommand(true))
        .title(name.clone())
        .source("consulctl")
        .manual("consulctl");
    let mut text = Vec::new();
    if page.render(&mut text).is_ok() {
        let path = Path::new("man").join(format!("{name}.1"));
        found.push((path, text_of(&text)));
    }
    for child in command.get_subcommands() {
        if child.get_name() != "help" {
            pages(child, found);
        }
    }
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
