//! Latency, keys and the log: what they look like, and what they ask for.

use super::*;
use crate::model::coordinate::{Coordinate, NodeCoordinate};
use crate::model::kv::{Blob, KvPair};
use crate::tui::demand::{Demand, Found};
use crate::tui::kv::{Level, Opened};
use crate::tui::logs::LogLevel;

const SIZES: [(u16, u16); 5] = [(120, 40), (80, 24), (60, 15), (40, 8), (1, 1)];

fn give(app: &mut App, found: Found) {
    app.update(NOW, Event::Found(found));
    app.prepare(NOW);
}

fn coordinates(count: u16) -> Vec<NodeCoordinate> {
    let node = |number: u16| {
        let mut coord = Coordinate::default();
        coord.vec[0] = f64::from(number) * 0.012;
        NodeCoordinate {
            node: format!("n{number:02}"),
            segment: String::new(),
            coord,
        }
    };
    (0..count).map(node).collect()
}

fn far(count: u16) -> App {
    let mut app = bad(&ascii());
    app.update(
        NOW,
        Event::Answer(Update::Coordinates(Ok(coordinates(count))), None),
    );
    app.prepare(NOW);
    press(&mut app, "6");
    app
}

#[test]
fn latency_is_a_map_with_symbols_and_numbers() {
    let mut app = far(7);
    let text = screen(&mut app, 120, 40);
    assert_all(
        &text,
        &[
            "from n00: min 12 ms, median 42 ms, max 72 ms (estimate, 0s old)",
            ". <6  : <15  - <50  = <100  + <200  * <300  # >=300 ms",
            "> 1 n00      \\ :   12 -   24 -   36 -   48 =   60 =   72",
        ],
    );
    press(&mut app, "G\n");
    let text = screen(&mut app, 80, 24);
    assert_all(&text, &["from n06: min 12 ms", "> 1 n06"]);
    assert_eq!(
        app.page(),
        Page::View(View::Latency),
        "Enter chooses, it leads nowhere"
    );
}

#[test]
fn latency_is_a_list_where_there_is_no_room() {
    let mut app = far(7);
    let text = screen(&mut app, 40, 8);
    assert_all(
        &text,
        &[
            "from n00: min 12 ms",
            "n00   origin",
            "n01    12 ms  ::  6-15 ms",
        ],
    );
    let mut app = far(21);
    let text = screen(&mut app, 120, 40);
    assert_all(&text, &["RANGE", "n20   240 ms  ******  200-300 ms"]);
    press(&mut app, "z");
    let text = screen(&mut app, 120, 40);
    assert!(!text.contains("n01 "), "{text}");
    let mut app = far(20);
    assert_all(&screen(&mut app, 80, 30), &[" 19 20\n", "20 n19  *  *"]);
    let mut app = far(0);
    assert_all(&screen(&mut app, 80, 24), &["no node has a coordinate yet"]);
}

fn names(app: &mut App, prefix: &str, names: &[&str]) {
    let json = serde_json::to_vec(names).unwrap();
    let level = Level::read(prefix, &json, false).unwrap();
    give(app, Found::Level(prefix.to_owned(), Ok(level)));
}

#[test]
fn keys_are_asked_level_by_level_and_values_when_opened() {
    let mut app = bad(&ascii());
    let effects = press(&mut app, "7");
    assert_eq!(effects, [Effect::Want(Demand::Level(String::new()))]);
    assert_all(&screen(&mut app, 80, 24), &["asking for the names"]);
    names(&mut app, "", &["app/", "zone", "a\u{1b}[2Jb"]);
    let text = screen(&mut app, 80, 24);
    assert_all(
        &text,
        &[
            "app/",
            "folder",
            "zone",
            "a\\u{1b}[2Jb",
            "1 folders, 2 keys",
        ],
    );
    let effects = press(&mut app, "\n");
    assert_eq!(effects, [Effect::Want(Demand::Level("app/".to_owned()))]);
    assert!(
        !screen(&mut app, 80, 24).contains("zone"),
        "another level is not this one"
    );
    names(&mut app, "app/", &["app/port", "app/web/"]);
    press(&mut app, "/port\n");
    assert_all(
        &screen(&mut app, 80, 24),
        &["kv > app/", "[/port: 1 found]"],
    );
    let effects = press(&mut app, "\n");
    assert_eq!(
        effects,
        [Effect::Want(Demand::Value("app/port".to_owned()))]
    );
    let pair = KvPair {
        key: "app/port".into(),
        flags: 42,
        session: "s-1".to_owned(),
        lock_index: 3,
        create_index: 7,
        modify_index: 9,
        value: Blob(bytes::Bytes::from_static(br#"{"port":8080}"#)),
    };
    let opened = Box::new(Opened::new(&pair, Some("web-3".to_owned())));
    give(
        &mut app,
        Found::Value("app/port".to_owned(), Ok(Some(opened))),
    );
    let text = screen(&mut app, 80, 24);
    assert_all(
        &text,
        &[
            "kv > app/ > port",
            "flags    42",
            "held by session s-1 of web-3, locked 3 times",
            "created 7, changed 9",
            "size     13 bytes",
            "VALUE  JSON",
            "  \"port\": 8080",
        ],
    );
    let effects = press(&mut app, "\u{1b}\u{1b}\u{1b}");
    assert_eq!(effects.len(), 2, "level, root: {effects:?}");
    assert_eq!(app.page(), Page::View(View::Kv));
    assert_eq!(app.table().selected.as_deref(), Some("folder\0app/"));
    assert_eq!(press(&mut app, "1"), [Effect::Want(Demand::Nothing)]);
}

#[test]
fn a_large_level_stays_usable_and_trouble_is_said() {
    let mut app = bad(&ascii());
    press(&mut app, "7");
    let many: Vec<String> = (0..100_000).map(|n| format!("k{n:05}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    names(&mut app, "", &many);
    let text = screen(&mut app, 80, 24);
    assert_all(
        &text,
        &["first 5000 of 100000 shown: filter with /", "k00000"],
    );
    press(&mut app, "/k99999\n");
    assert_all(
        &screen(&mut app, 80, 24),
        &["[/k99999: 1 found]", "k99999  key"],
    );
    let fault = Fault {
        kind: FaultKind::Forbidden,
        text: "403".to_owned(),
    };
    give(&mut app, Found::Level(String::new(), Err(fault)));
    let text = screen(&mut app, 80, 24);
    assert_all(
        &text,
        &["the token may not read this: it needs key_prefix list"],
    );
    assert!(!text.contains("k99999  key"), "{text}");
}

fn lines(from: u32, to: u32) -> Vec<String> {
    let line = |n| {
        let level = if n % 10 == 0 { "WARN] " } else { "INFO] " };
        format!("2026-01-02T03:04:05.678Z [{level} agent: event {n}")
    };
    (from..to).map(line).collect()
}

#[test]
fn the_log_is_followed_until_one_scrolls() {
    let mut app = bad(&ascii());
    let effects = press(&mut app, "8");
    assert_eq!(effects, [Effect::Want(Demand::Logs(LogLevel::Info))]);
    give(&mut app, Found::Following);
    give(&mut app, Found::Lines(lines(0, 100), 0));
    let text = screen(&mut app, 80, 24);
    assert_all(
        &text,
        &[
            "level INFO (L), following",
            "03:04:05.678Z  INFO   agent: event 99",
        ],
    );
    press(&mut app, "kk");
    give(&mut app, Found::Lines(lines(100, 110), 37));
    let text = screen(&mut app, 80, 24);
    assert_all(
        &text,
        &[
            "PAUSED, 13 lines below (G follows)",
            "dropped 37 lines",
            "event 97",
        ],
    );
    assert!(!text.contains("event 109"), "{text}");
    press(&mut app, "G");
    assert_all(&screen(&mut app, 80, 24), &["following", "event 109"]);
    press(&mut app, "/event 5\n");
    let text = screen(&mut app, 80, 24);
    assert_all(&text, &["[/event 5: 11 found]", "event 59"]);
    press(&mut app, "\u{1b}gn");
    assert_eq!(
        app.table().selected.as_deref(),
        Some("6"),
        "the next match among all lines"
    );
    press(&mut app, "N");
    assert_eq!(
        app.table().selected.as_deref(),
        Some("60"),
        "round and back"
    );
    press(&mut app, "\n");
    assert_all(
        &screen(&mut app, 80, 24),
        &["level  INFO", "agent: event 59"],
    );
    let effects = press(&mut app, "\u{1b}L");
    assert_eq!(effects, [Effect::Want(Demand::Logs(LogLevel::Debug))]);
    let fault = Fault {
        kind: FaultKind::Unreachable,
        text: "connection refused".to_owned(),
    };
    give(
        &mut app,
        Found::Lost(fault, std::time::Duration::from_secs(4)),
    );
    let text = screen(&mut app, 80, 24);
    assert_all(&text, &["no log now: connection refused, retry in 4 s"]);
    press(&mut app, "z");
    assert!(
        !screen(&mut app, 80, 24).contains("INFO  "),
        "only warnings"
    );
    assert_eq!(press(&mut app, "1"), [Effect::Want(Demand::Nothing)]);
}

#[test]
fn every_size_shows_what_there_is_room_for() {
    for (width, height) in SIZES {
        for keys in ["6", "7", "8"] {
            let mut app = far(20);
            press(&mut app, keys);
            names(&mut app, "", &["app/", "key"]);
            give(&mut app, Found::Lines(lines(0, 50), 1));
            let text = screen(&mut app, width, height);
            if width < 40 {
                continue;
            }
            let expected = match keys {
                "6" => ["latency", "from n00"],
                "7" => ["kv", "app/"],
                _ => ["logs", "event 49"],
            };
            assert_all(&text, &expected);
        }
    }
}

#[test]
fn what_just_happened_is_told_for_some_seconds() {
    let (snapshot, seen) = bad_cluster();
    let mut app = App::looking(snapshot, seen, &ascii(), Thresholds::default());
    app.prepare(NOW);
    let fault_free = Update::Leader(Ok(String::new()));
    app.update(NOW, Event::Answer(fault_free, None));
    app.prepare(NOW);
    let text = screen(&mut app, 120, 40);
    assert_all(&text, &["x 12:04:31Z cluster: no leader", "(9 events)"]);
    app.prepare(NOW + 60_000);
    let text = screen(&mut app, 120, 40);
    assert_all(&text, &["Enter open"]);
    press(&mut app, "?");
    assert_all(
        &screen(&mut app, 120, 40),
        &["The agent answers 1.0 req/s", "log level"],
    );
}

#[test]
fn many_nodes_are_a_list_below_the_datacenters() {
    use crate::tui::latency::Area;
    let mut app = far(30);
    assert_eq!(Demand::of(&app.page(), LogLevel::Info), Demand::Areas);
    let area = |name: &str, place: f64| {
        let mut servers = coordinates(2);
        for server in &mut servers {
            server.coord.vec[1] = place;
        }
        Area {
            name: name.to_owned(),
            servers,
        }
    };
    let found = vec![area("dc1", 0.0), area("dc2", 0.09)];
    give(&mut app, Found::Areas(Ok(found)));
    let text = screen(&mut app, 120, 40);
    assert_all(&text, &["dc1  :   12 =   90", "dc2  =   90 :   12", "n20"]);
    for (width, height) in SIZES {
        screen(&mut app, width, height);
    }
    // Fewer have a map of their own.
    let mut app = far(7);
    give(
        &mut app,
        Found::Areas(Ok(vec![area("dc1", 0.0), area("dc2", 0.09)])),
    );
    assert!(!screen(&mut app, 120, 40).contains("dc2"));
}
