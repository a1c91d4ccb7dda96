use super::*;

fn open(path: &Path, rejoin: bool) -> Opened {
    Snapshot::open(path, rejoin).expect("is opened")
}

fn write(snapshot: &mut Snapshot) {
    let mut done = snapshot.job(false).expect("has something to write").run();
    snapshot.done(&mut done);
    done.result.expect("is written");
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
fn lines_are_written_as_serf_does_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("serf/local.snapshot");
    let mut snapshot = open(&path, false).snapshot;
    assert!(snapshot.job(false).is_none(), "there is nothing to write");
    snapshot.line(alive("n1", 8301));
    snapshot.line(alive("a b", 8302));
    snapshot.line(SnapshotLine::Clock(3));
    snapshot.line(SnapshotLine::Clock(4));
    snapshot.line(SnapshotLine::EventClock(2));
    write(&mut snapshot);
    snapshot.line(SnapshotLine::NotAlive { name: "n1".into() });
    snapshot.line(SnapshotLine::NotAlive { name: "unknown".into() });
    snapshot.line(SnapshotLine::Clock(4));
    write(&mut snapshot);
    assert!(snapshot.job(false).is_none(), "the clocks did not change");
    let text = fs::read_to_string(&path).unwrap();
    let wanted = "alive: n1 127.0.0.1:8301\nalive: a b 127.0.0.1:8302\nclock: 4\nevent-clock: 2\nnot-alive: n1\n";
    assert_eq!(text, wanted);
    let again = open(&path, false);
    assert_eq!(names(&again.restored), ["a b"]);
    assert_eq!(again.restored.clock, 4);
    assert_eq!(again.restored.event_clock, 2);
    assert_eq!(again.restored.query_clock, 0);
    assert!(again.warnings.is_empty());
}

#[test]
fn leaving_forgets_unless_it_is_not_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("local.snapshot");
    let mut snapshot = open(&path, false).snapshot;
    snapshot.line(alive("n1", 1));
    snapshot.line(SnapshotLine::Clock(9));
    snapshot.line(SnapshotLine::Leave);
    snapshot.line(alive("n2", 2));
    write(&mut snapshot);
    assert_eq!(open(&path, false).restored, Restored::default());
    let kept = open(&path, true).restored;
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
    assert_eq!(names(&opened.restored), ["n1", "n2"]);
    assert_eq!(opened.restored.alive[0].1, "[::1]:8301".parse().unwrap());
    assert_eq!(opened.restored.clock, 2);
    assert_eq!(opened.restored.event_clock, 0);
    let wanted = [
        "Unrecognized snapshot line: nonsense",
        "Failed to convert clock time: x",
        "Failed to parse address: n3 nowhere",
    ];
    assert_eq!(opened.warnings, wanted);
}

#[test]
fn a_torn_line_is_dropped_and_the_file_mended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("local.snapshot");
    fs::write(&path, "alive: n1 127.0.0.1:1\nalive: n2 127.0.0").unwrap();
    let mut opened = open(&path, false);
    assert_eq!(names(&opened.restored), ["n1"]);
    opened.snapshot.line(alive("n3", 3));
    write(&mut opened.snapshot);
    let again = open(&path, false);
    assert_eq!(names(&again.restored), ["n1", "n3"]);
    assert!(again.warnings.is_empty());
}

#[test]
fn a_long_file_is_compacted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("local.snapshot");
    let mut snapshot = open(&path, false).snapshot;
    let mut largest = 0;
    for round in 0..2000_u64 {
        for name in ["n1", "n2", "n3"] {
            snapshot.line(alive(name, 1));
            snapshot.line(SnapshotLine::NotAlive { name: name.into() });
        }
        snapshot.line(alive("n4", 4));
        snapshot.line(SnapshotLine::Clock(round));
        write(&mut snapshot);
        largest = largest.max(fs::metadata(&path).unwrap().len());
    }
    assert!(largest <= COMPACT_MIN, "{largest}");
    let again = open(&path, false).restored;
    assert_eq!(names(&again), ["n4"]);
    assert_eq!(again.clock, 1999);
    assert!(!folder.path().join("local.snapshot.compact").exists());
}

#[test]
fn lines_that_wait_for_a_slow_disk_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("local.snapshot");
    let mut snapshot = open(&path, false).snapshot;
    snapshot.line(alive("n1", 1));
    let slow = snapshot.job(false).expect("has something to write");
    for _ in 0..10_000 {
        snapshot.line(alive("n2", 2));
        assert!(snapshot.pending.len() as u64 <= COMPACT_MIN);
        assert!(snapshot.job(false).is_none(), "one job at a time");
    }
    let mut done = slow.run();
    snapshot.done(&mut done);
    snapshot.line(alive("n3", 3));
    write(&mut snapshot);
    assert_eq!(names(&open(&path, false).restored), ["n1", "n2", "n3"]);
}

#[test]
fn a_failed_write_is_told_and_made_good_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("serf/local.snapshot");
    let mut snapshot = open(&path, false).snapshot;
    fs::remove_dir_all(folder.path().join("serf")).unwrap();
    snapshot.damaged = true;
    snapshot.line(alive("n1", 1));
    let mut done = snapshot.job(false).expect("has something to write").run();
    snapshot.done(&mut done);
    let error = done.result.expect_err("has no folder").to_string();
    assert!(error.contains("local.snapshot"), "{error}");
    assert!(snapshot.is_damaged());
    fs::create_dir(folder.path().join("serf")).unwrap();
    write(&mut snapshot);
    assert!(!snapshot.is_damaged());
    assert_eq!(names(&open(&path, false).restored), ["n1"]);
}

#[test]
fn a_name_that_would_tear_a_line_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("local.snapshot");
    let mut snapshot = open(&path, false).snapshot;
    snapshot.line(alive("a\nleave", 1));
    assert!(snapshot.job(false).is_none());
}
