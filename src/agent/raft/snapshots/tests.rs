use super::*;
use crate::agent::raft::types::{StoredMembership, log_id};
use crate::agent::store::{Command, KvCommand, KvVerb, Touched};
use crate::model::kv::{Key, KvPair};

fn state(key: &str) -> State {
    let mut state = State::default();
    let command = Command::Kv(KvCommand {
        verb: KvVerb::Set,
        pair: KvPair {
            key: Key::from(key),
            ..KvPair::default()
        },
    });
    state.apply(1, &command, &mut Touched::default());
    state
}

fn meta(term: u64, index: u64) -> SnapshotMeta {
    SnapshotMeta {
        last_log_id: Some(log_id(term, index)),
        last_membership: StoredMembership::default(),
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("folder")
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

#[test]
fn the_newest_is_read_again_and_two_are_kept() {
    let folder = tempfile::tempdir().expect("folder");
    let (snapshots, found) = Snapshots::open(folder.path(), None).expect("empty");
    assert!(found.is_none() && snapshots.newest().is_none());
    for index in [9, 10, 100] {
        snapshots
            .keep(meta(2, index), state(&format!("k{index}")))
            .expect("written");
    }
    assert_eq!(names(folder.path()), ["2-10.snap", "2-100.snap"]);
    fs::write(folder.path().join("2-200.tmp"), b"unfinished").expect("written");
    let (again, found) = Snapshots::open(folder.path(), None).expect("readable");
    let (read, content) = found.expect("a snapshot");
    assert_eq!(read, meta(2, 100));
    assert_eq!(content.to_snapshot(), state("k100").to_snapshot());
    assert_eq!(again.newest().expect("current").meta, meta(2, 100));
    assert_eq!(names(folder.path()), ["2-10.snap", "2-100.snap"]);
}

#[test]
fn a_damaged_newest_falls_back_only_where_the_log_goes_on() {
    let folder = tempfile::tempdir().expect("folder");
    let (snapshots, _) = Snapshots::open(folder.path(), None).expect("empty");
    for index in [10, 20] {
        snapshots.keep(meta(1, index), state("k")).expect("written");
    }
    let newest = folder.path().join("1-20.snap");
    let mut bytes = fs::read(&newest).expect("readable");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&newest, bytes).expect("written");
    let (_, found) = Snapshots::open(folder.path(), Some(10)).expect("the older one");
    assert_eq!(found.expect("a snapshot").0, meta(1, 10));
    let error = Snapshots::open(folder.path(), Some(11))
        .map(drop)
        .expect_err("a gap");
    let text = error.to_string();
    assert!(
        text.contains("1-20.snap") && text.contains("checksum"),
        "{text}"
    );
}

#[test]
fn a_purged_log_without_a_snapshot_is_an_error() {
    let folder = tempfile::tempdir().expect("folder");
    let error = Snapshots::open(folder.path(), Some(11)).map(drop);
    let text = error.expect_err("a gap").to_string();
    assert!(text.contains("begins after entry 11"), "{text}");
}

#[test]
fn in_memory_the_state_is_shared() {
    let snapshots = Snapshots::in_memory();
    let kept = snapshots.keep(meta(1, 5), state("k")).expect("kept");
    assert!(matches!(kept.snapshot, SnapshotBody::Held(_)));
    snapshots.keep(meta(1, 4), state("old")).expect("kept");
    assert_eq!(snapshots.newest().expect("current").meta, meta(1, 5));
}
