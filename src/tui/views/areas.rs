//! How far datacenters are from each other: what the latency view shows where nodes are too many for a map.

use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr as _;

use super::latency::{FIELDS, MAX_NAME, shade};
use super::pane;
use crate::tui::app::App;
use crate::tui::theme::Meaning;
use crate::tui::words::{cut, one_line};

/// Datacenters that are shown.
const MAX_AREAS: usize = 8;

/// The median round trip between the servers of every two datacenters, a line each; nothing for one alone.
pub(super) fn lines(app: &App, width: usize) -> Vec<Line<'static>> {
    let theme = &app.theme;
    let areas = app.panes.latency.areas();
    if areas.len() < 2 {
        return Vec::new();
    }
    let label = areas.iter().map(|area| one_line(&area.name).width()).max();
    let label = label.unwrap_or_default().min(MAX_NAME) + 1;
    let count = areas.len().min(MAX_AREAS);
    let count = count.min(width.saturating_sub(label) / FIELDS[0]);
    let short = |name: &str, room: usize| cut(&one_line(name), room, theme.glyphs.more);
    let mut heading = " ".repeat(label);
    for area in &areas[..count] {
        let name = short(&area.name, FIELDS[0] - 1);
        heading.push_str(&" ".repeat(FIELDS[0].saturating_sub(name.width())));
        heading.push_str(&name);
    }
    let mut lines = vec![pane::styled(heading, Meaning::Quiet, theme)];
    for here in &areas[..count] {
        let name = short(&here.name, MAX_NAME);
        let fill = " ".repeat(label.saturating_sub(name.width()));
        let mut line = Line::from(Span::raw(format!("{name}{fill}")));
        for there in &areas[..count] {
            let millis = app.panes.latency.apart(here, there);
            line.push_span(Span::raw(" "));
            line.push_span(shade(millis, FIELDS[0] - 1, here.name == there.name, theme));
        }
        lines.push(line);
    }
    if areas.len() > count {
        let text = format!("{} more datacenters", areas.len() - count);
        lines.push(pane::styled(text, Meaning::Quiet, theme));
    }
    lines
}
