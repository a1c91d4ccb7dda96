//! What clients see of a cluster whose leader is killed or paused, over and over: nothing that one correct server
//! would not have shown them.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;

use crate::support::linearizability::{History, Op, Outcome, check, goes_backwards, lost};
use crate::support::{Client, TestAgent, TestCluster, until};

/// Clients that work at the same time.
const CLIENTS: usize = 6;
/// Keys that they contend for, in each round.
const KEYS: usize = 4;
/// How long a client waits for an answer before it turns to another server.
const CLIENT_PATIENCE: Duration = Duration::from_secs(12);

/// Clients at work, and what they have seen.
struct Load {
    history: History,
    servers: Vec<std::net::SocketAddr>,
    /// Every round has keys of its own, so that no key's history grows long.
    round: AtomicUsize,
    /// Writes that were acknowledged.
    written: AtomicUsize,
    stop: AtomicBool,
}

/// One client: its connection, and what it has seen of the index.
struct Worker<'a> {
    load: &'a Load,
    number: usize,
    dice: SmallRng,
    server: usize,
    connection: Option<Client>,
    /// Last index seen of every key, for compare-and-set.
    known: HashMap<String, u64>,
    /// `X-Consul-Index` of consistent reads, by key, in their order.
    indexes: HashMap<String, Vec<u64>>,
    /// Keys that were written once, and the value that was acknowledged.
    kept: BTreeMap<String, String>,
    counter: usize,
}

/// What a client has seen that a history does not tell.
struct Seen {
    indexes: HashMap<String, Vec<u64>>,
    kept: BTreeMap<String, String>,
}

impl Load {
    fn on(cluster: &TestCluster) -> Self {
        let began = Instant::now();
        Self {
            history: History::new(move || began.elapsed()),
            servers: cluster.running().map(|(_, agent)| agent.http()).collect(),
            round: AtomicUsize::new(0),
            written: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
        }
    }

    fn work(&self, number: usize) -> Seen {
        let mut worker = Worker {
            load: self,
            number,
            dice: SmallRng::seed_from_u64(u64::try_from(number).unwrap()),
            server: number % self.servers.len(),
            connection: None,
            known: HashMap::new(),
            indexes: HashMap::new(),
            kept: BTreeMap::new(),
            counter: 0,
        };
        while !self.stop.load(Ordering::Relaxed) {
            worker.step();
        }
        Seen {
            indexes: worker.indexes,
            kept: worker.kept,
        }
    }

    /// Waits until clients have written as much again.
    fn wait_for_writes(&self, count: usize) {
        let target = self.written.load(Ordering::Relaxed) + count;
        until("clients write again", || {
            self.written.load(Ordering::Relaxed) >= target
        });
        self.round.fetch_add(1, Ordering::Relaxed);
    }
}

impl Worker<'_> {
    fn step(&mut self) {
        let round = self.load.round.load(Ordering::Relaxed);
        let key = format!("r{round}/k{}", self.dice.random_range(0..KEYS));
        self.counter += 1;
        let value = format!("{}.{}", self.number, self.counter);
        let consistent = self.dice.random_bool(0.5);
        match self.dice.random_range(0..11) {
            10 => self.keep(value),
            0..5 => self.get(&key, consistent),
            5..8 => self.write(&key, Op::Put(value.clone()), "PUT", "", &value),
            8 => {
                let index = self.known.get(&key).copied().unwrap_or(0);
                let op = Op::Cas {
                    index,
                    value: value.clone(),
                };
                self.write(&key, op, "PUT", &format!("?cas={index}"), &value);
            }
            _ => self.write(&key, Op::Delete, "DELETE", "", ""),
        }
    }

    fn get(&mut self, key: &str, consistent: bool) {
        let op = self.load.history.begin(self.number, key, Op::Get);
        let mode = if consistent { "?consistent" } else { "" };
        let answer = self.ask("GET", &format!("/v1/kv/{key}{mode}"), "");
        if let Some((200 | 404, _, index)) = &answer
            && consistent
        {
            self.indexes.entry(key.to_owned()).or_default().push(*index);
        }
        let outcome = match answer {
            Some((200, body, _)) => {
                let found: Value = serde_json::from_slice(&body).unwrap();
                let index = found[0]["ModifyIndex"].as_u64().unwrap();
                self.known.insert(key.to_owned(), index);
                Outcome::Got(Some((decode(&found[0]["Value"]), index)))
            }
            Some((404, ..)) => {
                self.known.remove(key);
                Outcome::Got(None)
            }
            _ => Outcome::Unknown,
        };
        self.load.history.end(op, outcome);
    }

    /// Writes a key that nobody touches again.
    fn keep(&mut self, value: String) {
        let key = format!("kept/{value}");
        if let Some((200, ..)) = self.ask("PUT", &format!("/v1/kv/{key}"), &value) {
            self.kept.insert(key, value);
        }
    }

    fn write(&mut self, key: &str, op: Op, method: &str, query: &str, body: &str) {
        let conditional = matches!(op, Op::Cas { .. });
        let op = self.load.history.begin(self.number, key, op);
        let outcome = match self.ask(method, &format!("/v1/kv/{key}{query}"), body) {
            Some((200, body, _)) => {
                self.load.written.fetch_add(1, Ordering::Relaxed);
                match (conditional, &body[..]) {
                    (true, answer) => Outcome::Swapped(answer == b"true"),
                    (false, b"true") => Outcome::Done,
                    (false, other) => panic!("{other:?}"),
                }
            }
            // That is a promise: the write was not made, and will not be.
            Some((500, body, _)) if body == b"No cluster leader" => Outcome::Refused,
            _ => Outcome::Unknown,
        };
        self.load.history.end(op, outcome);
    }

    /// Status, body and index; nothing when there was no answer, after which another server is asked.
    fn ask(&mut self, method: &str, path: &str, body: &str) -> Option<(u16, Vec<u8>, u64)> {
        let answer = self.try_ask(method, path, body);
        if answer.as_ref().is_none_or(|(status, ..)| *status >= 500) {
            self.connection = None;
            self.server = (self.server + 1) % self.load.servers.len();
        }
        answer
    }

    fn try_ask(&mut self, method: &str, path: &str, body: &str) -> Option<(u16, Vec<u8>, u64)> {
        if self.connection.is_none() {
            let server = self.load.servers[self.server];
            self.connection = Client::connect_for(server, CLIENT_PATIENCE).ok();
        }
        let connection = self.connection.as_mut()?;
        let answer = connection.request(method, path, body.as_bytes()).ok()?;
        let index = answer.index();
        Some((answer.status, answer.body, index))
    }
}

fn decode(value: &Value) -> String {
    use base64::Engine as _;
    let engine = base64::engine::general_purpose::STANDARD;
    let bytes = engine.decode(value.as_str().unwrap_or_default()).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn kept_by(agent: &TestAgent) -> BTreeMap<String, String> {
    let found = agent.json("/v1/kv/kept?recurse&consistent");
    let pairs = found.as_array().unwrap().iter();
    pairs
        .map(|pair| {
            (
                pair["Key"].as_str().unwrap().to_owned(),
                decode(&pair["Value"]),
            )
        })
        .collect()
}

/// Works on a cluster while `disturb` does something to it; then everything that was seen is checked.
fn under_load(cluster: &mut TestCluster, disturb: impl FnOnce(&mut TestCluster, &Load)) {
    let load = Load::on(cluster);
    let load = &load;
    let seen: Vec<Seen> = thread::scope(|scope| {
        let workers: Vec<_> = (0..CLIENTS)
            .map(|number| scope.spawn(move || load.work(number)))
            .collect();
        disturb(cluster, load);
        load.stop.store(true, Ordering::Relaxed);
        workers.into_iter().map(|w| w.join().unwrap()).collect()
    });
    // What is there at the end is a read like any other: an acknowledged write that is lost shows here at the latest.
    let leader = cluster.leader();
    let mut last = Worker {
        load,
        number: CLIENTS,
        dice: SmallRng::seed_from_u64(0),
        server: 0,
        connection: Client::connect_for(cluster.agent(leader).http(), CLIENT_PATIENCE).ok(),
        known: HashMap::new(),
        indexes: HashMap::new(),
        kept: BTreeMap::new(),
        counter: 0,
    };
    for round in 0..=load.round.load(Ordering::Relaxed) {
        for key in 0..KEYS {
            last.get(&format!("r{round}/k{key}"), true);
        }
    }
    let records = load.history.records();
    let unknown = records.iter().filter(|r| r.outcome == Outcome::Unknown);
    println!(
        "{} operations, {} without an answer",
        records.len(),
        unknown.count()
    );
    if let Err(fault) = check(&records) {
        panic!("{fault}");
    }
    let found = kept_by(cluster.agent(leader));
    for client in &seen {
        assert_eq!(lost(&client.kept, &found), Vec::new());
        for (key, indexes) in &client.indexes {
            assert_eq!(goes_backwards(indexes), None, "{key}");
        }
    }
    for (_, agent) in cluster.running() {
        agent.assert_healthy();
    }
}

#[test]
fn killed_leaders_lose_nothing() {
    let mut cluster = TestCluster::servers(3);
    under_load(&mut cluster, |cluster, load| {
        for _ in 0..20 {
            load.wait_for_writes(100);
            let leader = cluster.leader();
            cluster.kill(leader);
            cluster.start(leader);
        }
        load.wait_for_writes(100);
    });
}

#[test]
fn a_paused_leader_serves_nothing_old() {
    let mut cluster = TestCluster::servers(3);
    under_load(&mut cluster, |cluster, load| {
        for pause in [30, 3] {
            load.wait_for_writes(100);
            let leader = cluster.leader();
            cluster.agent(leader).signal("STOP");
            thread::park_timeout(Duration::from_secs(pause));
            cluster.agent(leader).signal("CONT");
            load.wait_for_writes(100);
        }
    });
}
