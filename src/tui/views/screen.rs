//! The whole screen, at any size.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::table::{Fields, Table};
use super::tabular::columns;
use super::{detail, dialog, head, help, overview, own, pane};
use crate::tui::app::App;
use crate::tui::data_table::Row;
use crate::tui::mouse::Spot;
use crate::tui::page::{Page, View};
use crate::tui::prompt::Mode;
use crate::tui::snapshot::Millis;
use crate::tui::theme::Meaning;

/// Below this many columns, or rows, only the worst is shown.
const TINY: (u16, u16) = (60, 10);

/// Draws everything. `now` is only for ages.
pub fn draw(frame: &mut Frame<'_>, app: &mut App, now: Millis) {
    app.mouse.begin();
    picture(frame, app, now);
    dialog::draw(frame, app, now);
}

fn picture(frame: &mut Frame<'_>, app: &mut App, now: Millis) {
    let area = frame.area();
    if area.is_empty() {
        return;
    }
    let overview = app.page() == Page::View(View::Overview) && app.mode == Mode::Normal;
    if overview && (area.width < TINY.0 || area.height < TINY.1) {
        overview::tiny(frame, area, app, now);
        if let Some((text, look)) = head::toast(app, now).filter(|_| area.height > 2) {
            let (_, last) = pane::split_top(area, area.height - 1);
            head::put(frame, last, &text, look, app);
        }
        dim(frame, area, app, now);
        return;
    }
    let mut lines = head::lines(app, now, usize::from(area.width));
    if area.height < 12 {
        lines.truncate(2);
    }
    let height = u16::try_from(lines.len()).unwrap_or_default();
    let (top, mut rest) = pane::split_top(area, height);
    pane::lines(frame, top, lines);
    if app.mouse.on {
        rest = head::tabs(frame, rest, app);
    }
    let (body, bottom) = pane::split_top(rest, rest.height.saturating_sub(1));
    let hints = head::hints(app, usize::from(bottom.width));
    match head::toast(app, now).filter(|_| app.mode == Mode::Normal) {
        Some((text, look)) => head::put(frame, bottom, &text, look, app),
        None => head::put(frame, bottom, &hints, Meaning::Quiet, app),
    }
    if app.mode == Mode::Help {
        help::draw(frame, body, app, now);
        return;
    }
    match app.page() {
        Page::View(View::Overview) => overview::draw(frame, body, app, now),
        Page::View(view) => view_table(frame, body, app, view, now),
        Page::Folder(_) => view_table(frame, body, app, View::Kv, now),
        page => detail::draw(frame, body, app, &page),
    }
    dim(frame, body, app, now);
}

/// What is old looks so.
fn dim(frame: &mut Frame<'_>, area: Rect, app: &App, now: Millis) {
    if head::is_stale(app, now) {
        dim_all(frame, area, app);
    }
}

fn dim_all(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let style = app.theme.style(Meaning::Stale);
    frame.buffer_mut().set_style(area, style);
}

fn view_table(frame: &mut Frame<'_>, area: Rect, app: &mut App, view: View, now: Millis) {
    let (top, mut body) = pane::split_top(area, 1);
    head::put(frame, top, &head::path(app), Meaning::Strong, app);
    if view == View::Raft {
        let lines = overview::raft_courses(app, usize::from(body.width));
        let height = u16::try_from(lines.len()).unwrap_or_default();
        let (upper, lower) = pane::split_top(body, body.height.saturating_sub(height));
        pane::lines(frame, lower, lines);
        body = upper;
    }
    let fault = detail::fault_of(view, &app.snapshot);
    if let Some(text) = &fault {
        let (top, rest) = pane::split_top(body, 1);
        head::put(frame, top, text, Meaning::Warning, app);
        body = rest;
    }
    body = own::notes(frame, body, app, now);
    if !own::picture(frame, body, app) {
        table(frame, body, app, view);
    }
    if fault.is_some() {
        dim_all(frame, body, app);
    }
}

/// Draws the view's table and keeps the selected row in its window.
pub(super) fn table(frame: &mut Frame<'_>, area: Rect, app: &mut App, view: View) {
    let header = has_header(view, area);
    let height = usize::from(area.height.saturating_sub(u16::from(header)));
    let (rows, selected) = app.window(height);
    let table = Table {
        columns: columns(view),
        rows: &rows,
        selected: Some(selected),
        sort: app.table().sort,
        shown: app.shown_columns(view),
        header,
    };
    let fields = table.draw(frame, area, &app.theme);
    if app.mouse.on {
        spots(app, area, header, fields, rows);
    }
}

/// What can be clicked on in a table.
fn spots(app: &mut App, area: Rect, header: bool, fields: Fields, rows: Vec<Row>) {
    let (head, body) = pane::split_top(area, u16::from(header));
    for (column, from, width) in fields.into_iter().filter(|_| header) {
        let cells = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
        let field = Rect {
            x: head.x.saturating_add(cells(from)),
            width: cells(width),
            ..head
        };
        app.mouse.put(field, Spot::Column(column));
    }
    for (line, row) in body.rows().zip(rows) {
        app.mouse.put(line, Spot::Row(row.id));
    }
}

/// The overview's problems speak for themselves where rows are few.
fn has_header(view: View, area: Rect) -> bool {
    view != View::Overview || area.height > 8
}
