//! The rooms and their levels: section "arrows" of ARCHITECTURE.md as a table.

use crate::source::Source;

/// A room of the house.
pub(crate) struct Room {
    /// Its module path.
    pub(crate) path: &'static str,
    /// An import points to a lower level, or stays in the family.
    pub(crate) level: u8,
    /// Pure rooms have no clock, socket, file, task or global randomness.
    pub(crate) pure: bool,
}

const fn room(path: &'static str, level: u8) -> Room {
    Room {
        path,
        level,
        pure: false,
    }
}

const fn pure(path: &'static str, level: u8) -> Room {
    Room {
        path,
        level,
        pure: true,
    }
}

/// Longer paths win over shorter ones. A file of no room is an error.
pub(crate) const ROOMS: &[Room] = &[
    pure("model", 0),
    room("api", 1),
    room("output", 1),
    pure("agent::config", 1),
    pure("agent::store", 1),
    pure("agent::acl", 1),
    pure("agent::gossip::wire", 1),
    pure("agent::gossip::swim", 1),
    pure("agent::gossip::serf", 1),
    pure("agent::dns::address", 1),
    pure("agent::dns::answer", 1),
    pure("agent::dns::catalog", 1),
    pure("agent::dns::encode", 1),
    pure("agent::dns::instances", 1),
    pure("agent::dns::lookup", 1),
    pure("agent::dns::meta", 1),
    pure("agent::dns::name", 1),
    pure("agent::dns::ptr", 1),
    pure("agent::dns::record", 1),
    pure("agent::dns::request", 1),
    pure("agent::dns::settings", 1),
    pure("agent::dns::truncate", 1),
    pure("agent::dns::world", 1),
    pure("agent::checks::outcome", 1),
    pure("agent::checks::output", 1),
    pure("agent::checks::runner::alias", 1),
    pure("agent::checks::runner::grpc::wire", 1),
    pure("agent::checks::runner::os_service::dbus", 1),
    pure("agent::checks::scheduler", 1),
    pure("agent::checks::spec", 1),
    pure("agent::local::diff", 2),
    pure("agent::local::entry", 2),
    pure("agent::local::expand", 2),
    pure("agent::local::names", 2),
    pure("agent::local::state", 2),
    pure("agent::local::upstreams", 2),
    pure("agent::local::validate", 2),
    pure("agent::local::view", 2),
    room("agent::telemetry", 1),
    room("agent::gossip", 2),
    room("agent::raft", 2),
    room("tui", 2),
    pure("tui::acting", 2),
    pure("tui::actions", 2),
    pure("tui::app", 2),
    pure("tui::check", 2),
    pure("tui::clipboard", 2),
    pure("tui::confirm", 2),
    pure("tui::contexts", 2),
    pure("tui::data_table", 2),
    pure("tui::demand", 2),
    pure("tui::derive", 2),
    pure("tui::facts", 2),
    pure("tui::history", 2),
    pure("tui::journal", 2),
    pure("tui::keymap", 2),
    pure("tui::kv", 2),
    pure("tui::mouse", 2),
    pure("tui::latency", 2),
    pure("tui::logs", 2),
    pure("tui::lenient", 2),
    pure("tui::observed", 2),
    pure("tui::page", 2),
    pure("tui::panes", 2),
    pure("tui::picker", 2),
    pure("tui::prompt", 2),
    pure("tui::report", 2),
    pure("tui::shot", 2),
    pure("tui::snapshot", 2),
    pure("tui::subject", 2),
    pure("tui::summary", 2),
    pure("tui::theme", 2),
    pure("tui::thresholds", 2),
    pure("tui::timeline", 2),
    pure("tui::toast", 2),
    pure("tui::value", 2),
    pure("tui::via", 2),
    pure("tui::views", 2),
    pure("tui::words", 2),
    pure("tui::write", 2),
    room("agent::machine", 2),
    room("agent::config_files", 3),
    room("agent::handles", 3),
    pure("agent::rpc::options", 3),
    pure("agent::rpc::wire", 3),
    pure("agent::membership::census", 3),
    pure("agent::membership::founding", 3),
    pure("agent::membership::policy", 3),
    pure("agent::membership::pool_kind", 3),
    pure("agent::membership::server_tags", 3),
    pure("agent::membership::tags", 3),
    room("agent::membership", 3),
    room("agent::rpc", 3),
    room("agent::user_events", 3),
    pure("agent::user_events::codec", 3),
    pure("agent::user_events::concern", 3),
    pure("agent::user_events::ring", 3),
    room("agent::gossip_report", 3),
    pure("agent::gossip_report::gathering", 3),
    pure("agent::gossip_report::payload", 3),
    room("agent::remote_exec", 4),
    pure("agent::remote_exec::output", 4),
    pure("agent::remote_exec::work", 4),
    pure("agent::leader::health", 4),
    pure("agent::leader::quorum", 4),
    pure("agent::leader::reconcile", 4),
    pure("agent::leader::tombstones", 4),
    room("agent::leader", 4),
    room("agent::checks", 4),
    room("agent::local", 4),
    room("agent::http", 4),
    room("agent::dns", 4),
    room("agent::watches", 4),
    room("agent", 5),
    room("cli", 6),
    pure("cli::lock::holders", 1),
    pure("cli::remote_exec::progress", 1),
];

/// Arrows on one level that are wanted, and why. One that nobody uses any more has to go.
pub(crate) const SIDEWAYS: &[(&str, &str, &str)] = &[
    (
        "agent::http",
        "agent::local",
        "the API is the front of the agent's own registrations",
    ),
    (
        "agent::local",
        "agent::checks",
        "a registration starts and stops the runs of its checks",
    ),
    (
        "agent::watches",
        "agent::checks",
        "a handler is a program that runs as a check's script does",
    ),
    (
        "agent::remote_exec",
        "agent::checks",
        "a job is a program that runs as a check's script does",
    ),
];

/// The only doors from the command line into the agent and the dashboard: files or folders of `src/cli`.
pub(crate) const CLI_DOORS: &[(&str, &str)] = &[
    ("cli::commands::agent", "agent"),
    ("cli::commands::services_files", "agent::config_files"),
    ("cli::commands::services_files", "agent::config"),
    ("cli::commands::validate", "agent::config_files"),
    ("cli::commands::validate", "agent::config"),
    ("cli::commands::top", "tui"),
];

/// The room of a module path, if it has one.
pub(crate) fn room_of(path: &[&str]) -> Option<&'static Room> {
    ROOMS
        .iter()
        .filter(|room| {
            let parts: Vec<&str> = room.path.split("::").collect();
            path.starts_with(&parts)
        })
        .max_by_key(|room| room.path.len())
}

/// The part of the house that a room belongs to: `agent::dns` for all of its inner rooms, `tui` for all of the
/// dashboard's.
pub(crate) fn family(room: &Room) -> String {
    let depth = if room.path.starts_with("tui") { 1 } else { 2 };
    let parts: Vec<&str> = room.path.split("::").take(depth).collect();
    parts.join("::")
}

/// Files that no room claims.
pub(crate) fn homeless(sources: &[Source]) -> Vec<String> {
    let roots = ["src/lib.rs", "src/main.rs"];
    sources
        .iter()
        .filter(|source| !roots.contains(&source.path.as_str()))
        .filter(|source| room_of(&source.module()).is_none())
        .map(|source| source.path.clone())
        .collect()
}

#[test]
fn a_file_outside_the_table_is_found() {
    let sources = [
        Source::new("src/main.rs", ""),
        Source::new("src/model/kv.rs", ""),
        Source::new("src/helpers.rs", ""),
    ];
    assert_eq!(homeless(&sources), ["src/helpers.rs"]);
}

#[test]
fn the_longest_path_is_the_room() {
    let path = |path| room_of(path).expect("has a room").path;
    assert_eq!(
        path(&["agent", "dns", "answer", "records"]),
        "agent::dns::answer"
    );
    assert_eq!(path(&["agent", "dns", "server"]), "agent::dns");
    assert_eq!(path(&["agent", "start"]), "agent");
    assert!(room_of(&["elsewhere"]).is_none());
}
