//! Reading a snapshot file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;

use crate::agent::gossip::serf::Restored;
use crate::agent::gossip::wire::{LamportTime, NodeName};

/// Complaints about lines that are kept.
const WARNINGS_MAX: usize = 20;

/// What a file tells.
#[derive(Debug, Default)]
pub(super) struct Replayed {
    pub(super) restored: Restored,
    pub(super) size: u64,
    /// The last line is incomplete.
    pub(super) torn: bool,
    pub(super) warnings: Vec<String>,
}

/// Reads the file. Lines that make no sense are passed over, with a warning.
///
/// # Errors
/// When it cannot be read.
pub(super) fn read(path: &Path, rejoin_after_leave: bool) -> io::Result<Replayed> {
    let mut reader = BufReader::new(File::open(path)?);
    let mut replayed = Replayed::default();
    let mut alive = BTreeMap::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = reader.read_until(b'\n', &mut line)?;
        if length == 0 {
            break;
        }
        replayed.size += length as u64;
        if line.pop() != Some(b'\n') {
            replayed.torn = true;
            break;
        }
        let text = String::from_utf8_lossy(&line);
        apply(&mut replayed, &mut alive, &text, rejoin_after_leave);
    }
    replayed.restored.alive = alive.into_iter().collect();
    Ok(replayed)
}

fn apply(
    replayed: &mut Replayed,
    alive: &mut BTreeMap<NodeName, SocketAddr>,
    line: &str,
    rejoin_after_leave: bool,
) {
    if line == "leave" {
        if rejoin_after_leave {
            warn(replayed, "Ignoring previous leave in snapshot".to_owned());
            return;
        }
        alive.clear();
        replayed.restored.clock = 0;
        replayed.restored.event_clock = 0;
        replayed.restored.query_clock = 0;
    } else if let Some(member) = line.strip_prefix("alive: ") {
        // Names may hold spaces, addresses do not.
        match member.rsplit_once(' ') {
            Some((name, address)) => match address.parse() {
                Ok(address) => _ = alive.insert(name.into(), address),
                Err(_) => warn(replayed, format!("Failed to parse address: {member}")),
            },
            None => warn(replayed, format!("Failed to parse address: {member}")),
        }
    } else if let Some(name) = line.strip_prefix("not-alive: ") {
        alive.remove(name);
    } else if let Some(time) = line.strip_prefix("clock: ") {
        match clock(time) {
            Ok(time) => replayed.restored.clock = time,
            Err(()) => warn(replayed, format!("Failed to convert clock time: {time}")),
        }
    } else if let Some(time) = line.strip_prefix("event-clock: ") {
        match clock(time) {
            Ok(time) => replayed.restored.event_clock = time,
            Err(()) => warn(replayed, format!("Failed to convert event clock time: {time}")),
        }
    } else if let Some(time) = line.strip_prefix("query-clock: ") {
        match clock(time) {
            Ok(time) => replayed.restored.query_clock = time,
            Err(()) => warn(replayed, format!("Failed to convert query clock time: {time}")),
        }
    } else if !line.is_empty() && !line.starts_with("coordinate: ") && !line.starts_with('#') {
        warn(replayed, format!("Unrecognized snapshot line: {line}"));
    }
}

fn clock(text: &str) -> Result<LamportTime, ()> {
    text.parse().map_err(|_| ())
}

fn warn(replayed: &mut Replayed, text: String) {
    if replayed.warnings.len() < WARNINGS_MAX {
        replayed.warnings.push(text);
    }
}
