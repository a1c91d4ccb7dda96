//! Clients: they ask whoever leads for what a few keys hold, change them, and remember everything.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use consulctl::agent::raft::{Leader, Raft, WriteError};
use consulctl::agent::store::{Command, KvCommand, KvVerb, Response};
use consulctl::model::kv::{Blob, Key, KvPair};

use super::net::{CLIENTS, Host, Lost, Net, host_of};
use crate::dice::Dice;
use crate::linearizability::{History, Op, Outcome};

/// How long a server holds a request for a leader.
const HOLD: Duration = Duration::from_secs(2);
/// How long a client waits for an answer.
const LIMIT: Duration = Duration::from_secs(4);
/// How long a client looks for a leader.
const PATIENCE: Duration = Duration::from_secs(8);
/// Pause before another server is asked.
const PAUSE: Duration = Duration::from_millis(30);

/// What reads ask a server to prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Default,
    Consistent,
}

/// What all clients of a run share.
pub(super) struct Shared {
    pub(super) net: Net,
    pub(super) history: History,
    /// Servers that may be asked.
    pub(super) hosts: Vec<Host>,
    /// Set when it is time to end.
    pub(super) over: AtomicBool,
    /// Acknowledged writes of keys that are written once.
    pub(super) acknowledged: Mutex<BTreeMap<String, String>>,
    /// The indexes that each reader saw.
    pub(super) seen: Mutex<BTreeMap<usize, Vec<u64>>>,
}

/// A client.
pub(super) struct Client {
    pub(super) number: usize,
    pub(super) mode: Mode,
    pub(super) shared: Arc<Shared>,
    pub(super) dice: Dice,
    pub(super) keys: usize,
    /// Where it believes the leader to be.
    pub(super) leader: Host,
}

/// A command of one key.
pub(super) fn command(verb: KvVerb, key: &str, value: &str, index: u64) -> Command {
    let pair = KvPair {
        key: Key::from(key),
        value: Blob(value.as_bytes().to_vec().into()),
        modify_index: index,
        ..KvPair::default()
    };
    Command::Kv(KvCommand { verb, pair })
}

impl Client {
    /// Asks until the run is over.
    pub(super) async fn run(mut self) {
        let (mut written, mut indexes) = (0, BTreeMap::new());
        while !self.shared.over.load(Ordering::Relaxed) {
            let think = self
                .dice
                .span(Duration::from_millis(1), Duration::from_millis(150));
            tokio::time::sleep(think).await;
            written += 1;
            let value = format!("c{}.{written}", self.number);
            if self.dice.chance(0.1) {
                self.write_once(&value).await;
                continue;
            }
            let key = format!("k{}", self.dice.below(self.keys));
            let op = match self.dice.below(20) {
                0..9 => Op::Get,
                9..14 => Op::Put(value),
                14..19 => Op::Cas {
                    index: indexes.get(&key).copied().unwrap_or(0),
                    value,
                },
                _ => Op::Delete,
            };
            let id = self.shared.history.begin(self.number, &key, op.clone());
            let outcome = match &op {
                Op::Get => self.read(&key).await,
                Op::Put(value) => self.write(command(KvVerb::Set, &key, value, 0)).await,
                Op::Cas { index, value } => {
                    self.write(command(KvVerb::Cas, &key, value, *index)).await
                }
                Op::Delete => self.write(command(KvVerb::Delete, &key, "", 0)).await,
            };
            if let Outcome::Got(found) = &outcome {
                indexes.insert(key, found.as_ref().map_or(0, |(_, index)| *index));
            }
            self.shared.history.end(id, outcome);
        }
    }

    /// Writes a key that nobody else writes, and never again.
    async fn write_once(&mut self, value: &str) {
        let key = format!("once/{value}");
        let made = self.write(command(KvVerb::Set, &key, value, 0)).await;
        if made == Outcome::Done {
            let mut acknowledged = self.shared.acknowledged.lock();
            let acknowledged = acknowledged
                .as_mut()
                .unwrap_or_else(|poisoned| poisoned.get_mut());
            acknowledged.insert(key, value.to_owned());
        }
    }

    async fn write(&mut self, command: Command) -> Outcome {
        let is_cas = matches!(&command, Command::Kv(kv) if kv.verb == KvVerb::Cas);
        let ask = move |raft: Raft| {
            let command = command.clone();
            async move { raft.write(command, HOLD).await }
        };
        match self.ask(ask).await {
            Ok(applied) => match applied.response {
                Response::Bool(swapped) if is_cas => Outcome::Swapped(swapped),
                Response::Done | Response::Bool(true) => Outcome::Done,
                other => panic!("an answer that no such write has: {other:?}"),
            },
            Err(outcome) => outcome,
        }
    }

    async fn read(&mut self, key: &str) -> Outcome {
        let (mode, key) = (self.mode, key.to_owned());
        let ask = move |raft: Raft| {
            let key = key.clone();
            async move {
                match mode {
                    Mode::Default => raft.verify_lease(HOLD).await?,
                    Mode::Consistent => raft.verify_leader(HOLD).await?,
                }
                let state = raft.state();
                let found = state.kv(key.as_bytes()).map(|pair| {
                    let value = String::from_utf8_lossy(&pair.value.0).into_owned();
                    (value, pair.modify_index)
                });
                Ok((found, state.last_index()))
            }
        };
        match self.ask(ask).await {
            Ok((found, index)) => {
                let mut seen = self
                    .shared
                    .seen
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                seen.entry(self.number).or_default().push(index);
                Outcome::Got(found)
            }
            Err(outcome) => outcome,
        }
    }

    /// Asks the leader, wherever it is. The error is [`Outcome::Refused`] when no server can have done it, and
    /// [`Outcome::Unknown`] otherwise.
    async fn ask<T, F>(
        &mut self,
        job: impl Fn(Raft) -> F + Clone + Send + 'static,
    ) -> Result<T, Outcome>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, WriteError>> + Send + 'static,
    {
        let began = tokio::time::Instant::now();
        while began.elapsed() < PATIENCE {
            let (own, net) = (CLIENTS + self.number, self.shared.net.clone());
            let answer = net.ask(own, self.leader, LIMIT, job.clone()).await;
            match answer {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(WriteError::NotLeader(Leader { address, .. }))) => {
                    self.leader = host_of(&address);
                }
                Ok(Err(WriteError::NoLeader)) | Err(Lost::Refused) => self.look_elsewhere(),
                Ok(Err(WriteError::LeadershipLost | WriteError::Stopped(_)))
                | Err(Lost::Broken | Lost::Silence) => {
                    self.look_elsewhere();
                    return Err(Outcome::Unknown);
                }
                Ok(Err(other)) => panic!("a refusal that no such request has: {other}"),
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(Outcome::Refused)
    }

    fn look_elsewhere(&mut self) {
        self.leader = *self.dice.pick(&self.shared.hosts);
    }
}
