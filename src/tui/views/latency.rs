//! Where the network is slow: estimated round trips between all nodes, or from one node to the others.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr as _;

use super::{areas, pane};
use crate::tui::app::App;
use crate::tui::data_table::{Cell, Column, Row};
use crate::tui::latency::{Latency, RANGES_MS, between, range};
use crate::tui::summary::rtt;
use crate::tui::theme::{Glyphs, Meaning, Theme};
use crate::tui::words::{cut, short};

/// Nodes that the map shows; more are a list.
const MAX_NODES: usize = 20;
/// Cells of a field with a number, and of one with only a symbol.
pub(super) const FIELDS: [usize; 2] = [7, 3];
/// Cells of the longest name beside the map.
pub(super) const MAX_NAME: usize = 16;
/// Longer round trips are not written out, in milliseconds.
const LONG_MS: f64 = 10_000.0;

pub(super) const COLUMNS: &[Column] = &[
    Column::left("NODE"),
    Column::right("RTT~"),
    Column::left(""),
    Column::left("RANGE"),
];

/// The look of a range: what is near is good, what is far is not.
fn look(range: usize) -> Meaning {
    match range {
        0 | 1 => Meaning::Ok,
        2 => Meaning::Plain,
        3 => Meaning::Strong,
        4 | 5 => Meaning::Warning,
        _ => Meaning::Bad,
    }
}

fn symbol(range: usize, glyphs: &Glyphs) -> &'static str {
    glyphs.spark[range.min(glyphs.spark.len() - 1)]
}

/// `50-100 ms`, `>=300 ms`.
fn words(range: usize) -> String {
    let upper = RANGES_MS.get(range);
    let lower = range.checked_sub(1).and_then(|below| RANGES_MS.get(below));
    match (lower, upper) {
        (_, Some(upper)) => format!("{}-{upper} ms", lower.unwrap_or(&0)),
        (Some(lower), None) => format!(">={lower} ms"),
        (None, None) => String::new(),
    }
}

/// All nodes, nearest to the origin first.
pub(super) fn rows(latency: &Latency, glyphs: &Glyphs) -> Vec<Row> {
    let origin = latency.origin();
    latency
        .ranked()
        .into_iter()
        .map(|(name, millis)| {
            let found = millis.map(range);
            let bar = found.map_or(String::new(), |place| {
                symbol(place, glyphs).repeat(place + 1)
            });
            let look = found.map_or(Meaning::Quiet, look);
            let text = match millis {
                _ if origin == Some(name) => "origin".to_owned(),
                Some(millis) if millis >= LONG_MS => ">10 s".to_owned(),
                _ => rtt(millis),
            };
            // The nearest first; the origin before them, unknown ones last.
            let key = if origin == Some(name) {
                Some(-1.0)
            } else {
                millis
            };
            Row {
                id: name.to_owned(),
                problem: found.is_some_and(|place| place > 3),
                extra: String::new(),
                cells: vec![
                    Cell::text(name),
                    Cell::number(text, key).meaning(look),
                    Cell::number(bar, key).meaning(look),
                    Cell::number(found.map_or(String::new(), words), key),
                ],
            }
        })
        .collect()
}

/// From where, how far, and what the symbols mean.
pub(super) fn notes(app: &App, width: usize) -> Vec<Line<'static>> {
    let theme = &app.theme;
    let latency = &app.panes.latency;
    let Some(origin) = latency.origin() else {
        let text = match &latency.coordinates.fault {
            Some(fault) => format!("no coordinates: {}", fault.text),
            None if latency.coordinates.get().is_some() && app.snapshot.may_hide() => {
                let right = "node_prefix \"\" { policy = \"read\" }";
                format!("no node has a coordinate yet, or the token lacks {right}")
            }
            None if latency.coordinates.get().is_some() => {
                "no node has a coordinate yet".to_owned()
            }
            None => "asking".to_owned(),
        };
        return vec![pane::styled(text, Meaning::Warning, theme)];
    };
    let spread = latency.spread().map_or_else(
        || "nothing to compare with".to_owned(),
        |spread| {
            format!(
                "min {}, median {}, max {}",
                rtt(Some(spread.min_ms)),
                rtt(Some(spread.median_ms)),
                rtt(Some(spread.max_ms))
            )
        },
    );
    let age = short(app.picture.at - latency.coordinates.sampled);
    let text = format!("from {origin}: {spread} (estimate, {age} old)");
    let mut lines = vec![pane::styled(
        cut(&text, width, theme.glyphs.more),
        Meaning::Plain,
        theme,
    )];
    if let Some(fault) = &latency.coordinates.fault {
        let text = cut(&fault.text, width, theme.glyphs.more);
        lines.push(pane::styled(text, Meaning::Warning, theme));
    }
    lines.push(legend(theme));
    if latency.nodes().len() > MAX_NODES {
        lines.extend(areas::lines(app, width));
    }
    lines
}

fn legend(theme: &Theme) -> Line<'static> {
    let mut line = Line::default();
    for place in 0..=RANGES_MS.len() {
        let bound = match RANGES_MS.get(place) {
            Some(upper) => format!("<{upper}"),
            None => words(place),
        };
        let text = format!("{} {bound}  ", symbol(place, &theme.glyphs));
        line.push_span(Span::styled(text, theme.style(look(place))));
    }
    line
}

/// Draws every node against every other; tells whether there was room for it.
pub(super) fn map(frame: &mut Frame<'_>, area: Rect, app: &mut App) -> bool {
    let count = app.shown();
    if !(2..=MAX_NODES).contains(&count) || usize::from(area.height) < count + 1 {
        return false;
    }
    let (rows, selected) = app.window(MAX_NODES);
    let theme = &app.theme;
    let names: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let widest = names.iter().map(|name| name.width()).max();
    let label = widest.unwrap_or_default().min(MAX_NAME) + 4;
    let room = usize::from(area.width).saturating_sub(label);
    let Some(field) = FIELDS.into_iter().find(|field| field * count <= room) else {
        return false;
    };
    let nodes = app.panes.latency.nodes();
    let mut lines = vec![heading(&names, label, field, theme)];
    for (place, name) in names.iter().enumerate() {
        let short = cut(name, MAX_NAME, theme.glyphs.more);
        let mark = if app.panes.latency.origin() == Some(name) {
            ">"
        } else {
            " "
        };
        let text = format!("{mark}{:>2} {short}", place + 1);
        let text = format!("{text}{}", " ".repeat(label.saturating_sub(text.width())));
        let style = theme.style(if place == selected {
            Meaning::Selected
        } else {
            Meaning::Plain
        });
        let mut line = Line::from(Span::styled(text, style));
        for other in &names {
            let millis = match (nodes.get(name), nodes.get(other)) {
                (Some(here), Some(there)) if name != other => between(here, there),
                _ => None,
            };
            line.push_span(Span::raw(" "));
            line.push_span(shade(millis, field - 1, name == other, theme));
        }
        lines.push(line);
    }
    pane::lines(frame, area, lines);
    true
}

/// Numbers over narrow fields, beginnings of names over wide ones.
fn heading(names: &[&str], label: usize, field: usize, theme: &Theme) -> Line<'static> {
    let mut text = " ".repeat(label);
    for (place, name) in names.iter().enumerate() {
        let title = if field < FIELDS[0] {
            (place + 1).to_string()
        } else {
            cut(name, field - 1, theme.glyphs.more)
        };
        let fill = " ".repeat(field.saturating_sub(title.width()));
        text = format!("{text}{fill}{title}");
    }
    pane::styled(text, Meaning::Quiet, theme)
}

/// A field of the map: the symbol, and the number where there is room.
pub(super) fn shade(millis: Option<f64>, width: usize, same: bool, theme: &Theme) -> Span<'static> {
    let Some(millis) = millis else {
        // The diagonal.
        let text = if same { "\\" } else { "?" };
        return Span::styled(format!("{text:>width$}"), theme.style(Meaning::Quiet));
    };
    let place = range(millis);
    let symbol = symbol(place, &theme.glyphs);
    let style = theme.style(look(place));
    if width < FIELDS[0] - 1 {
        return Span::styled(format!("{symbol:>width$}"), style);
    }
    let number = if millis >= LONG_MS {
        ">10s".to_owned()
    } else if millis < 10.0 {
        format!("{millis:.1}")
    } else {
        format!("{millis:.0}")
    };
    Span::styled(format!("{symbol}{number:>rest$}", rest = width - 1), style)
}
