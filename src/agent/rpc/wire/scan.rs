//! Finds where values end in a stream that arrives piece by piece, without reading them. Every byte is looked at
//! once, however small the pieces are.

/// Why a stream cannot be split into values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// A byte that begins no value in use.
    #[error("malformed msgpack")]
    Malformed,
    /// The values are, or are announced to be, larger than the limit.
    #[error("larger than the limit of {0} bytes")]
    TooLarge(usize),
}

/// Progress in finding the end of one value.
#[derive(Debug, Clone, Copy)]
pub struct Scan {
    /// Bytes that are known to belong to the value; may reach beyond those that are there.
    end: usize,
    /// Values that must follow.
    left: usize,
    limit: usize,
}

impl Scan {
    /// Looks for a value of at most `limit` bytes.
    pub const fn new(limit: usize) -> Self {
        Self {
            end: 0,
            left: 1,
            limit,
        }
    }

    /// The value's length when all of it is there. `bytes` begins with the value every time.
    ///
    /// # Errors
    /// As soon as the value is malformed or must be larger than the limit.
    pub fn advance(&mut self, bytes: &[u8]) -> Result<Option<usize>, ScanError> {
        while self.left > 0 {
            let Some(rest) = bytes.get(self.end..).filter(|rest| !rest.is_empty()) else {
                return Ok(None);
            };
            let Some((head, body, values)) = token(rest)? else {
                return Ok(None);
            };
            self.end = self.end.saturating_add(head).saturating_add(body);
            self.left = (self.left - 1).saturating_add(values);
            // Every value takes a byte at least.
            if self.end.saturating_add(self.left) > self.limit {
                return Err(ScanError::TooLarge(self.limit));
            }
        }
        Ok((bytes.len() >= self.end).then_some(self.end))
    }
}

/// Length of a value's head, of its raw body, and how many values follow inside; `None` when the head is cut off.
fn token(bytes: &[u8]) -> Result<Option<(usize, usize, usize)>, ScanError> {
    let marker = bytes[0];
    let number = |width: usize| -> Option<usize> {
        let digits = bytes.get(1..=width)?;
        Some(
            digits
                .iter()
                .fold(0, |number, &byte| number << 8 | usize::from(byte)),
        )
    };
    let sized = |width: usize| number(width).map(|len| (1 + width, len));
    let raw = |width| sized(width).map(|(head, len)| (head, len, 0));
    let list =
        |width, times: usize| sized(width).map(|(head, len)| (head, 0, len.saturating_mul(times)));
    Ok(match marker {
        0x80..=0x8f => Some((1, 0, usize::from(marker & 0x0f) * 2)),
        0x90..=0x9f => Some((1, 0, usize::from(marker & 0x0f))),
        0xa0..=0xbf => Some((1, usize::from(marker & 0x1f), 0)),
        0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => Some((1, 0, 0)),
        0xc4 | 0xd9 => raw(1),
        0xc5 | 0xda => raw(2),
        0xc6 | 0xdb => raw(4),
        0xcc | 0xd0 => Some((1, 1, 0)),
        0xcd | 0xd1 => Some((1, 2, 0)),
        0xca | 0xce | 0xd2 => Some((1, 4, 0)),
        0xcb | 0xcf | 0xd3 => Some((1, 8, 0)),
        0xdc => list(2, 1),
        0xdd => list(4, 1),
        0xde => list(2, 2),
        0xdf => list(4, 2),
        0xc1 | 0xc7..=0xc9 | 0xd4..=0xd8 => return Err(ScanError::Malformed),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn finds_the_end_whatever_the_pieces() {
        let value = b"\x83\xa1a\x92\x01\xcd\x01\x00\xa1b\xda\x00\x03xyz\xa1c\xcb\0\0\0\0\0\0\0\0";
        let mut bytes = value.to_vec();
        bytes.extend_from_slice(b"\x80next");
        let mut scan = Scan::new(100);
        for len in 0..bytes.len() {
            let expected = (len >= value.len()).then_some(value.len());
            assert_eq!(scan.advance(&bytes[..len]), Ok(expected), "{len}");
        }
    }

    #[test]
    fn refuses_what_is_announced_too_large() {
        let too_large = Err(ScanError::TooLarge(1000));
        assert_eq!(Scan::new(1000).advance(b"\xdb\x00\x00\x10\x00"), too_large);
        assert_eq!(Scan::new(1000).advance(b"\xdf\xff\xff\xff\xff"), too_large);
        assert_eq!(Scan::new(1000).advance(b"\xc1"), Err(ScanError::Malformed));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(Some(len)) = Scan::new(150).advance(&bytes) {
                prop_assert!(len <= bytes.len() && len <= 150);
            }
        }
    }
}
