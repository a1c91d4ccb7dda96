//! The operator's snapshot archive: a gzip tar of `meta.json`, `state.bin` and `SHA256SUMS`. Pure.
//!
//! The envelope is Consul's, to the error texts; `state.bin` holds the bytes of whoever wrote it. It is written and read
//! as a stream, since a state may be larger than what one likes to hold in memory twice.

mod pack;
mod unpack;

use std::io::{self, Write};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;

pub use self::pack::write_archive;
pub use self::unpack::{read_archive, verify_archive};

const META: &str = "meta.json";
const STATE: &str = "state.bin";
const SUMS: &str = "SHA256SUMS";
/// Version of hashicorp/raft's snapshots that `meta.json` follows.
const META_VERSION: u64 = 1;
/// Largest archive after decompression: a small file must not keep a reader busy for ever, or fill its memory.
const MAX_PLAIN_BYTES: u64 = 8 << 30;
/// Bytes of a block of a tar.
const BLOCK: usize = 512;

/// `meta.json`: hashicorp/raft's description of a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ArchiveMeta {
    /// Version of this description.
    pub version: u64,
    /// Name of the snapshot: term, index and milliseconds.
    #[serde(rename = "ID")]
    pub id: String,
    /// Index of the last write in the state.
    pub index: u64,
    /// Raft term of the last write in the state.
    pub term: u64,
    /// The voters' addresses: a msgpack list in base64, for old readers.
    #[serde(deserialize_with = "null_as_default")]
    pub peers: String,
    /// The servers.
    pub configuration: ArchiveConfiguration,
    /// Log index of the servers' entry.
    pub configuration_index: u64,
    /// Bytes of `state.bin`.
    pub size: u64,
}

/// The servers of an archive.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ArchiveConfiguration {
    /// The servers.
    #[serde(deserialize_with = "null_as_default")]
    pub servers: Vec<ArchiveServer>,
}

/// A server of an archive.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ArchiveServer {
    /// 0 for a voter, 1 for a server without a vote.
    pub suffrage: u8,
    /// Node UUID.
    #[serde(rename = "ID")]
    pub id: String,
    /// RPC address.
    pub address: String,
}

/// An archive in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// `meta.json`.
    pub meta: ArchiveMeta,
    /// `state.bin`.
    pub state: Vec<u8>,
}

/// Why an archive cannot be read or written; Consul's texts.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// It is not gzip.
    #[error("failed to decompress snapshot: {0}")]
    Decompress(&'static str),
    /// Its content is not as it was written.
    #[error("failed to read snapshot file: {0}")]
    Content(String),
    /// Its end is missing or damaged.
    #[error("{0}")]
    End(String),
    /// It is larger than this program reads.
    #[error("failed to read snapshot file: more than {MAX_PLAIN_BYTES} bytes after decompression")]
    TooLarge,
    /// It could not be packed.
    #[error("failed to write snapshot file: {0}")]
    Write(#[from] io::Error),
    /// Its description could not be encoded.
    #[error("failed to encode snapshot metadata: {0}")]
    Meta(#[from] serde_json::Error),
}

impl ArchiveMeta {
    /// The description of a state of `size` bytes, taken `since_epoch` after 1970.
    pub fn new(
        index: u64,
        term: u64,
        since_epoch: Duration,
        configuration: ArchiveConfiguration,
        configuration_index: u64,
        size: u64,
    ) -> Self {
        Self {
            version: META_VERSION,
            id: format!("{term}-{index}-{}", since_epoch.as_millis()),
            index,
            term,
            peers: peers(&configuration.servers),
            configuration,
            configuration_index,
            size,
        }
    }
}

impl Archive {
    /// Packs the archive; `modified` is the files' time in seconds since 1970.
    ///
    /// # Errors
    /// When the description cannot be encoded; writing to memory does not fail.
    pub fn write(&self, modified: u64) -> Result<Vec<u8>, ArchiveError> {
        let mut meta = self.meta.clone();
        meta.size = self.state.len() as u64;
        let mut bytes = Vec::new();
        let state = |out: &mut dyn Write| out.write_all(&self.state);
        write_archive(&meta, modified, &mut bytes, state)?;
        Ok(bytes)
    }

    /// Unpacks and verifies an archive.
    ///
    /// # Errors
    /// When it is damaged, incomplete, or holds a file that does not belong there.
    pub fn read(bytes: &[u8]) -> Result<Self, ArchiveError> {
        let (meta, state) = read_archive(bytes, |input| {
            let mut state = Vec::new();
            // What fails here fails the reading as well.
            let _ = input.read_to_end(&mut state);
            state
        })?;
        let state = state.unwrap_or_default();
        Ok(Self { meta, state })
    }
}

/// The voters' addresses as hashicorp/raft's old peers list: raw strings in a msgpack array.
fn peers(servers: &[ArchiveServer]) -> String {
    let addresses: Vec<&str> = servers
        .iter()
        .filter(|server| server.suffrage == 0)
        .map(|server| &*server.address)
        .collect();
    let mut out = Vec::new();
    match addresses.len() {
        len @ 0..16 => out.push(0x90 | small(len)),
        len => {
            out.push(0xdc);
            out.extend_from_slice(&wide(len));
        }
    }
    for address in addresses {
        match address.len() {
            len @ 0..32 => out.push(0xa0 | small(len)),
            len => {
                out.push(0xda);
                out.extend_from_slice(&wide(len));
            }
        }
        out.extend_from_slice(address.as_bytes());
    }
    STANDARD.encode(out)
}

fn small(len: usize) -> u8 {
    u8::try_from(len).unwrap_or(u8::MAX)
}

fn wide(len: usize) -> [u8; 2] {
    u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes()
}

fn null_as_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests;
