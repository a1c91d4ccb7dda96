use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::sync::{mpsc, watch};

use super::*;
use crate::agent::remote_exec::{RemoteExec, WriteFailure};
use crate::model::event::UserEvent;
use crate::model::kv::Blob;
use crate::model::remote_exec::{Call, Job};

/// Keys in memory.
#[derive(Default)]
struct Keys {
    keys: Mutex<BTreeMap<String, Bytes>>,
    /// How many there are; and whether the session has ended.
    written: watch::Sender<usize>,
    gone: watch::Sender<bool>,
}

#[derive(Clone, Default)]
struct Memory(Arc<Keys>);

impl Desk for Memory {
    async fn read(&self, key: &str) -> Result<Option<Bytes>, String> {
        Ok(self.0.keys.lock().unwrap().get(key).cloned())
    }

    async fn leave(&self, session: &str, key: &str, value: Bytes) -> Result<(), WriteFailure> {
        assert_eq!(session, "s");
        if *self.0.gone.borrow() {
            return Err(WriteFailure::Gone);
        }
        let mut keys = self.0.keys.lock().unwrap();
        keys.insert(key.to_owned(), value);
        self.0.written.send_replace(keys.len());
        Ok(())
    }
}

impl Memory {
    fn texts(&self) -> Vec<(String, String)> {
        let keys = self.0.keys.lock().unwrap();
        let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
        keys.iter()
            .map(|(key, value)| (key.clone(), text(value)))
            .collect()
    }
}

fn event() -> UserEvent {
    let call = Call {
        prefix: "p".to_owned(),
        session: "s".to_owned(),
    };
    UserEvent {
        payload: Blob(serde_json::to_vec(&call).unwrap().into()),
        ..UserEvent::default()
    }
}

fn with_job(job: &Job) -> Memory {
    let desk = Memory::default();
    let job = serde_json::to_vec(job).unwrap();
    let mut keys = desk.0.keys.lock().unwrap();
    keys.insert("p/s/job".to_owned(), job.into());
    drop(keys);
    desk
}

/// Carries a job out; what was left beside it.
async fn left(job: Job) -> Vec<(String, String)> {
    let desk = with_job(&job);
    let (sender, events) = mpsc::channel(1);
    sender.send(event()).await.unwrap();
    drop(sender);
    RemoteExec::new(desk.clone(), "n1").run(events).await;
    let texts = desk.texts();
    let texts = texts.into_iter().filter(|(key, _)| key != "p/s/job");
    texts
        .map(|(key, text)| (key.replace("p/s/n1/", ""), text))
        .collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(key, text): &(&str, &str)| ((*key).to_owned(), (*text).to_owned());
    pairs.iter().map(owned).collect()
}

const LONG: i64 = 60_000_000_000;

#[tokio::test]
async fn output_and_exit_code_are_left() {
    let found = left(Job {
        command: "echo out; exit 3".to_owned(),
        wait: LONG,
        ..Job::default()
    });
    let expected = [("ack", ""), ("exit", "3"), ("out/00000", "out\n")];
    assert_eq!(found.await, pairs(&expected));
    let found = left(Job {
        args: ["echo", "a  b"].map(str::to_owned).to_vec(),
        wait: LONG,
        ..Job::default()
    });
    let expected = [("ack", ""), ("exit", "0"), ("out/00000", "a  b\n")];
    assert_eq!(found.await, pairs(&expected));
    let found = left(Job {
        script: Blob(Bytes::from_static(
            b"#!/bin/sh\necho script >&2; kill -9 $$",
        )),
        wait: LONG,
        ..Job::default()
    });
    let found = found.await;
    assert_eq!(found[0], ("ack".to_owned(), String::new()));
    // A shell in between tells a signal by a code.
    assert!(["-1", "137"].contains(&found[1].1.as_str()), "{found:?}");
    assert!(found[2].1.starts_with("script\n"), "{found:?}");
}

#[tokio::test]
async fn what_goes_on_in_the_background_is_heard_to_its_end() {
    let found = left(Job {
        // The shell ends long before.
        command: "(sleep 1; echo late) & exit 5".to_owned(),
        wait: LONG,
        ..Job::default()
    });
    let expected = [("ack", ""), ("exit", "5"), ("out/00000", "late\n")];
    assert_eq!(found.await, pairs(&expected));
}

#[tokio::test]
async fn what_cannot_start_says_so() {
    let found = left(Job {
        args: vec!["/nonexistent/x".to_owned()],
        wait: LONG,
        ..Job::default()
    });
    assert_eq!(found.await, pairs(&[("ack", ""), ("exit", "255")]));
    assert_eq!(left(Job::default()).await, []);
}

#[tokio::test]
async fn long_output_comes_in_pieces() {
    let found = left(Job {
        command: "head -c 9000 /dev/zero | tr '\\0' x".to_owned(),
        wait: LONG,
        ..Job::default()
    });
    let found = found.await;
    let sizes: Vec<usize> = found[2..].iter().map(|(_, text)| text.len()).collect();
    assert_eq!(sizes, [PIECE, PIECE, 9000 - 2 * PIECE]);
}

#[tokio::test]
async fn silence_is_broken_by_signs_of_life_and_ends_with_the_session() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let desk = with_job(&Job {
        command: format!("sleep 600 & echo $! > {}; wait", file.display()),
        wait: 1_000_000,
        ..Job::default()
    });
    let (sender, events) = mpsc::channel(1);
    sender.send(event()).await.unwrap();
    drop(sender);
    let running = tokio::spawn(RemoteExec::new(desk.clone(), "n1").run(events));
    // The job, the acknowledgement, two signs of life; the second of them comes long after the start.
    let mut written = desk.0.written.subscribe();
    written
        .wait_for(|count| {
            *count >= 4 && std::fs::read_to_string(&file).is_ok_and(|it| it.ends_with('\n'))
        })
        .await
        .unwrap();
    desk.0.gone.send_replace(true);
    running.await.unwrap();
    let texts = desk.texts();
    assert!(texts.contains(&("p/s/n1/out/00001".to_owned(), String::new())));
    assert!(!texts.iter().any(|(key, _)| key == "p/s/n1/exit"));
    let pid = std::fs::read_to_string(file).unwrap();
    assert!(
        is_gone(pid.trim()),
        "what the job has started must be killed, too"
    );
}

/// Whether the process is dead: gone, or a zombie that only waits for init.
fn is_gone(pid: &str) -> bool {
    (0..10_000).any(|_| {
        std::thread::yield_now();
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        stat.map_or(true, |stat| stat.contains(") Z"))
    })
}
