//! The services, those that are down first.

use super::tabular::{age, age_key, count_key};
use crate::tui::data_table::{Cell, Column, Row};
use crate::tui::derive::{Picture, ServiceRow};
use crate::tui::theme::Meaning;

/// Consul lists no instances here: those without checks of their own are not counted.
pub(super) const COLUMNS: &[Column] = &[
    Column::left("SERVICE"),
    Column::left("STATE"),
    Column::right("PASSING"),
    Column::right("WARNING"),
    Column::right("CRITICAL"),
    Column::right("CHANGED"),
    Column::left("TAGS"),
];

/// The row of one.
pub(super) fn row(service: &ServiceRow, picture: &Picture) -> Row {
    let (word, look) = match service {
        _ if service.is_down() => ("down", Meaning::Bad),
        _ if service.critical + service.warning > 0 => ("degraded", Meaning::Warning),
        _ if service.passing > 0 => ("passing", Meaning::Ok),
        _ => ("no checks", Meaning::Quiet),
    };
    let count = |count: usize| {
        let key = count_key(u64::try_from(count).unwrap_or_default());
        Cell::number(count.to_string(), Some(key))
    };
    let tags: Vec<String> = service
        .tags
        .iter()
        .map(|tag| format!("tag={tag}"))
        .collect();
    Row {
        id: service.name.clone(),
        problem: service.critical + service.warning > 0,
        extra: tags.join(" "),
        cells: vec![
            Cell::text(service.name.clone()),
            Cell::text(word).meaning(look),
            count(service.passing),
            count(service.warning),
            count(service.critical),
            Cell::number(age(service.since, picture.at), age_key(service.since)),
            Cell::text(service.tags.join(",")),
        ],
    }
}
