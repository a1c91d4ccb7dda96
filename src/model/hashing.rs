//! SHA-256 of what passes through a reader or a writer.

use std::io::{self, Read, Write};

use sha2::{Digest as _, Sha256};

/// Hashes and counts what passes.
pub struct Hashing<T> {
    inner: T,
    hash: Sha256,
    bytes: u64,
}

impl<T> Hashing<T> {
    /// Around a reader or a writer.
    pub fn new(inner: T) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
            bytes: 0,
        }
    }

    /// Bytes so far.
    pub fn passed(&self) -> u64 {
        self.bytes
    }

    /// The reader or writer, how many bytes passed, and their SHA-256.
    pub fn finish(self) -> (T, u64, [u8; 32]) {
        (self.inner, self.bytes, self.hash.finalize().into())
    }

    fn note(&mut self, passed: &[u8]) {
        self.hash.update(passed);
        self.bytes += passed.len() as u64;
    }
}

impl<T: Write> Write for Hashing<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.note(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Read> Read for Hashing<T> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(bytes)?;
        self.note(&bytes[..read]);
        Ok(read)
    }
}

/// The SHA-256 of bytes, in hex.
pub fn sha256_hex(data: &[u8]) -> String {
    hex(&Sha256::digest(data))
}

/// Bytes in lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        for nibble in [byte >> 4, byte & 15] {
            out.extend(char::from_digit(u32::from(nibble), 16));
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_hash_what_passes() {
        let sum = sha256_hex(b"the state");
        let mut out = Hashing::new(Vec::new());
        out.write_all(b"the state").expect("memory");
        let (out, bytes, written) = out.finish();
        assert_eq!((bytes, hex(&written)), (9, sum.clone()));
        let mut input = Hashing::new(&*out);
        input.read_to_end(&mut Vec::new()).expect("memory");
        assert_eq!(input.passed(), 9);
        assert_eq!(hex(&input.finish().2), sum);
    }
}
