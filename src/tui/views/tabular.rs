//! Which table a view has.

use super::{checks, events, kv, latency, logs, members, overview, raft, services};
use crate::tui::data_table::{Column, Row};
use crate::tui::derive::{Picture, Severity};
use crate::tui::journal::Journal;
use crate::tui::kv::{FOLDER, KEY};
use crate::tui::observed::Since;
use crate::tui::page::{Page, View};
use crate::tui::snapshot::Millis;
use crate::tui::theme::{Glyphs, Meaning};
use crate::tui::words::clock;

/// The columns of a view's table.
pub fn columns(view: View) -> &'static [Column] {
    match view {
        View::Overview => overview::COLUMNS,
        View::Members => members::COLUMNS,
        View::Raft => raft::COLUMNS,
        View::Checks => checks::COLUMNS,
        View::Services => services::COLUMNS,
        View::Latency => latency::COLUMNS,
        View::Kv => kv::COLUMNS,
        View::Logs => logs::COLUMNS,
        View::Events => events::COLUMNS,
    }
}

/// The rows of a view's table, where it shows the picture.
pub fn rows(view: View, picture: &Picture, journal: &Journal, glyphs: &Glyphs) -> Vec<Row> {
    match view {
        View::Overview => overview::rows(picture, glyphs),
        View::Members => members::rows(picture),
        View::Raft => raft::rows(picture),
        View::Checks => checks::rows(picture),
        View::Services => services::rows(picture),
        View::Events => events::rows(journal),
        // Their data is not part of the picture.
        View::Latency | View::Kv | View::Logs => Vec::new(),
    }
}

/// The page that a row leads to.
pub fn opens(view: View, row: &Row) -> Option<Page> {
    let key = |mark: &str| row.id.strip_prefix(mark).map(str::to_owned);
    match view {
        View::Kv => {
            return key(FOLDER)
                .map(Page::Folder)
                .or_else(|| key(KEY).map(Page::Key));
        }
        View::Logs => return row.id.parse().ok().map(Page::Line),
        _ => {}
    }
    // Ids of checks and problems have parts between NULs; names of nodes have none.
    let parts: Vec<&str> = row.id.split('\0').collect();
    match (view, parts.as_slice()) {
        (View::Members | View::Raft, [name]) | (_, ["node", name, _]) => {
            Some(Page::Node((*name).to_owned()))
        }
        (View::Services, [name]) | (_, ["service", name]) => {
            Some(Page::Service((*name).to_owned()))
        }
        (_, ["check", node, id]) => Some(Page::Check((*node).to_owned(), (*id).to_owned())),
        _ => None,
    }
}

/// The look of a severity.
pub(super) fn meaning(severity: Severity) -> Meaning {
    match severity {
        Severity::Note => Meaning::Quiet,
        Severity::Warning => Meaning::Warning,
        Severity::Critical => Meaning::Bad,
    }
}

/// `00:03:12`, with `>` where it is longer than that.
pub(super) fn age(since: Option<Since>, now: Millis) -> String {
    match since {
        Some(since) => {
            let more = if since.at_least { ">" } else { "" };
            format!("{more}{}", clock(now - since.at))
        }
        None => "-".to_owned(),
    }
}

/// An age as what it is sorted by: the newest first.
#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds since 1970 are far below 2^52"
)]
pub(super) fn age_key(since: Option<Since>) -> Option<f64> {
    since.map(|since| -(since.at as f64))
}

/// A count as a number to sort by.
#[expect(
    clippy::cast_precision_loss,
    reason = "only for order, and counts are small"
)]
pub(super) fn count_key(count: u64) -> f64 {
    count as f64
}
