use std::sync::Arc;
use std::time::Duration;

use openraft::entry::RaftEntry as _;

use super::*;
use crate::agent::raft::network::Call;
use crate::agent::raft::tests::{put, settings};
use crate::agent::raft::types::{Entry, Membership, NodeInfo, StoredMembership, log_id};
use crate::agent::raft::wire;
use crate::agent::store::State;

const HOLD: Duration = Duration::from_secs(30);
/// The raft id of the other cluster's leader.
const STRANGER: u64 = 77;

/// A server that has committed some entries, with the term and the index of the last.
async fn server() -> (Raft, LogId) {
    let (raft, _) = Raft::start(settings(None)).await.expect("started");
    for n in 0..5 {
        let done = raft.write(put(&format!("k{n}"), b"v"), HOLD).await;
        done.expect("written");
    }
    let committed = raft.committed().expect("entries");
    (raft, committed)
}

fn heartbeat(
    term: u64,
    prev: Option<LogId>,
    commit: Option<LogId>,
) -> AppendEntriesRequest<TypeConfig> {
    AppendEntriesRequest {
        vote: Vote::new_committed(term, STRANGER),
        prev_log_id: prev,
        entries: Vec::new(),
        leader_commit: commit,
    }
}

async fn append(
    raft: &Raft,
    rpc: &AppendEntriesRequest<TypeConfig>,
) -> Result<Vec<u8>, ServeError> {
    let body = wire::encode_append(rpc).expect("encoded");
    raft.serve(Call::Append, &body).await
}

/// Vote, log and state stay as they are when a message is refused.
async fn refuses(raft: &Raft, rpc: &AppendEntriesRequest<TypeConfig>) {
    let before = (raft.inner.log.vote(), raft.inner.log.bounds());
    let refused = append(raft, rpc).await;
    assert!(
        matches!(refused, Err(ServeError::Contradiction(_))),
        "{rpc:?}: {refused:?}"
    );
    assert_eq!((raft.inner.log.vote(), raft.inner.log.bounds()), before);
    assert!(raft.is_leader());
}

#[test]
fn terms_do_not_fall_along_a_log() {
    let ours = log_id(4, 50);
    for fitting in [(4, 50), (4, 51), (9, 51), (4, 49), (1, 0)] {
        assert!(fits(log_id(fitting.0, fitting.1), ours), "{fitting:?}");
    }
    for contradicting in [(5, 50), (3, 50), (3, 51), (5, 49)] {
        let theirs = log_id(contradicting.0, contradicting.1);
        assert!(!fits(theirs, ours), "{contradicting:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_contradicts_commits_is_refused() {
    let (raft, committed) = server().await;
    let (at, term) = (committed.index(), term(&committed));
    let higher = term + 5;
    // The same index in another term, an earlier index in a later term, a later index in an earlier term.
    refuses(&raft, &heartbeat(higher, Some(log_id(higher, at)), None)).await;
    refuses(
        &raft,
        &heartbeat(higher, Some(log_id(higher, at - 2)), None),
    )
    .await;
    refuses(
        &raft,
        &heartbeat(higher, None, Some(log_id(higher, at - 1))),
    )
    .await;
    refuses(&raft, &heartbeat(higher, None, Some(log_id(0, at + 9)))).await;
    // An entry in the middle that only the log itself can tell from ours.
    refuses(&raft, &heartbeat(higher, Some(log_id(0, at - 1)), None)).await;
    // Entries that begin before what is committed, and differ at it.
    let mut rpc = heartbeat(higher, None, None);
    rpc.entries = (0..at + 3)
        .map(|index| Entry::new_blank(log_id(if index < at { 0 } else { higher }, index)))
        .collect();
    refuses(&raft, &rpc).await;
    assert!(!raft.inner.complaints.is_first(STRANGER));
    raft.shutdown().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_agrees_is_followed() {
    let (raft, committed) = server().await;
    let higher = term(&committed) + 5;
    let mut rpc = heartbeat(higher, Some(committed), Some(committed));
    rpc.entries = vec![Entry::new_blank(log_id(higher, committed.index() + 1))];
    append(&raft, &rpc).await.expect("taken");
    assert_eq!(
        raft.inner.log.last(),
        Some(log_id(higher, committed.index() + 1))
    );
    // Sent again, and from an earlier place.
    append(&raft, &rpc).await.expect("taken");
    let earlier = raft.inner.log.id_at(committed.index() - 1).await;
    let earlier = earlier.expect("readable").expect("there");
    append(&raft, &heartbeat(higher, Some(earlier), Some(committed)))
        .await
        .expect("taken");
    // A leader of an earlier term is raft's to turn away.
    let old = heartbeat(0, Some(log_id(0, committed.index())), None);
    append(&raft, &old).await.expect("answered");
    raft.shutdown().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_candidate_of_another_cluster_changes_no_term() {
    let (raft, committed) = server().await;
    let (at, term) = (committed.index(), term(&committed));
    let before = raft.inner.log.vote();
    let rpc = VoteRequest::new(Vote::new(term + 9, STRANGER), Some(log_id(term + 8, at)));
    let body = wire::encode_vote_request(&rpc).expect("encoded");
    for call in [Call::Vote, Call::PreVote] {
        let refused = raft.serve(call, &body).await;
        assert!(
            matches!(refused, Err(ServeError::Contradiction(_))),
            "{refused:?}"
        );
    }
    assert_eq!(raft.inner.log.vote(), before);
    // One that is behind, or has what an old leader could not commit, is raft's to judge.
    for last in [None, Some(log_id(0, 0)), Some(log_id(0, at + 1))] {
        let rpc = VoteRequest::new(Vote::new(0, STRANGER), last);
        let body = wire::encode_vote_request(&rpc).expect("encoded");
        raft.serve(Call::PreVote, &body).await.expect("answered");
    }
    raft.shutdown().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_of_another_cluster_is_refused() {
    let (raft, committed) = server().await;
    let (at, term) = (committed.index(), term(&committed));
    let nodes = std::collections::BTreeMap::from([(STRANGER, NodeInfo::default())]);
    let voters = vec![std::collections::BTreeSet::from([STRANGER])];
    let membership = Membership::new(voters, nodes).expect("valid");
    let meta = |last: LogId| SnapshotMeta {
        last_log_id: Some(last),
        last_membership: StoredMembership::new(Some(log_id(0, 0)), membership.clone()),
    };
    let vote = Vote::new_committed(term + 3, STRANGER);
    let before = raft.inner.log.vote();
    for last in [log_id(term + 3, at), log_id(term + 3, 1), log_id(0, at + 8)] {
        let snapshot = crate::agent::raft::types::Snapshot {
            meta: meta(last),
            snapshot: crate::agent::raft::snapshots::SnapshotBody::Held(Arc::new(State::default())),
        };
        let refused = raft.install_checked(vote, snapshot, None).await;
        assert!(refused.is_err(), "{last:?}");
    }
    assert_eq!(raft.inner.log.vote(), before);
    assert!(raft.state().kv_prefix(b"k").count() == 5);
    let fitting = meta(log_id(term + 3, at + 1));
    raft.check_snapshot(&vote, &fitting, None)
        .await
        .expect("fits");
    raft.shutdown().await.expect("closed");
}
