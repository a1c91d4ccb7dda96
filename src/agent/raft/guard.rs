//! The guard of what this server has committed, against a leader whose log says otherwise.
//!
//! Within one cluster that cannot happen. It does when two clusters meet (the servers of one are told to join the other), or
//! when a majority came back without its data. openraft takes for granted that a committed entry matches, and would mix
//! the two logs. So every message is compared first, and one that contradicts is refused before anything of it counts: neither
//! the vote nor the log changes.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use openraft::raft::{AppendEntriesRequest, VoteRequest};

use super::handle::{Raft, ServeError};
use super::types::{LogId, Snapshot, SnapshotMeta, TypeConfig, Vote};

/// Leaders that are remembered as complained about; more are refused without a line in the log.
const MAX_COMPLAINTS: usize = 32;

/// The leaders of which the log has told already, by raft id.
#[derive(Debug, Default)]
pub(super) struct Complaints(Mutex<BTreeSet<u64>>);

impl Complaints {
    /// Whether this is the first complaint about a leader.
    fn is_first(&self, leader: u64) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.len() < MAX_COMPLAINTS && known.insert(leader)
    }
}

/// An entry of a leader that cannot stand in one log with one that is committed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Contradiction {
    theirs: LogId,
    /// The entry here: at the same index, or the last committed one.
    ours: LogId,
}

fn term(id: &LogId) -> u64 {
    id.committed_leader_id().term
}

/// Whether two entries can be in one log: terms do not fall from one entry to the next, and a leader's log has every
/// entry that was committed before its term.
fn fits(theirs: LogId, ours: LogId) -> bool {
    match theirs.index().cmp(&ours.index()) {
        Ordering::Less => term(&theirs) <= term(&ours),
        Ordering::Equal => theirs == ours,
        Ordering::Greater => term(&theirs) >= term(&ours),
    }
}

/// The entries of a message whose place in the log decides: two logs that agree on an entry agree on all before it, so the
/// ends, and the entry at the last committed index, stand for the others.
fn witnesses(rpc: &AppendEntriesRequest<TypeConfig>, committed: LogId) -> [Option<LogId>; 5] {
    let at = |index: usize| {
        rpc.entries
            .get(index)
            .map(openraft::entry::RaftEntry::log_id)
    };
    let first = at(0);
    let overlap = first.and_then(|first| committed.index().checked_sub(first.index()));
    let overlap = overlap.and_then(|offset| usize::try_from(offset).ok());
    [
        rpc.prev_log_id,
        first,
        overlap.and_then(at),
        rpc.entries.last().map(openraft::entry::RaftEntry::log_id),
        rpc.leader_commit,
    ]
}

impl Raft {
    /// Refuses a message with entries, or a heartbeat, of a leader whose log contradicts what is committed here.
    pub(super) async fn check_append(
        &self,
        rpc: &AppendEntriesRequest<TypeConfig>,
        from: Option<IpAddr>,
    ) -> Result<(), ServeError> {
        let Some(committed) = self.committed() else {
            return Ok(());
        };
        if !may_lead(&rpc.vote, committed) {
            return Ok(());
        }
        for theirs in witnesses(rpc, committed).into_iter().flatten() {
            self.check_entry(&rpc.vote, theirs, committed, from).await?;
        }
        Ok(())
    }

    /// Refuses a snapshot of a leader whose log contradicts what is committed here.
    pub(super) async fn check_snapshot(
        &self,
        vote: &Vote,
        meta: &SnapshotMeta,
        from: Option<IpAddr>,
    ) -> Result<(), ServeError> {
        match (self.committed(), meta.last_log_id) {
            (Some(committed), Some(theirs)) if may_lead(vote, committed) => {
                self.check_entry(vote, theirs, committed, from).await
            }
            _ => Ok(()),
        }
    }

    /// Installs a snapshot that was received, unless it contradicts; answers this server's vote then, or why it was not.
    pub(super) async fn install_checked(
        &self,
        vote: Vote,
        snapshot: Snapshot,
        from: Option<IpAddr>,
    ) -> Result<Vote, String> {
        let checked = self.check_snapshot(&vote, &snapshot.meta, from).await;
        checked.map_err(|e| e.to_string())?;
        let began = std::time::Instant::now();
        let answer = self.inner.core.install_full_snapshot(vote, snapshot).await;
        let served = &self.inner.meters.served_snapshot;
        served.record_duration(began.elapsed());
        answer.map(|answer| answer.vote).map_err(|e| e.to_string())
    }

    /// Refuses a candidate whose last entry cannot come after what is committed here. One that is behind, or has entries of
    /// an old leader, is none of those: raft itself judges it.
    pub(super) fn check_candidate(
        &self,
        rpc: &VoteRequest<TypeConfig>,
        from: Option<IpAddr>,
    ) -> Result<(), ServeError> {
        let (Some(ours), Some(theirs)) = (self.committed(), rpc.last_log_id) else {
            return Ok(());
        };
        if theirs.index() <= ours.index() && term(&theirs) > term(&ours) {
            return Err(self.refuse(&rpc.vote, Contradiction { theirs, ours }, from));
        }
        Ok(())
    }

    /// The last entry that is committed, as far as this server knows.
    fn committed(&self) -> Option<LogId> {
        let applied = self.inner.published.load().applied;
        self.inner.log.committed().max(applied)
    }

    async fn check_entry(
        &self,
        vote: &Vote,
        theirs: LogId,
        committed: LogId,
        from: Option<IpAddr>,
    ) -> Result<(), ServeError> {
        let mut ours = committed;
        if fits(theirs, ours) && theirs.index() < ours.index() {
            // Most are in memory; one that is not is read, which raft's own order can wait for.
            match self.inner.log.id_at(theirs.index()).await {
                Ok(Some(known)) => ours = known,
                // Older than the log, or unreadable, which raft will find, too.
                Ok(None) | Err(_) => return Ok(()),
            }
        }
        if fits(theirs, ours) {
            return Ok(());
        }
        Err(self.refuse(vote, Contradiction { theirs, ours }, from))
    }

    fn refuse(&self, vote: &Vote, found: Contradiction, from: Option<IpAddr>) -> ServeError {
        let Contradiction { theirs, ours } = found;
        let why = format!(
            "its entry {} is of term {}, and entry {} of term {} is committed here",
            theirs.index(),
            term(&theirs),
            ours.index(),
            term(&ours),
        );
        let raft_id = vote.leader_id().voted_for;
        if self.inner.complaints.is_first(raft_id) {
            let known = self.membership().get_node(&raft_id).cloned();
            let server = known.map_or_else(
                || "a server that is not in the raft configuration here".to_owned(),
                |node| format!("{} {}", node.uuid, node.address),
            );
            let address = from.map_or_else(|| "unknown".to_owned(), |from| from.to_string());
            tracing::error!(
                target: "agent.server.raft",
                %server, from = %address, term = vote.leader_id().term, %why,
                "refusing a leader or candidate whose log contradicts what is committed here: it is of another cluster, \
                 or its cluster has lost data; nothing of it was taken; keep the two clusters apart: stop one of the \
                 two servers, remove the other cluster's addresses from its retry_join and start_join, and, if it \
                 is to change clusters, move its data folder away before it starts again"
            );
        }
        ServeError::Contradiction(why)
    }
}

/// Whether a leader with this vote must have an entry: one of an earlier term need not, and raft turns it away.
fn may_lead(vote: &Vote, committed: LogId) -> bool {
    vote.leader_id().term >= term(&committed)
}

#[cfg(test)]
mod tests;
