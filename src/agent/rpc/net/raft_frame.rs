//! Raft's frames on a connection: our own, between our own servers. The first byte (1) is followed by a preface, then
//! by frames in both directions; answers come in any order.
//!
//! Preface: `CRF`, a version, a lane, and the UUID of the server that is meant, with its length before it. Frame: length of the body (8 bytes), number (4), kind or outcome (1), three
//! zeros; then the body. All numbers are big-endian.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use super::budget::Share;
use super::exchange::{JOINED_BYTES, in_time, write_paced};

/// What a connection begins with; lane and server follow. The reference's first byte is a small number: neither takes the
/// other for its own.
pub(super) const PREFACE: [u8; 4] = *b"CRF\x01";
/// Bytes of a frame's head.
pub(super) const HEAD_BYTES: usize = 16;
/// Outcome: the body is the answer.
pub(super) const ANSWERED: u8 = 0;
/// Outcome: the body is the reason of a refusal.
pub(super) const REFUSED: u8 = 1;
/// Most that is read at a time, so that a body takes memory as it arrives.
const CHUNK_BYTES: u64 = 1 << 20;

/// The head of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// Bytes of the body.
    pub(super) len: u64,
    /// Chosen by the asking side; the answer has the same.
    pub(super) number: u32,
    /// The kind of a call, or the outcome in an answer.
    pub(super) kind: u8,
}

impl Head {
    pub(super) fn encode(self) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        bytes[..8].copy_from_slice(&self.len.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.number.to_be_bytes());
        bytes[12] = self.kind;
        bytes
    }

    /// Reads a head; `None` when it is not one of this version's.
    pub(super) fn decode(bytes: [u8; HEAD_BYTES]) -> Option<Self> {
        let (len, rest) = bytes.split_first_chunk::<8>()?;
        let (number, rest) = rest.split_first_chunk::<4>()?;
        let &[kind, 0, 0, 0] = rest else {
            return None;
        };
        Some(Self {
            len: u64::from_be_bytes(*len),
            number: u32::from_be_bytes(*number),
            kind,
        })
    }
}

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) number: u32,
    pub(super) kind: u8,
    pub(super) body: Vec<u8>,
}

/// Reads a head; `None` at the end of the connection.
pub(super) async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Head>> {
    let mut bytes = [0; HEAD_BYTES];
    if stream.read(&mut bytes[..1]).await? == 0 {
        return Ok(None);
    }
    stream.read_exact(&mut bytes[1..]).await?;
    match Head::decode(bytes) {
        Some(head) => Ok(Some(head)),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Reads a body of known length, which the caller has found within its bounds; fails after `limit` without progress.
/// `share` grows with what has arrived, not with what is announced.
pub(super) async fn read_body(
    stream: &mut (impl AsyncRead + Unpin),
    len: u64,
    share: &mut Share,
    limit: Duration,
) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    let mut left = len;
    while left > 0 {
        let mut part = (&mut *stream).take(left.min(CHUNK_BYTES));
        let read = in_time(limit, part.read_buf(&mut body)).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if !share.resize(body.capacity()) {
            return Err(io::Error::other("too many bytes are under way"));
        }
        left -= u64::try_from(read).unwrap_or(left);
    }
    Ok(body)
}

/// Writes a frame; fails after `limit` without progress.
pub(super) async fn write_frame(
    stream: &mut (impl AsyncWrite + Unpin),
    frame: &Frame,
    limit: Duration,
) -> io::Result<()> {
    let head = Head {
        len: u64::try_from(frame.body.len()).unwrap_or(u64::MAX),
        number: frame.number,
        kind: frame.kind,
    };
    if frame.body.len() <= JOINED_BYTES {
        let mut whole = head.encode().to_vec();
        whole.extend_from_slice(&frame.body);
        return write_paced(stream, &whole, limit).await;
    }
    write_paced(stream, &head.encode(), limit).await?;
    write_paced(stream, &frame.body, limit).await
}

/// Writes the preface of a lane's connection to a server.
pub(super) async fn write_preface(
    stream: &mut (impl AsyncWrite + Unpin),
    first: u8,
    lane: u8,
    server: &str,
    limit: Duration,
) -> io::Result<()> {
    let len = u8::try_from(server.len()).map_err(|_| io::Error::other("the id is too long"))?;
    let mut bytes = vec![first];
    bytes.extend_from_slice(&PREFACE);
    bytes.extend_from_slice(&[lane, len]);
    bytes.extend_from_slice(server.as_bytes());
    write_paced(stream, &bytes, limit).await
}

/// Reads a preface; gives the UUID of the server that is meant.
pub(super) async fn read_preface(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut preface = [0; PREFACE.len() + 2];
    stream.read_exact(&mut preface).await?;
    if !preface.starts_with(&PREFACE) {
        return Err(io::Error::other("not a connection of this program's raft"));
    }
    let mut server = vec![0; preface[PREFACE.len() + 1].into()];
    stream.read_exact(&mut server).await?;
    Ok(server)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_come_back_and_others_are_refused() {
        let head = Head {
            len: 1 << 40,
            number: 7,
            kind: 3,
        };
        let bytes = head.encode();
        assert_eq!(bytes, *b"\0\0\x01\0\0\0\0\0\0\0\0\x07\x03\0\0\0");
        assert_eq!(Head::decode(bytes), Some(head));
        let mut odd = bytes;
        odd[15] = 1;
        assert_eq!(Head::decode(odd), None);
    }
}
