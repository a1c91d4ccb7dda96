use std::net::SocketAddr;

use super::*;
use crate::agent::gossip::serf::Restored;

/// A file up to this size is never compacted, in bytes.
const COMPACT_MIN: u64 = 128 * 1024;

fn open(path: &Path, rejoin: bool) -> Snapshot {
    Snapshot::open(path, rejoin).expect("is opened")
}

fn restored(path: &Path, rejoin: bool) -> Restored {
    open(path, rejoin).remembered().restored()
}

fn write(snapshot: &mut Snapshot) {
    let done = snapshot.job(false).expect("has something to write").run();
    snapshot.done(done).expect("is written");
}

fn alive(name: &str, port: u16) -> SnapshotLine {
    SnapshotLine::Alive {
        name: name.into(),
        address: SocketAddr::from(([127, 0, 0, 1], port)),
    }
}

fn names(restored: &Restored) -> Vec<&str> {
    restored.alive.iter().map(|(name, _)| &**name).collect()
}

#[test]
fn a_panic_is_an_error_of_the_write() {
    assert!(guarded(|| Ok(())).is_ok());
    let error = guarded(|| panic!("on purpose")).unwrap_err();
    assert_eq!(error.to_string(), "the write panicked");
}

#[test]
fn lines_are_written_as_serf_does_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("serf/local.snapshot");
    let mut snapshot = open(&path, false);
    assert!(snapshot.job(false).is_none(), "there is nothing to write");
    snapshot.line(&alive("n1", 8301));
    snapshot.line(&alive("a b", 8302));
    snapshot.line(&SnapshotLine::Clock(3));
    snapshot.line(&SnapshotLine::Clock(4));
    snapshot.line(&SnapshotLine::EventClock(2));
    write(&mut snapshot);
    snapshot.line(&SnapshotLine::NotAlive { name: "n1".into() });
    snapshot.line(&SnapshotLine::Clock(4));
    write(&mut snapshot);
    assert!(snapshot.job(false).is_none(), "the clocks did not change");
    let text = fs::read_to_string(&path).unwrap();
    let wanted = "alive: n1 127.0.0.1:8301\nalive: a b 127.0.0.1:8302\nclock: 4\nevent-clock: 2\nnot-alive: n1\n";
    assert_eq!(text, wanted);
    let again = restored(&path, false);
    assert_eq!(names(&again), ["a b"]);
    assert_eq!(again.clock, 4);
    assert_eq!(again.event_clock, 2);
    assert_eq!(again.query_clock, 0);
}

#[test]
fn leaving_forgets_unless_it_is_not_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("local.snapshot");
    let mut snapshot = open(&path, false);
    snapshot.line(&alive("n1", 1));
    snapshot.line(&SnapshotLine::Clock(9));
    snapshot.line(&SnapshotLine::Leave);
    snapshot.line(&alive("n2", 2));
    write(&mut snapshot);
    assert_eq!(restored(&path, false), Restored::default());
    let kept = restored(&path, true);
    assert_eq!(names(&kept), ["n1"]);
    assert_eq!(kept.clock, 9);
}

#[test]
fn what_the_reference_wrote_is_understood() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("local.snapshot");
    let text = "alive: n2 127.0.61.102:8301\nalive: n1 127.0.61.101:8301\nevent-clock: 1\nleave\nclock: 2\n\
                alive: n2 127.0.61.102:8301\nalive: n1 [::1]:8301\n# remark\ncoordinate: {}\nnonsense\n\
                clock: x\nalive: n3 nowhere\n";
    fs::write(&path, text).unwrap();
    let opened = open(&path, false);
    let found = opened.remembered().restored();
    assert_eq!(names(&found), ["n1", "n2"]);
    assert_eq!(found.alive[0].1, "[::1]:8301".parse().unwrap());
    assert_eq!(found.clock, 2);
    assert_eq!(found.event_clock, 0);
    assert_eq!(opened.remembered().unrecognized(), 3);
}

#[test]
fn a_torn_line_is_dropped_and_the_file_mended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("local.snapshot");
    fs::write(&path, "alive: n1 127.0.0.1:1\nalive: n2 127.0.0").unwrap();
    let mut snapshot = open(&path, false);
    assert_eq!(names(&snapshot.remembered().restored()), ["n1"]);
    snapshot.line(&alive("n3", 3));
    write(&mut snapshot);
    let again = open(&path, false);
    assert_eq!(names(&again.remembered().restored()), ["n1", "n3"]);
    assert_eq!(again.remembered().unrecognized(), 0);
}

#[test]
fn a_long_file_is_compacted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("local.snapshot");
    let mut snapshot = open(&path, false);
    let mut largest = 0;
    for round in 0..2000_u64 {
        for name in ["n1", "n2", "n3"] {
            snapshot.line(&alive(name, 1));
            snapshot.line(&SnapshotLine::NotAlive { name: name.into() });
        }
        snapshot.line(&alive("n4", 4));
        snapshot.line(&SnapshotLine::Clock(round));
        write(&mut snapshot);
        largest = largest.max(fs::metadata(&path).unwrap().len());
    }
    assert!(largest <= COMPACT_MIN, "{largest}");
    let again = restored(&path, false);
    assert_eq!(names(&again), ["n4"]);
    assert_eq!(again.clock, 1999);
    assert!(!folder.path().join("local.snapshot.compact").exists());
}

#[test]
fn lines_that_wait_for_a_slow_disk_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("local.snapshot");
    let mut snapshot = open(&path, false);
    snapshot.line(&alive("n1", 1));
    let slow = snapshot.job(false).expect("has something to write");
    for _ in 0..10_000 {
        snapshot.line(&alive("n2", 2));
        assert!(snapshot.pending.len() as u64 <= COMPACT_MIN);
        assert!(snapshot.job(false).is_none(), "one job at a time");
    }
    snapshot.done(slow.run()).expect("is written");
    snapshot.line(&alive("n3", 3));
    write(&mut snapshot);
    assert_eq!(names(&restored(&path, false)), ["n1", "n2", "n3"]);
}

#[test]
fn a_failed_write_is_told_and_made_good_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("serf/local.snapshot");
    let mut snapshot = open(&path, false);
    fs::remove_dir_all(folder.path().join("serf")).unwrap();
    snapshot.damaged = true;
    snapshot.line(&alive("n1", 1));
    let done = snapshot.job(false).expect("has something to write").run();
    let error = snapshot.done(done).expect_err("has no folder").to_string();
    assert!(error.contains("local.snapshot"), "{error}");
    assert!(snapshot.is_damaged());
    fs::create_dir(folder.path().join("serf")).unwrap();
    write(&mut snapshot);
    assert!(!snapshot.is_damaged());
    assert_eq!(names(&restored(&path, false)), ["n1"]);
}

#[test]
fn a_name_that_would_tear_a_line_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("local.snapshot");
    let mut snapshot = open(&path, false);
    snapshot.line(&alive("a\nleave", 1));
    assert!(snapshot.job(false).is_none());
}
