//! Which arguments take names that an agent knows.

/// What kind of name an argument takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// Members of the pool, LAN or with `-wan` the WAN.
    Member,
    /// Nodes of the catalog, and `_agent` for the agent's own.
    Near,
    /// Services of the catalog.
    Service,
    /// Ids of the agent's own services.
    ServiceId,
    /// Keys, one folder at a time.
    Key,
    /// Datacenters.
    Datacenter,
    /// Contexts of the user's file.
    Context,
    /// Raft's servers by address.
    PeerAddress,
    /// Raft's servers by id.
    PeerId,
    /// Files and folders of this machine.
    File,
    /// One of these words.
    Words(&'static [&'static str]),
}

const LEVELS: &[&str] = &["trace", "debug", "info", "warn", "error"];
const SHELLS: &[&str] = &["bash", "fish", "zsh"];
const STATES: &[&str] = &["any", "passing", "warning", "critical"];
const STATUS: &[&str] = &["alive", "leaving", "left", "failed"];
const WATCHES: &[&str] = &[
    "checks",
    "event",
    "key",
    "keyprefix",
    "nodes",
    "service",
    "services",
];

/// Command, flag (empty: positionals), how many of the positionals, names.
const TABLE: &[(&str, &str, usize, Names)] = &[
    ("agent", "log-level", 0, Names::Words(LEVELS)),
    ("catalog nodes", "near", 0, Names::Near),
    ("catalog nodes", "service", 0, Names::Service),
    ("catalog services", "node", 0, Names::Member),
    ("completion install", "", 1, Names::Words(SHELLS)),
    ("completion print", "", 1, Names::Words(SHELLS)),
    ("completion uninstall", "", 1, Names::Words(SHELLS)),
    ("context use", "", 1, Names::Context),
    ("event", "node", 0, Names::Member),
    ("event", "service", 0, Names::Service),
    ("exec", "node", 0, Names::Member),
    ("exec", "service", 0, Names::Service),
    ("force-leave", "", 1, Names::Member),
    ("kv cas", "", 1, Names::Key),
    ("kv delete", "", 1, Names::Key),
    ("kv export", "", 1, Names::Key),
    ("kv get", "", 1, Names::Key),
    ("kv import", "prefix", 0, Names::Key),
    ("kv put", "", 1, Names::Key),
    ("lock", "", 1, Names::Key),
    ("maint", "service", 0, Names::ServiceId),
    ("members", "status", 0, Names::Words(STATUS)),
    ("monitor", "log-level", 0, Names::Words(LEVELS)),
    (
        "operator raft remove-peer",
        "address",
        0,
        Names::PeerAddress,
    ),
    ("operator raft remove-peer", "id", 0, Names::PeerId),
    ("rtt", "", 2, Names::Member),
    ("services deregister", "", usize::MAX, Names::File),
    ("services deregister", "id", 0, Names::ServiceId),
    ("services register", "", usize::MAX, Names::File),
    ("snapshot inspect", "", 1, Names::File),
    ("snapshot restore", "", 1, Names::File),
    ("snapshot save", "", 1, Names::File),
    ("top", "screenshot", 0, Names::File),
    ("validate", "", usize::MAX, Names::File),
    ("watch", "key", 0, Names::Key),
    ("watch", "prefix", 0, Names::Key),
    ("watch", "service", 0, Names::Service),
    ("watch", "state", 0, Names::Words(STATES)),
    ("watch", "type", 0, Names::Words(WATCHES)),
];

/// What a flag of a command takes.
pub(super) fn by_flag(path: &[String], flag: &str) -> Option<Names> {
    match flag {
        "datacenter" => return Some(Names::Datacenter),
        "context" | "confirm-context" => return Some(Names::Context),
        _ => {}
    }
    let path = path.join(" ");
    let mut rows = TABLE.iter();
    let row = rows.find(|row| row.0 == path && row.1 == flag && !flag.is_empty())?;
    Some(row.3)
}

/// What a command's positional takes; they are counted from 0.
pub(super) fn by_place(path: &[String], place: usize) -> Option<Names> {
    let path = path.join(" ");
    let mut rows = TABLE.iter();
    let row = rows.find(|row| row.0 == path && row.1.is_empty() && place < row.2)?;
    Some(row.3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{go_flags, root};

    #[test]
    fn every_row_names_a_command_and_a_flag_that_exist() {
        let root = root::definition();
        for (path, flag, places, _) in TABLE {
            let words: Vec<String> = path.split(' ').map(str::to_owned).collect();
            let command = go_flags::at(&root, &words).expect(path);
            let mut flags = command.get_arguments().filter_map(clap::Arg::get_long);
            assert!(flag.is_empty() != (*places == 0), "{path}");
            assert!(
                flag.is_empty() || flags.any(|name| name == *flag),
                "{path} -{flag}"
            );
        }
    }
}
