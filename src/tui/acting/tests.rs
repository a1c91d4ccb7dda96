use crossterm::event::KeyModifiers;
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Modifier;

use super::*;
use crate::model::check::Status;
use crate::tui::app::Event;
use crate::tui::derive::bad_cluster::{NOW, bad_cluster};
use crate::tui::page::View;
use crate::tui::snapshot::{Fault, FaultKind, Update};
use crate::tui::theme::Theme;
use crate::tui::thresholds::Thresholds;

/// The dashboard as it looks at the bad cluster, through the agent of `web-3`.
fn bad(gate: Gate) -> App {
    let (snapshot, seen) = bad_cluster();
    let mut app = App::looking(snapshot, seen, &Theme::default(), Thresholds::default());
    app.desk.gate = gate;
    app.prepare(NOW);
    app
}

fn key_of(letter: char) -> KeyEvent {
    let code = match letter {
        '\n' => KeyCode::Enter,
        '\u{1b}' => KeyCode::Esc,
        '\t' => KeyCode::Tab,
        '\u{8}' => KeyCode::Backspace,
        other => KeyCode::Char(other),
    };
    KeyEvent::new(code, KeyModifiers::NONE)
}

/// Presses keys; what pages ask for is left out.
fn press(app: &mut App, keys: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    for letter in keys.chars() {
        effects.extend(app.update(NOW, Event::Key(key_of(letter))));
        app.prepare(NOW);
    }
    effects.retain(|effect| !matches!(effect, Effect::Follow(_) | Effect::Want(_)));
    effects
}

fn arrive(app: &mut App, arrival: Arrival) -> Vec<Effect> {
    let effects = app.update(NOW, Event::Arrival(arrival));
    app.prepare(NOW);
    effects
}

fn screen(app: &mut App, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| views::draw(frame, app, NOW)).unwrap();
    let rows = terminal.backend().buffer().content();
    let rows = rows.chunks(usize::from(width)).map(|row| {
        let row: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
        row.trim_end().to_owned()
    });
    rows.collect::<Vec<_>>().join("\n")
}

fn told(app: &App) -> &str {
    app.desk.notice(NOW).map_or("", |notice| &notice.text)
}

fn written(effects: &[Effect]) -> Vec<String> {
    let order = |effect: &Effect| match effect {
        Effect::Write(order) => Some(order.change().title()),
        _ => None,
    };
    effects.iter().filter_map(order).collect()
}

/// Goes to the page of a node.
const TO_WEB_7: &str = ":node web-7\n";

#[test]
fn a_member_is_forced_to_leave_after_its_name_is_typed() {
    let mut app = bad(Gate::open());
    press(&mut app, TO_WEB_7);
    press(&mut app, "aF");
    assert!(matches!(app.mode, Mode::Confirm(_)));
    assert_eq!(written(&press(&mut app, "FFweb-7")), [""; 0]);
    assert_eq!(written(&press(&mut app, "\n")), ["force-leave web-7"]);
    assert_eq!(told(&app), "under way: force-leave web-7");
    assert_eq!(app.mode, Mode::Normal);
    // One at a time.
    press(&mut app, "a");
    assert_eq!(told(&app), "still at it: force-leave web-7");
    let effects = arrive(&mut app, Arrival::Done(Ok(())));
    assert_eq!(effects, [Effect::Refresh]);
    assert_eq!(told(&app), "done: force-leave web-7");
    let event = app.journal.events.front().unwrap();
    assert_eq!(
        (event.subject.as_str(), event.text.as_str()),
        ("web-7", "done: force-leave web-7")
    );
    press(&mut app, "a");
    assert!(matches!(app.mode, Mode::Menu(_)));
    press(&mut app, "a\u{1b}");
    assert_eq!(app.mode, Mode::Normal);
}

#[test]
fn a_refusal_of_the_agent_is_told_with_a_hint() {
    let mut app = bad(Gate::open());
    press(&mut app, TO_WEB_7);
    press(&mut app, "aFweb-7\n");
    let error = ActError::Agent {
        text: "403 Permission denied".to_owned(),
        hint: "start top with a token that allows this",
        source: "the source".into(),
    };
    arrive(&mut app, Arrival::Done(Err(error)));
    let text = "not done: force-leave web-7: 403 Permission denied (start top with a token that allows this)";
    assert_eq!(told(&app), text);
    assert_eq!(app.journal.events.front().unwrap().text, text);
    press(&mut app, "aFweb-7\n");
    arrive(&mut app, Arrival::Done(Err(ActError::Late(15))));
    assert!(told(&app).ends_with("no answer within 15 s, it may be done all the same"));
    // What nobody ordered has no outcome.
    assert_eq!(arrive(&mut app, Arrival::Done(Ok(()))), []);
}

#[test]
fn enter_and_escape_cancel() {
    for keys in ["\n", "\u{1b}", "F\n", "web\u{1b}"] {
        let mut app = bad(Gate::open());
        press(&mut app, TO_WEB_7);
        press(&mut app, "aF");
        assert_eq!(written(&press(&mut app, keys)), [""; 0]);
        assert_eq!(app.mode, Mode::Normal, "{keys:?}");
        assert_eq!(told(&app), "cancelled, nothing was changed");
    }
}

#[test]
fn without_write_the_menu_stays_shut() {
    let mut app = bad(Gate::default());
    press(&mut app, TO_WEB_7);
    assert_eq!(press(&mut app, "aFweb-7\n"), []);
    assert_eq!(
        told(&app),
        "read-only: start `consulctl top -write` to change something"
    );
}

#[test]
fn an_instance_is_chosen_from_those_that_the_agent_names() {
    let mut app = bad(Gate::open());
    press(&mut app, ":svc api\n");
    let lookup = Lookup {
        service: "api".to_owned(),
        only: None,
    };
    assert_eq!(press(&mut app, "a"), [Effect::Look(lookup.clone())]);
    assert!(screen(&mut app, 80, 24).contains("asking ..."));
    let one = |node: &str, id: &str, own| Instance {
        node: node.to_owned(),
        id: id.to_owned(),
        address: "10.0.0.8:80".to_owned(),
        own,
        maintenance: false,
        status: Status::Critical,
    };
    let instances = Instances {
        found: vec![one("web-3", "api-1", true), one("cache-2", "api-2", false)],
        total: 2,
    };
    let came = Ok(instances.clone());
    arrive(&mut app, Arrival::Instances(lookup.clone(), came));
    let text = screen(&mut app, 80, 24);
    assert!(
        text.contains("B  api-1 on web-3 10.0.0.8:80 critical, of this agent"),
        "{text}"
    );
    press(&mut app, "CD");
    let text = screen(&mut app, 100, 24);
    for part in [
        "deregister api-2 on cache-2",
        "leave the catalog",
        "curl -X PUT",
        "Type api-2 to do it:  _",
        "[ Cancel ]  [ Do it ]",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(
        written(&press(&mut app, "api-2\n")),
        ["deregister api-2 on cache-2"]
    );
    // An answer that nobody waits for any more opens nothing.
    arrive(&mut app, Arrival::Instances(lookup, Ok(instances)));
    assert_eq!(app.mode, Mode::Normal);
}

#[test]
fn a_check_names_its_instance() {
    let mut app = bad(Gate::open());
    press(&mut app, "4");
    let lookup = Lookup {
        service: "api".to_owned(),
        only: Some(("web-3".to_owned(), "api".to_owned())),
    };
    press(&mut app, "/8080\n");
    assert_eq!(press(&mut app, "a"), [Effect::Look(lookup.clone())]);
    arrive(&mut app, Arrival::Instances(lookup, Err(ActError::Lost)));
    assert_eq!(app.mode, Mode::Normal);
    assert_eq!(
        told(&app),
        "the instances of api: the request ended without an answer"
    );
}

#[test]
fn the_header_tells_whether_keys_can_change_something() {
    let mut app = bad(Gate::default());
    let text = screen(&mut app, 120, 24);
    assert!(text.contains("READ-ONLY") && !text.contains("a actions"));
    let mut app = bad(Gate::open());
    let mut terminal = Terminal::new(TestBackend::new(120, 24)).unwrap();
    terminal
        .draw(|frame| views::draw(frame, &mut app, NOW))
        .unwrap();
    let first = &terminal.backend().buffer().content()[..120];
    let reversed: String = first
        .iter()
        .filter(|cell| cell.modifier.contains(Modifier::REVERSED))
        .map(ratatui::buffer::Cell::symbol)
        .collect();
    assert_eq!(reversed, "WRITE");
    assert!(screen(&mut app, 120, 24).contains("a actions"));
    assert!(screen(&mut app, 50, 8).contains("WRITE"));
}

#[test]
fn another_agent_is_asked_and_the_first_one_again() {
    let mut app = bad(Gate::default());
    let lost = Fault {
        kind: FaultKind::Unreachable,
        text: "connection refused".to_owned(),
    };
    app.update(NOW, Event::Answer(Update::Agent(Err(lost)), None));
    app.prepare(NOW);
    let text = screen(&mut app, 120, 24);
    assert!(text.contains("(^r now, :via srv-1)"), "{text}");
    let to = |address: &str| Effect::Via(address.to_owned());
    let there = "http://10.0.0.1:8500";
    assert_eq!(press(&mut app, ":via srv-1\n"), [to(there)]);
    // The old picture stays until the new agent is asked.
    assert!(!app.picture.nodes.is_empty());
    arrive(&mut app, Arrival::Moved(there.to_owned()));
    assert!(app.picture.nodes.is_empty());
    assert_eq!(app.snapshot.address, there);
    let event = app.journal.events.front().unwrap();
    let text = "http://10.0.0.1:8500 is asked, not http://127.0.0.1:8500 any more";
    assert_eq!(event.text, text);
    assert_eq!(
        app.candidates("via "),
        [
            "via -",
            "via srv-1",
            "via srv-2",
            "via srv-3",
            "via cache-2",
            "via web-3"
        ]
    );
    assert_eq!(press(&mut app, ":via -\n"), [to("http://127.0.0.1:8500")]);
    assert_eq!(press(&mut app, ":via nosuch\n"), []);
    assert_eq!(
        told(&app),
        "no member is named nosuch; an address is HOST:PORT"
    );
    assert_eq!(app.snapshot.address, there);
    let late = Arrival::NotMoved("x:1".to_owned(), ActError::Lost);
    arrive(&mut app, late);
    assert!(told(&app).starts_with("x:1 cannot be asked: "));
    press(&mut app, ":via s3\t");
    assert_eq!(app.mode, Mode::Palette("via srv-3".to_owned()));
}

#[test]
fn menus_and_questions_fit_any_screen() {
    let mut app = bad(Gate::open());
    press(&mut app, TO_WEB_7);
    for keys in ["a", "F", "we", "\n"] {
        press(&mut app, keys);
        for width in (1..100).step_by(7) {
            for height in 1..30 {
                screen(&mut app, width, height);
            }
        }
    }
    // What must be typed is seen on small ones.
    let text = screen(&mut app, 40, 8);
    assert!(text.contains("Type web-7 to do it:  we_"), "{text}");
    assert!(text.contains("[ Cancel ]"), "{text}");
}

fn any_key() -> impl Strategy<Value = KeyEvent> {
    let letters = prop::sample::select(
        "aFMUTRDBCweb-7srv 123459:/?zfq<>RjkgGnodeica\n\n\u{1b}\u{8}\t"
            .chars()
            .collect::<Vec<_>>(),
    );
    let other = prop::sample::select(vec![
        KeyEvent::new(KeyCode::Char('r'), KeyModifiers::CONTROL),
        KeyEvent::new(KeyCode::Char('d'), KeyModifiers::CONTROL),
        KeyEvent::new(KeyCode::Char('F'), KeyModifiers::SHIFT),
        KeyEvent::new(KeyCode::Char('a'), KeyModifiers::ALT),
        KeyEvent::new(KeyCode::Down, KeyModifiers::NONE),
        KeyEvent::new(KeyCode::Delete, KeyModifiers::NONE),
        KeyEvent::new(KeyCode::F(1), KeyModifiers::NONE),
    ]);
    prop_oneof![6 => letters.prop_map(key_of), 1 => other]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// In read-only mode no keys, from any place, with any answers in between, lead to a change.
    #[test]
    fn read_only_means_that_nothing_is_written(
        start in prop::sample::select(vec!["", "2", "3", "4", "5", TO_WEB_7, ":svc api\n", ":node srv-3\n"]),
        keys in prop::collection::vec(any_key(), 0..80),
    ) {
        let mut app = bad(Gate::default());
        press(&mut app, start);
        // Keys that would change something in write mode.
        let mut effects = press(&mut app, "aFweb-7\naRsrv-3\naTsrv-3\n");
        for key in keys {
            for effect in app.update(NOW, Event::Key(key)) {
                if let Effect::Look(lookup) = &effect {
                    let found = vec![Instance { id: "w".to_owned(), own: true, ..Instance::default() }];
                    let came = Ok(Instances { found, total: 1 });
                    app.update(NOW, Event::Arrival(Arrival::Instances(lookup.clone(), came)));
                }
                effects.push(effect);
            }
            app.prepare(NOW);
        }
        prop_assert!(effects.iter().all(|it| !matches!(it, Effect::Write(_) | Effect::Look(_))));
        prop_assert!(!matches!(app.mode, Mode::Menu(_) | Mode::Confirm(_)));
    }

    /// In write mode keys without the last letter of any name change nothing, however they are mashed.
    #[test]
    fn mashing_changes_nothing(
        start in prop::sample::select(vec!["2", "3", TO_WEB_7, ":node srv-3\n", ":node srv-2\n"]),
        keys in prop::collection::vec(prop::sample::select("aaFFMTRRDDwebsrvcolach-\n\n\n\u{1b}\t\u{8} jk".chars().collect::<Vec<_>>()), 0..120),
    ) {
        let mut app = bad(Gate::open());
        press(&mut app, start);
        for key in keys {
            let effects = press(&mut app, &key.to_string());
            prop_assert_eq!(written(&effects), Vec::<String>::new());
        }
    }
}

#[test]
fn every_view_has_a_subject_or_says_that_it_has_none() {
    for view in View::ALL {
        let mut app = bad(Gate::open());
        press(&mut app, &format!(":{}\n", view.name()));
        // The first row of the overview is about the whole cluster.
        press(&mut app, "ja");
        let open = matches!(app.mode, Mode::Menu(_));
        let nothing = matches!(view, View::Events | View::Kv | View::Logs);
        assert_eq!(open, !nothing, "{view:?}: {}", told(&app));
    }
}
