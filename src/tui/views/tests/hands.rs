//! The mouse, and what is copied.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};

use super::*;
use crate::model::kv::KvPair;
use crate::tui::clipboard::MAX_BYTES;
use crate::tui::demand::Found;
use crate::tui::kv::Opened;

fn mouse(app: &mut App, kind: MouseEventKind, column: u16, row: u16) {
    let modifiers = KeyModifiers::NONE;
    let event = MouseEvent {
        kind,
        column,
        row,
        modifiers,
    };
    app.update(NOW, Event::Mouse(event));
    app.prepare(NOW);
}

/// Clicks where a text stands.
fn click(app: &mut App, text: &str) {
    let shown = screen(app, 120, 40);
    let (row, line) = shown
        .lines()
        .enumerate()
        .find(|(_, line)| line.contains(text))
        .unwrap_or_else(|| panic!("{text:?} is not in\n{shown}"));
    let column = line[..line.find(text).unwrap()].chars().count();
    let place = (u16::try_from(column).unwrap(), u16::try_from(row).unwrap());
    mouse(
        app,
        MouseEventKind::Down(MouseButton::Left),
        place.0,
        place.1,
    );
}

fn told(app: &App) -> &str {
    app.desk.notice(NOW).map_or("", |notice| &notice.text)
}

#[test]
fn the_mouse_does_nothing_until_it_is_on() {
    let mut app = bad(&ascii());
    press(&mut app, "2");
    let before = app.selected().map(|row| row.id);
    click(&mut app, "web-3");
    mouse(&mut app, MouseEventKind::ScrollDown, 5, 10);
    assert_eq!(app.selected().map(|row| row.id), before);
    assert!(!screen(&mut app, 120, 40).contains("Shift-drag"));
    let effects = press(&mut app, "m");
    assert!(effects.contains(&Effect::Mouse(true)), "{effects:?}");
    assert!(told(&app).contains("Shift-drag selects text"));
    assert!(screen(&mut app, 120, 40).contains("Shift-drag selects text"));
    assert!(press(&mut app, "m").contains(&Effect::Mouse(false)));
}

#[test]
fn clicks_select_sort_and_open_views() {
    let mut app = bad(&ascii());
    press(&mut app, "m");
    click(&mut app, " 2 members");
    assert_eq!(app.view(), View::Members);
    click(&mut app, "web-7 ");
    assert_eq!(app.selected().unwrap().id, "web-7");
    let place = |app: &App| app.table().sort;
    let name = "SCORE";
    let columns = crate::tui::views::columns(View::Members);
    let score = columns.iter().position(|column| column.name == name);
    click(&mut app, name);
    assert_eq!(place(&app), score.map(|column| (column, false)));
    click(&mut app, name);
    assert_eq!(place(&app), score.map(|column| (column, true)));
    assert_eq!(app.selected().unwrap().id, "web-7", "it stays selected");
    press(&mut app, "g");
    let first = app.selected().unwrap().id;
    mouse(&mut app, MouseEventKind::ScrollDown, 5, 10);
    assert_ne!(app.selected().unwrap().id, first);
    mouse(&mut app, MouseEventKind::ScrollUp, 5, 10);
    assert_eq!(app.selected().unwrap().id, first);
    // Nothing is there, or something is open over it.
    mouse(&mut app, MouseEventKind::Down(MouseButton::Left), 119, 39);
    press(&mut app, ":");
    mouse(&mut app, MouseEventKind::Down(MouseButton::Left), 5, 3);
    assert_eq!(app.view(), View::Members);
}

fn copied(effects: &[Effect]) -> Option<&str> {
    effects.iter().find_map(|effect| match effect {
        Effect::Copy(text) => Some(text.as_str()),
        _ => None,
    })
}

#[test]
fn ids_are_copied() {
    let mut app = bad(&ascii());
    press(&mut app, "2");
    let id = app.selected().unwrap().id;
    assert_eq!(copied(&press(&mut app, "y")), Some(id.as_str()));
    assert_eq!(
        told(&app),
        format!("copied, if the terminal allows it: {id}")
    );
    press(&mut app, "4");
    let check = copied(&press(&mut app, "y")).unwrap().to_owned();
    let effects = press(&mut app, "\ny");
    let output = copied(&effects).unwrap();
    let page = app.page();
    assert!(
        matches!(&page, Page::Check(_, id) if *id == check),
        "{page:?}"
    );
    let found = app.picture.checks.iter().find(|it| *it.id == *check);
    assert_eq!(output, &*found.unwrap().output);
    let effects = press(&mut app, ":svc api\ny");
    assert_eq!(copied(&effects), Some("api"));
}

#[test]
fn values_are_copied_if_they_are_not_too_large() {
    let mut app = bad(&ascii());
    app.update(NOW, Event::Tick);
    for (size, fits) in [(10, true), (MAX_BYTES + 1, false)] {
        app.panes.kv = crate::tui::kv::Browser::default();
        let mut opened = Opened::new(&KvPair::default(), None);
        // What is shown of large values is cut before.
        opened.lines = vec!["v".repeat(size)];
        app.show(Page::default());
        app.show(Page::Key("k".to_owned()));
        assert_eq!(copied(&press(&mut app, "y")), None, "it is not known yet");
        let found = Found::Value("k".to_owned(), Ok(Some(Box::new(opened))));
        app.update(NOW, Event::Found(found));
        assert_eq!(copied(&press(&mut app, "y")).is_some(), fits);
        assert_eq!(
            told(&app).starts_with("too large to copy: 74001 bytes"),
            !fits
        );
    }
}
