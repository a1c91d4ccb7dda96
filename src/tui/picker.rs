//! Which columns of a table are shown, and in which order: chosen while top runs, or named in the user's file. Pure.

use crossterm::event::{KeyCode, KeyEvent};

use super::app::App;
use super::data_table::Column;
use super::page::View;
use super::prompt::Mode;
use super::snapshot::Millis;
use super::theme::Meaning;
use super::views;

/// What the column without a header is called.
const SYMBOL: &str = "SYMBOL";

/// A column's name in dialogs and files.
pub fn name(column: &Column) -> &'static str {
    if column.name.is_empty() {
        SYMBOL
    } else {
        column.name
    }
}

/// The columns that are shown: the `chosen` ones, or those of the view. All of them if `wide`.
pub fn shown(columns: &[Column], chosen: Option<&[usize]>, wide: bool) -> Vec<usize> {
    let all = 0..columns.len();
    match chosen {
        None => all.filter(|place| wide || !columns[*place].wide).collect(),
        Some(chosen) if wide => {
            let others = all.filter(|place| !chosen.contains(place));
            chosen.iter().copied().chain(others).collect()
        }
        Some(chosen) => chosen.to_vec(),
    }
}

/// The columns of those names; what is wrong otherwise.
fn named(columns: &[Column], names: &[String]) -> Result<Vec<usize>, String> {
    let mut found = Vec::new();
    for wanted in names {
        let same = |column: &Column| name(column).eq_ignore_ascii_case(wanted);
        match columns.iter().position(same) {
            None => {
                let known: Vec<&str> = columns.iter().map(name).collect();
                return Err(format!(
                    "no column \"{wanted}\", there are {}",
                    known.join(", ")
                ));
            }
            Some(place) if found.contains(&place) => {
                return Err(format!("column \"{wanted}\" is named twice"));
            }
            Some(place) => found.push(place),
        }
    }
    Ok(found)
}

/// The dialog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picker {
    /// All columns in their order, and whether they are shown.
    pub columns: Vec<(usize, bool)>,
    /// Where the cursor is.
    pub cursor: usize,
    changed: bool,
}

impl Picker {
    fn new(columns: &[Column], chosen: Option<&[usize]>) -> Self {
        let shown = shown(columns, chosen, false);
        let hidden = (0..columns.len()).filter(|place| !shown.contains(place));
        let first = shown.iter().map(|place| (*place, true));
        Self {
            columns: first.chain(hidden.map(|place| (place, false))).collect(),
            cursor: 0,
            changed: false,
        }
    }

    fn chosen(&self) -> Vec<usize> {
        let shown = self.columns.iter().filter(|(_, is_shown)| *is_shown);
        shown.map(|(place, _)| *place).collect()
    }

    fn step(&mut self, forward: bool) {
        let last = self.columns.len().saturating_sub(1);
        self.cursor = self
            .cursor
            .saturating_add_signed(if forward { 1 } else { -1 })
            .min(last);
    }

    /// Shows or hides a column; one always stays.
    fn toggle(&mut self) {
        let count = self.chosen().len();
        if let Some((_, is_shown)) = self.columns.get_mut(self.cursor)
            && (!*is_shown || count > 1)
        {
            *is_shown = !*is_shown;
            self.changed = true;
        }
    }

    /// Moves a column, and the cursor with it.
    fn carry(&mut self, forward: bool) {
        let from = self.cursor;
        self.step(forward);
        if from != self.cursor {
            self.columns.swap(from, self.cursor);
            self.changed = true;
        }
    }
}

impl App {
    /// The columns of the view's table that are shown.
    pub fn shown_columns(&self, view: View) -> Vec<usize> {
        let chosen = self.table().columns.as_deref();
        shown(views::columns(view), chosen, self.wide)
    }

    /// Shows a view with the columns of those names.
    ///
    /// # Errors
    ///
    /// There is no such column, or a name stands there twice: a text that says so.
    pub fn choose_columns(&mut self, view: View, names: &[String]) -> Result<(), String> {
        let found = named(views::columns(view), names)?;
        self.table_of(view).columns = Some(found).filter(|found| !found.is_empty());
        Ok(())
    }

    /// Opens the dialog, where there is a table.
    pub(super) fn pick_columns(&mut self) {
        if self.page().is_table() {
            let columns = views::columns(self.view());
            let chosen = self.table().columns.as_deref();
            self.mode = Mode::Columns(Picker::new(columns, chosen));
        }
    }

    /// A key while the dialog is open.
    pub(super) fn columns_key(&mut self, now: Millis, key: &KeyEvent) {
        let Mode::Columns(picker) = &mut self.mode else {
            return;
        };
        match key.code {
            KeyCode::Char('j') | KeyCode::Down => picker.step(true),
            KeyCode::Char('k') | KeyCode::Up => picker.step(false),
            KeyCode::Char(' ') => picker.toggle(),
            KeyCode::Char('J' | '>') => picker.carry(true),
            KeyCode::Char('K' | '<') => picker.carry(false),
            KeyCode::Esc | KeyCode::Enter | KeyCode::Char('o' | 'q') => {
                let changed = picker.changed;
                self.mode = Mode::Normal;
                if changed {
                    self.tell_columns(now);
                }
                return;
            }
            _ => return,
        }
        if picker.changed {
            let chosen = picker.chosen();
            self.table_mut().columns = Some(chosen);
        }
    }

    /// Says how long the choice lasts, and what would keep it.
    fn tell_columns(&mut self, now: Millis) {
        let view = self.view();
        let columns = views::columns(view);
        let chosen = self.table().columns.iter().flatten();
        let names: Vec<String> = chosen
            .map(|place| format!("{:?}", name(&columns[*place])))
            .collect();
        let text = format!(
            "until top ends; to keep it, in config.toml: [top.columns] {} = [{}]",
            view.name(),
            names.join(", ")
        );
        self.desk.tell(now, Meaning::Plain, text);
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyModifiers;

    use super::*;
    use crate::tui::app::Event;
    use crate::tui::derive::bad_cluster::{NOW, bad_cluster};
    use crate::tui::shot::{self, Format};
    use crate::tui::theme::Theme;
    use crate::tui::thresholds::Thresholds;

    fn bad() -> App {
        let (snapshot, seen) = bad_cluster();
        let mut app = App::looking(snapshot, seen, &Theme::default(), Thresholds::default());
        app.prepare(NOW);
        app
    }

    fn press(app: &mut App, keys: &str) -> String {
        for letter in keys.chars() {
            let code = match letter {
                '\n' => KeyCode::Enter,
                other => KeyCode::Char(other),
            };
            app.update(NOW, Event::Key(KeyEvent::new(code, KeyModifiers::NONE)));
        }
        shot::write(&shot::render(app, NOW, (120, 30)), Format::Text)
    }

    fn header(screen: &str) -> Vec<String> {
        let line = screen
            .lines()
            .find(|line| line.contains("NODE") && !line.contains("NODES"));
        let words = line
            .unwrap_or_else(|| panic!("no header in\n{screen}"))
            .split_whitespace();
        words.map(str::to_owned).collect()
    }

    #[test]
    fn columns_are_hidden_and_moved() {
        let mut app = bad();
        let before = header(&press(&mut app, "2"));
        let dialog = press(&mut app, "o");
        assert!(dialog.contains("Columns of members"), "{dialog}");
        assert!(dialog.contains(&format!("[x] {}", before[0])), "{dialog}");
        let after = header(&press(&mut app, "Jj \n"));
        assert_eq!(after[..2], [before[1].clone(), before[0].clone()]);
        assert!(!after.contains(&before[2]), "{after:?}");
        let told = app.desk.notice(NOW).unwrap().text.clone();
        assert!(told.starts_with("until top ends"), "{told}");
        let wide = header(&press(&mut app, "w"));
        assert!(wide.contains(&before[2]), "{wide:?}");
        // Other views have their own.
        press(&mut app, "w4");
        assert_eq!(app.table().columns, None);
        assert!(press(&mut app, "\no").contains("OUTPUT") || app.mode == Mode::Normal);
    }

    #[test]
    fn one_column_always_stays() {
        let mut app = bad();
        press(&mut app, "2");
        let count = app.shown_columns(View::Members).len();
        press(&mut app, "o");
        for _ in 0..count {
            press(&mut app, " j");
        }
        assert_eq!(app.table().columns.as_ref().map(Vec::len), Some(1));
    }

    #[test]
    fn columns_have_names_in_files() {
        let mut app = bad();
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        app.choose_columns(View::Checks, &words("output NODE"))
            .unwrap();
        assert_eq!(header(&press(&mut app, "4"))[0], "OUTPUT");
        assert!(
            app.choose_columns(View::Overview, &words("symbol WHO"))
                .is_ok()
        );
        let error = app
            .choose_columns(View::Raft, &words("nosuch"))
            .unwrap_err();
        assert!(
            error.starts_with("no column \"nosuch\", there are "),
            "{error}"
        );
        assert!(
            app.choose_columns(View::Checks, &words("NODE node"))
                .is_err()
        );
        assert_eq!(app.choose_columns(View::Checks, &[]), Ok(()));
        assert_eq!(app.table().columns, None);
    }
}
