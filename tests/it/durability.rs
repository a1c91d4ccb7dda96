//! What was acknowledged is there after any end of the process.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;

use crate::support::{Client, TestAgent, own_address, started_and_ended};

/// How often the agent is killed.
const KILLS: u32 = 20;
/// Writers at a time.
const WRITERS: u64 = 6;
/// Keys of each writer that are written again and again, and deleted.
const REUSED_KEYS: u64 = 5;
/// Acknowledged writes before a kill.
const WRITES: std::ops::Range<u32> = 20..350;
/// Snapshots are taken and the log is purged many times during the test.
const SMALL_LOG: &str = "-hcl=raft_snapshot_threshold = 200 raft_trailing_logs = 50";

/// The seed of a test, from `CONSULCTL_TEST_SEED` or a fixed one; printed, so that a failure can be
/// repeated.
fn seed() -> u64 {
    let given = std::env::var("CONSULCTL_TEST_SEED").ok();
    let seed = given.map_or(2026, |text| {
        text.parse().expect("CONSULCTL_TEST_SEED is a number")
    });
    println!("seed: CONSULCTL_TEST_SEED={seed}");
    seed
}

/// A write: of a value, or of nothing, which deletes.
type Write = Option<String>;

/// What clients know of a key: the value (nothing when deleted), and the last write that was sent but
/// not answered.
#[derive(Debug, Clone, Default)]
struct Known {
    acknowledged: Write,
    unanswered: Option<Write>,
    /// `X-Consul-Index` of the key's answer and its `ModifyIndex`, as last read.
    index: u64,
    modify_index: u64,
}

type Keys = BTreeMap<String, Known>;

/// One client that writes its own keys until the agent is gone.
struct Writer {
    number: u64,
    random: StdRng,
    keys: Keys,
    /// Counts over all rounds, so that every value is different.
    count: u64,
}

impl Writer {
    fn new(number: u64, seed: u64) -> Self {
        let random = StdRng::seed_from_u64(seed.wrapping_add(number));
        Self {
            number,
            random,
            keys: Keys::new(),
            count: 0,
        }
    }

    fn run(mut self, mut client: Client, acknowledged: &Sender<()>) -> Self {
        while self.step(&mut client).is_ok() {
            acknowledged
                .send(())
                .expect("the test counts until every writer has ended");
        }
        self
    }

    fn step(&mut self, client: &mut Client) -> std::io::Result<()> {
        self.count += 1;
        let (number, count) = (self.number, self.count);
        let reused = format!(
            "w{number}/reused/{}",
            self.random.random_range(0..REUSED_KEYS)
        );
        let (key, value) = match self.random.random_range(0..10) {
            0..5 => (
                format!("w{number}/unique/{count}"),
                Some(format!("value {count}")),
            ),
            5..9 => {
                let length = self.random.random_range(0..300);
                (reused, Some("again ".repeat(length) + &count.to_string()))
            }
            _ => (reused, None),
        };
        let known = self.keys.entry(key.clone()).or_default();
        known.unanswered = Some(value.clone());
        let path = format!("/v1/kv/{key}");
        let answer = match &value {
            Some(value) => client.request("PUT", &path, value.as_bytes())?,
            None => client.request("DELETE", &path, b"")?,
        };
        assert_eq!(
            (answer.status, answer.text().trim()),
            (200, "true"),
            "{path}"
        );
        known.acknowledged = value;
        known.unanswered = None;
        if count.is_multiple_of(7) {
            let answer = client.request("GET", &path, b"")?;
            known.index = answer.index();
            if answer.status == 200 {
                known.modify_index = modify_index(&answer.json()[0]);
            }
        }
        Ok(())
    }

    /// Every acknowledged write is there with its value, and indexes did not go backwards.
    fn verify(&mut self, found: &BTreeMap<String, Value>, client: &mut Client) {
        for (key, known) in &mut self.keys {
            let pair = found.get(key);
            let value = pair.map(value_of);
            let acceptable = value == known.acknowledged
                || known
                    .unanswered
                    .as_ref()
                    .is_some_and(|unanswered| value == *unanswered);
            assert!(acceptable, "{key} is {value:?}, known was {known:?}");
            let index = pair.map_or(known.modify_index, modify_index);
            assert!(
                index >= known.modify_index,
                "{key}: ModifyIndex {index}, was {known:?}"
            );
            if key.contains("reused") {
                let index = client.ask("GET", &format!("/v1/kv/{key}"), "").index();
                assert!(
                    index >= known.index,
                    "{key}: X-Consul-Index {index}, was {known:?}"
                );
            }
            known.acknowledged = value;
            known.unanswered = None;
        }
    }
}

fn modify_index(pair: &Value) -> u64 {
    pair["ModifyIndex"]
        .as_u64()
        .expect("every pair has a ModifyIndex")
}

fn value_of(pair: &Value) -> String {
    let encoded = pair["Value"].as_str().expect("no value is empty");
    String::from_utf8(STANDARD.decode(encoded).expect("base64")).expect("UTF-8")
}

/// All pairs by key, and the answer's index.
fn all_pairs(client: &mut Client) -> (BTreeMap<String, Value>, u64) {
    let answer = client.ask("GET", "/v1/kv/?recurse", "");
    let index = answer.index();
    if answer.status == 404 {
        return (BTreeMap::new(), index);
    }
    let Value::Array(pairs) = answer.json() else {
        panic!("no list: {}", answer.text())
    };
    let by_key = |pair: Value| (pair["Key"].as_str().expect("a key").to_owned(), pair);
    (pairs.into_iter().map(by_key).collect(), index)
}

/// A number of the line that tells what was recovered.
fn recovered(agent: &TestAgent, name: &str) -> u64 {
    let line = agent.wait_line(0, "replayed_entries=");
    let (_, rest) = line
        .split_once(&format!(" {name}="))
        .expect("the line has the number");
    rest.split(' ')
        .next()
        .and_then(|text| text.parse().ok())
        .expect("it is a number")
}

fn write_until_killed(agent: TestAgent, writers: Vec<Writer>, writes: u32) -> Vec<Writer> {
    let (sender, acknowledged): (Sender<()>, Receiver<()>) = channel();
    let running: Vec<JoinHandle<Writer>> = writers
        .into_iter()
        .map(|writer| {
            let (client, sender) = (agent.client(), sender.clone());
            thread::spawn(move || writer.run(client, &sender))
        })
        .collect();
    for _ in 0..writes {
        acknowledged
            .recv()
            .expect("writers go on until the agent is killed");
    }
    agent.kill();
    running
        .into_iter()
        .map(|writer| writer.join().expect("a writer ends orderly"))
        .collect()
}

#[test]
fn twenty_kills_lose_nothing() {
    let seed = seed();
    let mut random = StdRng::seed_from_u64(seed);
    let (folder, ip) = (tempfile::tempdir().unwrap(), own_address());
    let mut writers: Vec<Writer> = (1..=WRITERS)
        .map(|number| Writer::new(number, seed))
        .collect();
    let (mut last_index, mut from_snapshot) = (0, 0);
    for kill in 0..=KILLS {
        let agent = TestAgent::server(ip, folder.path(), &[SMALL_LOG]);
        let snapshot_index = recovered(&agent, "snapshot_index");
        let replayed = recovered(&agent, "replayed_entries");
        assert!(
            snapshot_index + replayed >= last_index,
            "{}",
            agent.printed()
        );
        assert_eq!(replayed == 0, kill == 0, "{}", agent.printed());
        from_snapshot += u32::from(snapshot_index > 0);
        let mut client = agent.client();
        let (found, index) = all_pairs(&mut client);
        assert!(
            index >= last_index,
            "X-Consul-Index {index} after {last_index}"
        );
        for writer in &mut writers {
            writer.verify(&found, &mut client);
        }
        last_index = index;
        if kill < KILLS {
            let writes = random.random_range(WRITES);
            writers = write_until_killed(agent, writers, writes);
        } else {
            agent.assert_healthy();
        }
    }
    let written: u64 = writers.iter().map(|writer| writer.count).sum();
    println!("{written} writes, {from_snapshot} of {KILLS} restarts from a snapshot");
    assert!(from_snapshot > KILLS / 2, "snapshots were to be crossed");
}

#[test]
fn a_graceful_stop_keeps_everything() {
    let (folder, ip) = (tempfile::tempdir().unwrap(), own_address());
    let agent = TestAgent::server(ip, folder.path(), &[SMALL_LOG]);
    let mut client = agent.client();
    for number in 0..450 {
        assert_eq!(
            client
                .ask("PUT", &format!("/v1/kv/k/{number}?flags=7"), "v")
                .text(),
            "true"
        );
    }
    client.ask("DELETE", "/v1/kv/k/1", "");
    let register = r#"{"Node": "other", "Address": "10.0.0.1",
        "Service": {"Service": "web", "Port": 80, "Tags": ["a"]},
        "Check": {"Name": "up", "Status": "passing", "ServiceID": "web"}}"#;
    agent.put("/v1/catalog/register", register);
    let paths = [
        "/v1/kv/?recurse",
        "/v1/kv/k/1",
        "/v1/catalog/node/other",
        "/v1/health/service/web",
    ];
    let read = |agent: &TestAgent| {
        paths.map(|path| {
            let answer = agent.send("GET", path, "");
            (answer.status, answer.index(), answer.text())
        })
    };
    let before = read(&agent);
    agent.signal("INT");
    let (_, printed) = agent.ended();
    assert!(printed.contains("shutdown complete"), "{printed}");
    let agent = TestAgent::server(ip, folder.path(), &[SMALL_LOG]);
    assert!(recovered(&agent, "snapshot_index") > 0);
    for (before, after) in before.iter().zip(read(&agent)) {
        assert_eq!((before.0, &before.2), (after.0, &after.2));
        assert!(
            after.1 >= before.1,
            "X-Consul-Index {} after {}",
            after.1,
            before.1
        );
    }
}

/// A server that is to refuse its folder: exit code and text.
fn refused(folder: &Path) -> (Option<i32>, String) {
    let folder = folder.to_str().unwrap();
    let args = [
        "-server",
        "-bootstrap-expect=1",
        "-node=n1",
        "-data-dir",
        folder,
    ];
    started_and_ended(TestAgent::command(own_address(), &args))
}

#[test]
fn two_agents_cannot_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = TestAgent::server(own_address(), folder.path(), &[]);
    let (code, printed) = refused(folder.path());
    assert_eq!(code, Some(1), "{printed}");
    let reason = format!(
        "data-dir {} is in use by another agent",
        folder.path().display()
    );
    assert!(printed.contains(&reason), "{printed}");
    first.put("/v1/kv/a", "still mine");
    first.assert_healthy();
}

/// A folder in which an agent has lived, and the path of its log.
fn used_folder() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let agent = TestAgent::server(own_address(), folder.path(), &[]);
    agent.put("/v1/kv/a", "1");
    agent.signal("TERM");
    agent.ended();
    let log = folder.path().join("raft/raft.db");
    assert!(log.exists());
    (folder, log)
}

#[test]
fn a_broken_log_is_named() {
    let (folder, log) = used_folder();
    let whole = fs::read(&log).unwrap();
    let page = 4096;
    let scribbled = |from: usize| {
        let mut bytes = whole.clone();
        bytes[from..from + 64].fill(0x5a);
        bytes
    };
    let half = whole.len() / 2 / page * page;
    let cases = [
        ("no database", b"hello".repeat(2000)),
        ("empty", Vec::new()),
        ("a broken header", scribbled(0)),
        ("a broken schema", scribbled(100)),
        ("a broken page", scribbled(page)),
        ("cut off", whole[..half].to_vec()),
    ];
    for (what, bytes) in cases {
        fs::write(&log, bytes).unwrap();
        let (code, printed) = refused(folder.path());
        assert_eq!(code, Some(1), "{what}: {printed}");
        assert!(printed.contains(log.to_str().unwrap()), "{what}: {printed}");
        assert!(!printed.contains("panic"), "{what}: {printed}");
    }
    fs::write(&log, &whole).unwrap();
    let agent = TestAgent::server(own_address(), folder.path(), &[]);
    assert_eq!(agent.send("GET", "/v1/kv/a?raw", "").text(), "1");
}

#[test]
fn a_lost_log_is_not_replaced_by_an_empty_one() {
    let (folder, ip) = (tempfile::tempdir().unwrap(), own_address());
    let agent = TestAgent::server(ip, folder.path(), &["-hcl=raft_snapshot_threshold = 10"]);
    let mut client = agent.client();
    for number in 0..50 {
        client.ask("PUT", &format!("/v1/kv/{number}"), "v");
    }
    drop(client);
    agent.signal("TERM");
    agent.ended();
    fs::remove_file(folder.path().join("raft/raft.db")).unwrap();
    let (code, printed) = refused(folder.path());
    assert_eq!(code, Some(1), "{printed}");
    assert!(
        printed.contains("raft.db is missing although there are snapshots"),
        "{printed}"
    );
}

#[test]
fn kills_during_the_start_are_survived() {
    let (folder, ip) = (tempfile::tempdir().unwrap(), own_address());
    let data = folder.path().to_str().unwrap();
    let args = [
        "-server",
        "-bootstrap-expect=1",
        "-node=n1",
        "-data-dir",
        data,
    ];
    let moments = [
        "Starting Consul agent",
        "Log data will now stream in",
        "Bootstrap mode",
        "entering leader state",
        "recovered state",
        "cluster leadership acquired",
        "Started HTTP server",
    ];
    for round in 0..3 {
        for moment in moments {
            let agent = TestAgent::spawn(TestAgent::command(ip, &args), ip);
            agent.wait_line(0, moment);
            agent.kill();
        }
        let agent = TestAgent::server(ip, folder.path(), &[]);
        for earlier in 0..round {
            let answer = agent.send("GET", &format!("/v1/kv/round{earlier}?raw"), "");
            assert_eq!(answer.text(), earlier.to_string());
        }
        agent.put(&format!("/v1/kv/round{round}"), &round.to_string());
        agent.kill();
    }
}

#[test]
fn a_broken_snapshot_is_named() {
    let (folder, ip) = (tempfile::tempdir().unwrap(), own_address());
    let agent = TestAgent::server(ip, folder.path(), &[SMALL_LOG]);
    let mut client = agent.client();
    for number in 0..450 {
        client.ask("PUT", &format!("/v1/kv/{number}"), "v");
    }
    drop(client);
    agent.signal("TERM");
    agent.ended();
    let snapshots = fs::read_dir(folder.path().join("raft/snapshots")).unwrap();
    let paths: Vec<_> = snapshots.map(|entry| entry.unwrap().path()).collect();
    assert!(!paths.is_empty());
    let whole: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    for (path, bytes) in paths.iter().zip(&whole) {
        let mut flipped = bytes.clone();
        flipped[bytes.len() / 2] ^= 1;
        fs::write(path, flipped).unwrap();
    }
    let (code, printed) = refused(folder.path());
    assert_eq!(code, Some(1), "{printed}");
    let named = paths
        .iter()
        .any(|path| printed.contains(path.to_str().unwrap()));
    assert!(
        named && printed.contains("the checksum does not match"),
        "{printed}"
    );
    for (path, bytes) in paths.iter().zip(&whole) {
        fs::write(path, bytes).unwrap();
    }
    let agent = TestAgent::server(ip, folder.path(), &[SMALL_LOG]);
    let (found, _) = all_pairs(&mut agent.client());
    assert_eq!(found.len(), 450);
}
