//! The question before a change: nothing happens until its object's name is typed. Pure.

use crossterm::event::{KeyCode, KeyEvent};

use super::prompt::{self, Edit};
use super::write::Change;

/// A question that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialog {
    change: Change,
    /// The key that opened it does nothing inside: whoever holds it down types nothing. It is never a letter of the name.
    opened_by: char,
    typed: String,
    wrong: bool,
}

/// What a key did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The question stays open.
    Open,
    /// No.
    Cancelled,
    /// Yes: the name was typed.
    Confirmed(Change),
}

impl Dialog {
    /// Asks about a change; `opened_by` is the key that asked for it.
    pub fn new(change: Change, opened_by: char) -> Self {
        Self {
            change,
            opened_by,
            typed: String::new(),
            wrong: false,
        }
    }

    /// What is asked about.
    pub fn change(&self) -> &Change {
        &self.change
    }

    /// What was typed so far.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// Whether the name is typed: the change has the focus then, and cancelling before.
    pub fn is_exact(&self) -> bool {
        self.typed == self.change.name()
    }

    /// Whether Enter was pressed on another name.
    pub fn is_wrong(&self) -> bool {
        self.wrong
    }

    /// Takes a key.
    pub fn key(&mut self, key: &KeyEvent) -> Answer {
        if key.code == KeyCode::Char(self.opened_by) {
            return Answer::Open;
        }
        self.wrong = false;
        match prompt::edit(&mut self.typed, key) {
            Edit::Left => return Answer::Cancelled,
            Edit::Done if self.typed.is_empty() => return Answer::Cancelled,
            Edit::Done if self.is_exact() => return Answer::Confirmed(self.change.clone()),
            Edit::Done => self.wrong = true,
            Edit::Changed | Edit::Complete | Edit::Nothing => {}
        }
        Answer::Open
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyModifiers;
    use proptest::prelude::*;

    use super::*;

    fn dialog() -> Dialog {
        let node = "web-7".to_owned();
        Dialog::new(Change::ForceLeave { node }, 'F')
    }

    fn press(code: KeyCode) -> KeyEvent {
        KeyEvent::new(code, KeyModifiers::NONE)
    }

    /// The answers to a script: `\n` is Enter, `\b` Backspace, `\t` Tab.
    fn script(dialog: &mut Dialog, keys: &str) -> Vec<Answer> {
        let code = |letter| match letter {
            '\n' => KeyCode::Enter,
            '\u{8}' => KeyCode::Backspace,
            '\t' => KeyCode::Tab,
            '\u{1b}' => KeyCode::Esc,
            other => KeyCode::Char(other),
        };
        let answers = keys.chars().map(|key| dialog.key(&press(code(key))));
        answers.collect()
    }

    fn last(keys: &str) -> Answer {
        script(&mut dialog(), keys).pop().unwrap()
    }

    #[test]
    fn only_the_name_confirms() {
        let change = dialog().change;
        assert_eq!(last("web-7\n"), Answer::Confirmed(change.clone()));
        assert_eq!(last("webb\u{8}-7\n"), Answer::Confirmed(change.clone()));
        assert_eq!(last("FwebF-7F\n"), Answer::Confirmed(change));
        for keys in [
            "web-7",
            "web-\n",
            "web-77\n",
            "WEB-7\n",
            " web-7\n",
            "web-7 \n",
            "w\te\tb\n",
        ] {
            assert_eq!(last(keys), Answer::Open, "{keys:?}");
        }
        for keys in ["\n", "\u{1b}", "web-7\u{1b}", "\u{8}", "F\n", "FFF\n"] {
            assert_eq!(last(keys), Answer::Cancelled, "{keys:?}");
        }
    }

    #[test]
    fn another_name_is_told_until_something_is_typed() {
        let mut dialog = dialog();
        script(&mut dialog, "web-8\n");
        assert!(dialog.is_wrong() && !dialog.is_exact());
        script(&mut dialog, "\u{8}7");
        assert!(dialog.is_exact() && !dialog.is_wrong());
    }

    proptest! {
        /// Keys that are pressed at random confirm only if the name's letters are among them, in their order.
        #[test]
        fn mashing_never_confirms(keys in prop::collection::vec(
            prop::sample::select(vec!['w', 'e', 'b', '-', '7', 'F', 'y', 'd', ' ', '\n', '\n', '\u{8}', '\t', '\u{1b}']),
            0..40,
        )) {
            let mut dialog = dialog();
            let mut typed = String::new();
            for key in keys {
                match script(&mut dialog, &key.to_string()).pop() {
                    Some(Answer::Open) => {}
                    Some(Answer::Confirmed(_)) => {
                        prop_assert_eq!(typed.as_str(), "web-7");
                        break;
                    }
                    _ => break,
                }
                match key {
                    '\u{8}' => { typed.pop(); }
                    'F' | '\n' | '\t' => {}
                    other => typed.push(other),
                }
            }
        }

        /// One key that is hit again and again, with Enter in between, confirms nothing.
        #[test]
        fn one_key_never_confirms(key in any::<char>(), often in 1usize..50) {
            let mut dialog = dialog();
            let keys = format!("{key}\n").repeat(often);
            let answers = script(&mut dialog, &keys);
            prop_assert!(!answers.iter().any(|answer| matches!(answer, Answer::Confirmed(_))));
        }
    }
}
