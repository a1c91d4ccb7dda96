//! The checks, critical ones first.

use super::tabular::{age, age_key};
use crate::model::check::Status;
use crate::tui::data_table::{Cell, Column, Row};
use crate::tui::derive::{CheckRow, Picture};
use crate::tui::theme::Meaning;
use crate::tui::words::one_line;

pub(super) const COLUMNS: &[Column] = &[
    Column::left("STATUS"),
    Column::left("CHECK"),
    Column::left("SERVICE"),
    Column::left("NODE"),
    Column::right("SINCE"),
    Column::left("OUTPUT"),
    Column::left("TYPE").wide(),
    Column::left("ID").wide(),
];

/// Letters of the output that a row shows at most.
const MAX_LETTERS: usize = 200;

/// The look of a check's state.
pub(super) fn look(status: Status) -> Meaning {
    match status {
        Status::Passing => Meaning::Ok,
        Status::Warning => Meaning::Warning,
        Status::Critical => Meaning::Bad,
    }
}

/// Whether a row's id is that of the check.
pub(super) fn is(check: &CheckRow, id: &str) -> bool {
    let parts = id
        .strip_prefix("check\0")
        .and_then(|rest| rest.split_once('\0'));
    parts == Some((&*check.node, &*check.id))
}

/// The row of one.
pub(super) fn row(check: &CheckRow, picture: &Picture) -> Row {
    let end = check.output.char_indices().nth(MAX_LETTERS);
    let output = &check.output[..end.map_or(check.output.len(), |(at, _)| at)];
    Row {
        id: format!("check\0{}\0{}", check.node, check.id),
        problem: check.status != Status::Passing,
        extra: String::new(),
        cells: vec![
            Cell::text(check.status.as_str()).meaning(look(check.status)),
            Cell::text(one_line(&check.name)),
            Cell::text(&*check.service),
            Cell::text(&*check.node),
            Cell::number(age(check.since, picture.at), age_key(check.since)),
            Cell::text(one_line(output)),
            Cell::text(&*check.kind),
            Cell::text(&*check.id),
        ],
    }
}
