//! What happened since the dashboard started.

use super::tabular::meaning;
use crate::tui::data_table::{Cell, Column, Row};
use crate::tui::derive::Severity;
use crate::tui::journal::Journal;
use crate::tui::theme::Meaning;
use crate::tui::words::moment;

pub(super) const COLUMNS: &[Column] = &[
    Column::left("TIME"),
    Column::left("KIND"),
    Column::left("WHO"),
    Column::left("WHAT"),
];

pub(super) fn rows(journal: &Journal) -> Vec<Row> {
    let count = journal.events.len();
    let row = |(place, event): (usize, &crate::tui::journal::Happening)| {
        let (word, look) = match event.severity {
            None => ("good", Meaning::Ok),
            Some(severity) => {
                let word = match severity {
                    Severity::Note => "note",
                    Severity::Warning => "warning",
                    Severity::Critical => "critical",
                };
                (word, meaning(severity))
            }
        };
        Row {
            // Counted from the oldest, so that new events do not move the selection.
            id: format!("event {} {}", event.at, count - place),
            problem: event.severity.is_some(),
            extra: String::new(),
            cells: vec![
                Cell::text(moment(event.at)),
                Cell::text(word).meaning(look),
                Cell::text(event.subject.clone()),
                Cell::text(event.text.clone()),
            ],
        }
    };
    journal.events.iter().enumerate().map(row).collect()
}
