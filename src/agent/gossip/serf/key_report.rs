//! Key operations on all members, and what they answered.

use std::collections::BTreeMap;

use crate::agent::gossip::wire::Key;

use super::io::{QueryReply, QueryRequest};

/// A key operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyOperation {
    /// Base64 keys throughout, as operators give them.
    Install(String),
    Use(String),
    Remove(String),
    List,
}

impl KeyOperation {
    /// The query that asks all members.
    ///
    /// # Errors
    /// When the key is no key, in serf's words.
    pub fn request(&self, relay_factor: u8) -> Result<QueryRequest, String> {
        let _ = (relay_factor, Key::new(&[]));
        Err("not there yet".to_owned())
    }
}

/// What the members said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyReport {
    /// By member: errors, and remarks such as a truncated list.
    pub messages: BTreeMap<String, String>,
    /// How many members have each key (base64).
    pub keys: BTreeMap<String, usize>,
    /// How many members use each key (base64).
    pub primary_keys: BTreeMap<String, usize>,
    /// Members that were asked.
    pub num_nodes: usize,
    /// Members that answered.
    pub num_resp: usize,
    /// Members that refused, or whose answer made no sense.
    pub num_err: usize,
}

impl KeyReport {
    /// Before anybody answered.
    pub fn new(num_nodes: usize) -> Self {
        Self {
            num_nodes,
            ..Self::default()
        }
    }

    /// Takes an answer in; true when all have answered.
    pub fn add(&mut self, reply: QueryReply) -> bool {
        let QueryReply::Response { .. } = reply else {
            return false;
        };
        self.num_resp += 1;
        self.num_resp == self.num_nodes
    }
}
