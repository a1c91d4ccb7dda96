//! The log as a whole: what is said here comes out there.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use super::*;

/// A buffer that the log writes to and the test reads.
#[derive(Clone, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl Screen {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("is whole").clone()).expect("is text")
    }

    /// The lines that contain `marker`: other tests of this process log too.
    fn lines(&self, marker: &str) -> Vec<String> {
        self.text()
            .lines()
            .filter(|line| line.contains(marker))
            .map(str::to_owned)
            .collect()
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("is whole").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn start(edit: impl FnOnce(&mut TelemetrySettings)) -> (Telemetry, Screen) {
    let screen = Screen::default();
    let mut settings = TelemetrySettings {
        output: Output::Writer(Box::new(screen.clone())),
        zone: Some(jiff::tz::TimeZone::UTC),
        ..TelemetrySettings::default()
    };
    edit(&mut settings);
    (Telemetry::init(settings).expect("starts"), screen)
}

/// The next line of a subscription that contains `marker`.
async fn next_with(subscription: &mut Subscription, marker: &str) -> String {
    loop {
        let line = subscription.next().await.expect("the log goes on");
        let line = String::from_utf8(line.to_vec()).expect("is text");
        if line.contains(marker) {
            return line;
        }
    }
}

#[test]
fn a_line_looks_like_consuls() {
    let (telemetry, screen) = start(|_| {});
    tracing::info!(target: "agent.server", node = "a b", "last-leader" = "", term = 2, "shape-1 done");
    tracing::debug!(target: "agent.server", "shape-1 is not for everybody");
    assert!(telemetry.flush());
    let lines = screen.lines("shape-1");
    assert_eq!(lines.len(), 1, "{lines:?}");
    let (time, rest) = lines[0].split_at(28);
    assert!(time.starts_with("    20") && time.ends_with('Z'), "{time}");
    assert_eq!(
        rest,
        " [INFO]  agent.server: shape-1 done: node=\"a b\" last-leader= term=2"
    );
}

#[test]
fn json_lines_are_objects() {
    let (telemetry, screen) = start(|settings| settings.json = true);
    tracing::warn!(target: "agent", error = %io::Error::other("b<c"), count = 3_u64, "json-1");
    assert!(telemetry.flush());
    let line = screen.lines("json-1").remove(0);
    let value: serde_json::Value = serde_json::from_str(line.trim()).expect("is JSON");
    assert_eq!(value["@level"], "warn");
    assert_eq!(value["@module"], "agent");
    assert_eq!(
        (&value["error"], &value["count"]),
        (&"b<c".into(), &3.into())
    );
}

#[test]
fn the_level_can_be_changed() {
    let (telemetry, screen) = start(|settings| settings.level = Level::Error);
    let say = |what: &str| tracing::debug!(target: "agent", "level-1 {what}");
    say("before");
    telemetry.set_level(Level::Debug);
    say("between");
    telemetry.set_level(Level::Warn);
    say("after");
    assert!(telemetry.flush());
    let lines = screen.lines("level-1");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].ends_with("between"));
}

#[tokio::test]
async fn a_subscriber_has_a_level_of_its_own() {
    let (telemetry, screen) = start(|settings| settings.level = Level::Warn);
    let mut text = telemetry.monitor(Level::Trace, false);
    let mut json = telemetry.monitor(Level::Info, true);
    tracing::trace!(target: "agent.dns", "monitor-1 detail");
    tracing::info!(target: "agent.dns", "monitor-1 fact");
    let line = next_with(&mut text, "monitor-1").await;
    assert!(
        line.ends_with("[TRACE] agent.dns: monitor-1 detail\n"),
        "{line}"
    );
    assert!(next_with(&mut text, "monitor-1").await.ends_with("fact\n"));
    let line = next_with(&mut json, "monitor-1").await;
    assert!(
        line.starts_with(r#"{"@level":"info","@message":"monitor-1 fact""#),
        "{line}"
    );
    assert!(telemetry.flush());
    assert!(
        screen.lines("monitor-1").is_empty(),
        "the agent's own level is untouched"
    );
    assert_eq!(telemetry.level(), Level::Warn);
}

#[tokio::test]
async fn a_slow_subscriber_is_told_what_it_missed() {
    let (telemetry, _screen) = start(|settings| settings.level = Level::Error);
    let mut slow = telemetry.monitor(Level::Warn, false);
    for number in 0..SUBSCRIPTION_LINES + 50 {
        tracing::warn!(target: "agent", number, "slow-1");
    }
    assert!(telemetry.flush());
    assert!(slow.dropped() >= 50, "{}", slow.dropped());
    for _ in 0..SUBSCRIPTION_LINES {
        slow.next().await.expect("the log goes on");
    }
    tracing::warn!(target: "agent", "slow-1 is back");
    let line = next_with(&mut slow, "Dropped logs").await;
    assert!(line.contains("dropped_count="), "{line}");
    assert!(next_with(&mut slow, "slow-1").await.contains("is back"));
}

#[tokio::test]
async fn subscriptions_end_with_the_log() {
    let (telemetry, _screen) = start(|_| {});
    let mut subscription = telemetry.monitor(Level::Error, false);
    telemetry.shutdown();
    while subscription.next().await.is_some() {}
}

#[test]
fn the_banner_comes_first_and_plain_lines_keep_their_place() {
    let (telemetry, screen) = start(|settings| settings.gated = true);
    tracing::info!(target: "agent", "gate-1 held");
    telemetry.say("==> gate-1 banner");
    telemetry.open_gate();
    tracing::info!(target: "agent", "gate-1 free");
    telemetry.say("==> gate-1 running");
    assert!(telemetry.flush());
    let lines = screen.lines("gate-1");
    let ends: Vec<&str> = lines
        .iter()
        .filter_map(|line| line.split("gate-1 ").nth(1))
        .collect();
    assert_eq!(ends, ["banner", "held", "free", "running"]);
    assert!(
        lines[0].starts_with("==>") && lines[1].starts_with("    20"),
        "{lines:?}"
    );
}

#[test]
fn held_lines_are_not_lost_when_the_agent_ends_early() {
    let (telemetry, screen) = start(|settings| settings.gated = true);
    tracing::error!(target: "agent", "early-1");
    drop(telemetry);
    assert_eq!(screen.lines("early-1").len(), 1);
}

#[test]
fn the_file_gets_lines_without_indentation_and_a_broken_sink_is_said_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let logs = folder.path().join("logs");
    std::fs::create_dir(&logs).expect("is created");
    let path = format!("{}/", logs.display());
    let (telemetry, screen) = start(|settings| {
        settings.file = Some(FileSettings {
            max_bytes: 1,
            ..FileSettings::new(path)
        });
    });
    tracing::info!(target: "agent", "file-1");
    assert!(telemetry.flush());
    let file = std::fs::read_dir(&logs)
        .expect("is there")
        .next()
        .expect("one file");
    let text = std::fs::read_to_string(file.expect("is readable").path()).expect("is readable");
    assert!(
        text.starts_with("20") && text.contains("[INFO]  agent: "),
        "{text}"
    );
    std::fs::rename(&logs, folder.path().join("gone")).expect("is moved");
    for _ in 0..3 {
        tracing::info!(target: "agent", "file-1 again");
        assert!(telemetry.flush());
    }
    assert_eq!(
        screen.lines("cannot write the log to the log file").len(),
        1,
        "{}",
        screen.text()
    );
    assert_eq!(screen.lines("file-1").len(), 4);
}

#[test]
fn spans_and_chatty_crates_are_silent() {
    let (telemetry, screen) = start(|settings| settings.level = Level::Trace);
    let span = tracing::error_span!("chatty-1 span");
    span.in_scope(|| tracing::info!(target: "hyper::proto", "chatty-1 info"));
    tracing::warn!(target: "openraft::core", "chatty-1 warning");
    tracing::error!(target: "openraft::core", "chatty-1 error");
    assert!(telemetry.flush());
    let lines = screen.lines("chatty-1");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].ends_with("[ERROR] agent.server.raft: chatty-1 error"));
}

#[test]
fn whoever_asks_first_gets_the_truth() {
    let (telemetry, _screen) = start(|settings| settings.level = Level::Trace);
    assert!(tracing::enabled!(target: "agent.http", tracing::Level::DEBUG));
    assert!(!tracing::enabled!(target: "hyper::proto", tracing::Level::DEBUG));
    drop(telemetry);
}

#[test]
fn every_line_is_json_when_json_is_wanted() {
    let (telemetry, screen) = start(|settings| settings.json = true);
    telemetry.say("==> Starting");
    tracing::info!(target: "agent", "all-json-1");
    assert!(telemetry.flush());
    assert!(!screen.text().contains("==>"), "{}", screen.text());
    assert_eq!(screen.lines("all-json-1").len(), 1);
}
