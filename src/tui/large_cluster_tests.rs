//! A cluster of 5000 nodes and 20 000 checks on the screen.

use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::app::{App, Event};
use super::check::Check;
use super::snapshot::{Millis, Update};
use super::theme::{ASCII, Palette, Theme};
use super::thresholds::Thresholds;
use super::views::draw;
use crate::model::check::HealthCheck;

#[path = "../../tests/support/large_cluster.rs"]
mod large_cluster;

const NOW: Millis = 1_767_355_471_000;
/// The tests run without optimisation; the benchmark measures the program itself.
const UNOPTIMISED: u32 = if cfg!(debug_assertions) { 6 } else { 1 };
const FRAME: Duration = Duration::from_millis(50);

fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn checks(turn: usize) -> Vec<Arc<Check>> {
    let found: Vec<HealthCheck> = read(large_cluster::checks(turn));
    found.into_iter().map(Check::of).collect()
}

struct Watched {
    app: App,
    terminal: Terminal<TestBackend>,
    now: Millis,
}

impl Watched {
    fn new() -> Self {
        let theme = Theme {
            palette: Palette::Mono,
            glyphs: ASCII,
        };
        let mut app = App::new("http://h:8500", theme, Thresholds::default());
        let updates = [
            Update::Leader(Ok("10.1.0.0:8300".to_owned())),
            Update::Members(Ok(read(large_cluster::members()))),
            Update::Services(Ok(read(large_cluster::services()))),
            Update::Health(Ok(read(large_cluster::health()))),
            Update::Coordinates(Ok(read(large_cluster::coordinates()))),
            Update::Checks(Ok(checks(0))),
        ];
        for update in updates {
            app.update(NOW, Event::Answer(update, None));
        }
        let terminal = Terminal::new(TestBackend::new(120, 40)).unwrap();
        Self {
            app,
            terminal,
            now: NOW,
        }
    }

    fn press(&mut self, keys: &str) {
        for key in keys.chars() {
            let code = if key == '\n' {
                KeyCode::Enter
            } else {
                KeyCode::Char(key)
            };
            let key = KeyEvent::new(code, KeyModifiers::NONE);
            self.app.update(self.now, Event::Key(key));
        }
    }

    /// Draws, and tells how much of the processor's time it took: other tests run beside.
    fn frame(&mut self) -> Duration {
        self.now += 100;
        let began = processor_time();
        self.app.prepare(self.now);
        let (app, now) = (&mut self.app, self.now);
        self.terminal.draw(|frame| draw(frame, app, now)).unwrap();
        processor_time().saturating_sub(began)
    }

    fn text(&self) -> String {
        let cells = self.terminal.backend().buffer().content();
        cells.iter().map(ratatui::buffer::Cell::symbol).collect()
    }
}

/// What this thread has had of the processor.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap()
}

/// The quickest of some frames: others may have lost the processor's caches.
fn quickest(frames: impl Iterator<Item = Duration>) -> Duration {
    frames.min().unwrap_or_default()
}

#[test]
fn frames_of_a_large_cluster_are_quick_in_every_view() {
    let mut watched = Watched::new();
    watched.frame();
    // All of it, none of it, sorted, filtered, a node, a service of 50 checks.
    for keys in [
        "1",
        "2",
        "5",
        "4",
        "G",
        ">>",
        "R",
        "/turn\n",
        "z",
        ":svc app-7\n",
        "G",
    ] {
        watched.press(keys);
        let first = watched.frame();
        let took = quickest((0..5).map(|_| watched.frame()));
        assert!(took < FRAME, "{keys:?}: {took:?}, the first {first:?}");
    }
}

#[test]
fn frames_are_quick_while_checks_change() {
    let mut watched = Watched::new();
    watched.press("4");
    watched.frame();
    let mut turns: Vec<_> = (1..4).map(checks).collect();
    let took = quickest((1..4).map(|_| {
        let update = Update::Checks(Ok(turns.remove(0)));
        watched.now += 500;
        watched.app.update(watched.now, Event::Answer(update, None));
        watched.frame()
    }));
    assert!(took < FRAME * UNOPTIMISED, "{took:?}");
    let text = watched.text();
    assert!(text.contains("CHECKS 19900 ok 50 ! 50 x"), "{text}");
    assert!(text.contains("00:00:00"), "what changed is new: {text}");
}

#[test]
fn what_newer_answers_do_not_change_is_not_made_again() {
    let mut watched = Watched::new();
    watched.press("4");
    watched.frame();
    let (versions, checks) = (
        watched.app.picture.versions,
        watched.app.picture.checks.as_ptr(),
    );
    let update = Update::Leader(Ok("10.1.0.1:8300".to_owned()));
    watched
        .app
        .update(watched.now + 1, Event::Answer(update, None));
    watched.frame();
    let picture = &watched.app.picture;
    assert_eq!(
        picture.leader.as_ref().map(|it| it.name.as_str()),
        Some("node-0001")
    );
    assert_eq!(picture.checks.as_ptr(), checks);
    assert_eq!(picture.versions.services, versions.services);
    assert_eq!(
        picture.versions.nodes,
        versions.nodes + 1,
        "the leader is marked"
    );
}

#[test]
fn scrolling_stops_at_the_end_of_a_page() {
    let mut watched = Watched::new();
    watched.frame();
    watched.press(":svc app-7\n");
    watched.frame();
    watched.press("G");
    watched.frame();
    let last = watched.text();
    assert!(last.contains("passing"), "{last}");
    watched.press("k");
    watched.frame();
    assert_ne!(watched.text(), last, "one line back is seen at once");
}
