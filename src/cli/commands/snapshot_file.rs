//! A snapshot archive as Consul writes it: a gzipped tar of `meta.json`, `state.bin` and their
//! checksums.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Read};

use flate2::read::GzDecoder;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// Largest part of an archive, besides the state, that is read into memory, in bytes.
const MAX_SMALL_PART: u64 = 1024 * 1024;

/// What a snapshot says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Meta {
    /// Format of the archive.
    pub(super) version: u64,
    /// Unique name: term, index and time.
    #[serde(rename = "ID")]
    pub(super) id: String,
    /// Raft index of the state.
    pub(super) index: u64,
    /// Raft term of the state.
    pub(super) term: u64,
    /// Length of the state in bytes.
    pub(super) size: u64,
}

/// Reads an archive to its end and checks every sum.
///
/// # Errors
///
/// In Consul's words where it has any: no gzip, no tar, a part that is missing or altered.
pub(super) fn verify(archive: impl Read) -> Result<Meta, String> {
    let mut tar = tar::Archive::new(GzDecoder::new(archive));
    let mut sums: BTreeMap<String, String> = BTreeMap::new();
    let mut listed = String::new();
    let mut meta = None;
    let entries = tar.entries().map_err(|error| broken(&error))?;
    for entry in entries {
        let mut entry = entry.map_err(|error| broken(&error))?;
        let name = entry.path().map_err(|error| broken(&error))?;
        let name = name.to_string_lossy().into_owned();
        match name.as_str() {
            "meta.json" => {
                let mut text = Vec::new();
                let mut part = (&mut entry).take(MAX_SMALL_PART);
                part.read_to_end(&mut text)
                    .map_err(|error| broken(&error))?;
                sums.insert(name, hex(&Sha256::digest(&text)));
                let found = serde_json::from_slice(&text)
                    .map_err(|error| format!("failed to decode snapshot metadata: {error}"))?;
                meta = Some(found);
            }
            "state.bin" => {
                let mut hash = HashWriter(Sha256::new());
                io::copy(&mut entry, &mut hash).map_err(|error| broken(&error))?;
                sums.insert(name, hex(&hash.0.finalize()));
            }
            "SHA256SUMS" => {
                let mut part = (&mut entry).take(MAX_SMALL_PART);
                part.read_to_string(&mut listed)
                    .map_err(|error| broken(&error))?;
            }
            other => return Err(format!("unexpected file \"{other}\" in snapshot")),
        }
    }
    for (name, sum) in &sums {
        let line = format!("{sum}  {name}");
        if !listed.lines().any(|found| found == line) {
            return Err(format!(
                "failed checking integrity of snapshot: hash check failed for \"{name}\""
            ));
        }
    }
    if !sums.contains_key("state.bin") {
        return Err("failed checking integrity of snapshot: the state is missing".to_owned());
    }
    meta.ok_or_else(|| "failed checking integrity of snapshot: the metadata is missing".to_owned())
}

fn broken(error: &io::Error) -> String {
    let reason = match error.kind() {
        io::ErrorKind::UnexpectedEof => "unexpected EOF".to_owned(),
        _ => error.to_string(),
    };
    format!("failed to decompress snapshot: {reason}")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

struct HashWriter(Sha256);

impl io::Write for HashWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(parts: &[(&str, &str)]) -> Vec<u8> {
        let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(gzip);
        for (name, text) in parts {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_cksum();
            tar.append_data(&mut header, name, text.as_bytes()).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap()
    }

    const META: &str = r#"{"Version":1,"ID":"2-7-1","Index":7,"Term":2,"Size":3}"#;

    fn sums(meta: &str, state: &str) -> String {
        let sum = |text: &str| hex(&Sha256::digest(text));
        format!("{}  meta.json\n{}  state.bin\n", sum(meta), sum(state))
    }

    #[test]
    fn a_whole_archive_tells_what_it_is() {
        let sums = sums(META, "abc");
        let whole = [
            ("meta.json", META),
            ("state.bin", "abc"),
            ("SHA256SUMS", &sums),
        ];
        let meta = verify(archive(&whole).as_slice()).unwrap();
        assert_eq!((meta.index, meta.term, meta.size), (7, 2, 3));
    }

    #[test]
    fn what_is_broken_missing_or_altered_is_refused() {
        let text = |data: &[u8]| verify(data).unwrap_err();
        assert_eq!(
            text(b"junk"),
            "failed to decompress snapshot: unexpected EOF"
        );
        let sums = sums(META, "abc");
        let altered = [
            ("meta.json", META),
            ("state.bin", "abd"),
            ("SHA256SUMS", &sums),
        ];
        assert!(text(&archive(&altered)).contains("hash check failed for \"state.bin\""));
        let missing = [("meta.json", META), ("SHA256SUMS", &sums)];
        assert!(text(&archive(&missing)).contains("the state is missing"));
        let whole = [
            ("meta.json", META),
            ("state.bin", "abc"),
            ("SHA256SUMS", &sums),
        ];
        let whole = archive(&whole);
        assert!(verify(&whole[..whole.len() / 2]).is_err());
    }
}
