use proptest::prelude::*;

use super::*;

fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn alive(name: &str, port: u16) -> SnapshotLine {
    SnapshotLine::Alive {
        name: name.into(),
        address: at(port),
    }
}

const FILE: &str = "\
alive: web 1 127.0.0.1:7946
alive: db 127.0.0.1:7947
alive: v6 [::1]:7948
clock: 12
# a remark
coordinate: {\"Vec\":[0]}
event-clock: 3
not-alive: db
alive: web 1 127.0.0.1:7950
query-clock: 4
clock: 15
";

#[test]
fn lines_are_read_as_they_are_written() {
    let table = [
        (alive("web", 7946), "alive: web 127.0.0.1:7946"),
        (alive("my web 1", 1), "alive: my web 1 127.0.0.1:1"),
        (
            SnapshotLine::NotAlive { name: "a b".into() },
            "not-alive: a b",
        ),
        (SnapshotLine::Clock(1), "clock: 1"),
        (
            SnapshotLine::EventClock(u64::MAX),
            "event-clock: 18446744073709551615",
        ),
        (SnapshotLine::QueryClock(0), "query-clock: 0"),
        (SnapshotLine::Leave, "leave"),
    ];
    for (line, text) in table {
        assert_eq!(line.to_string(), text);
        assert_eq!(SnapshotLine::parse(text), Some(line), "{text}");
    }
    let v6 = SnapshotLine::parse("alive: v6 [::1]:7948").unwrap();
    assert_eq!(v6.to_string(), "alive: v6 [::1]:7948");
}

#[test]
fn the_last_word_about_a_member_counts() {
    let restored = replay(FILE, false);
    let expected = Restored {
        alive: vec![
            ("v6".into(), "[::1]:7948".parse().unwrap()),
            ("web 1".into(), at(7950)),
        ],
        clock: 15,
        event_clock: 3,
        query_clock: 4,
    };
    assert_eq!(restored, expected);
}

#[test]
fn a_leave_forgets_everything_unless_we_rejoin() {
    let text = format!("{FILE}leave\nclock: 2\nalive: late 127.0.0.1:1\n");
    let left = replay(&text, false);
    assert_eq!(left.alive, [("late".into(), at(1))]);
    assert_eq!((left.clock, left.event_clock, left.query_clock), (2, 0, 0));
    let rejoining = replay(&text, true);
    assert_eq!(rejoining.alive.len(), 3);
    assert_eq!((rejoining.clock, rejoining.event_clock), (2, 3));
}

#[test]
fn damaged_lines_are_counted_and_passed_over() {
    let text =
        "alive: nobody\nclock: x\nclock: -1\nalive:\nhello\nalive: a 127.0.0.1\nclock: 7\nlea";
    let remembered = Remembered::replay(text, false);
    assert_eq!(remembered.unrecognized(), 7);
    assert_eq!(remembered.restored().clock, 7);
    assert_eq!(Remembered::replay("", false), Remembered::default());
}

#[test]
fn a_compacted_file_says_the_same() {
    let remembered = Remembered::replay(FILE, true);
    let text: Vec<String> = remembered.lines().map(|line| line.to_string()).collect();
    assert_eq!(Remembered::replay(&text.join("\n"), true), remembered);
    assert_eq!(text.len(), 5);
}

#[test]
fn files_are_compacted_when_they_are_much_larger_than_needed() {
    let mut remembered = Remembered::default();
    assert!(!remembered.is_too_large(128 * 1024));
    assert!(remembered.is_too_large(128 * 1024 + 1));
    for n in 0..1000 {
        remembered.apply(&alive(&n.to_string(), 1));
    }
    assert!(!remembered.is_too_large(256_000));
    assert!(remembered.is_too_large(256_001));
}

proptest! {
    #[test]
    fn any_name_without_a_line_break_is_kept(name in "[^\n]*", port in any::<u16>()) {
        let line = alive(&name, port);
        prop_assert_eq!(SnapshotLine::parse(&line.to_string()), Some(line));
        let gone = SnapshotLine::NotAlive { name: name.as_str().into() };
        prop_assert_eq!(SnapshotLine::parse(&gone.to_string()), Some(gone));
    }

    #[test]
    fn any_text_is_read(text in "((alive|not-alive|clock|leave|#)?[: a-z0-9.]{0,20}\n)*", rejoin in any::<bool>()) {
        let remembered = Remembered::replay(&text, rejoin);
        let lines: Vec<String> = remembered.lines().map(|line| line.to_string()).collect();
        prop_assert_eq!(replay(&lines.join("\n"), rejoin), remembered.restored());
    }
}
