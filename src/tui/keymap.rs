//! The keys: one table for what they do, for the hints and for the help.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::page::View;

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Ends the program.
    Quit,
    /// Stops the program until the shell continues it.
    Suspend,
    /// Asks everything again, now.
    Refresh,
    /// Shows a view.
    Show(View),
    /// Shows the next view, or the one before.
    Cycle(bool),
    /// Moves the selection by lines.
    Move(isize),
    /// Moves the selection by halves of a screen.
    Page(isize),
    /// Moves the selection to an end: the first, or the last.
    End(bool),
    /// Opens what is selected.
    Open,
    /// One step back; closes and clears.
    Back,
    /// Back or forth in what was looked at.
    History(bool),
    /// Begins to write a filter.
    Filter,
    /// Begins to write where to go.
    Palette,
    /// Chooses the column to sort by: the next one, or the one before.
    Sort(bool),
    /// Turns the order round.
    Reverse,
    /// Only what is wrong, or everything.
    Problems,
    /// All columns, or the important ones.
    Wide,
    /// One pane on the whole screen.
    Expand,
    /// The picture stands still.
    Freeze,
    /// How much time the courses show: minutes, or the day.
    Zoom(bool),
    /// What can be done to the row.
    Actions,
    /// Selects the next row that the filter finds, or the one before.
    Match(bool),
    /// Another level of the log.
    LogLevel,
    /// The mouse does something here, or leaves everything to the terminal.
    Mouse,
    /// What is selected goes to the clipboard.
    Copy,
    /// The screen goes to a file.
    Screenshot,
    /// Which columns are shown.
    Columns,
    /// All keys.
    Help,
}

/// A key, and what it is for.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// The keys that do it.
    pub keys: &'static [Key],
    /// What they do.
    pub action: Action,
    /// The keys as people write them.
    pub name: &'static str,
    /// What they do, in a word or two.
    pub word: &'static str,
    /// Whether the hint bar shows it.
    pub hint: bool,
}

/// A key with or without control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    code: KeyCode,
    control: bool,
}

const fn key(code: KeyCode) -> Key {
    Key {
        code,
        control: false,
    }
}

const fn letter(letter: char) -> Key {
    key(KeyCode::Char(letter))
}

const fn control(letter: char) -> Key {
    Key {
        code: KeyCode::Char(letter),
        control: true,
    }
}

const fn bind(
    keys: &'static [Key],
    action: Action,
    name: &'static str,
    word: &'static str,
    hint: bool,
) -> Binding {
    Binding {
        keys,
        action,
        name,
        word,
        hint,
    }
}

/// The table.
pub const KEYS: &[Binding] = &[
    bind(&[key(KeyCode::Enter)], Action::Open, "Enter", "open", true),
    bind(&[key(KeyCode::Esc)], Action::Back, "Esc", "back", true),
    bind(&[letter('/')], Action::Filter, "/", "filter", true),
    bind(&[letter('z')], Action::Problems, "z", "problems", true),
    bind(&[letter('<')], Action::Sort(false), "<", "sort left", true),
    bind(&[letter('>')], Action::Sort(true), ">", "sort right", true),
    bind(&[letter('R')], Action::Reverse, "R", "reverse", true),
    bind(&[letter('e')], Action::Expand, "e", "expand", true),
    bind(&[letter('f')], Action::Freeze, "f", "freeze", true),
    bind(&[letter('w')], Action::Wide, "w", "wide", true),
    bind(&[letter('a')], Action::Actions, "a", "actions", true),
    bind(&[letter(':')], Action::Palette, ":", "go to", true),
    bind(&[letter('L')], Action::LogLevel, "L", "log level", true),
    bind(&[letter('?')], Action::Help, "?", "help", true),
    bind(
        &[letter('q'), control('c')],
        Action::Quit,
        "q ^c",
        "quit",
        true,
    ),
    bind(
        &[letter('1')],
        Action::Show(View::Overview),
        "1",
        "overview",
        false,
    ),
    bind(
        &[letter('2')],
        Action::Show(View::Members),
        "2",
        "members",
        false,
    ),
    bind(&[letter('3')], Action::Show(View::Raft), "3", "raft", false),
    bind(
        &[letter('4')],
        Action::Show(View::Checks),
        "4",
        "checks",
        false,
    ),
    bind(
        &[letter('5')],
        Action::Show(View::Services),
        "5",
        "services",
        false,
    ),
    bind(
        &[letter('6')],
        Action::Show(View::Latency),
        "6",
        "latency",
        false,
    ),
    bind(&[letter('7')], Action::Show(View::Kv), "7", "kv", false),
    bind(&[letter('8')], Action::Show(View::Logs), "8", "logs", false),
    bind(
        &[letter('9')],
        Action::Show(View::Events),
        "9",
        "events",
        false,
    ),
    bind(
        &[key(KeyCode::Tab)],
        Action::Cycle(true),
        "Tab",
        "next view or pane",
        false,
    ),
    bind(
        &[key(KeyCode::BackTab)],
        Action::Cycle(false),
        "S-Tab",
        "view or pane before",
        false,
    ),
    bind(
        &[letter('j'), key(KeyCode::Down)],
        Action::Move(1),
        "j ↓",
        "down",
        false,
    ),
    bind(
        &[letter('k'), key(KeyCode::Up)],
        Action::Move(-1),
        "k ↑",
        "up",
        false,
    ),
    bind(
        &[letter('n')],
        Action::Match(true),
        "n",
        "next match",
        false,
    ),
    bind(
        &[letter('N')],
        Action::Match(false),
        "N",
        "match before",
        false,
    ),
    bind(
        &[key(KeyCode::PageDown), control('d')],
        Action::Page(1),
        "PgDn ^d",
        "page down",
        false,
    ),
    bind(
        &[key(KeyCode::PageUp), control('u')],
        Action::Page(-1),
        "PgUp ^u",
        "page up",
        false,
    ),
    bind(
        &[letter('g'), key(KeyCode::Home)],
        Action::End(false),
        "g Home",
        "first",
        false,
    ),
    bind(
        &[letter('G'), key(KeyCode::End)],
        Action::End(true),
        "G End",
        "last",
        false,
    ),
    bind(
        &[letter('['), key(KeyCode::Backspace)],
        Action::History(false),
        "[ Backspace",
        "last page",
        false,
    ),
    bind(
        &[letter(']')],
        Action::History(true),
        "]",
        "next page",
        false,
    ),
    bind(
        &[letter('+')],
        Action::Zoom(false),
        "+",
        "last minutes",
        false,
    ),
    bind(
        &[letter('-'), letter('=')],
        Action::Zoom(true),
        "- =",
        "last day",
        false,
    ),
    bind(&[letter('o')], Action::Columns, "o", "columns", false),
    bind(&[letter('y')], Action::Copy, "y", "copy", false),
    bind(&[letter('S')], Action::Screenshot, "S", "screenshot", false),
    bind(&[letter('m')], Action::Mouse, "m", "mouse", false),
    bind(&[control('r')], Action::Refresh, "^r", "refresh now", false),
    bind(&[control('z')], Action::Suspend, "^z", "suspend", false),
];

/// What the key asks for, if anything.
pub fn action(event: &KeyEvent) -> Option<Action> {
    let pressed = Key {
        code: event.code,
        control: event.modifiers.contains(KeyModifiers::CONTROL),
    };
    let found = KEYS.iter().find(|binding| binding.keys.contains(&pressed));
    found.map(|binding| binding.action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things() {
        let all: Vec<Key> = KEYS
            .iter()
            .flat_map(|binding| binding.keys)
            .copied()
            .collect();
        for (place, key) in all.iter().enumerate() {
            assert!(!all[place + 1..].contains(key), "{key:?}");
        }
    }
}
