//! Mutual exclusion: many clients contend for one lock through several agents while leaders are killed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Client, TestCluster, until};

/// Clients that want the lock.
const CONTENDERS: usize = 50;
/// Leaders that are killed.
const KILLS: usize = 10;
/// Acquisitions between two kills.
const BETWEEN_KILLS: usize = 30;
/// The sessions' time to live.
const TTL: Duration = Duration::from_secs(5);
/// What lies between a session's end and this test's hearing of it, on a busy machine.
const HEARSAY: Duration = Duration::from_secs(2);
/// How long a client waits for an answer before it turns to another agent.
const PATIENCE: Duration = Duration::from_secs(12);
/// What they contend for.
const LOCK: &str = "/v1/kv/locks/one";

/// What the contenders share.
struct Arena {
    agents: Vec<SocketAddr>,
    /// Whose turn it is: 0 is nobody's.
    inside: AtomicUsize,
    acquired: AtomicUsize,
    /// Who held the lock at each of its indexes, as consistent reads showed it.
    holders: Mutex<BTreeMap<u64, String>>,
    stop: AtomicBool,
}

/// A client with a session that wants the lock.
struct Contender<'a> {
    arena: &'a Arena,
    number: usize,
    agent: usize,
    connection: Option<Client>,
    session: String,
    /// When the last renewal was sent that was acknowledged.
    renewed: Instant,
}

/// A session that nobody renews any more.
struct Abandoned {
    session: String,
    renewed: Instant,
}

impl<'a> Contender<'a> {
    fn new(arena: &'a Arena, number: usize) -> Self {
        let mut contender = Self {
            arena,
            number,
            agent: number % arena.agents.len(),
            connection: None,
            session: String::new(),
            renewed: Instant::now(),
        };
        let wanted = r#"{"Node":"c1","TTL":"5s","LockDelay":0,"NodeChecks":[]}"#;
        let wanted = wanted.replace("\"5s\"", &format!("\"{}s\"", TTL.as_secs()));
        let created = contender.persist("PUT", "/v1/session/create", &wanted);
        let id = created["ID"].as_str().expect("an id");
        id.clone_into(&mut contender.session);
        contender
    }

    fn contend(mut self) -> Abandoned {
        while !self.arena.stop.load(Ordering::Relaxed) {
            self.keep_alive();
            match self.acquire() {
                Some(true) => {
                    self.hold();
                    self.release();
                }
                Some(false) => self.wait_for_change(),
                // It may be held without its holder's knowledge.
                None => self.release(),
            }
        }
        self.renew();
        Abandoned {
            session: self.session,
            renewed: self.renewed,
        }
    }

    fn keep_alive(&mut self) {
        if self.renewed.elapsed() > TTL / 3 {
            self.renew();
        }
    }

    fn renew(&mut self) {
        let path = format!("/v1/session/renew/{}", self.session);
        loop {
            let sent = Instant::now();
            match self.ask("PUT", &path, "") {
                Some((200, _)) => {
                    self.renewed = sent;
                    return;
                }
                Some((404, _)) => panic!(
                    "a session ended {:?} after its last renewal",
                    self.renewed.elapsed()
                ),
                _ => {}
            }
        }
    }

    fn acquire(&mut self) -> Option<bool> {
        let path = format!("{LOCK}?acquire={}", self.session);
        let number = self.number.to_string();
        match self.ask("PUT", &path, &number)? {
            (200, body) => Some(body == b"true"),
            _ => None,
        }
    }

    /// What only one may do at a time.
    fn hold(&mut self) {
        let own = self.number + 1;
        let other = self.arena.inside.swap(own, Ordering::SeqCst);
        assert_eq!(other, 0, "{own} holds the lock, too");
        if let Some((200, body)) = self.ask("GET", &format!("{LOCK}?consistent"), "") {
            let found: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(found[0]["Session"], self.session.as_str());
            let index = found[0]["LockIndex"].as_u64().unwrap();
            let mut holders = self.arena.holders.lock().unwrap();
            let known = holders.entry(index).or_insert_with(|| self.session.clone());
            assert_eq!(*known, self.session, "two holders at index {index}");
        }
        self.arena.acquired.fetch_add(1, Ordering::Relaxed);
        assert_eq!(self.arena.inside.swap(0, Ordering::SeqCst), own);
    }

    fn release(&mut self) {
        let path = format!("{LOCK}?release={}", self.session);
        self.persist("PUT", &path, "");
    }

    /// Asks until there is an answer that means something.
    fn persist(&mut self, method: &str, path: &str, body: &str) -> Value {
        loop {
            if let Some((200, body)) = self.ask(method, path, body) {
                return serde_json::from_slice(&body).unwrap();
            }
        }
    }

    fn wait_for_change(&mut self) {
        let Some((200, body)) = self.ask("GET", &format!("{LOCK}?stale"), "") else {
            return;
        };
        let found: Value = serde_json::from_slice(&body).unwrap();
        if found[0]["Session"].is_string() {
            let index = &found[0]["ModifyIndex"];
            self.ask("GET", &format!("{LOCK}?stale&index={index}&wait=500ms"), "");
        }
    }

    fn ask(&mut self, method: &str, path: &str, body: &str) -> Option<(u16, Vec<u8>)> {
        let answer = self.try_ask(method, path, body);
        if answer.as_ref().is_none_or(|(status, _)| *status >= 500) {
            self.connection = None;
            self.agent = (self.agent + 1) % self.arena.agents.len();
        }
        answer
    }

    fn try_ask(&mut self, method: &str, path: &str, body: &str) -> Option<(u16, Vec<u8>)> {
        if self.connection.is_none() {
            let agent = self.arena.agents[self.agent];
            self.connection = Client::connect_for(agent, PATIENCE).ok();
        }
        let connection = self.connection.as_mut()?;
        let answer = connection.request(method, path, body.as_bytes()).ok()?;
        Some((answer.status, answer.body))
    }
}

/// When each of the sessions was gone.
fn ends(cluster: &TestCluster, sessions: &[Abandoned]) -> BTreeMap<String, Instant> {
    let mut left: BTreeSet<&str> = sessions.iter().map(|s| &*s.session).collect();
    let mut ends = BTreeMap::new();
    let agent = cluster.agent(cluster.leader());
    let mut index = 0;
    let deadline = Instant::now() + 4 * TTL;
    while !left.is_empty() {
        assert!(
            Instant::now() < deadline,
            "sessions that never end: {left:?}"
        );
        let answer = agent.send(
            "GET",
            &format!("/v1/session/list?index={index}&wait=5s"),
            "",
        );
        let heard = Instant::now();
        index = answer.index();
        let listed = answer.json();
        let listed: BTreeSet<&str> = listed
            .as_array()
            .unwrap()
            .iter()
            .map(|session| session["ID"].as_str().unwrap())
            .collect();
        left.retain(|session| {
            let is_there = listed.contains(session);
            if !is_there {
                ends.insert((*session).to_owned(), heard);
            }
            is_there
        });
    }
    ends
}

#[test]
fn one_holder_at_a_time_whatever_becomes_of_leaders() {
    let short = ["-hcl", "session_ttl_min = \"1s\""];
    let mut cluster = TestCluster::servers_with(3, &short);
    for name in ["c1", "c2"] {
        cluster.add(name, &short);
    }
    until("the node is in the catalog", || {
        let node = cluster.agent(0).send("GET", "/v1/catalog/node/c1", "");
        node.text().contains("\"c1\"")
    });
    let arena = Arena {
        agents: cluster.running().map(|(_, agent)| agent.http()).collect(),
        inside: AtomicUsize::new(0),
        acquired: AtomicUsize::new(0),
        holders: Mutex::default(),
        stop: AtomicBool::new(false),
    };
    let arena = &arena;
    let abandoned: Vec<Abandoned> = thread::scope(|scope| {
        let contenders: Vec<_> = (0..CONTENDERS)
            .map(|number| scope.spawn(move || Contender::new(arena, number).contend()))
            .collect();
        for kill in 0..=KILLS {
            let goal = arena.acquired.load(Ordering::Relaxed) + BETWEEN_KILLS;
            until("the lock goes from hand to hand", || {
                let failed = contenders.iter().any(thread::ScopedJoinHandle::is_finished);
                failed || arena.acquired.load(Ordering::Relaxed) >= goal
            });
            if kill < KILLS {
                let leader = cluster.leader();
                cluster.kill(leader);
                cluster.start(leader);
            }
        }
        arena.stop.store(true, Ordering::Relaxed);
        contenders.into_iter().map(|c| c.join().unwrap()).collect()
    });
    let led = Instant::now();
    let ends = ends(&cluster, &abandoned);
    for Abandoned { session, renewed } in &abandoned {
        let lived = ends[session].duration_since(*renewed);
        assert!(
            lived >= TTL,
            "{session} ended {lived:?} after its last renewal"
        );
        // A leader that is new gives every session its whole time again.
        let late = ends[session].duration_since(led);
        assert!(late <= 2 * TTL + HEARSAY, "{session} ended after {lived:?}");
    }
    let holders = arena.holders.lock().unwrap();
    println!(
        "{} acquisitions, {} indexes seen",
        arena.acquired.load(Ordering::Relaxed),
        holders.len()
    );
    for (_, agent) in cluster.running() {
        agent.assert_healthy();
    }
}
