//! The layout of a snapshot file, as a stream: written and read without a copy of the state.
//!
//! Version 2: magic, version, header length, header (what the snapshot contains), the store's bytes, and a SHA-256
//! of all that. Version 1 has the length of the store's bytes after the header's; it is read, not written.

use std::io::{self, Read, Write};

use super::codec;
use super::types::SnapshotMeta;
use crate::agent::store::State;
use crate::model::hashing::Hashing;

/// Marks a file as a snapshot of ours.
const MAGIC: &[u8; 8] = b"CCTLSNAP";
/// Version of the layout that is written.
const VERSION: u32 = 2;
/// Version whose body's length stands ahead.
const SIZED_VERSION: u32 = 1;
/// Bytes of the checksum at the end.
const CHECKSUM_LEN: usize = 32;
/// Longest header: thousands of servers fit.
const MAX_HEADER: u32 = 1 << 20;
/// What is collected before it is written.
const WRITE_BUFFER: usize = 256 << 10;
/// What is read at a time.
const READ_BUFFER: usize = 256 << 10;

/// Writes a snapshot.
///
/// # Errors
/// Those of the writer, and a header that has no form.
pub(super) fn write(meta: &SnapshotMeta, state: &State, out: impl Write) -> io::Result<()> {
    let header = codec::encode_snapshot_meta(meta).map_err(io::Error::other)?;
    let header_len = u32::try_from(header.len()).map_err(io::Error::other)?;
    let mut out = io::BufWriter::with_capacity(WRITE_BUFFER, Hashing::new(out));
    out.write_all(MAGIC)?;
    out.write_all(&VERSION.to_be_bytes())?;
    out.write_all(&header_len.to_be_bytes())?;
    out.write_all(&header)?;
    state.write_snapshot(&mut out)?;
    let hashed = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    let (mut out, _, checksum) = hashed.finish();
    out.write_all(&checksum)?;
    out.flush()
}

/// Reads and verifies a snapshot; the error is what is wrong with it.
pub(super) fn read(input: impl Read) -> Result<(SnapshotMeta, State), String> {
    let mut input = Hashing::new(io::BufReader::with_capacity(READ_BUFFER, input));
    let body_len = match read_head(&mut input)? {
        (SIZED_VERSION, header_len) => {
            let body_len = u64::from_be_bytes(take(&mut input)?);
            (header_len, Some(body_len))
        }
        (_, header_len) => (header_len, None),
    };
    let (header_len, body_len) = body_len;
    let mut header = vec![0; header_len];
    input.read_exact(&mut header).map_err(|e| short(&e))?;
    let meta = codec::decode_snapshot_meta(&header).map_err(|e| e.to_string())?;
    let before = input.passed();
    let state = State::read_snapshot(&mut input).map_err(|e| damaged(&e))?;
    if body_len.is_some_and(|expected| expected != input.passed() - before) {
        return Err("its length is not the one that its head tells".to_owned());
    }
    let (mut input, _, expected) = input.finish();
    let checksum: [u8; CHECKSUM_LEN] = take(&mut input)?;
    if checksum != expected {
        return Err("the checksum does not match".to_owned());
    }
    match input.read(&mut [0]) {
        Ok(0) => Ok((meta, state)),
        Ok(_) => Err("it goes on after its end".to_owned()),
        Err(error) => Err(short(&error)),
    }
}

/// Copies a file of `len` bytes as it is, and fails at its end when it is not as it was written.
pub(super) fn copy(mut file: impl Read, len: u64, mut out: impl Write) -> io::Result<()> {
    let content = len.saturating_sub(CHECKSUM_LEN as u64);
    let mut body = Hashing::new((&mut file).take(content));
    io::copy(&mut body, &mut out)?;
    let (_, _, checksum) = body.finish();
    let mut expected = [0; CHECKSUM_LEN];
    file.read_exact(&mut expected)?;
    if checksum != expected {
        return Err(io::Error::other("the checksum does not match"));
    }
    out.write_all(&expected)?;
    out.flush()
}

/// Version and length of the header.
fn read_head(input: &mut impl Read) -> Result<(u32, usize), String> {
    if take(input)? != *MAGIC {
        return Err("it is not a snapshot".to_owned());
    }
    let version = u32::from_be_bytes(take(input)?);
    if !(SIZED_VERSION..=VERSION).contains(&version) {
        return Err(format!(
            "version {version} is not known to this build (newest known: {VERSION})"
        ));
    }
    let header_len = u32::from_be_bytes(take(input)?);
    if header_len > MAX_HEADER {
        return Err(format!("its header cannot have {header_len} bytes"));
    }
    let header_len = usize::try_from(header_len).map_err(|e| e.to_string())?;
    Ok((version, header_len))
}

fn take<const N: usize>(input: &mut impl Read) -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes).map_err(|e| short(&e))?;
    Ok(bytes)
}

fn short(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "it is truncated".to_owned(),
        _ => error.to_string(),
    }
}

fn damaged(error: &crate::agent::store::SnapshotError) -> String {
    format!("it is damaged or truncated, and its checksum cannot be right: {error}")
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::agent::raft::types::{StoredMembership, log_id};
    use crate::agent::store::{Command, KvCommand, KvVerb, Touched};
    use crate::model::kv::{Blob, Key, KvPair};

    fn sample() -> (SnapshotMeta, State) {
        let mut state = State::default();
        for n in 1..20 {
            let command = Command::Kv(KvCommand {
                verb: KvVerb::Set,
                pair: KvPair {
                    key: Key::from(&*format!("k{n}")),
                    value: Blob(vec![n; 40].into()),
                    ..KvPair::default()
                },
            });
            state.apply(u64::from(n), &command, &mut Touched::default());
        }
        let meta = SnapshotMeta {
            last_log_id: Some(log_id(1, 19)),
            last_membership: StoredMembership::default(),
        };
        (meta, state)
    }

    fn bytes() -> Vec<u8> {
        let (meta, state) = sample();
        let mut out = Vec::new();
        write(&meta, &state, &mut out).expect("memory");
        out
    }

    /// The layout that earlier builds wrote.
    fn first_version() -> Vec<u8> {
        let (meta, state) = sample();
        let header = codec::encode_snapshot_meta(&meta).expect("encodable");
        let body = state.to_snapshot();
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&1_u32.to_be_bytes());
        out.extend_from_slice(&u32::try_from(header.len()).expect("short").to_be_bytes());
        out.extend_from_slice(&(body.len() as u64).to_be_bytes());
        out.extend_from_slice(&header);
        out.extend_from_slice(&body);
        let checksum = Sha256::digest(&out);
        out.extend_from_slice(&checksum);
        out
    }

    #[test]
    fn both_versions_are_read() {
        let (meta, state) = sample();
        for bytes in [bytes(), first_version()] {
            let (read_meta, read_state) = read(&*bytes).expect("whole");
            assert_eq!(read_meta, meta);
            assert_eq!(read_state.to_snapshot(), state.to_snapshot());
        }
    }

    #[test]
    fn no_cut_flip_or_addition_is_accepted_or_panics() {
        for bytes in [bytes(), first_version()] {
            for cut in 0..bytes.len() {
                assert!(read(&bytes[..cut]).is_err(), "cut at {cut}");
            }
            for at in 0..bytes.len() {
                for bits in [1, 0x80, 0xff] {
                    let mut flipped = bytes.clone();
                    flipped[at] ^= bits;
                    assert!(read(&*flipped).is_err(), "flip at {at}");
                }
            }
            assert!(read(&*[&*bytes, b"x"].concat()).is_err());
        }
    }

    #[test]
    fn a_damaged_file_is_not_copied_to_its_end() {
        let mut bytes = bytes();
        let len = bytes.len() as u64;
        let mut out = Vec::new();
        copy(&*bytes, len, &mut out).expect("whole");
        assert_eq!(out, bytes);
        bytes[200] ^= 4;
        out.clear();
        copy(&*bytes, len, &mut out).expect_err("damaged");
        assert!(out.len() < bytes.len());
    }

    #[test]
    fn a_newer_version_is_named() {
        let mut bytes = bytes();
        bytes[11] = 9;
        let error = read(&*bytes).map(drop).expect_err("unknown");
        assert_eq!(
            error,
            "version 9 is not known to this build (newest known: 2)"
        );
    }
}
