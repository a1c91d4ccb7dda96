//! The operator's snapshot archive: a gzip tar of `meta.json`, `state.bin` and `SHA256SUMS`. Pure.
//!
//! The envelope is Consul's, to the error texts; `state.bin` holds the bytes of whoever wrote it.

use std::io::{self, Read};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

const META: &str = "meta.json";
const STATE: &str = "state.bin";
const SUMS: &str = "SHA256SUMS";
/// Version of hashicorp/raft's snapshots that `meta.json` follows.
const META_VERSION: u64 = 1;
/// Bytes that a gzip header has at least.
const GZIP_HEADER_LEN: usize = 10;
/// Largest archive after decompression: a small file must not fill the memory.
const MAX_PLAIN_BYTES: u64 = 640 * 1024 * 1024;
/// Mode of the files in the archive.
const MODE: u32 = 0o600;

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
        let mut meta = serde_json::to_vec(&self.meta)?;
        meta.push(b'\n');
        let sums = format!("{}  {META}\n{}  {STATE}\n", hex(&meta), hex(&self.state));
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
        for (name, data) in [
            (META, &*meta),
            (STATE, &*self.state),
            (SUMS, sums.as_bytes()),
        ] {
            let mut header = tar::Header::new_ustar();
            header.set_size(data.len() as u64);
            header.set_mode(MODE);
            header.set_mtime(modified);
            header.set_entry_type(tar::EntryType::Regular);
            tar.append_data(&mut header, name, data)?;
        }
        Ok(tar.into_inner()?.finish()?)
    }

    /// Unpacks and verifies an archive.
    ///
    /// # Errors
    /// When it is damaged, incomplete, or holds a file that does not belong there.
    pub fn read(bytes: &[u8]) -> Result<Self, ArchiveError> {
        let plain = Plain::decompress(bytes)?;
        let files = Files::read(&plain)?;
        files.verify()?;
        match plain.end {
            Some(error) => Err(ArchiveError::End(error)),
            None => Ok(Self {
                meta: files.meta,
                state: files.state,
            }),
        }
    }
}

/// What decompression gave before it ended, and how it ended.
struct Plain {
    bytes: Vec<u8>,
    end: Option<String>,
}

impl Plain {
    fn decompress(bytes: &[u8]) -> Result<Self, ArchiveError> {
        if bytes.is_empty() {
            return Err(ArchiveError::Decompress("EOF"));
        }
        if bytes.len() < GZIP_HEADER_LEN {
            return Err(ArchiveError::Decompress("unexpected EOF"));
        }
        if !bytes.starts_with(&[0x1f, 0x8b, 8]) {
            return Err(ArchiveError::Decompress("gzip: invalid header"));
        }
        let mut plain = Vec::new();
        let mut decoder = MultiGzDecoder::new(bytes).take(MAX_PLAIN_BYTES + 1);
        let end = decoder
            .read_to_end(&mut plain)
            .err()
            .map(|e| match e.kind() {
                io::ErrorKind::UnexpectedEof => "unexpected EOF".to_owned(),
                io::ErrorKind::InvalidInput if e.to_string().contains("checksum") => {
                    "gzip: invalid checksum".to_owned()
                }
                io::ErrorKind::InvalidInput if e.to_string().contains("header") => {
                    "gzip: invalid header".to_owned()
                }
                _ => format!("flate: {e}"),
            });
        if plain.len() as u64 > MAX_PLAIN_BYTES {
            return Err(ArchiveError::TooLarge);
        }
        Ok(Self { bytes: plain, end })
    }

    /// Why more bytes were not there.
    fn shortage(&self) -> &str {
        self.end.as_deref().unwrap_or("unexpected EOF")
    }
}

#[derive(Default)]
struct Files {
    meta: ArchiveMeta,
    meta_bytes: Vec<u8>,
    state: Vec<u8>,
    sums: Vec<u8>,
}

impl Files {
    fn read(plain: &Plain) -> Result<Self, ArchiveError> {
        let content = ArchiveError::Content;
        let reading = |e: io::Error| {
            let reason = match e.kind() {
                io::ErrorKind::UnexpectedEof => plain.shortage().to_owned(),
                _ if plain.bytes.len() < 512 => plain.shortage().to_owned(),
                _ => format!("archive/tar: {e}"),
            };
            content(format!("failed reading snapshot: {reason}"))
        };
        let mut files = Self::default();
        let mut tar = tar::Archive::new(&*plain.bytes);
        for entry in tar.entries().map_err(reading)? {
            let mut entry = entry.map_err(reading)?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let (into, what) = match name.as_str() {
                META => (&mut files.meta_bytes, "failed to read snapshot metadata"),
                STATE => (&mut files.state, "failed to read or write snapshot data"),
                SUMS => (&mut files.sums, "failed to read snapshot hashes"),
                _ => return Err(content(format!("unexpected file {name:?} in snapshot"))),
            };
            into.clear();
            let read = entry.read_to_end(into);
            if read.is_err() || into.len() as u64 != entry.size() {
                return Err(content(format!("{what}: {}", plain.shortage())));
            }
            if name == META {
                files.meta = serde_json::from_slice(&files.meta_bytes).map_err(|e| {
                    let reason = if e.is_eof() {
                        "unexpected end of JSON input".to_owned()
                    } else {
                        e.to_string()
                    };
                    content(format!("failed to decode snapshot metadata: {reason}"))
                })?;
            }
        }
        Ok(files)
    }

    fn verify(&self) -> Result<(), ArchiveError> {
        let failed = |reason: String| {
            Err(ArchiveError::Content(format!(
                "failed checking integrity of snapshot: {reason}"
            )))
        };
        let mut missing = vec![(META, &self.meta_bytes), (STATE, &self.state)];
        for line in String::from_utf8_lossy(&self.sums).lines() {
            let (sum, name) = line.split_once("  ").unwrap_or((line, ""));
            if sum.is_empty() || !sum.bytes().all(|b| b.is_ascii_hexdigit()) {
                return failed("no hex data for %x string".to_owned());
            }
            let Some(at) = missing.iter().position(|(file, _)| *file == name) else {
                return failed(format!("list missing hash for {name:?}"));
            };
            let (_, data) = missing.remove(at);
            if !sum.eq_ignore_ascii_case(&hex(data)) {
                return failed(format!("hash check failed for {name:?}"));
            }
        }
        match missing.first() {
            Some((file, _)) => failed(format!("file missing for {file:?}")),
            None => Ok(()),
        }
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

fn hex(data: &[u8]) -> String {
    Sha256::digest(data)
        .iter()
        .fold(String::new(), |mut out, byte| {
            for nibble in [byte >> 4, byte & 15] {
                out.extend(char::from_digit(u32::from(nibble), 16));
            }
            out
        })
}

fn null_as_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests;
