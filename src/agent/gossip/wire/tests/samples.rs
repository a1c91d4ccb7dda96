//! Values and golden bytes that several tests use.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use super::super::*;

/// The vectors of one file below `tests/golden/gossip`: names at the margin, bytes indented.
pub(super) struct Golden(BTreeMap<String, Vec<u8>>);

impl Golden {
    pub(super) fn parse(text: &str) -> Self {
        let mut vectors = BTreeMap::new();
        let mut name = String::new();
        for line in text.lines() {
            let (content, _) = line.split_once('#').unwrap_or((line, ""));
            if content.trim().is_empty() {
                continue;
            }
            if content.starts_with(' ') {
                let bytes: &mut Vec<u8> = vectors.entry(name.clone()).or_default();
                bytes.extend(hex(content));
            } else {
                content.trim().clone_into(&mut name);
            }
        }
        Self(vectors)
    }

    pub(super) fn messages() -> Self {
        Self::parse(include_str!(
            "../../../../../tests/golden/gossip/messages.txt"
        ))
    }

    pub(super) fn packets() -> Self {
        Self::parse(include_str!(
            "../../../../../tests/golden/gossip/packets.txt"
        ))
    }

    pub(super) fn serf() -> Self {
        Self::parse(include_str!("../../../../../tests/golden/gossip/serf.txt"))
    }

    pub(super) fn encryption() -> Self {
        Self::parse(include_str!(
            "../../../../../tests/golden/gossip/encryption.txt"
        ))
    }

    pub(super) fn agents() -> Self {
        Self::parse(include_str!(
            "../../../../../tests/golden/gossip/agents.txt"
        ))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(super) fn get(&self, name: &str) -> &[u8] {
        self.0.get(name).expect("the vector is there")
    }
}

/// Bytes of hexadecimal digits; blanks do not count.
pub(super) fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_hexdigit).collect();
    assert_eq!(digits.len() % 2, 0, "half a byte");
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

pub(super) fn address() -> SocketAddr {
    "10.0.0.1:8301".parse().unwrap()
}

pub(super) fn name(name: &str) -> NodeName {
    NodeName::from(name)
}

pub(super) fn source() -> Source {
    Source {
        address: address(),
        node: name("n1"),
    }
}

pub(super) fn ping() -> Message {
    Message::Ping(Ping {
        seq_no: 1,
        node: name("n2"),
        source: Some(source()),
    })
}

pub(super) fn ack() -> Message {
    Message::Ack(Ack {
        seq_no: 1,
        payload: Bytes::new(),
    })
}

pub(super) fn tags() -> Tags {
    Tags::from([("role".to_owned(), "node".to_owned())])
}

pub(super) fn alive() -> Message {
    Message::Alive(Alive {
        incarnation: 1,
        node: name("n1"),
        address: address(),
        meta: encode_tags(&tags()),
        versions: Versions::CONSUL,
    })
}

pub(super) fn node_state(index: usize) -> NodeState {
    NodeState {
        node: format!("node-{index}").into(),
        address: address(),
        meta: encode_tags(&tags()),
        incarnation: u32::try_from(index).unwrap(),
        state: PeerState::Alive,
        versions: Versions::CONSUL,
    }
}

pub(super) fn push_pull(nodes: usize) -> PushPull {
    PushPull {
        join: true,
        nodes: (0..nodes).map(node_state).collect(),
        user_state: Bytes::from(vec![7; 500]),
    }
}

/// The key `00 01 02 …` of this many bytes.
pub(super) fn key(length: u8) -> Key {
    let bytes: Vec<u8> = (0..length).collect();
    Key::new(&bytes).unwrap()
}

/// A pool with the key of the golden vectors.
pub(super) fn secured() -> Security {
    Security::new(Some(Arc::new(Keyring::new(key(16)))))
}

/// All messages of a packet, and how many parts were cut off.
pub(super) fn unpack(plain: &[u8]) -> Result<(Vec<Message>, usize), WireError> {
    let mut messages = Vec::new();
    let cut_off = decode_packet(plain, &mut |message| messages.push(message))?;
    Ok((messages, cut_off))
}
