//! Writing an archive as a stream.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{ArchiveError, ArchiveMeta, BLOCK, META, STATE, SUMS};
use crate::model::hashing::{Hashing, hex, sha256_hex};

/// Mode of the files in the archive.
const MODE: u32 = 0o600;

/// Packs an archive as a stream. `state` writes exactly as many bytes as the description tells; `modified` is the files'
/// time in seconds since 1970.
///
/// # Errors
/// When the description cannot be encoded, the state has another length, or writing fails.
pub fn write_archive(
    meta: &ArchiveMeta,
    modified: u64,
    out: impl Write,
    state: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), ArchiveError> {
    let mut text = serde_json::to_vec(meta)?;
    text.push(b'\n');
    let mut out = GzEncoder::new(out, Compression::fast());
    write_file(&mut out, META, modified, &text)?;
    write_header(&mut out, STATE, modified, meta.size)?;
    let mut body = Hashing::new(&mut out);
    state(&mut body)?;
    let (_, written, state_sum) = body.finish();
    if written != meta.size {
        let wrong = format!("a state of {written} bytes where {} were told", meta.size);
        return Err(io::Error::other(wrong).into());
    }
    pad(&mut out, written)?;
    let state_sum = hex(&state_sum);
    let sums = format!("{}  {META}\n{state_sum}  {STATE}\n", sha256_hex(&text));
    write_file(&mut out, SUMS, modified, sums.as_bytes())?;
    out.write_all(&[0; 2 * BLOCK])?;
    out.finish()?.flush()?;
    Ok(())
}

fn write_file(out: &mut impl Write, name: &str, modified: u64, data: &[u8]) -> io::Result<()> {
    write_header(out, name, modified, data.len() as u64)?;
    out.write_all(data)?;
    pad(out, data.len() as u64)
}

fn write_header(out: &mut impl Write, name: &str, modified: u64, size: u64) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(size);
    header.set_mode(MODE);
    header.set_mtime(modified);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_path(name)?;
    header.set_cksum();
    out.write_all(header.as_bytes())
}

/// Fills the last block of a file.
fn pad(out: &mut impl Write, size: u64) -> io::Result<()> {
    let over = usize::try_from(size % BLOCK as u64).unwrap_or(0);
    let missing = (BLOCK - over) % BLOCK;
    out.write_all(&[0; BLOCK][..missing])
}
