//! Reading and verifying an archive as a stream.

use std::cell::RefCell;
use std::io::{self, Read};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;

use super::{ArchiveError, ArchiveMeta, BLOCK, MAX_PLAIN_BYTES, META, STATE, SUMS};
use crate::model::hashing::{Hashing, hex, sha256_hex};

/// Bytes that a gzip header has at least.
const GZIP_HEADER_LEN: usize = 10;
/// Largest `meta.json` and `SHA256SUMS`.
const MAX_TEXT_BYTES: u64 = 1 << 20;
/// What is read from the archive, and passed over in it, at a time.
const BUFFER: usize = 64 << 10;

/// Unpacks and verifies an archive as a stream; `take_state` is given the bytes of `state.bin`, and what it made of them
/// is given back once everything is verified. What it leaves is passed over.
///
/// # Errors
/// When it is damaged, incomplete, or holds a file that does not belong there.
pub fn read_archive<T>(
    mut input: impl Read,
    take_state: impl FnMut(&mut dyn Read) -> T,
) -> Result<(ArchiveMeta, Option<T>), ArchiveError> {
    let mut head = Vec::new();
    let begin = (&mut input)
        .take(GZIP_HEADER_LEN as u64)
        .read_to_end(&mut head);
    match begin {
        Err(error) => return Err(ArchiveError::Content(error.to_string())),
        Ok(0) => return Err(ArchiveError::Decompress("EOF")),
        Ok(GZIP_HEADER_LEN) => {}
        Ok(_) => return Err(ArchiveError::Decompress("unexpected EOF")),
    }
    if !head.starts_with(&[0x1f, 0x8b, 8]) {
        return Err(ArchiveError::Decompress("gzip: invalid header"));
    }
    let end = Rc::new(RefCell::new(End::default()));
    let mut plain = Plain {
        decoder: MultiGzDecoder::new(io::BufReader::with_capacity(
            BUFFER,
            io::Cursor::new(head).chain(input),
        )),
        end: Rc::clone(&end),
    };
    let files = Files::read(&mut plain, &end, take_state);
    // What follows the tar counts, too: the checksum of the compression, and anything that does not belong there.
    let _ = pass_over(&mut plain);
    let end = end.borrow();
    if end.bytes > MAX_PLAIN_BYTES {
        return Err(ArchiveError::TooLarge);
    }
    let files = files?;
    files.verify()?;
    match &end.error {
        Some(error) => Err(ArchiveError::End(error.clone())),
        None => Ok((files.meta, files.state)),
    }
}

/// Verifies an archive as a stream and gives its description.
///
/// # Errors
/// As [`read_archive`].
pub fn verify_archive(input: impl Read) -> Result<ArchiveMeta, ArchiveError> {
    read_archive(input, |_| ()).map(|(meta, _)| meta)
}

/// What decompression has given, and how it ended.
#[derive(Default)]
struct End {
    bytes: u64,
    error: Option<String>,
}

impl End {
    /// Why more bytes were not there.
    fn shortage(&self) -> &str {
        self.error.as_deref().unwrap_or("unexpected EOF")
    }
}

/// The decompressed archive. An error ends it, and is noted.
struct Plain<R> {
    decoder: MultiGzDecoder<R>,
    end: Rc<RefCell<End>>,
}

impl<R: io::BufRead> Read for Plain<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut end = self.end.borrow_mut();
        if end.error.is_some() || end.bytes > MAX_PLAIN_BYTES {
            return Ok(0);
        }
        match self.decoder.read(bytes) {
            Ok(read) => {
                end.bytes += read as u64;
                Ok(read)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                end.error = Some(decompression_failure(&error));
                Ok(0)
            }
        }
    }
}

fn decompression_failure(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "unexpected EOF".to_owned(),
        io::ErrorKind::InvalidInput if error.to_string().contains("checksum") => {
            "gzip: invalid checksum".to_owned()
        }
        io::ErrorKind::InvalidInput if error.to_string().contains("header") => {
            "gzip: invalid header".to_owned()
        }
        _ => format!("flate: {error}"),
    }
}

/// What the archive's files were.
struct Files<T> {
    meta: ArchiveMeta,
    meta_sum: String,
    state: Option<T>,
    state_sum: String,
    sums: Vec<u8>,
}

impl<T> Files<T> {
    fn read(
        plain: &mut impl Read,
        end: &RefCell<End>,
        mut take_state: impl FnMut(&mut dyn Read) -> T,
    ) -> Result<Self, ArchiveError> {
        let content = ArchiveError::Content;
        let reading = |error: io::Error| {
            let end = end.borrow();
            let reason = match error.kind() {
                io::ErrorKind::UnexpectedEof => end.shortage().to_owned(),
                _ if end.bytes < BLOCK as u64 => end.shortage().to_owned(),
                _ => format!("archive/tar: {error}"),
            };
            content(format!("failed reading snapshot: {reason}"))
        };
        let mut files = Self {
            meta: ArchiveMeta::default(),
            meta_sum: sha256_hex(b""),
            state: None,
            state_sum: sha256_hex(b""),
            sums: Vec::new(),
        };
        let mut tar = tar::Archive::new(plain);
        for entry in tar.entries().map_err(reading)? {
            let mut entry = entry.map_err(reading)?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let size = entry.size();
            let short = |what: &str| content(format!("{what}: {}", end.borrow().shortage()));
            match name.as_str() {
                META => {
                    let text = read_text(&mut entry, size)
                        .ok_or_else(|| short("failed to read snapshot metadata"))?;
                    files.meta_sum = sha256_hex(&text);
                    files.meta = parse_meta(&text)?;
                }
                STATE => {
                    let mut body = Hashing::new(&mut entry);
                    files.state = Some(take_state(&mut body));
                    let passed = pass_over(&mut body);
                    let (_, read, sum) = body.finish();
                    if passed.is_err() || read != size {
                        return Err(short("failed to read or write snapshot data"));
                    }
                    files.state_sum = hex(&sum);
                }
                SUMS => {
                    files.sums = read_text(&mut entry, size)
                        .ok_or_else(|| short("failed to read snapshot hashes"))?;
                }
                _ => return Err(content(format!("unexpected file {name:?} in snapshot"))),
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
        let mut missing = vec![(META, &self.meta_sum), (STATE, &self.state_sum)];
        for line in String::from_utf8_lossy(&self.sums).lines() {
            let (sum, name) = line.split_once("  ").unwrap_or((line, ""));
            if sum.is_empty() || !sum.bytes().all(|b| b.is_ascii_hexdigit()) {
                return failed("no hex data for %x string".to_owned());
            }
            let Some(at) = missing.iter().position(|(file, _)| *file == name) else {
                return failed(format!("list missing hash for {name:?}"));
            };
            let (_, expected) = missing.remove(at);
            if !sum.eq_ignore_ascii_case(expected) {
                return failed(format!("hash check failed for {name:?}"));
            }
        }
        match missing.first() {
            Some((file, _)) => failed(format!("file missing for {file:?}")),
            None => Ok(()),
        }
    }
}

/// The whole of a small file; nothing when it is cut short or not small.
fn read_text(entry: &mut impl Read, size: u64) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    entry.take(MAX_TEXT_BYTES).read_to_end(&mut text).ok()?;
    (text.len() as u64 == size).then_some(text)
}

fn parse_meta(text: &[u8]) -> Result<ArchiveMeta, ArchiveError> {
    serde_json::from_slice(text).map_err(|e| {
        let reason = if e.is_eof() {
            "unexpected end of JSON input".to_owned()
        } else {
            e.to_string()
        };
        ArchiveError::Content(format!("failed to decode snapshot metadata: {reason}"))
    })
}

fn pass_over(input: &mut impl Read) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        match input.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
    }
}
