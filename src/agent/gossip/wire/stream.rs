//! Streams: one message each way (section 4 of the wire format).

use std::borrow::Borrow;

use bytes::Bytes;

use super::cipher::{self, NONCE_LEN};
use super::compress::compress;
use super::error::WireError;
use super::message::{Ack, NodeState, Ping, PushPull};
use super::message_codec::{kind, write_node_state};
use super::security::Security;
use super::stream_reader::StreamReader;
use super::writer::Writer;

/// Largest encrypted message of a stream, and largest state and message of the application, in bytes.
pub const STREAM_PART_MAX: usize = 20 * 1024 * 1024;

/// Largest message of a stream, decrypted and decompressed, in bytes.
pub const STREAM_MAX: usize = 40 * 1024 * 1024;

/// What a stream carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamMessage {
    /// Type 0: asks for an [`Ack`].
    Ping(Ping),
    /// Type 2: the answer to a ping.
    Ack(Ack),
    /// Type 6: asks for, and is answered with, another one.
    PushPull(PushPull),
    /// Type 8: the application's. No answer.
    User(Bytes),
    /// Type 13: why the other side closes.
    Err(String),
}

impl StreamMessage {
    /// One message without label, encryption and compression: what [`super::Message::encode`],
    /// [`encode_push_pull`], [`encode_user`] and [`encode_error`] make.
    ///
    /// # Errors
    /// When it is malformed or ends early.
    pub fn decode(plain: &[u8]) -> Result<Self, WireError> {
        let mut reader = StreamReader::of_plain(plain.to_vec());
        reader.next()?.ok_or(WireError::Truncated)
    }
}

impl PushPull {
    /// See [`encode_push_pull`].
    pub fn encode(&self) -> Bytes {
        encode_push_pull(self.join, self.nodes.iter(), &self.user_state)
    }

    /// What [`encode_push_pull`] made.
    ///
    /// # Errors
    /// When it is another message, malformed or ends early.
    pub fn decode(plain: &[u8]) -> Result<Self, WireError> {
        match StreamMessage::decode(plain)? {
            StreamMessage::PushPull(state) => Ok(state),
            _ => Err(WireError::UnknownType {
                what: "push/pull",
                kind: plain[0],
            }),
        }
    }
}

/// A whole push/pull: what is known of all members, and the application's state.
pub fn encode_push_pull(
    join: bool,
    nodes: impl ExactSizeIterator<Item: Borrow<NodeState>>,
    user_state: &[u8],
) -> Bytes {
    let size = 64 + 256 * nodes.len() + user_state.len();
    let mut out = Writer::message(kind::PUSH_PULL, size);
    out.map(3);
    out.text("Join");
    out.boolean(join);
    out.text("Nodes");
    out.length(nodes.len());
    out.text("UserStateLen");
    out.length(user_state.len());
    for node in nodes {
        write_node_state(&mut out, node.borrow());
    }
    out.append(user_state);
    out.finish()
}

/// A message of the application by stream.
pub fn encode_user(message: &[u8]) -> Bytes {
    let mut out = Writer::message(kind::USER, message.len() + 24);
    out.map(1);
    out.text("UserMsgLen");
    out.length(message.len());
    out.append(message);
    out.finish()
}

/// Tells the other side why we close.
pub fn encode_error(text: &str) -> Bytes {
    let mut out = Writer::message(kind::ERROR, text.len() + 12);
    out.map(1);
    out.text("Error");
    out.text(text);
    out.finish()
}

impl Security {
    /// What to write to a stream for one message. `nonce` is random, and never used twice. Only the dialer's begins with the label.
    ///
    /// # Errors
    /// When it is larger than peers accept.
    pub fn seal_stream(
        &self,
        plain: &[u8],
        nonce: [u8; NONCE_LEN],
        dialer: bool,
    ) -> Result<Vec<u8>, WireError> {
        if plain.len() > STREAM_MAX {
            return Err(WireError::TooLarge {
                what: "stream message",
                size: plain.len(),
                limit: STREAM_MAX,
            });
        }
        let compressed;
        let body = if self.compress {
            compressed = compress(plain);
            &compressed
        } else {
            plain
        };
        let mut out = Vec::with_capacity(body.len() + self.overhead() + 5);
        if dialer {
            self.write_label(&mut out);
        }
        let Some(keyring) = self.sealing() else {
            out.extend_from_slice(body);
            return Ok(out);
        };
        let size = body.len() + cipher::OVERHEAD;
        let length = u32::try_from(size)
            .ok()
            .filter(|_| size <= STREAM_PART_MAX)
            .ok_or(WireError::TooLarge {
                what: "encrypted message",
                size,
                limit: STREAM_PART_MAX,
            })?;
        let header = frame_header(length);
        out.extend_from_slice(&header);
        let aad = [&header[..], self.label()].concat();
        cipher::seal_into(&mut out, keyring, body, nonce, &aad);
        Ok(out)
    }
}

/// What is in front of an encrypted message; it is authenticated, too.
pub(super) fn frame_header(length: u32) -> [u8; 5] {
    let [a, b, c, d] = length.to_be_bytes();
    [kind::ENCRYPT, a, b, c, d]
}
