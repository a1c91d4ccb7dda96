use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use super::*;
use crate::agent::raft::RaftSettings;
use crate::agent::raft::deferral::Deferral;
use crate::agent::raft::medium::BoxFuture;
use crate::agent::raft::network::{Addresses, Lane, Networks, Peer, Transport, TransportError};
use crate::agent::raft::tests::{HOLD, get, put, settings};
use crate::agent::raft::types::NodeInfo;

const LIMIT: Duration = Duration::from_secs(20);

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Arrives,
    /// Served, but the answer is lost.
    Unanswered,
    /// A byte is another on arrival.
    Flipped,
}

/// The way to a server in this process, with faults.
struct Way {
    to: Raft,
    calls: AtomicUsize,
    fate: fn(usize) -> Fate,
}

impl Way {
    fn new(to: &Raft, fate: fn(usize) -> Fate) -> Arc<Self> {
        Arc::new(Self {
            to: to.clone(),
            calls: AtomicUsize::new(0),
            fate,
        })
    }
}

impl Transport for Way {
    fn call<'a>(
        &'a self,
        _: &'a Peer,
        lane: Lane,
        call: Call,
        mut body: Vec<u8>,
        _: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, TransportError>> {
        assert_eq!((lane, call), (Lane::Snapshot, Call::Snapshot));
        assert!(body.len() < 2 << 20, "{}", body.len());
        let fate = (self.fate)(self.calls.fetch_add(1, Ordering::SeqCst));
        Box::pin(async move {
            if fate == Fate::Flipped {
                let middle = body.len() / 2;
                body[middle] ^= 1;
            }
            let answer = self.to.serve(call, &body).await;
            if fate == Fate::Unanswered {
                return Err(TransportError::Broken("lost".to_owned()));
            }
            answer.map_err(|e| TransportError::Broken(e.to_string()))
        })
    }
}

/// openraft's way over this one.
fn network(way: &Arc<Way>) -> Network {
    let networks = Networks {
        transport: Arc::clone(way) as Arc<dyn Transport>,
        addresses: Addresses::default(),
        campaign: Arc::default(),
        reports: Arc::default(),
        meters: Arc::default(),
        deferral: Deferral::default(),
    };
    let other = NodeInfo {
        uuid: "other".to_owned(),
        address: "10.0.0.2:8300".to_owned(),
    };
    networks.to(&other, Lane::Snapshot)
}

/// A leader with a state of some chunks, its vote, and its snapshot.
async fn leader(dir: Option<&Path>) -> (Raft, Vote, Snapshot) {
    let (raft, _) = Raft::start(settings(dir)).await.expect("started");
    for n in 0..12_u8 {
        let value: Vec<u8> = (0..400_000_u32).map(|at| (at % 251) as u8 ^ n).collect();
        let done = raft.write(put(&format!("k{n}"), &value), HOLD).await;
        done.expect("written");
    }
    raft.trigger_snapshot().await.expect("taken");
    let snapshot = raft.inner.snapshots.newest().expect("a snapshot");
    let vote = raft.own_vote();
    (raft, vote, snapshot)
}

/// A server that knows nobody yet.
async fn receiver(dir: Option<&Path>) -> Raft {
    let fresh = RaftSettings {
        node_uuid: "other".to_owned(),
        bootstrap: false,
        ..settings(dir)
    };
    Raft::start(fresh).await.expect("started").0
}

fn files(dir: &Path) -> Vec<String> {
    let found = std::fs::read_dir(dir.join("raft/snapshots")).expect("folder");
    let mut names: Vec<String> = found
        .map(|entry| {
            entry
                .expect("entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("folder")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_arrives_and_is_kept() {
    for (from_disk, to_disk) in [(true, true), (false, false), (false, true), (true, false)] {
        let (from, to) = (folder(), folder());
        let (raft, vote, snapshot) = leader(from_disk.then(|| from.path())).await;
        let other = receiver(to_disk.then(|| to.path())).await;
        let way = Way::new(&other, |_| Fate::Arrives);
        let index = snapshot.meta.last_log_id.map(|id| id.index());
        let sent = send(&network(&way), vote, snapshot, LIMIT).await;
        assert_eq!(sent.expect("sent").vote, vote);
        assert_eq!(other.state().to_snapshot(), raft.state().to_snapshot());
        assert!(way.calls.load(Ordering::SeqCst) > 5);
        assert_eq!(Some(other.stats().last_snapshot_index), index);
        other.shutdown().await.expect("closed");
        raft.shutdown().await.expect("closed");
        if !to_disk {
            continue;
        }
        assert_eq!(files(to.path()).len(), 1, "{:?}", files(to.path()));
        let again = receiver(Some(to.path())).await;
        assert!(get(&again, "k11").is_some());
        again.shutdown().await.expect("closed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_answers_cost_nothing() {
    let (from, to) = (folder(), folder());
    let (raft, vote, snapshot) = leader(Some(from.path())).await;
    let other = receiver(Some(to.path())).await;
    let way = Way::new(&other, |call| match call % 2 {
        0 => Fate::Unanswered,
        _ => Fate::Arrives,
    });
    let sent = send(&network(&way), vote, snapshot, LIMIT).await;
    sent.expect("sent");
    assert_eq!(other.state().to_snapshot(), raft.state().to_snapshot());
    other.shutdown().await.expect("closed");
    raft.shutdown().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flipped_byte_is_noticed_and_the_next_attempt_succeeds() {
    let (from, to) = (folder(), folder());
    let (raft, vote, snapshot) = leader(Some(from.path())).await;
    let other = receiver(Some(to.path())).await;
    for fates in [
        |call| {
            if call == 3 {
                Fate::Flipped
            } else {
                Fate::Arrives
            }
        },
        |call| {
            if call == 1 {
                Fate::Flipped
            } else {
                Fate::Arrives
            }
        },
    ] {
        let way = Way::new(&other, fates);
        let sent = send(&network(&way), vote, snapshot.clone(), LIMIT).await;
        let error = sent.map(drop).expect_err("damaged").to_string();
        assert!(error.contains("cannot receive the snapshot"), "{error}");
        assert!(get(&other, "k0").is_none());
    }
    let way = Way::new(&other, |_| Fate::Arrives);
    let sent = send(&network(&way), vote, snapshot, LIMIT).await;
    sent.expect("sent");
    assert_eq!(other.state().to_snapshot(), raft.state().to_snapshot());
    assert_eq!(files(to.path()).len(), 1, "{:?}", files(to.path()));
    other.shutdown().await.expect("closed");
    raft.shutdown().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_out_of_order_are_refused() {
    let (raft, vote, _) = leader(None).await;
    let other = receiver(None).await;
    let chunk = |offset, len| SnapshotStep::Chunk {
        offset,
        bytes: vec![0; len],
    };
    let begin = SnapshotStep::Begin { vote };
    for (steps, reason) in [
        (vec![chunk(0, 1)], "not known"),
        (vec![SnapshotStep::End { bytes: 0 }], "not known"),
        (vec![begin.clone(), chunk(5, 1)], "where 0 was expected"),
        (vec![begin.clone(), chunk(0, 0)], "cannot have 0 bytes"),
        (vec![begin.clone(), chunk(0, 3 << 20)], "cannot have"),
        (
            vec![begin.clone(), SnapshotStep::End { bytes: 7 }],
            "the end at the wrong time",
        ),
        (
            vec![begin.clone(), SnapshotStep::End { bytes: 0 }],
            "truncated",
        ),
    ] {
        let number = rand::random();
        let mut answer = Ok((vote, SnapshotProgress::Receiving));
        for step in steps {
            answer = other.receive_snapshot(number, step, None).await;
        }
        let error = answer.expect_err("refused").to_string();
        assert!(error.contains(reason), "{error}");
    }
    // A repeated beginning and a repeated chunk are answers that were lost.
    other
        .receive_snapshot(1, begin.clone(), None)
        .await
        .expect("new");
    other
        .receive_snapshot(1, begin.clone(), None)
        .await
        .expect("again");
    other
        .receive_snapshot(1, chunk(0, 10), None)
        .await
        .expect("first");
    // A second transfer ends the first.
    other.receive_snapshot(2, begin, None).await.expect("new");
    let old = other.receive_snapshot(1, chunk(10, 10), None).await;
    assert!(old.expect_err("replaced").to_string().contains("not known"));
    other.shutdown().await.expect("closed");
    raft.shutdown().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_leader_is_told_of_the_new_one() {
    let (raft, vote, snapshot) = leader(None).await;
    let to = folder();
    let (other, _) = Raft::start(settings(Some(to.path()))).await.expect("leads");
    other.write(put("own", b"1"), HOLD).await.expect("written");
    let newer = other.own_vote();
    let old = Vote::new_committed(0, 5);
    let way = Way::new(&other, |_| Fate::Arrives);
    let sent = send(&network(&way), old, snapshot, LIMIT).await;
    assert_eq!(sent.expect("answered").vote, newer);
    assert!(newer > old && get(&other, "own").is_some());
    let _ = vote;
    other.shutdown().await.expect("closed");
    raft.shutdown().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_that_is_cut_leaves_nothing_behind() {
    let (from, to) = (folder(), folder());
    let (raft, vote, snapshot) = leader(Some(from.path())).await;
    let other = receiver(Some(to.path())).await;
    let begin = SnapshotStep::Begin { vote };
    other
        .receive_snapshot(7, begin.clone(), None)
        .await
        .expect("new");
    let first = SnapshotStep::Chunk {
        offset: 0,
        bytes: b"CCTLSNAP".to_vec(),
    };
    other.receive_snapshot(7, first, None).await.expect("taken");
    let way = Way::new(&other, |_| Fate::Arrives);
    let sent = send(&network(&way), vote, snapshot, LIMIT).await;
    sent.expect("sent");
    other.shutdown().await.expect("closed");
    raft.shutdown().await.expect("closed");
    // What was unfinished goes at the latest with the next start.
    let again = receiver(Some(to.path())).await;
    assert_eq!(files(to.path()).len(), 1, "{:?}", files(to.path()));
    assert!(get(&again, "k11").is_some());
    again.shutdown().await.expect("closed");
}
