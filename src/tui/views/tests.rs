use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Modifier;

use super::draw;
use crate::tui::app::{App, Effect, Event};
use crate::tui::check::Check;
use crate::tui::derive::bad_cluster::{NOW, bad_cluster};
use crate::tui::fetch::hidden;
use crate::tui::page::{Page, View};
use crate::tui::prompt::Mode;
use crate::tui::snapshot::{Fault, FaultKind, Update};
use crate::tui::subject::Subject;
use crate::tui::theme::{ASCII, Palette, Theme, UNICODE};
use crate::tui::thresholds::Thresholds;

mod hands;
mod own;

/// The dashboard as it looks at the bad cluster.
fn bad(theme: &Theme) -> App {
    let (snapshot, seen) = bad_cluster();
    let mut app = App::looking(snapshot, seen, theme, Thresholds::default());
    app.prepare(NOW);
    app
}

fn terminal(app: &mut App, width: u16, height: u16) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, app, NOW)).unwrap();
    terminal
}

/// What is on the screen, without any styles.
fn screen(app: &mut App, width: u16, height: u16) -> String {
    let terminal = terminal(app, width, height);
    let buffer = terminal.backend().buffer();
    let rows = buffer.content().chunks(usize::from(width).max(1));
    let rows = rows.map(|row| {
        row.iter()
            .map(ratatui::buffer::Cell::symbol)
            .collect::<String>()
    });
    let rows: Vec<String> = rows.map(|row| row.trim_end().to_owned()).collect();
    rows.join("\n") + "\n"
}

/// Presses keys; what the picture needs is left out.
fn press(app: &mut App, keys: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    for letter in keys.chars() {
        let code = match letter {
            '\n' => KeyCode::Enter,
            '\u{1b}' => KeyCode::Esc,
            '\t' => KeyCode::Tab,
            other => KeyCode::Char(other),
        };
        effects.extend(app.update(NOW, Event::Key(KeyEvent::new(code, KeyModifiers::NONE))));
        app.prepare(NOW);
    }
    effects.retain(|effect| !matches!(effect, Effect::Follow(_)));
    effects
}

fn assert_all(screen: &str, parts: &[&str]) {
    for part in parts {
        assert!(screen.contains(part), "{part:?} is missing in\n{screen}");
    }
}

fn ascii() -> Theme {
    Theme {
        palette: Palette::Mono,
        glyphs: ASCII,
    }
}

#[test]
fn a_large_screen_answers_the_ten_questions() {
    let text = screen(&mut bad(&ascii()), 120, 40);
    let answers = [
        "LEADER srv-2 term 41 for 1m0s, 2 changes in 8h4m",
        "SERVERS 2/3, tolerates 0",
        "why: contact 310 > 200 ms, trails 449 > 250",
        "web-7    node failed",
        "cache-2  alive",
        "3/7 !",
        "check \"http :8080\"",
        "00:11:40",
        "503 Service Unavailable",
        "srv-3 t40 3h3m > srv-2 t41 1m0s",
        "41 ms",
        "live, 0.4 s old",
        "via web-3 (client) 127.0.0.1:8500",
        "READ-ONLY",
        "Enter open",
        "q ^c quit",
    ];
    assert_all(&text, &answers);
}

#[test]
fn a_usual_screen_answers_them_without_scrolling() {
    let text = screen(&mut bad(&ascii()), 80, 24);
    let answers = [
        "LEADER srv-2 term 41 for 1m0s, 2 changes in 8h4m",
        "SERVERS 2/3, tolerates 0",
        "trails 449 > 250",
        "web-7    node failed",
        "cache-2  alive   3/7 !",
        "503 Service Unavailable",
        "check \"http :8080\"",
        "srv-1 5h0m > srv-3 3h3m > srv-2 1m0s",
        "41 ms",
        "live, 0.4 s old",
        "via web-3 (client)",
        "? help",
        "q quit",
    ];
    assert_all(&text, &answers);
}

#[test]
fn small_screens_say_what_matters_most() {
    let text = screen(&mut bad(&ascii()), 60, 15);
    assert_all(
        &text,
        &[
            "LEADER srv-2",
            "SERVERS 2/3",
            "live, 0.4 s old",
            "server unhealthy",
            "web-7",
            "? help  q quit",
        ],
    );
    let text = screen(&mut bad(&ascii()), 40, 8);
    assert_all(
        &text,
        &[
            "LEADER srv-2  2/3  x5 !2  0.4s",
            "x cluster 2/3 servers, tolerates 0",
        ],
    );
}

#[test]
fn an_agent_that_is_gone_leaves_the_data_dimmed() {
    let mut app = bad(&ascii());
    let fault = Fault {
        kind: FaultKind::Unreachable,
        text: "connection refused".to_owned(),
    };
    let pause = std::time::Duration::from_secs(4);
    let effects = app.update(NOW, Event::Answer(Update::Agent(Err(fault)), Some(pause)));
    assert!(effects.is_empty());
    app.prepare(NOW);
    let text = screen(&mut app, 120, 40);
    assert_all(
        &text,
        &[
            "STALE 0s: connection refused, retry in 4 s (^r now, :via srv-1)",
            "web-7    node failed",
        ],
    );
    let terminal = terminal(&mut app, 120, 40);
    let cell = &terminal.backend().buffer()[(20, 8)];
    assert!(cell.modifier.contains(Modifier::DIM));
    let back = crate::tui::facts::AgentFacts::default();
    let effects = app.update(NOW + 1, Event::Answer(Update::Agent(Ok(back)), None));
    assert_eq!(
        effects,
        [Effect::Refresh],
        "everything is asked again at once"
    );
}

#[test]
fn every_problem_can_be_selected_and_opened() {
    let mut app = bad(&ascii());
    let count = app.picture.problems.len();
    let mut opened = Vec::new();
    for place in 0..count {
        let mut one = bad(&ascii());
        press(&mut one, &"j".repeat(place));
        press(&mut one, "\n");
        opened.push(one.page().title());
    }
    let expected = [
        "overview",
        "srv-3",
        "web-7",
        "web-3 http :8080",
        "api",
        "cache-2 disk",
        "cache-2",
        "old-1",
    ];
    assert_eq!(opened, expected);
    press(&mut app, "G\n");
    assert_eq!(app.page(), Page::Node("old-1".to_owned()));
}

#[test]
fn members_are_filtered_sorted_and_opened() {
    let mut app = bad(&ascii());
    press(&mut app, "2");
    let text = screen(&mut app, 120, 30);
    assert_all(
        &text,
        &["srv-2 *", "NODE", "STATE", "web-7    failed", "00:03:12"],
    );
    press(&mut app, "/web\n");
    let text = screen(&mut app, 120, 30);
    assert_all(&text, &["[/web: 2 found]", "web-3", "web-7"]);
    assert!(!text.contains("cache-2"), "{text}");
    press(&mut app, "\u{1b}z");
    let text = screen(&mut app, 120, 30);
    assert_all(&text, &["[problems only]", "cache-2", "old-1", "web-7"]);
    assert!(!text.contains("srv-1"), "{text}");
    press(&mut app, "z>>>>R");
    let text = screen(&mut app, 120, 30);
    assert_all(&text, &["SCOREv"]);
    let place = |name: &str| text.find(name).unwrap();
    assert!(
        place("cache-2") < place("srv-1") && place("srv-1") < place("web-7"),
        "{text}"
    );
    press(&mut app, "g\n");
    assert_eq!(app.page(), Page::Node("cache-2".to_owned()));
    assert_all(
        &screen(&mut app, 80, 24),
        &["members > cache-2", "score    3/7 !", "91% used"],
    );
    press(&mut app, "\u{1b}");
    assert_eq!(app.page(), Page::View(View::Members));
    press(&mut app, "[");
    assert_eq!(app.page(), Page::View(View::Overview));
    press(&mut app, "]");
    assert_eq!(app.page(), Page::View(View::Members));
}

#[test]
fn a_check_shows_its_whole_output() {
    let mut app = bad(&ascii());
    press(&mut app, "4\n");
    let text = screen(&mut app, 80, 24);
    assert_all(
        &text,
        &[
            "checks > web-3 http :8080",
            "critical for 00:11:40",
            "503 Service\n",
            "Unavailable\n",
        ],
    );
    press(&mut app, ":svc api\n");
    assert_all(
        &screen(&mut app, 80, 24),
        &["services > api", "0 passing, 0 warning, 1 critical"],
    );
}

#[test]
fn raft_shows_every_peer() {
    let mut app = bad(&ascii());
    press(&mut app, "3");
    let text = screen(&mut app, 120, 30);
    assert_all(
        &text,
        &[
            "srv-2 *",
            "1204551",
            "449",
            "310 ms",
            "unhealthy 20s",
            "trails 449 > 250",
        ],
    );
    press(&mut app, "w");
    assert_all(&screen(&mut app, 200, 30), &["10.0.0.3:8300", "id-srv-3"]);
}

#[test]
fn the_picture_stands_still_when_frozen() {
    let mut app = bad(&ascii());
    press(&mut app, "f");
    app.update(NOW, Event::Answer(Update::Members(Ok(Vec::new())), None));
    app.prepare(NOW + 5000);
    let text = screen(&mut app, 120, 40);
    assert_all(&text, &["FROZEN", "web-7    node failed"]);
    press(&mut app, "f");
    let text = screen(&mut app, 120, 40);
    assert_all(&text, &["NODES 0 ok 0 x 0 left"]);
    assert!(!text.contains("node failed"), "{text}");
}

#[test]
fn help_and_palette_are_written_over_nothing_else() {
    let mut app = bad(&ascii());
    press(&mut app, "?");
    assert_all(
        &screen(&mut app, 120, 40),
        &["Keys", "refresh now", "sort left", "suspend"],
    );
    press(&mut app, "?:mem");
    assert_all(&screen(&mut app, 120, 40), &[":mem_", "members"]);
    press(&mut app, "\u{1b}");
    assert_eq!(app.mode, Mode::Normal);
    assert_eq!(press(&mut app, "q"), [Effect::Quit]);
    press(&mut app, "/q");
    assert_eq!(
        app.mode,
        Mode::Filter("q".to_owned()),
        "a letter in a line is a letter"
    );
}

#[test]
fn ascii_is_ascii_and_mono_has_no_colours() {
    let mut app = bad(&ascii());
    for keys in ["1", "2", "3", "4", "5", "6", "7", "8", "9", "?"] {
        press(&mut app, keys);
        let text = screen(&mut app, 120, 40);
        let other: Vec<char> = text.chars().filter(|letter| !letter.is_ascii()).collect();
        // The help names the arrow keys.
        assert!(
            other.iter().all(|letter| "↓↑".contains(*letter)),
            "{other:?} in {keys}"
        );
        let terminal = terminal(&mut app, 120, 40);
        let cells = terminal.backend().buffer().content();
        let grey = [ratatui::style::Color::Reset];
        assert!(
            cells
                .iter()
                .all(|cell| grey.contains(&cell.fg) && grey.contains(&cell.bg))
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn no_size_and_no_keys_are_too_much(
        width in 1u16..200,
        height in 1u16..200,
        keys in "[1-9/zwef:?<>RjkgGnNL\\[\\]a-c\n\t\u{1b}]{0,12}",
        unicode in any::<bool>(),
    ) {
        let glyphs = if unicode { UNICODE } else { ASCII };
        let mut app = bad(&Theme { palette: Palette::Ansi, glyphs });
        press(&mut app, &keys);
        screen(&mut app, width, height);
        screen(&mut app, height, 1);
    }
}

fn fault(kind: FaultKind, text: &str) -> Fault {
    Fault {
        kind,
        text: text.to_owned(),
    }
}

/// Every view at several sizes; the large ones as text.
fn all_views(app: &mut App) -> Vec<String> {
    ["1", "2", "3", "4", "5", "9"]
        .into_iter()
        .map(|key| {
            press(app, key);
            for (width, height) in [(1, 1), (40, 8), (60, 15), (80, 24)] {
                screen(app, width, height);
            }
            screen(app, 120, 40)
        })
        .collect()
}

fn came(app: &mut App, update: Update) -> Vec<Effect> {
    let effects = app.update(NOW, Event::Answer(update, None));
    app.prepare(NOW);
    effects
}

#[test]
fn nothing_known_yet_is_no_number() {
    let mut app = App::new("http://h:1", ascii(), Thresholds::default());
    app.prepare(NOW);
    for text in all_views(&mut app) {
        assert_all(
            &text,
            &[
                "asking",
                "LEADER n/a",
                "SERVERS n/a",
                "NODES n/a",
                "CHECKS n/a",
            ],
        );
    }
}

#[test]
fn a_token_without_rights_sees_why() {
    let mut app = App::new("http://h:1", ascii(), Thresholds::default());
    came(&mut app, Update::Pulse(Ok(())));
    came(&mut app, Update::Agent(Err(hidden(Subject::Agent))));
    came(&mut app, Update::Members(Err(hidden(Subject::Members))));
    came(&mut app, Update::Health(Err(hidden(Subject::Health))));
    came(&mut app, Update::Checks(Err(hidden(Subject::Checks))));
    came(&mut app, Update::Services(Err(hidden(Subject::Services))));
    let texts = all_views(&mut app);
    for text in &texts {
        let head = "no data: the token lacks agent_prefix \"\" { policy = \"read\" }";
        assert_all(text, &[head, "NODES n/a"]);
    }
    let lacks = [
        "lacks operator = \"read\"",
        "lacks node_prefix \"\"",
        "lacks operator = \"read\"",
        "lacks node_prefix and service_prefix",
        "lacks service_prefix \"\"",
    ];
    for (text, right) in texts.iter().zip(lacks) {
        assert_all(text, &[right]);
    }
    // The smallest screen does not say that all is well.
    press(&mut app, "1");
    assert_all(&screen(&mut app, 40, 8), &["LEADER n/a  n/a/n/a  n/a"]);
    came(&mut app, Update::Leader(Ok("10.0.0.2:8300".to_owned())));
    assert_all(&screen(&mut app, 120, 40), &["live, 0.0 s old"]);
}

#[test]
fn without_a_leader_the_raft_pane_is_old_and_still_there() {
    let mut app = bad(&ascii());
    came(&mut app, Update::Leader(Ok(String::new())));
    let nobody = fault(FaultKind::NoLeader, "500 No cluster leader");
    came(&mut app, Update::Health(Err(nobody)));
    let text = screen(&mut app, 120, 40);
    assert_all(
        &text,
        &[
            "NO LEADER",
            "no leader to ask",
            "srv-3 !",
            "SERVERS 2/3, tolerates 0 (0s old)",
        ],
    );
    let terminal = terminal(&mut app, 120, 40);
    let buffer = terminal.backend().buffer();
    let dim = |word: &str| {
        let place = text.lines().position(|line| line.contains(word)).unwrap();
        let line = text.lines().nth(place).unwrap();
        let column = line.chars().collect::<String>().find(word).unwrap();
        let at = (
            u16::try_from(column).unwrap(),
            u16::try_from(place).unwrap(),
        );
        buffer[at].modifier.contains(Modifier::DIM)
    };
    assert!(dim("SERVERS 2/3"));
    assert!(dim("srv-3 !"));
    assert!(!dim("NODES 5"));
    let effects = came(&mut app, Update::Leader(Ok("10.0.0.1:8300".to_owned())));
    assert_eq!(effects, [Effect::Refresh], "a leader that can be asked");
}

#[test]
fn a_silent_pulse_is_stale_and_a_beat_is_no_frame() {
    let mut app = bad(&ascii());
    came(&mut app, Update::Pulse(Ok(())));
    app.dirty = false;
    came(&mut app, Update::Pulse(Ok(())));
    assert!(!app.dirty, "nothing new");
    let late = || fault(FaultKind::Unreachable, "no answer in time");
    came(&mut app, Update::Pulse(Err(late())));
    assert!(app.dirty);
    assert_all(&screen(&mut app, 120, 40), &["STALE 0s: no answer in time"]);
    // A part that comes late does not make it live.
    came(&mut app, Update::Leader(Ok("10.0.0.2:8300".to_owned())));
    assert_all(&screen(&mut app, 120, 40), &["STALE"]);
    assert_eq!(came(&mut app, Update::Pulse(Ok(()))), [Effect::Refresh]);
    assert_all(&screen(&mut app, 120, 40), &["live"]);
}

#[test]
fn only_what_a_page_needs_is_asked() {
    let mut app = bad(&ascii());
    let wanted = |app: &mut App, letter| {
        let key = KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE);
        let effects = app.update(NOW, Event::Key(key));
        app.prepare(NOW);
        match effects.as_slice() {
            [Effect::Follow(parts)] => *parts,
            other => panic!("{other:?}"),
        }
    };
    let parts = wanted(&mut app, '3');
    assert!(!parts.contains(Subject::Coordinates) && parts.contains(Subject::Checks));
    let parts = wanted(&mut app, '5');
    assert!(parts.contains(Subject::Services) && parts.contains(Subject::Checks));
    assert_eq!(press(&mut app, "j"), [], "the same page");
    let parts = wanted(&mut app, '1');
    assert!(parts.contains(Subject::Checks) && !parts.contains(Subject::Services));
    assert_eq!(parts, app.following());
}

#[test]
fn names_of_strangers_move_no_cursor() {
    let evil = "a\u{1b}]0;pwn\u{7}b\nc\u{9b}2J";
    let member = crate::model::member::Member {
        name: evil.to_owned(),
        status: 4,
        ..Default::default()
    };
    let check = crate::model::check::HealthCheck {
        node: evil.to_owned(),
        check_id: evil.to_owned(),
        service_name: evil.to_owned(),
        name: evil.to_owned(),
        ..Default::default()
    };
    let mut app = bad(&ascii());
    came(&mut app, Update::Members(Ok(vec![member])));
    came(&mut app, Update::Checks(Ok(vec![Check::of(check)])));
    came(&mut app, Update::Leader(Ok(evil.to_owned())));
    for key in ["1", "2", "4", "5", "\n", "9", ":node a"] {
        press(&mut app, key);
        let terminal = terminal(&mut app, 120, 40);
        for cell in terminal.backend().buffer().content() {
            assert!(!cell.symbol().contains(char::is_control), "{key} {cell:?}");
        }
    }
}
