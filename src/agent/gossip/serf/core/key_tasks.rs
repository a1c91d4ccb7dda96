//! Serf's own queries: reachability, name conflicts and key operations (section 9.5 of the wire format).

use std::collections::VecDeque;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::agent::gossip::wire::{
    Key, KeyResponse, Keyring, QUERY_MAX, decode_key_request, encode_conflict_response,
};
use crate::model::mono::Mono;

use super::super::io::{Notice, Output, QueryKey};
use super::super::member::Member;
use super::Core;

/// Key operations that wait for the one that is being written to disk.
const WAITING_MAX: usize = 64;
/// No answer holds more keys: the shortest base64 key takes this many bytes.
const KEY_BYTES_MIN: usize = 25;
/// What is answered where nothing is encrypted.
const NO_KEYRING: &str = "No keyring to modify (encryption not enabled)";
/// What is answered where nothing is encrypted.
const NO_KEYS: &str = "Keyring is empty (encryption not enabled)";

/// What is to be done with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Install,
    Use,
    Remove,
    List,
}

impl Verb {
    fn from_query(name: &str) -> Option<Self> {
        Some(match name {
            "install-key" => Self::Install,
            "use-key" => Self::Use,
            "remove-key" => Self::Remove,
            "list-keys" => Self::List,
            _ => return None,
        })
    }

    const fn query(self) -> &'static str {
        match self {
            Self::Install => "install-key",
            Self::Use => "use-key",
            Self::Remove => "remove-key",
            Self::List => "list-keys",
        }
    }
}

#[derive(Debug)]
struct KeyTask {
    query: QueryKey,
    verb: Verb,
    /// As received: not checked yet.
    key: Bytes,
}

/// The keyring, and operations on it: one after the other, each on disk before it counts.
#[derive(Debug)]
pub(in super::super) struct KeyTasks {
    ring: Option<Arc<Keyring>>,
    /// The operation whose keyring is being written.
    saving: Option<(KeyTask, Arc<Keyring>)>,
    waiting: VecDeque<KeyTask>,
}

impl KeyTasks {
    pub(super) const fn new(ring: Option<Arc<Keyring>>) -> Self {
        Self {
            ring,
            saving: None,
            waiting: VecDeque::new(),
        }
    }

    /// The keys that count.
    pub(in super::super) const fn ring(&self) -> Option<&Arc<Keyring>> {
        self.ring.as_ref()
    }
}

impl Core {
    /// A query of serf's own, without its prefix.
    pub(super) fn internal_query(
        &mut self,
        now: Mono,
        query: QueryKey,
        name: &str,
        payload: &Bytes,
    ) {
        match name {
            // Only the acknowledgement is wanted.
            "ping" => {}
            "conflict" => self.conflict_query(now, query, payload),
            _ => match Verb::from_query(name) {
                Some(verb) => self.key_query(now, query, verb, payload),
                None => self.ignored("query", format!("unhandled internal query: {name}")),
            },
        }
    }

    /// Who has this name, in our view? The one that is asked about stays silent.
    fn conflict_query(&mut self, now: Mono, query: QueryKey, payload: &Bytes) {
        let Ok(name) = std::str::from_utf8(payload) else {
            return self.ignored("query", "conflict query without a name".to_owned());
        };
        if *name == *self.name {
            return;
        }
        let member = self.members.get(name);
        let member = member.map(|entry| Member::to_public(&entry.member));
        let answer = encode_conflict_response(member.as_ref());
        self.answer(now, query, answer);
    }

    fn answer(&mut self, now: Mono, query: QueryKey, payload: Bytes) {
        if let Err(error) = self.respond(now, query, payload) {
            self.ignored("response", error.to_string());
        }
    }

    fn key_query(&mut self, now: Mono, query: QueryKey, verb: Verb, payload: &Bytes) {
        let key = match decode_key_request(payload) {
            Ok(key) => Bytes::copy_from_slice(key),
            // Nobody needs to say which key to list.
            Err(_) if verb == Verb::List => Bytes::new(),
            Err(error) => return self.finish_key_task(now, query, verb, Err(error.to_string())),
        };
        let task = KeyTask { query, verb, key };
        if self.keys.saving.is_none() {
            self.run_key_task(now, task);
        } else if self.keys.waiting.len() < WAITING_MAX {
            self.keys.waiting.push_back(task);
        } else {
            let reason = "too many key operations at once".to_owned();
            self.finish_key_task(now, query, verb, Err(reason));
        }
    }

    fn run_key_task(&mut self, now: Mono, task: KeyTask) {
        if task.verb == Verb::List {
            return self.list_keys(now, task.query);
        }
        let Some(ring) = &self.keys.ring else {
            return self.finish_key_task(now, task.query, task.verb, Err(NO_KEYRING.to_owned()));
        };
        match changed(ring, &task) {
            Ok(changed) if changed == **ring => {
                self.finish_key_task(now, task.query, task.verb, Ok(()));
            }
            Ok(changed) => {
                let changed = Arc::new(changed);
                self.keys.saving = Some((task, Arc::clone(&changed)));
                self.outputs.push_back(Output::SaveKeyring(changed));
            }
            Err(reason) => self.finish_key_task(now, task.query, task.verb, Err(reason)),
        }
    }

    /// The keyring of the last [`Output::SaveKeyring`] is on disk, or could not be written.
    pub(in super::super) fn keyring_saved(&mut self, now: Mono, result: Result<(), String>) {
        let Some((task, ring)) = self.keys.saving.take() else {
            return;
        };
        if result.is_ok() {
            self.keys.ring = Some(ring);
        }
        self.finish_key_task(now, task.query, task.verb, result);
        while self.keys.saving.is_none()
            && let Some(task) = self.keys.waiting.pop_front()
        {
            self.run_key_task(now, task);
        }
    }

    fn finish_key_task(
        &mut self,
        now: Mono,
        query: QueryKey,
        verb: Verb,
        result: Result<(), String>,
    ) {
        let answer = KeyResponse {
            result: result.is_ok(),
            message: result.clone().err().unwrap_or_default(),
            ..KeyResponse::default()
        };
        let operation = verb.query();
        self.notice(Notice::KeyOperation { operation, result });
        self.answer(now, query, answer.encode());
    }

    /// Lists our keys, as many as an answer holds.
    fn list_keys(&mut self, now: Mono, query: QueryKey) {
        let Some(ring) = &self.keys.ring else {
            return self.finish_key_task(now, query, Verb::List, Err(NO_KEYS.to_owned()));
        };
        let encode = |key: &Key| STANDARD.encode(key.as_bytes());
        let mut answer = KeyResponse {
            result: true,
            message: String::new(),
            keys: ring.keys().iter().map(encode).collect(),
            primary_key: encode(ring.primary()),
        };
        let total = answer.keys.len();
        let mut shown = total.min(QUERY_MAX / KEY_BYTES_MIN);
        while !self.response_fits(query, answer.encode()) && !answer.keys.is_empty() {
            answer.keys.truncate(shown);
            answer.message =
                format!("truncated key list response, showing first {shown} of {total} keys");
            shown = shown.saturating_sub(1);
        }
        self.notice(Notice::KeyOperation {
            operation: Verb::List.query(),
            result: Ok(()),
        });
        self.answer(now, query, answer.encode());
    }
}

/// The keyring after an operation.
fn changed(ring: &Keyring, task: &KeyTask) -> Result<Keyring, String> {
    let mut ring = ring.clone();
    let key = &task.key;
    match task.verb {
        Verb::Install => ring.add(key),
        Verb::Use => ring.use_key(key),
        Verb::Remove => ring.remove(key),
        Verb::List => Ok(()),
    }
    .map_err(|error| error.to_string())?;
    Ok(ring)
}
