//! What lies over the picture: the menu of actions, the question before a change, the line that tells of an outcome.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;
use unicode_width::UnicodeWidthStr as _;

use super::pane;
use super::tabular::columns;
use crate::tui::actions::Menu;
use crate::tui::app::App;
use crate::tui::confirm::Dialog;
use crate::tui::picker::{self, Picker};
use crate::tui::prompt::Mode;
use crate::tui::snapshot::Millis;
use crate::tui::theme::{Meaning, Theme};
use crate::tui::words::{cut, one_line, plain};

/// Widest box, in columns.
const MAX_WIDTH: u16 = 90;

/// Draws what is open, and the notice.
pub(super) fn draw(frame: &mut Frame<'_>, app: &App, now: Millis) {
    let area = frame.area();
    if area.is_empty() {
        return;
    }
    match &app.mode {
        Mode::Menu(open) => menu(frame, area, open, app),
        Mode::Confirm(open) => question(frame, area, open, app),
        Mode::Columns(open) => choice(frame, area, open, app),
        _ => {}
    }
    let Some(notice) = app.desk.notice(now) else {
        return;
    };
    // The keys stay below it, where there is room.
    let row = Rect {
        y: area.height.saturating_sub(2),
        height: 1,
        ..area
    };
    let text = cut(&notice.text, usize::from(area.width), app.theme.glyphs.more);
    frame.render_widget(Clear, row);
    pane::lines(
        frame,
        row,
        vec![pane::styled(text, notice.meaning, &app.theme)],
    );
}

/// A box for so many lines in the middle of the screen.
fn place(area: Rect, width: u16, lines: usize) -> Rect {
    let width = width.min(area.width);
    let lines = u16::try_from(lines).unwrap_or(u16::MAX);
    let height = lines.saturating_add(2).min(area.height);
    Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    }
}

fn boxed(frame: &mut Frame<'_>, area: Rect, title: &str, theme: &Theme) -> Rect {
    frame.render_widget(Clear, area);
    let room = usize::from(area.width.saturating_sub(4));
    let title = cut(title, room, theme.glyphs.more);
    pane::framed(frame, area, &title, theme, true)
}

fn menu(frame: &mut Frame<'_>, area: Rect, menu: &Menu, app: &App) {
    let theme = &app.theme;
    let mut lines: Vec<Line<'static>> = Vec::new();
    if menu.waits.is_some() {
        lines.push(pane::styled("asking ...", Meaning::Quiet, theme));
    }
    for item in &menu.items {
        lines.push(match item.letter {
            Some(letter) => Line::from(vec![
                Span::styled(letter.to_string(), theme.style(Meaning::Strong)),
                Span::raw(format!("  {}", item.text)),
            ]),
            None => pane::styled(format!("-  {}", item.text), Meaning::Quiet, theme),
        });
    }
    let widest = lines.iter().map(Line::width).max().unwrap_or_default();
    let widest = widest.max(menu.title.width() + 2).max(30) + 2;
    let width = u16::try_from(widest).unwrap_or(u16::MAX).min(MAX_WIDTH);
    let inside = boxed(frame, place(area, width, lines.len()), &menu.title, theme);
    pane::lines(frame, inside, lines);
}

fn choice(frame: &mut Frame<'_>, area: Rect, picker: &Picker, app: &App) {
    let known = columns(app.view());
    let title = format!("Columns of {}", app.view().name());
    let width = u16::try_from(title.width() + 6)
        .unwrap_or(MAX_WIDTH)
        .max(30);
    let place = place(area, width, picker.columns.len());
    let rows = usize::from(place.height.saturating_sub(2)).max(1);
    let first = (picker.cursor + 1).saturating_sub(rows);
    let lines = picker.columns.iter().enumerate().skip(first).take(rows);
    let lines = lines.map(|(line, (column, is_shown))| {
        let mark = if *is_shown { "x" } else { " " };
        let text = format!("[{mark}] {}", known.get(*column).map_or("", picker::name));
        let look = if line == picker.cursor {
            Meaning::Selected
        } else {
            Meaning::Plain
        };
        pane::styled(text, look, &app.theme)
    });
    let lines: Vec<Line<'static>> = lines.collect();
    let inside = boxed(frame, place, &title, &app.theme);
    pane::lines(frame, inside, lines);
}

fn question(frame: &mut Frame<'_>, area: Rect, dialog: &Dialog, app: &App) {
    let theme = &app.theme;
    let change = dialog.change();
    let room = usize::from(MAX_WIDTH.min(area.width).saturating_sub(2)).max(1);
    let styled = |text: &str, meaning| -> Vec<Line<'static>> {
        let lines = wrap(text, room).into_iter();
        lines
            .map(|line| pane::styled(line, meaning, theme))
            .collect()
    };
    // As it is: a name may have more than one space in a row.
    let name = plain(change.name());
    let mut below = styled(
        &format!("Type {name} to do it:  {}_", dialog.typed()),
        Meaning::Strong,
    );
    if dialog.is_wrong() {
        below.extend(styled("that is another name", Meaning::Warning));
    }
    let looks = |focus: bool| {
        theme.style(if focus {
            Meaning::Selected
        } else {
            Meaning::Quiet
        })
    };
    below.push(Line::from(vec![
        Span::styled("[ Cancel ]", looks(!dialog.is_exact())),
        Span::raw("  "),
        Span::styled("[ Do it ]", looks(dialog.is_exact())),
    ]));
    let command = format!("$ {}", change.command(&app.snapshot.address));
    let parts = [
        styled(change.consequence(), Meaning::Plain),
        styled(&plain(&command), Meaning::Quiet),
    ];
    // What must be typed is always seen; the rest where there is room.
    let mut left = usize::from(area.height).saturating_sub(2 + below.len());
    let mut lines = Vec::new();
    for part in parts {
        if part.len() < left {
            left -= part.len() + 1;
            lines.extend(part);
            lines.push(Line::default());
        }
    }
    lines.extend(below);
    let title = one_line(&change.title());
    let inside = boxed(frame, place(area, MAX_WIDTH, lines.len()), &title, theme);
    pane::lines(frame, inside, lines);
}

/// Lines of at most `width` cells; words that are longer are broken.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else {
            break;
        };
        if line.is_empty() {
            line.push_str(word);
        } else if line.width() + 1 + word.width() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
        while lines.last().is_some_and(|line| line.width() > width) {
            let Some(line) = lines.pop() else {
                break;
            };
            let mut head = cut(&line, width, "");
            if head.is_empty() {
                // A letter that is wider than the line stays whole.
                head.extend(line.chars().next());
            }
            let tail = line[head.len()..].to_owned();
            let done = tail.is_empty();
            lines.push(head);
            if done {
                break;
            }
            lines.push(tail);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_are_broken_and_nothing_is_lost() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("節点", 1), ["節", "点"]);
        assert_eq!(wrap("", 4), [""]);
    }
}
