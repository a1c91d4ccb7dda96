//! Keys and values: one level at a time, and one key.

use ratatui::text::Line;

use super::pane;
use crate::tui::app::App;
use crate::tui::data_table::{Cell, Column, Row, SortKey};
use crate::tui::kv::{Browser, FOLDER, KEY, Opened, last_part};
use crate::tui::snapshot::{Fault, FaultKind, Millis};
use crate::tui::theme::Meaning;
use crate::tui::value::{Kind, harmless};
use crate::tui::words::{cut, short};

pub(super) const COLUMNS: &[Column] = &[Column::left("NAME"), Column::left("KIND")];

/// The names of the level that was sought.
pub(super) fn rows(kv: &Browser) -> Vec<Row> {
    kv.shown()
        .map(|(name, folder)| {
            let (mark, kind, look) = if folder {
                (FOLDER, "folder", Meaning::Strong)
            } else {
                (KEY, "key", Meaning::Plain)
            };
            let shown = harmless(last_part(name));
            Row {
                id: format!("{mark}{name}"),
                problem: false,
                extra: String::new(),
                cells: vec![
                    Cell {
                        key: SortKey::Text(shown.clone()),
                        text: shown,
                        meaning: look,
                    },
                    Cell::text(kind).meaning(Meaning::Quiet),
                ],
            }
        })
        .collect()
}

/// How many there are, how old they are, and what is wrong.
pub(super) fn notes(app: &App, prefix: &str, width: usize, now: Millis) -> Vec<Line<'static>> {
    let theme = &app.theme;
    let line = |text: &str, look| pane::styled(cut(text, width, theme.glyphs.more), look, theme);
    let Some(part) = app.panes.kv.level(prefix) else {
        return vec![line("asking for the names", Meaning::Quiet)];
    };
    let mut lines = Vec::new();
    if let Some(fault) = &part.fault {
        lines.push(line(
            &trouble(fault, "key_prefix list or read"),
            Meaning::Bad,
        ));
    }
    let Some(level) = part.get() else {
        return lines;
    };
    let (shown, found) = app.panes.kv.counts();
    let keys = level.names.len() - level.folders;
    let age = short(now - part.sampled);
    let more = if level.cut { "more than " } else { "" };
    let mut text = format!("{more}{} folders, {keys} keys, {age} old", level.folders);
    if shown < found {
        text = format!("first {shown} of {found} shown: filter with /   {text}");
    }
    let look = if shown < found || level.cut {
        Meaning::Warning
    } else {
        Meaning::Quiet
    };
    lines.push(line(&text, look));
    lines
}

fn trouble(fault: &Fault, right: &str) -> String {
    match fault.kind {
        FaultKind::Forbidden => format!("the token may not read this: it needs {right}"),
        _ => format!("cannot be read now: {}", fault.text),
    }
}

/// One key with its value.
pub(super) fn page(app: &App, key: &str) -> Vec<Line<'static>> {
    let theme = &app.theme;
    let Some(part) = app.panes.kv.value(key) else {
        return vec![pane::styled("asking for the value", Meaning::Quiet, theme)];
    };
    let mut lines = Vec::new();
    if let Some(fault) = &part.fault {
        lines.push(pane::styled(
            trouble(fault, "key read"),
            Meaning::Bad,
            theme,
        ));
    }
    match part.get() {
        None => {}
        Some(None) => lines.push(pane::styled(
            "there is no such key",
            Meaning::Warning,
            theme,
        )),
        Some(Some(opened)) => lines.extend(facts(app, key, opened)),
    }
    lines
}

fn facts(app: &App, key: &str, opened: &Opened) -> Vec<Line<'static>> {
    let theme = &app.theme;
    let plain = |text: String| pane::styled(text, Meaning::Plain, theme);
    let lock = if opened.session.is_empty() {
        "not held".to_owned()
    } else {
        let holder = opened.holder.as_deref().unwrap_or("unknown node");
        format!(
            "held by session {} of {}",
            harmless(&opened.session),
            harmless(holder)
        )
    };
    let mut lines = vec![
        plain(format!("key      {}", harmless(key))),
        plain(format!("flags    {}", opened.flags)),
        plain(format!(
            "lock     {lock}, locked {} times",
            opened.lock_index
        )),
        plain(format!(
            "index    created {}, changed {}",
            opened.create_index, opened.modify_index
        )),
        plain(format!("size     {} bytes", opened.size)),
        plain(String::new()),
    ];
    let mut title = format!("VALUE  {}", opened.kind.name());
    if opened.cut {
        title.push_str("  cut: only the beginning is shown");
    }
    lines.push(pane::styled(title, Meaning::Strong, theme));
    if opened.kind != Kind::Empty {
        lines.extend(opened.lines.iter().map(|line| plain(line.clone())));
    }
    lines
}
