//! All keys, from the table.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::pane;
use crate::tui::app::App;
use crate::tui::keymap::KEYS;
use crate::tui::snapshot::Millis;
use crate::tui::theme::Meaning;

/// Draws the keys in as many columns as there is room for.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App, now: Millis) {
    let inside = pane::framed(frame, area, "Keys", &app.theme, true);
    let columns = (usize::from(inside.width) / 34).max(1);
    let height = KEYS.len().div_ceil(columns);
    let mut rows = Vec::with_capacity(height);
    for row in 0..height {
        let mut text = String::new();
        for column in 0..columns {
            if let Some(binding) = KEYS.get(column * height + row) {
                text = format!("{text}{:<14}{:<20}", binding.name, binding.word);
            }
        }
        rows.push(pane::styled(text, Meaning::Plain, &app.theme));
    }
    rows.push(pane::styled("", Meaning::Plain, &app.theme));
    let rate = app.panes.rate.per_second(now);
    rows.push(pane::styled(
        format!("The agent answers {rate:.1} req/s"),
        Meaning::Plain,
        &app.theme,
    ));
    for line in [
        "Filters: a regular expression; !x what does not match; -f x letters in order; tag=x",
        "Go to: a view, node NAME, svc NAME, via NODE|HOST:PORT|- (ask another agent), ctx NAME, help, quit",
        "* leads   ! warning   ~ estimated   > at least, seen since the start   n/a the agent does not say",
    ] {
        rows.push(pane::styled(line, Meaning::Quiet, &app.theme));
    }
    let first = app.scroll.min(rows.len().saturating_sub(1));
    pane::lines(frame, inside, rows.split_off(first));
}
