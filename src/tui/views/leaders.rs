//! Who led within the last day: a row of cells for every server that did.

use ratatui::text::Line;

use super::pane;
use crate::tui::app::App;
use crate::tui::snapshot::{Millis, Source};
use crate::tui::summary;
use crate::tui::theme::Meaning;
use crate::tui::timeline::{DAY, Timeline};
use crate::tui::words::{cut, short, time_of_day};

/// Where the record of leaders comes from.
pub(super) fn source(app: &App) -> &'static str {
    match app.picture.timeline.source {
        Source::Agent => "(agent's record)",
        Source::Observed => "(seen since the start)",
        Source::Unavailable => "n/a",
    }
}

/// The rows, the time below them, and the last two leaderships.
pub(super) fn lines(app: &App, width: usize, now: Millis) -> Vec<Line<'static>> {
    let theme = &app.theme;
    let line = &app.picture.timeline;
    if line.bars.is_empty() {
        return vec![pane::styled("n/a", Meaning::Quiet, theme)];
    }
    let mut names: Vec<&str> = Vec::new();
    for bar in line.bars.iter().rev() {
        if !names.contains(&bar.leader.as_str()) {
            names.push(&bar.leader);
        }
    }
    let label = 12;
    let room = width.saturating_sub(label + 1);
    let mut lines: Vec<Line<'static>> = names
        .iter()
        .map(|name| {
            let bar = bar(line, name, room, now, theme.glyphs.bar);
            let name = cut(name, label, theme.glyphs.more);
            pane::styled(format!("{name:<label$} {bar}"), Meaning::Plain, theme)
        })
        .collect();
    let axis = format!(
        "{:<label$} {:<rest$}now",
        "",
        time_of_day(now - DAY),
        rest = room.saturating_sub(3)
    );
    lines.push(pane::styled(
        cut(&axis, width, theme.glyphs.more),
        Meaning::Quiet,
        theme,
    ));
    let text = format!("{}; {}", summary::changes(&app.picture), terms(app));
    lines.push(pane::styled(
        cut(&text, width, theme.glyphs.more),
        Meaning::Quiet,
        theme,
    ));
    lines
}

/// A leader's row: cells in which it led, each bar with its term where it is long enough.
fn bar(line: &Timeline, leader: &str, width: usize, now: Millis, full: &'static str) -> String {
    let mut cells: Vec<String> = line
        .cells(leader, width, DAY, now)
        .into_iter()
        .map(|on| if on { full } else { " " }.to_owned())
        .collect();
    for (from, to, term) in line.runs(leader, width, DAY, now) {
        let Some(label) = term.map(|term| format!("t{term}")) else {
            continue;
        };
        if label.len() + 2 <= to - from {
            for (cell, letter) in cells.iter_mut().skip(from + 1).zip(label.chars()) {
                *cell = letter.to_string();
            }
        }
    }
    cells.concat()
}

/// The last leaderships with their terms: `srv-3 t40 3h3m > srv-2 t41 1m0s`.
fn terms(app: &App) -> String {
    let bars = &app.picture.timeline.bars;
    let parts = bars.iter().rev().take(2).rev().map(|bar| {
        let term = bar.term.map(|term| format!(" t{term}")).unwrap_or_default();
        let end = bar.to.unwrap_or(app.picture.at);
        format!("{}{term} {}", bar.leader, short(end - bar.from))
    });
    parts.collect::<Vec<_>>().join(" > ")
}
