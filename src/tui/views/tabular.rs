//! Which table a view has.

use std::borrow::Cow;

use super::{checks, events, kv, latency, logs, members, overview, raft, services};
use crate::model::check::Status;
use crate::tui::data_table::{Column, Listing, Row};
use crate::tui::derive::{Picture, Severity};
use crate::tui::journal::Journal;
use crate::tui::kv::{FOLDER, KEY};
use crate::tui::observed::Since;
use crate::tui::page::{Page, View};
pub(super) use crate::tui::summary::age;
use crate::tui::theme::{Glyphs, Meaning};

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

/// The rows of a view's table. Those of views that may have thousands are made one by one.
pub struct Rows<'a> {
    view: View,
    picture: &'a Picture,
    glyphs: &'a Glyphs,
    /// The rows of views that never have many.
    made: Cow<'a, [Row]>,
}

impl<'a> Rows<'a> {
    /// Those of a view; `own` are the rows of one that has data of its own.
    pub fn new(
        view: View,
        picture: &'a Picture,
        journal: &Journal,
        glyphs: &'a Glyphs,
        own: &'a [Row],
    ) -> Self {
        let made = match view {
            View::Overview | View::Members | View::Checks | View::Services => Cow::default(),
            View::Raft => raft::rows(picture).into(),
            View::Events => events::rows(journal).into(),
            View::Latency | View::Kv | View::Logs => Cow::Borrowed(own),
        };
        Self {
            view,
            picture,
            glyphs,
            made,
        }
    }
}

impl Listing for Rows<'_> {
    fn count(&self) -> usize {
        match self.view {
            View::Overview => self.picture.problems.len(),
            View::Members => self.picture.nodes.len(),
            View::Checks => self.picture.checks.len(),
            View::Services => self.picture.services.len(),
            _ => self.made.len(),
        }
    }

    fn row(&self, place: usize) -> Row {
        let picture = self.picture;
        match self.view {
            View::Overview => overview::row(&picture.problems[place], picture, self.glyphs),
            View::Members => members::row(&picture.nodes[place], picture),
            View::Checks => checks::row(&picture.checks[place], picture),
            View::Services => services::row(&picture.services[place], picture),
            _ => self.made[place].clone(),
        }
    }

    fn is_problem(&self, place: usize) -> bool {
        let picture = self.picture;
        match self.view {
            View::Overview => true,
            View::Members => members::is_problem(&picture.nodes[place], picture),
            View::Checks => picture.checks[place].status != Status::Passing,
            _ => self.row(place).problem,
        }
    }

    fn is(&self, place: usize, id: &str) -> bool {
        match self.view {
            View::Overview => overview::id(&self.picture.problems[place]) == id,
            View::Members => self.picture.nodes[place].name == id,
            View::Checks => checks::is(&self.picture.checks[place], id),
            View::Services => self.picture.services[place].name == id,
            _ => self.made[place].id == id,
        }
    }
}

/// Changes when a view's rows do, but for the ages that they show; `None` where nobody keeps count.
pub fn version(view: View, picture: &Picture) -> Option<u64> {
    let versions = picture.versions;
    match view {
        View::Overview => Some(versions.problems),
        View::Members => Some(versions.nodes),
        View::Checks => Some(versions.checks),
        View::Services => Some(versions.services),
        _ => None,
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
        (View::Members | View::Raft | View::Latency, [name]) | (_, ["node", name, _]) => {
            Some(Page::Node((*name).to_owned()))
        }
        (View::Services, [name]) | (_, ["service", name]) => {
            Some(Page::Service((*name).to_owned()))
        }
        (_, ["check", node, id]) => Some(Page::Check((*node).to_owned(), (*id).to_owned())),
        _ => None,
    }
}

/// What is copied of a row: what it is called.
pub fn copies(view: View, row: &Row) -> Option<String> {
    match (view, opens(view, row)) {
        (View::Logs, _) => row.cells.last().map(|cell| cell.text.clone()),
        (_, Some(Page::Check(_, id))) => Some(id),
        (
            _,
            Some(Page::Node(name) | Page::Service(name) | Page::Folder(name) | Page::Key(name)),
        ) => Some(name),
        _ => {
            let cells = row.cells.iter().map(|cell| cell.text.trim());
            let cells: Vec<&str> = cells.filter(|text| !text.is_empty()).collect();
            Some(cells.join(" "))
        }
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
