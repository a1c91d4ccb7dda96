//! The servers of raft.

use super::tabular::count_key;
use crate::tui::data_table::{Cell, Column, Row};
use crate::tui::derive::{PeerRow, Picture};
use crate::tui::summary::{contact, lag, peer_name, peer_role, vote};
use crate::tui::theme::Meaning;
use crate::tui::words::{UNKNOWN, or_unknown, short};

pub(super) const COLUMNS: &[Column] = &[
    Column::left("PEER"),
    Column::left("ROLE"),
    Column::left("VOTE"),
    Column::right("LAST IDX"),
    Column::right("LAG"),
    Column::right("CONTACT"),
    Column::right("TERM"),
    Column::left("HEALTH"),
    Column::left("WHY"),
    Column::left("ADDRESS").wide(),
    Column::left("ID").wide(),
];

pub(super) fn rows(picture: &Picture) -> Vec<Row> {
    picture
        .peers
        .iter()
        .map(|peer| row(peer, picture))
        .collect()
}

/// `healthy 2h3m`, `unhealthy 20s`.
fn health(peer: &PeerRow, picture: &Picture) -> String {
    let word = match peer.healthy {
        Some(true) => "healthy",
        Some(false) => "unhealthy",
        None => return UNKNOWN.to_owned(),
    };
    match peer.stable_since {
        Some(at) => format!("{word} {}", short(picture.at - at)),
        None => word.to_owned(),
    }
}

fn row(peer: &PeerRow, picture: &Picture) -> Row {
    let look = match peer.healthy {
        Some(true) => Meaning::Ok,
        Some(false) => Meaning::Bad,
        None => Meaning::Quiet,
    };
    let lagging = peer.lag.unwrap_or_default() >= picture.limits.lag_warn;
    let contact_key = peer
        .contact_ms
        .and_then(|millis| u64::try_from(millis).ok());
    Row {
        id: peer.name.clone(),
        problem: peer.healthy == Some(false) || lagging,
        extra: String::new(),
        cells: vec![
            Cell::text(peer_name(peer)).meaning(if peer.leader {
                Meaning::Strong
            } else {
                Meaning::Plain
            }),
            Cell::text(peer_role(peer)),
            Cell::text(vote(peer)),
            Cell::number(or_unknown(peer.last_index), peer.last_index.map(count_key)),
            Cell::number(lag(peer), peer.lag.map(count_key)).meaning(if lagging {
                Meaning::Warning
            } else {
                Meaning::Plain
            }),
            Cell::number(contact(peer), contact_key.map(count_key)),
            Cell::number(or_unknown(peer.last_term), peer.last_term.map(count_key)),
            Cell::text(health(peer, picture)).meaning(look),
            Cell::text(peer.why.join(", ")).meaning(Meaning::Warning),
            Cell::text(peer.address.clone()),
            Cell::text(peer.id.clone()),
        ],
    }
}
