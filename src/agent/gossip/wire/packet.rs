//! Packets, once they are open: CRC, compounds, compression (section 3 of the wire format).

use bytes::Bytes;

use super::compress::{compress, decompress};
use super::error::WireError;
use super::message::Message;
use super::message_codec::kind;

/// Most layers around a message. Peers use three: CRC, compression, compound.
const LAYERS_MAX: u32 = 8;

/// Most bytes that all compressed parts of one packet become. Nobody sends a packet that was larger than
/// a datagram before its compression; this leaves room.
const DECOMPRESSED_MAX: usize = 1024 * 1024;

/// Most messages of one packet, in all its compounds together. Datagrams of peers hold 1400 bytes, which is
/// room for far fewer.
const MESSAGES_MAX: usize = 512;

/// Most compounds around a message. Peers use one, we two when there are more parts than one holds.
const COMPOUNDS_MAX: u32 = 2;

/// Most parts of one compound: their number is one byte.
const PARTS_MAX: usize = 255;

/// Hands every message of a packet (`plain`: after label and decryption) to `sink`, and tells how many
/// parts of compounds were cut off at the end. Parts beyond the 512th message count as cut off.
///
/// # Errors
/// The first fault that was met. Messages before and after a faulty part of a compound are handed on
/// all the same.
pub fn decode_packet(plain: &[u8], sink: &mut impl FnMut(Message)) -> Result<usize, WireError> {
    let mut packet = Packet {
        sink,
        cut_off: 0,
        room: DECOMPRESSED_MAX,
        messages: MESSAGES_MAX,
    };
    let layers = Layers {
        all: LAYERS_MAX,
        compounds: COMPOUNDS_MAX,
    };
    packet.layer(plain, layers)?;
    Ok(packet.cut_off)
}

/// The state of taking one packet apart.
struct Packet<'s, S> {
    sink: &'s mut S,
    cut_off: usize,
    /// Bytes that compressed parts may still become.
    room: usize,
    /// Messages that may still come.
    messages: usize,
}

/// Layers that may still be around a message.
#[derive(Clone, Copy)]
struct Layers {
    all: u32,
    compounds: u32,
}

impl<S: FnMut(Message)> Packet<'_, S> {
    fn layer(&mut self, bytes: &[u8], mut layers: Layers) -> Result<(), WireError> {
        let (&first, body) = bytes.split_first().ok_or(WireError::Empty("message"))?;
        let container = matches!(first, kind::COMPOUND | kind::COMPRESS | kind::HAS_CRC);
        if !container {
            self.messages = self.messages.saturating_sub(1);
            (self.sink)(Message::decode(bytes)?);
            return Ok(());
        }
        layers.all = layers.all.checked_sub(1).ok_or(WireError::TooDeep)?;
        match first {
            kind::COMPOUND => self.compound(body, layers),
            kind::COMPRESS => {
                let inner = decompress(body, self.room)?;
                self.room -= inner.len();
                self.layer(&inner, layers)
            }
            _ => self.layer(checked(body)?, layers),
        }
    }

    /// `count(1) | count × length(2) | parts`.
    fn compound(&mut self, body: &[u8], mut layers: Layers) -> Result<(), WireError> {
        let compounds = layers.compounds.checked_sub(1);
        layers.compounds = compounds.ok_or(WireError::TooDeep)?;
        let (&count, rest) = body.split_first().ok_or(WireError::Truncated)?;
        let count = usize::from(count);
        let (lengths, mut parts) = rest
            .split_at_checked(2 * count)
            .ok_or(WireError::Truncated)?;
        let mut result = Ok(());
        let (lengths, _) = lengths.as_chunks::<2>();
        for (index, length) in lengths.iter().enumerate() {
            if self.messages == 0 {
                self.cut_off += count - index;
                break;
            }
            let length = usize::from(u16::from_be_bytes(*length));
            let Some((part, rest)) = parts.split_at_checked(length) else {
                self.cut_off += count - index;
                break;
            };
            parts = rest;
            let left = self.messages - 1;
            result = result.and(self.layer(part, layers));
            // What holds no message costs time, too.
            self.messages = self.messages.min(left);
        }
        result
    }
}

/// What follows the CRC, when it is the right one.
fn checked(body: &[u8]) -> Result<&[u8], WireError> {
    let (sent, rest) = body.split_first_chunk().ok_or(WireError::Truncated)?;
    let sent = u32::from_be_bytes(*sent);
    let computed = crc32fast::hash(rest);
    if sent == computed {
        Ok(rest)
    } else {
        Err(WireError::Checksum { sent, computed })
    }
}

/// A packet of encoded messages, ready for [`super::Security::seal_packet`]: one message as it is, more
/// as a compound; compressed only when that is smaller; then the CRC.
///
/// More than 255 parts become a compound of compounds; receivers take 512 parts. A part of more than 65 535 bytes has no place in
/// a datagram: its length saturates, and no system sends the result.
pub fn encode_packet(parts: &[Bytes], crc: bool, with_compression: bool) -> Vec<u8> {
    let plain = match parts {
        [one] => one.to_vec(),
        parts => compound(parts),
    };
    let packet = if with_compression {
        let compressed = compress(&plain);
        if compressed.len() < plain.len() {
            compressed
        } else {
            plain
        }
    } else {
        plain
    };
    if !crc {
        return packet;
    }
    let mut with_crc = Vec::with_capacity(packet.len() + 5);
    with_crc.push(kind::HAS_CRC);
    with_crc.extend_from_slice(&crc32fast::hash(&packet).to_be_bytes());
    with_crc.extend_from_slice(&packet);
    with_crc
}

fn compound(parts: &[Bytes]) -> Vec<u8> {
    if parts.len() > PARTS_MAX {
        let compounds: Vec<Bytes> = parts
            .chunks(PARTS_MAX)
            .map(|chunk| compound(chunk).into())
            .collect();
        return compound(&compounds);
    }
    let size: usize = parts.iter().map(|part| part.len() + 2).sum();
    let mut out = Vec::with_capacity(size + 2);
    out.push(kind::COMPOUND);
    out.push(u8::try_from(parts.len()).unwrap_or(u8::MAX));
    for part in parts {
        let length = u16::try_from(part.len()).unwrap_or(u16::MAX);
        out.extend_from_slice(&length.to_be_bytes());
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}
