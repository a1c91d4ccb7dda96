//! Keys that write a line: the filter, and where to go.

use crossterm::event::KeyEvent;

use super::{App, Effect, Millis, Mode};
use crate::tui::prompt::{self, Destination, Edit};
use crate::tui::theme::Meaning;
use crate::tui::words::one_line;

impl App {
    /// A key while the filter is written.
    pub(super) fn filter_key(&mut self, key: &KeyEvent) {
        let Mode::Filter(text) = &mut self.mode else {
            return;
        };
        match prompt::edit(text, key) {
            Edit::Changed => {
                let text = text.clone();
                self.table_mut().set_filter(&text);
            }
            Edit::Done => self.mode = Mode::Normal,
            Edit::Left => {
                self.mode = Mode::Normal;
                self.table_mut().set_filter("");
            }
            Edit::Nothing | Edit::Complete => {}
        }
        self.arrange();
    }

    /// A key while it is written where to go.
    pub(super) fn palette_key(&mut self, now: Millis, key: &KeyEvent) -> Vec<Effect> {
        let Mode::Palette(text) = &mut self.mode else {
            return Vec::new();
        };
        match prompt::edit(text, key) {
            Edit::Done => {
                let line = std::mem::take(text);
                self.mode = Mode::Normal;
                return self.lead(now, &line);
            }
            Edit::Left => self.mode = Mode::Normal,
            Edit::Complete => {
                let line = text.clone();
                if let Some(first) = self.candidates(&line).into_iter().next() {
                    self.mode = Mode::Palette(first);
                }
            }
            Edit::Changed | Edit::Nothing => {}
        }
        Vec::new()
    }

    /// Goes where a finished line leads; an empty one is given up.
    fn lead(&mut self, now: Millis, line: &str) -> Vec<Effect> {
        let elsewhere = self.go_via(now, line);
        if let Some(effects) = elsewhere.or_else(|| self.go_context(now, line)) {
            return effects;
        }
        match prompt::choose(line, &self.picture) {
            Some(Destination::Page(page)) => self.show(page),
            Some(Destination::Help) => self.mode = Mode::Help,
            Some(Destination::Quit) => return vec![Effect::Quit],
            None if line.trim().is_empty() => {}
            None => {
                let line = one_line(line);
                let text = format!("nothing is called \"{line}\": ? tells what : knows");
                self.desk.tell(now, Meaning::Warning, text);
            }
        }
        Vec::new()
    }
}
