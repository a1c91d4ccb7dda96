//! SQLite's write-ahead log, as far as it takes to notice what SQLite passes over in silence. Pure.
//!
//! SQLite takes the first frame that does not fit for the end of the log, as it is after a power failure. But only the last
//! transaction can be torn, since each is synced before the next is written: where two more transactions end at
//! or after that frame, something durable was damaged. Format: <https://sqlite.org/fileformat2.html#walformat>.

use std::io::{self, Read};

/// Bytes of the header.
const HEADER: usize = 32;
/// Bytes of the header that its checksum covers.
const HEADER_SUMMED: usize = 24;
/// Bytes before each page.
const FRAME_HEADER: usize = 24;
/// Bytes of a frame's header that its checksum covers.
const FRAME_SUMMED: usize = 8;
/// The header's first number, but for the last bit, which tells the byte order of checksums.
const MAGIC: u32 = 0x377f_0682;
/// Sizes of a page.
const PAGE_SIZES: std::ops::RangeInclusive<usize> = 512..=65_536;

/// Reads a write-ahead log; `Some` is what is wrong with it.
///
/// # Errors
/// Those of the reader.
pub(super) fn inspect(mut input: impl Read) -> io::Result<Option<String>> {
    let mut header = [0; HEADER];
    if !fill(&mut input, &mut header)? {
        return Ok(None);
    }
    let word = |at: usize| be32(&header, at);
    let big_endian = word(0) & 1 == 1;
    let mut sum = Sum::default();
    sum.add(&header[..HEADER_SUMMED], big_endian);
    let page = usize::try_from(word(8)).unwrap_or(0);
    let is_whole =
        word(0) & !1 == MAGIC && sum == Sum(word(24), word(28)) && PAGE_SIZES.contains(&page);
    if !is_whole {
        // A file that was made and never written may be all zeros after a power failure.
        let is_blank = header == [0; HEADER] && is_zero(&mut input)?;
        return Ok((!is_blank).then(|| "its header is damaged".to_owned()));
    }
    let salts = &header[16..24];
    let mut frame = vec![0; FRAME_HEADER + page];
    let (mut number, mut misfit, mut ends) = (0_u64, None, 0);
    while fill(&mut input, &mut frame)? {
        number += 1;
        let is_ours = frame[8..16] == *salts;
        if misfit.is_none() {
            sum.add(&frame[..FRAME_SUMMED], big_endian);
            sum.add(&frame[FRAME_HEADER..], big_endian);
            if is_ours && sum == Sum(be32(&frame, 16), be32(&frame, 20)) {
                continue;
            }
            misfit = Some(number);
        }
        let ends_transaction = be32(&frame, 4) != 0;
        ends += u32::from(is_ours && ends_transaction);
    }
    Ok(misfit
        .filter(|_| ends > 1)
        .map(|at| format!("frame {at} of {number} is damaged")))
}

/// SQLite's checksum: two words, over pairs of words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum(u32, u32);

impl Sum {
    fn add(&mut self, bytes: &[u8], big_endian: bool) {
        let read = if big_endian {
            u32::from_be_bytes
        } else {
            u32::from_le_bytes
        };
        for [first, second] in bytes.as_chunks::<4>().0.as_chunks::<2>().0 {
            self.0 = self.0.wrapping_add(read(*first)).wrapping_add(self.1);
            self.1 = self.1.wrapping_add(read(*second)).wrapping_add(self.0);
        }
    }
}

fn be32(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4]
        .iter()
        .fold(0, |word, byte| word << 8 | u32::from(*byte))
}

fn is_zero(input: &mut impl Read) -> io::Result<bool> {
    let mut buffer = vec![0; *PAGE_SIZES.end()];
    loop {
        match input.read(&mut buffer)? {
            0 => return Ok(true),
            read if buffer[..read].iter().any(|byte| *byte != 0) => return Ok(false),
            _ => {}
        }
    }
}

/// Fills the buffer; false when the input ends before.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match input.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
