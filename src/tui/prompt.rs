//! Lines that one writes: a filter, and where to go.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::actions::Menu;
use super::confirm::Dialog;
use super::data_table::fuzzy;
use super::derive::Picture;
use super::page::{Page, View};
use super::picker::Picker;

/// Longest line, in letters.
pub const MAX_LETTERS: usize = 200;
/// Candidates that are offered.
pub const MAX_CANDIDATES: usize = 8;

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
    /// Columns are chosen.
    Columns(Picker),
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

/// A first word of the palette that wants another one.
struct Verb {
    /// How it may be written; the first one is offered.
    names: &'static [&'static str],
    /// What the second word may be; whatever is written where the list is empty.
    words: fn(&Picture) -> Vec<&str>,
    /// Where it leads.
    leads: fn(String) -> Page,
}

/// The first words that want another one, or may have one: `kv` alone is a view. `via` and `ctx` are not among them: they lead to no page.
const VERBS: &[Verb] = &[
    Verb {
        names: &["node", "n"],
        words: |picture| picture.nodes.iter().map(|node| &*node.name).collect(),
        leads: Page::Node,
    },
    Verb {
        names: &["svc", "service", "s"],
        words: |picture| {
            let services = picture.services.iter();
            services.map(|service| &*service.name).collect()
        },
        leads: Page::Service,
    },
    Verb {
        names: &["kv"],
        words: |_| Vec::new(),
        leads: |name| {
            if name.is_empty() || name.ends_with('/') {
                Page::Folder(name)
            } else {
                Page::Key(name)
            }
        },
    },
];

/// The verb of a line, and what stands after it.
fn parse(line: &str) -> Option<(&'static Verb, &str)> {
    let (first, word) = line.split_once(' ')?;
    let verb = VERBS.iter().find(|verb| verb.names.contains(&first))?;
    Some((verb, word.trim_start()))
}

/// Those that have the letters in their order, at most [`MAX_CANDIDATES`]; what begins with them comes first.
pub fn best<'a>(names: impl Iterator<Item = &'a str>, letters: &str) -> Vec<&'a str> {
    let wanted = letters.to_lowercase();
    let mut found: Vec<&str> = names.filter(|name| fuzzy(&wanted, name)).collect();
    // The sort is stable.
    found.sort_by_cached_key(|name| !name.to_lowercase().starts_with(&wanted));
    found.truncate(MAX_CANDIDATES);
    found
}

/// What the line may mean, best first.
pub fn candidates(line: &str, picture: &Picture) -> Vec<String> {
    if let Some((verb, word)) = parse(line) {
        let found = best((verb.words)(picture).into_iter(), word).into_iter();
        return found
            .map(|word| format!("{} {word}", verb.names[0]))
            .collect();
    }
    let views = View::ALL.iter().map(|view| view.name());
    let is_view = |name: &str| View::ALL.iter().any(|view| view.name() == name);
    let verbs = VERBS.iter().map(|verb| verb.names[0]);
    let verbs = verbs.filter(|name| !is_view(name));
    let words = views.chain(verbs).chain(["via", "ctx", "help", "quit"]);
    let wants_more = |word: &str| {
        let verb = VERBS.iter().any(|verb| verb.names[0] == word) && !is_view(word);
        verb || ["via", "ctx"].contains(&word)
    };
    let found = best(words, line.trim()).into_iter();
    let spaced = found.map(|word| {
        if wants_more(word) {
            format!("{word} ")
        } else {
            word.to_owned()
        }
    });
    spaced.collect()
}

/// Where the line leads: what it names, or the best candidate.
pub fn choose(line: &str, picture: &Picture) -> Option<Destination> {
    if let Some((verb, word)) = parse(line) {
        let words = (verb.words)(picture);
        let chosen = match words.iter().find(|name| **name == word) {
            Some(exact) => *exact,
            None if words.is_empty() => word,
            None => best(words.into_iter(), word).into_iter().next()?,
        };
        return Some(Destination::Page((verb.leads)(chosen.to_owned())));
    }
    match candidates(line, picture).into_iter().next()?.as_str() {
        "help" => Some(Destination::Help),
        "quit" => Some(Destination::Quit),
        name => {
            let view = View::ALL.into_iter().find(|view| view.name() == name)?;
            Some(Destination::Page(Page::View(view)))
        }
    }
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
        assert_eq!(page("n web-3"), "web-3");
        assert_eq!(page("service cache"), "cache");
        assert_eq!(page("q"), "Some(Quit)");
        assert_eq!(page("nothing such"), "None");
        assert_eq!(page("node zzz"), "None");
        assert_eq!(page("svc"), "None", "it wants a name");
        assert_eq!(page("node "), "srv-1");
        let leads = |line: &str| choose(line, &picture);
        let folder = Page::Folder("app/".to_owned());
        assert_eq!(leads("kv app/"), Some(Destination::Page(folder)));
        let key = Page::Key("app/port".to_owned());
        assert_eq!(leads("kv app/port"), Some(Destination::Page(key)));
        assert_eq!(page("kv"), "kv");
    }

    #[test]
    fn candidates_are_few_and_the_nearest_come_first() {
        let (_, mut picture) = bad_picture();
        assert_eq!(candidates("node w", &picture), ["node web-3", "node web-7"]);
        assert_eq!(
            candidates("v", &picture),
            ["via ", "overview", "services", "kv", "events", "svc "]
        );
        let many = picture.nodes[0].clone();
        picture.nodes = vec![many; 100].into();
        assert_eq!(candidates("n srv", &picture).len(), MAX_CANDIDATES);
        picture.nodes = Vec::new().into();
        let page = Page::Node("any name".to_owned());
        let found = choose("node any name", &picture);
        assert_eq!(found, Some(Destination::Page(page)), "nobody knows better");
    }
}
