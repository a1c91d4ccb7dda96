//! The agent's log as it is written.

use ratatui::text::Line;

use super::pane;
use crate::tui::app::App;
use crate::tui::data_table::{Cell, Column, Row, SortKey};
use crate::tui::logs::{LogLine, Logs, Stream};
use crate::tui::snapshot::{FaultKind, Millis};
use crate::tui::theme::Meaning;
use crate::tui::words::cut;

pub(super) const COLUMNS: &[Column] = &[
    Column::left("TIME"),
    Column::left("LEVEL"),
    Column::left("LINE"),
];

fn look(line: &LogLine) -> Meaning {
    match line.level.as_str() {
        "ERROR" | "ERR" => Meaning::Bad,
        "WARN" => Meaning::Warning,
        "DEBUG" | "TRACE" => Meaning::Quiet,
        _ => Meaning::Plain,
    }
}

/// The lines, oldest first.
pub(super) fn rows(logs: &Logs) -> Vec<Row> {
    let row = |line: &LogLine| {
        let look = look(line);
        // Sorted in the order in which they came, whatever the column.
        let cell = |text: &str| Cell {
            text: text.to_owned(),
            meaning: look,
            key: SortKey::Unknown,
        };
        let time = line.time.split_once('T').map_or("", |(_, time)| time);
        Row {
            id: line.number.to_string(),
            problem: matches!(look, Meaning::Bad | Meaning::Warning),
            extra: String::new(),
            cells: vec![cell(time), cell(&line.level), cell(&line.text)],
        }
    };
    logs.lines.iter().map(row).collect()
}

/// At which level, whether it is followed, and what was lost.
pub(super) fn notes(app: &App, width: usize, now: Millis) -> Vec<Line<'static>> {
    let theme = &app.theme;
    let logs = &app.panes.logs;
    let line = |text: &str, look| pane::styled(cut(text, width, theme.glyphs.more), look, theme);
    let (mut text, mut look) = if logs.following && app.frozen.is_none() {
        ("following".to_owned(), Meaning::Ok)
    } else {
        let selected = app.table().selected.as_deref();
        let number = selected.and_then(|id| id.parse().ok());
        let below = number.map_or(0, |number| logs.after(number));
        (
            format!("PAUSED, {below} lines below (G follows)"),
            Meaning::Warning,
        )
    };
    text = format!("level {} (L), {text}", logs.level.name());
    if logs.dropped > 0 {
        text = format!("{text}, dropped {} lines", logs.dropped);
        look = Meaning::Warning;
    }
    let kept = u64::try_from(logs.lines.len()).unwrap_or(u64::MAX);
    if kept < logs.count() {
        text = format!("{text}, last {kept} of {} kept", logs.count());
    }
    let mut lines = Vec::new();
    match &logs.stream {
        Stream::Open => {}
        Stream::Asked => text.push_str(", asking"),
        Stream::Lost(fault, at) => {
            let why = match fault.kind {
                FaultKind::Forbidden => "the token may not read the log: it needs agent read",
                _ => fault.text.as_str(),
            };
            let seconds = ((at - now).max(0) + 999) / 1000;
            let text = format!("no log now: {why}, retry in {seconds} s");
            lines.push(line(&text, Meaning::Bad));
        }
    }
    lines.push(line(&text, look));
    lines
}

/// One line as a whole.
pub(super) fn page(app: &App, number: u64) -> Vec<Line<'static>> {
    let theme = &app.theme;
    let Some(line) = app.panes.logs.line(number) else {
        let text = "the line is not kept any more";
        return vec![pane::styled(text, Meaning::Warning, theme)];
    };
    vec![
        pane::styled(format!("time   {}", line.time), Meaning::Plain, theme),
        pane::styled(format!("level  {}", line.level), look(line), theme),
        pane::styled(String::new(), Meaning::Plain, theme),
        pane::styled(line.text.clone(), Meaning::Plain, theme),
    ]
}
