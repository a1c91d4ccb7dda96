//! The members of the gossip pool.

use super::tabular::{age, age_key, count_key};
use crate::model::member::MemberStatus;
use crate::tui::data_table::{Cell, Column, Row};
use crate::tui::derive::{NodeRow, Picture};
use crate::tui::summary;
use crate::tui::theme::Meaning;
use crate::tui::words::or_unknown;

pub(super) const COLUMNS: &[Column] = &[
    Column::left("NODE"),
    Column::left("STATE"),
    Column::left("ROLE"),
    Column::right("SCORE"),
    Column::right("RTT~"),
    Column::right("FLAPS/1h"),
    Column::right("SUSPECT"),
    Column::right("CHANGED"),
    Column::left("BUILD"),
    Column::left("ADDRESS"),
    Column::left("DC").wide(),
    Column::right("QUEUED").wide(),
];

/// The look of a member's state.
pub(super) fn look(node: &NodeRow) -> Meaning {
    match node.status {
        MemberStatus::Alive if node.suspect => Meaning::Warning,
        MemberStatus::Alive => Meaning::Ok,
        MemberStatus::Failed => Meaning::Bad,
        MemberStatus::Leaving | MemberStatus::None => Meaning::Warning,
        MemberStatus::Left => Meaning::Quiet,
    }
}

/// The look of a health score.
pub(super) fn score_look(score: Option<u64>, picture: &Picture) -> Meaning {
    match score {
        None => Meaning::Quiet,
        Some(score) if score >= picture.limits.score_crit => Meaning::Bad,
        Some(score) if score >= picture.limits.score_warn => Meaning::Warning,
        Some(_) => Meaning::Plain,
    }
}

/// Whether it is worth a look.
pub(super) fn is_problem(node: &NodeRow, picture: &Picture) -> bool {
    node.status != MemberStatus::Alive
        || node.suspect
        || node.score.unwrap_or_default() >= picture.limits.score_warn
        || node.flaps > 0
}

/// The row of one.
pub(super) fn row(node: &NodeRow, picture: &Picture) -> Row {
    let score = node.score.map(count_key);
    let name = if node.leader {
        format!("{} *", node.name)
    } else {
        node.name.clone()
    };
    let strong = if node.leader {
        Meaning::Strong
    } else {
        Meaning::Plain
    };
    let flaps = u64::try_from(node.flaps).unwrap_or_default();
    Row {
        id: node.name.clone(),
        problem: is_problem(node, picture),
        extra: String::new(),
        cells: vec![
            Cell::text(name).meaning(strong),
            Cell::text(node.state()).meaning(look(node)),
            Cell::text(node.role),
            Cell::number(summary::score(node.score), score)
                .meaning(score_look(node.score, picture)),
            Cell::number(summary::rtt(node.rtt_ms), node.rtt_ms),
            Cell::number(flaps.to_string(), Some(count_key(flaps))),
            Cell::number(or_unknown(node.suspicions), node.suspicions.map(count_key)),
            Cell::number(age(node.since, picture.at), age_key(node.since)),
            Cell::text(node.build.clone()),
            Cell::text(node.address.clone()),
            Cell::text(node.dc.clone()),
            Cell::number(or_unknown(node.queued), node.queued.map(count_key)),
        ],
    }
}
