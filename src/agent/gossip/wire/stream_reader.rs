//! Taking a stream's message from its bytes as they arrive (section 4 of the wire format).

use std::sync::Arc;

use bytes::Bytes;

use super::cipher;
use super::compress::{compressed_bytes, inflate};
use super::error::WireError;
use super::message::{NODES_MAX, NodeState, PushPull};
use super::message_codec::{decode_ack, decode_node_state, decode_ping, kind};
use super::reader::{HEAD_MAX, Reader, within};
use super::security::{Labelled, Security, split_label};
use super::stream::{STREAM_MAX, STREAM_PART_MAX, StreamMessage, frame_header};

/// Members that room is made for before they are there.
const NODES_AHEAD: usize = 1024;

/// Most bytes that come from the network for one message: all of it, its label and what compression and
/// encryption add at worst.
const RECEIVED_MAX: usize = STREAM_MAX + 64 * 1024;

/// Reads the one message that a side of a stream sends. Bytes are fed as they arrive; nothing is kept
/// beyond the bounds of this format.
#[derive(Debug)]
pub struct StreamReader {
    security: Arc<Security>,
    buffer: Vec<u8>,
    /// How much of the buffer is done with.
    at: usize,
    stage: Stage,
    /// Whether all of the message is in the buffer, because it was decrypted or decompressed as a whole.
    complete: bool,
    overflow: bool,
    skipped: usize,
    /// The gate for large messages is closed: how large those are that pass.
    small: Option<usize>,
    /// The gate for exchanges of state is closed.
    holds_push_pulls: bool,
    waits_at: Option<Gate>,
}

/// Where a reader waits until it is let through, because its message may take much memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Decompressed, the message is a large one.
    Large,
    /// The message is an exchange of state.
    PushPull,
}

/// What comes next.
#[derive(Debug)]
enum Stage {
    /// The label, or none.
    Label,
    /// An encrypted, compressed or plain message.
    Frame,
    /// A compressed message.
    Compressed,
    /// A plain message's type.
    Body,
    /// Members, then the application's state.
    PushPull(Pending),
    /// The application's message of this many bytes.
    User(usize),
    /// Nothing: the message was given out.
    Done,
}

/// A push/pull whose members come in.
#[derive(Debug)]
struct Pending {
    join: bool,
    /// Members still to come.
    missing: usize,
    nodes: Vec<NodeState>,
    user_state: usize,
}

/// What one step found.
enum Step {
    /// Go on with this.
    Next(Stage),
    /// The message.
    Message(StreamMessage),
    /// More bytes are needed.
    Wait(Stage),
    /// Not before it is let through.
    Hold(Stage, Gate),
}

impl StreamReader {
    /// For what the other side sends: `dialer` is whether we dialled. Only dialers send labels.
    pub fn new(security: Arc<Security>, dialer: bool) -> Self {
        Self {
            security,
            buffer: Vec::new(),
            at: 0,
            stage: if dialer { Stage::Frame } else { Stage::Label },
            complete: false,
            overflow: false,
            skipped: 0,
            small: None,
            holds_push_pulls: false,
            waits_at: None,
        }
    }

    /// Closes the gates: compressed messages of more than `small` bytes and exchanges of state wait at them.
    #[must_use]
    pub fn gated(mut self, small: usize) -> Self {
        self.small = Some(small);
        self.holds_push_pulls = true;
        self
    }

    /// What it takes to go on, where bytes do not help.
    pub fn waits_at(&self) -> Option<Gate> {
        self.waits_at
    }

    /// Opens the gate that it waits at.
    pub fn let_through(&mut self) {
        match self.waits_at.take() {
            Some(Gate::Large) => self.small = None,
            Some(Gate::PushPull) => self.holds_push_pulls = false,
            None => {}
        }
    }

    /// For a message that is there, in plain text and not compressed.
    pub(super) fn of_plain(buffer: Vec<u8>) -> Self {
        Self {
            security: Arc::default(),
            buffer,
            at: 0,
            stage: Stage::Body,
            complete: true,
            overflow: false,
            skipped: 0,
            small: None,
            holds_push_pulls: false,
            waits_at: None,
        }
    }

    /// Takes what arrived. What comes after the message is dropped.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.complete || matches!(self.stage, Stage::Done) {
            return;
        }
        if self.buffer.len() + bytes.len() > RECEIVED_MAX {
            self.overflow = true;
        } else {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Members of a push/pull that were left out, because their names, addresses, metadata or states are none.
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// The message, once; `None` while more bytes are needed, at a closed gate, and after it was given out.
    ///
    /// # Errors
    /// When no message can become of the bytes, whatever follows. The stream is of no use then.
    #[expect(
        clippy::should_implement_trait,
        reason = "not an iterator: it waits and fails"
    )]
    pub fn next(&mut self) -> Result<Option<StreamMessage>, WireError> {
        if self.overflow {
            return Err(WireError::TooLarge {
                what: "stream message",
                size: RECEIVED_MAX + 1,
                limit: RECEIVED_MAX,
            });
        }
        loop {
            let step = match std::mem::replace(&mut self.stage, Stage::Done) {
                Stage::Label => self.label()?,
                Stage::Frame => self.frame()?,
                Stage::Compressed => self.compressed()?,
                Stage::Body => self.body()?,
                Stage::PushPull(pending) => self.push_pull(pending)?,
                Stage::User(length) => self.user(length),
                Stage::Done => return Ok(None),
            };
            match step {
                Step::Next(stage) => self.stage = stage,
                Step::Message(message) => return Ok(Some(message)),
                Step::Hold(stage, gate) => {
                    self.stage = stage;
                    self.waits_at = Some(gate);
                    return Ok(None);
                }
                Step::Wait(_) if self.complete => return Err(WireError::Truncated),
                Step::Wait(stage) => {
                    self.stage = stage;
                    return Ok(None);
                }
            }
        }
    }

    fn label(&mut self) -> Result<Step, WireError> {
        if self.buffer.is_empty() {
            return Ok(Step::Wait(Stage::Label));
        }
        let Some(Labelled { label, rest }) = split_label(&self.buffer)? else {
            return Ok(Step::Wait(Stage::Label));
        };
        self.security.check_label(label)?;
        self.at = self.buffer.len() - rest.len();
        Ok(Step::Next(Stage::Frame))
    }

    /// Peels encryption and compression off. What has neither is read as it arrives.
    fn frame(&mut self) -> Result<Step, WireError> {
        let Some(&first) = self.buffer.get(self.at) else {
            return Ok(Step::Wait(Stage::Frame));
        };
        if first == kind::ENCRYPT {
            let Some(plain) = self.decrypt()? else {
                return Ok(Step::Wait(Stage::Frame));
            };
            self.replace(plain);
            return Ok(Step::Next(self.inside()));
        }
        if self.security.keyring.is_some() && self.security.verify_incoming {
            return Err(WireError::MissingEncryption);
        }
        Ok(Step::Next(self.inside()))
    }

    /// What is inside of the encryption.
    fn inside(&self) -> Stage {
        match self.buffer.get(self.at) {
            Some(&kind::COMPRESS) => Stage::Compressed,
            _ => Stage::Body,
        }
    }

    fn compressed(&mut self) -> Result<Step, WireError> {
        let compressed = match compressed_bytes(&mut Reader::new(&self.buffer[self.at + 1..])) {
            Ok(compressed) => compressed,
            Err(WireError::Truncated) => return Ok(Step::Wait(Stage::Compressed)),
            Err(err) => return Err(err),
        };
        let limit = self.small.unwrap_or(STREAM_MAX);
        match inflate(compressed, limit) {
            Err(WireError::TooLarge { .. }) if self.small.is_some() => {
                return Ok(Step::Hold(Stage::Compressed, Gate::Large));
            }
            inflated => self.replace(inflated?),
        }
        Ok(Step::Next(Stage::Body))
    }

    /// The encrypted message, once all of it is there.
    fn decrypt(&self) -> Result<Option<Vec<u8>>, WireError> {
        let keyring = self.security.keyring.as_deref();
        let keyring = keyring.ok_or(WireError::UnexpectedEncryption)?;
        let Some(length) = self.buffer[self.at + 1..].first_chunk() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*length);
        let size = usize::try_from(length).unwrap_or(usize::MAX);
        if size > STREAM_PART_MAX {
            return Err(WireError::TooLarge {
                what: "encrypted message",
                size,
                limit: STREAM_PART_MAX,
            });
        }
        let header = frame_header(length);
        let Some(sealed) = self.buffer[self.at + header.len()..].get(..size) else {
            return Ok(None);
        };
        let aad = [&header[..], self.security.label()].concat();
        cipher::open(keyring, sealed, &aad).map(Some)
    }

    /// What came out of a layer takes its place, whole.
    fn replace(&mut self, inner: Vec<u8>) {
        self.buffer = inner;
        self.at = 0;
        self.complete = true;
    }

    fn body(&mut self) -> Result<Step, WireError> {
        let Some((&first, body)) = self.buffer[self.at..].split_first() else {
            return Ok(Step::Wait(Stage::Body));
        };
        if first == kind::PUSH_PULL && self.holds_push_pulls {
            return Ok(Step::Hold(Stage::Body, Gate::PushPull));
        }
        let mut reader = Reader::new(body);
        let decoded = match first {
            kind::PING => decode_ping(&mut reader).map(|ping| message(StreamMessage::Ping(ping))),
            kind::ACK => decode_ack(&mut reader).map(|ack| message(StreamMessage::Ack(ack))),
            kind::ERROR => decode_error(&mut reader).map(|text| message(StreamMessage::Err(text))),
            kind::PUSH_PULL => decode_header(&mut reader)
                .map(|pending| Step::Next(Stage::PushPull(pending)))
                .map_err(WireError::of("push/pull header")),
            kind::USER => decode_user_length(&mut reader)
                .map(|length| Step::Next(Stage::User(length)))
                .map_err(WireError::of("user message header")),
            kind => Err(WireError::UnknownType {
                what: "stream message",
                kind,
            }),
        };
        match decoded {
            Ok(step) => {
                self.at += 1 + reader.position();
                Ok(step)
            }
            Err(err) if err.is_truncated() => {
                within("stream message's head", body.len(), HEAD_MAX)?;
                Ok(Step::Wait(Stage::Body))
            }
            Err(err) => Err(err),
        }
    }

    fn push_pull(&mut self, mut pending: Pending) -> Result<Step, WireError> {
        while pending.missing > 0 {
            let mut reader = Reader::new(&self.buffer[self.at..]);
            let node = match decode_node_state(&mut reader) {
                Err(WireError::Truncated) => Err(WireError::Truncated),
                Ok(node) => Ok(Some(node)),
                Err(_) => {
                    reader = Reader::new(&self.buffer[self.at..]);
                    pass_over(&mut reader).map(|()| None)
                }
            };
            match node {
                Ok(Some(node)) => pending.nodes.push(node),
                Ok(None) => self.skipped += 1,
                Err(WireError::Truncated) => {
                    within("node state", self.buffer.len() - self.at, HEAD_MAX)?;
                    return Ok(Step::Wait(Stage::PushPull(pending)));
                }
                Err(err) => return Err(WireError::of("node state")(err)),
            }
            self.at += reader.position();
            pending.missing -= 1;
        }
        let Some(user_state) = self.take(pending.user_state) else {
            return Ok(Step::Wait(Stage::PushPull(pending)));
        };
        Ok(message(StreamMessage::PushPull(PushPull {
            join: pending.join,
            nodes: pending.nodes,
            user_state,
        })))
    }

    fn user(&mut self, length: usize) -> Step {
        match self.take(length) {
            Some(user) => message(StreamMessage::User(user)),
            None => Step::Wait(Stage::User(length)),
        }
    }

    /// The last part of the message, when all of it is there. It is copied: the buffer, which may hold much
    /// more, is given back.
    fn take(&mut self, length: usize) -> Option<Bytes> {
        let last = self.buffer[self.at..].get(..length)?;
        let last = Bytes::copy_from_slice(last);
        self.buffer = Vec::new();
        Some(last)
    }
}

/// Reads over a member that makes no sense to us: one odd member must not keep the others from us.
fn pass_over(reader: &mut Reader<'_>) -> Result<(), WireError> {
    reader.fields(|_, value| value.skip())
}

fn message(message: StreamMessage) -> Step {
    Step::Message(message)
}

fn decode_error(reader: &mut Reader<'_>) -> Result<String, WireError> {
    let mut text = String::new();
    reader
        .fields(|name, value| {
            match name {
                b"Error" => text = String::from_utf8_lossy(value.raw()?).into_owned(),
                _ => value.skip()?,
            }
            Ok(())
        })
        .map_err(WireError::of("err"))?;
    Ok(text)
}

fn decode_header(reader: &mut Reader<'_>) -> Result<Pending, WireError> {
    let (mut join, mut nodes, mut user_state) = (false, 0, 0);
    reader.fields(|name, value| {
        match name {
            b"Join" => join = value.boolean()?,
            b"Nodes" => nodes = value.size("Nodes", NODES_MAX)?,
            b"UserStateLen" => user_state = value.size("UserStateLen", STREAM_PART_MAX)?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    Ok(Pending {
        join,
        missing: nodes,
        nodes: Vec::with_capacity(nodes.min(NODES_AHEAD)),
        user_state,
    })
}

fn decode_user_length(reader: &mut Reader<'_>) -> Result<usize, WireError> {
    let mut length = 0;
    reader.fields(|name, value| {
        match name {
            b"UserMsgLen" => length = value.size("UserMsgLen", STREAM_PART_MAX)?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    Ok(length)
}
