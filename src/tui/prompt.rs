//! Lines that one writes: a filter, and where to go.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::actions::Menu;
use super::confirm::Dialog;
use super::data_table::fuzzy;
use super::derive::Picture;
use super::page::{Page, View};

/// Longest line, in letters.
pub const MAX_LETTERS: usize = 200;
/// Candidates that are offered.
const MAX_CANDIDATES: usize = 8;

/// What keys are for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Mode {
    /// The table of keys.
    #[default]
    Normal,
    /// A filter is written.
    Filter(String),
    /// Where to go is written.
    Palette(String),
    /// All keys are shown.
    Help,
    /// What can be done to a row is shown.
    Menu(Menu),
    /// A change waits for the name of its object.
    Confirm(Dialog),
}

/// What a key did to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    /// It is another one.
    Changed,
    /// It is finished.
    Done,
    /// It is given up.
    Left,
    /// It shall be completed.
    Complete,
    /// Nothing.
    Nothing,
}

/// Where the palette leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// To a page.
    Page(Page),
    /// To the help.
    Help,
    /// Out.
    Quit,
}

/// Writes into a line.
pub fn edit(line: &mut String, key: &KeyEvent) -> Edit {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Enter => Edit::Done,
        KeyCode::Esc => Edit::Left,
        KeyCode::Tab => Edit::Complete,
        KeyCode::Backspace if line.is_empty() => Edit::Left,
        KeyCode::Backspace => {
            line.pop();
            Edit::Changed
        }
        KeyCode::Char('u') if control => {
            line.clear();
            Edit::Changed
        }
        KeyCode::Char('w') if control => {
            let kept = line.trim_end().rfind(' ').map_or(0, |place| place + 1);
            line.truncate(kept);
            Edit::Changed
        }
        KeyCode::Char(_) if control => Edit::Nothing,
        KeyCode::Char(letter) if !letter.is_control() && line.chars().count() < MAX_LETTERS => {
            line.push(letter);
            Edit::Changed
        }
        _ => Edit::Nothing,
    }
}

/// What the line may mean, best first.
pub fn candidates(line: &str, picture: &Picture) -> Vec<String> {
    let (verb, word) = match line.split_once(' ') {
        Some((verb, word)) => (verb, Some(word.trim_start())),
        None => (line, None),
    };
    let names: Vec<String> = match (verb, word) {
        ("node" | "n", Some(_)) => picture
            .nodes
            .iter()
            .map(|node| format!("node {}", node.name))
            .collect(),
        ("svc" | "service" | "s", Some(_)) => picture
            .services
            .iter()
            .map(|service| format!("svc {}", service.name))
            .collect(),
        _ => {
            let views = View::ALL.iter().map(|view| view.name().to_owned());
            views
                .chain(["node ", "svc ", "via ", "help", "quit"].map(str::to_owned))
                .collect()
        }
    };
    let wanted = word.unwrap_or(verb).to_lowercase();
    let tail = |name: &str| -> String {
        match word {
            Some(_) => name
                .split_once(' ')
                .map_or("", |(_, tail)| tail)
                .to_lowercase(),
            None => name.to_lowercase(),
        }
    };
    let mut found: Vec<String> = names
        .into_iter()
        .filter(|name| fuzzy(&wanted, &tail(name)))
        .collect();
    // What begins with the letters comes first; the sort is stable.
    found.sort_by_key(|name| !tail(name).starts_with(&wanted));
    found.truncate(MAX_CANDIDATES);
    found
}

/// Where the line leads: what it names, or the best candidate.
pub fn choose(line: &str, picture: &Picture) -> Option<Destination> {
    let best = candidates(line, picture).into_iter().next()?;
    let destination = match best.split_once(' ') {
        Some((_, "")) => return None,
        Some(("node", name)) => Destination::Page(Page::Node(name.to_owned())),
        Some((_, name)) => Destination::Page(Page::Service(name.to_owned())),
        None if best == "help" => Destination::Help,
        None if best == "quit" => Destination::Quit,
        None => {
            let view = View::ALL.into_iter().find(|view| view.name() == best)?;
            Destination::Page(Page::View(view))
        }
    };
    Some(destination)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::derive::bad_cluster::bad_picture;

    #[test]
    fn the_palette_understands_beginnings_and_letters() {
        let (_, picture) = bad_picture();
        let page = |line: &str| match choose(line, &picture) {
            Some(Destination::Page(page)) => page.title(),
            other => format!("{other:?}"),
        };
        assert_eq!(page("memb"), "members");
        assert_eq!(page("chk"), "checks");
        assert_eq!(page("node web-7"), "web-7");
        assert_eq!(page("node w7"), "web-7");
        assert_eq!(page("svc ap"), "api");
        assert_eq!(page("q"), "Some(Quit)");
        assert_eq!(page("nothing such"), "None");
        assert_eq!(page("node "), "srv-1");
    }
}
