use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::tui::acting::{ActError, Arrival};
use crate::tui::app::Event;
use crate::tui::derive::bad_cluster::{NOW, bad_cluster};
use crate::tui::snapshot::{Fault, FaultKind, Update};
use crate::tui::theme::Theme;
use crate::tui::thresholds::Thresholds;
use crate::tui::views;
use crate::tui::write::Gate;

fn place(name: &str, read_only: bool) -> Place {
    Place {
        name: name.to_owned(),
        accent: Accent::named("red"),
        read_only,
    }
}

/// At the bad cluster, with write mode and three contexts.
fn app() -> App {
    let (snapshot, seen) = bad_cluster();
    let mut app = App::looking(snapshot, seen, &Theme::default(), Thresholds::default());
    app.desk.gate = Gate::open();
    app.desk.contexts = Contexts {
        all: vec![
            place("dev", false),
            place("dev2", false),
            place("prod", true),
        ],
        here: Some(place("dev", false)),
        writes: true,
    };
    app.prepare(NOW);
    app
}

fn press(app: &mut App, keys: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    for letter in keys.chars() {
        let code = match letter {
            '\n' => KeyCode::Enter,
            '\t' => KeyCode::Tab,
            other => KeyCode::Char(other),
        };
        effects.extend(app.update(NOW, Event::Key(KeyEvent::new(code, KeyModifiers::NONE))));
        app.prepare(NOW);
    }
    effects.retain(|effect| !matches!(effect, Effect::Follow(_) | Effect::Want(_)));
    effects
}

fn first_line(app: &mut App, width: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, 24)).unwrap();
    terminal.draw(|frame| views::draw(frame, app, NOW)).unwrap();
    let cells = terminal.backend().buffer().content();
    let row = cells[..usize::from(width)].iter();
    row.map(ratatui::buffer::Cell::symbol).collect()
}

fn told(app: &App) -> &str {
    app.desk.notice(NOW).map_or("", |notice| &notice.text)
}

#[test]
fn the_palette_completes_contexts_and_goes_there() {
    let mut app = app();
    assert_eq!(app.candidates("ct"), ["ctx "]);
    assert_eq!(app.candidates("ctx p"), ["ctx prod"]);
    assert_eq!(app.candidates("ctx de"), ["ctx dev", "ctx dev2"]);
    let to = |name: &str| [Effect::Context(name.to_owned())];
    assert_eq!(press(&mut app, ":ctx pd\n"), to("prod"));
    assert_eq!(press(&mut app, ":ctx d2\t\n"), to("dev2"));
    assert_eq!(press(&mut app, ":ctx dev\n"), to("dev"), "its exact name");
    assert!(press(&mut app, ":ctx zz\n").is_empty());
    assert_eq!(told(&app), "there is no context \"zz\"");
    assert!(press(&mut app, ":ctx\n").is_empty());
    assert_eq!(told(&app), "which context? :ctx NAME");
    app.desk.contexts.all.clear();
    assert!(press(&mut app, ":ctx prod\n").is_empty());
    assert!(told(&app).starts_with("config.toml has no contexts"));
}

#[test]
fn another_context_begins_anew_and_may_be_read_only() {
    let mut app = app();
    assert!(first_line(&mut app, 140).contains("ctx dev   dc1"));
    press(&mut app, ":node web-7\naF");
    assert!(matches!(app.mode, Mode::Confirm(_)));
    let entered = |name: &str| Arrival::Entered(name.to_owned(), "http://10.9.9.9:8500".to_owned());
    app.update(NOW, Event::Arrival(entered("prod")));
    app.prepare(NOW);
    assert_eq!(app.mode, Mode::Normal, "no question about the old cluster");
    assert_eq!(app.path(), "members");
    assert!(app.picture.nodes.is_empty());
    assert!(!app.desk.gate.is_open());
    assert!(told(&app).contains("read-only"), "{}", told(&app));
    let line = first_line(&mut app, 140);
    assert!(
        line.contains("ctx prod") && line.contains("READ-ONLY"),
        "{line}"
    );
    assert_eq!(
        app.candidates("via srv"),
        [""; 0],
        "nobody of the old cluster"
    );
    assert_eq!(
        press(&mut app, ":via -\n"),
        [Effect::Via("http://10.9.9.9:8500".to_owned())],
        "the token goes to no agent of another context"
    );
    app.update(NOW, Event::Arrival(entered("dev2")));
    assert!(app.desk.gate.is_open());
    app.desk.contexts.writes = false;
    app.update(NOW, Event::Arrival(entered("dev2")));
    assert!(!app.desk.gate.is_open());
}

#[test]
fn a_context_that_fails_stays_open_and_is_stale() {
    let mut app = app();
    let arrival = Arrival::Entered("prod".to_owned(), "http://10.9.9.9:8500".to_owned());
    app.update(NOW, Event::Arrival(arrival));
    let fault = Fault {
        kind: FaultKind::Unreachable,
        text: "connection refused".to_owned(),
    };
    app.update(NOW, Event::Answer(Update::Pulse(Err(fault)), None));
    app.prepare(NOW);
    let line = first_line(&mut app, 140);
    assert!(
        line.contains("STALE, no answer yet: connection refused"),
        "{line}"
    );
    assert!(line.contains("ctx prod"), "{line}");
    // What cannot even be asked changes nothing.
    let lost = Arrival::NotMoved("the context dev".to_owned(), ActError::Lost);
    app.update(NOW, Event::Arrival(lost));
    assert!(told(&app).starts_with("the context dev cannot be asked: "));
    assert!(first_line(&mut app, 140).contains("ctx prod"));
}
