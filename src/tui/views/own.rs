//! Views with data of their own, beside the picture: latency, keys, the log.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::{kv, latency, logs, pane};
use crate::tui::app::App;
use crate::tui::data_table::Row;
use crate::tui::page::{Page, View};
use crate::tui::snapshot::Millis;

/// Rows of a body below which one line of notes is all there is room for.
const SMALL: u16 = 9;

/// The prefix whose level is shown or was come from.
fn prefix(page: &Page) -> String {
    match page {
        Page::Folder(prefix) => prefix.clone(),
        Page::Key(key) => key[..key.rfind('/').map_or(0, |place| place + 1)].to_owned(),
        _ => String::new(),
    }
}

/// The rows of the view that is shown; none for one that shows the picture.
pub fn own_rows(app: &mut App) -> Vec<Row> {
    match app.view() {
        View::Latency => latency::rows(&app.panes.latency, &app.theme.glyphs),
        View::Logs => logs::rows(&app.panes.logs),
        View::Kv => {
            let table = app.table().clone();
            app.panes.kv.seek(&prefix(&app.page()), &table);
            kv::rows(&app.panes.kv)
        }
        View::Overview
        | View::Members
        | View::Raft
        | View::Checks
        | View::Services
        | View::Events => Vec::new(),
    }
}

/// Writes what is to be known before the table; returns what is left for that.
pub(super) fn notes(frame: &mut Frame<'_>, area: Rect, app: &App, now: Millis) -> Rect {
    let width = usize::from(area.width);
    let mut lines: Vec<Line<'static>> = match app.view() {
        View::Latency => latency::notes(app, width),
        View::Kv => kv::notes(app, &prefix(&app.page()), width, now),
        View::Logs => logs::notes(app, width, now),
        _ => return area,
    };
    if area.height < SMALL {
        lines.truncate(1);
    }
    let height = u16::try_from(lines.len()).unwrap_or_default();
    let (top, rest) = pane::split_top(area, height);
    pane::lines(frame, top, lines);
    rest
}

/// Draws what stands in for the table, where there is such a thing and room for it.
pub(super) fn picture(frame: &mut Frame<'_>, area: Rect, app: &mut App) -> bool {
    app.view() == View::Latency && latency::map(frame, area, app)
}
