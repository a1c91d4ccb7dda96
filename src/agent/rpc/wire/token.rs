//! The heads of values, one after the other, within bounds.

use super::dialect::DialectError;

/// One value's head; lists and maps with the number of their elements.
#[derive(Debug, Clone, Copy)]
pub(super) enum Token<'de> {
    Nil,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Raw(&'de [u8]),
    List(usize),
    Map(usize),
}

/// What is left to be read.
pub(super) struct Tokens<'de> {
    rest: &'de [u8],
    /// Values that may still be read.
    values: usize,
}

pub(super) fn malformed(reason: &str) -> DialectError {
    DialectError::Decode(reason.to_owned())
}

impl<'de> Tokens<'de> {
    /// Reads at most so many values.
    pub(super) const fn new(bytes: &'de [u8], values: usize) -> Self {
        Self {
            rest: bytes,
            values,
        }
    }

    /// Whether all is read.
    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Whether nil comes next.
    pub(super) fn is_nil(&self) -> bool {
        self.rest.first() == Some(&0xc0)
    }

    /// Passes over values without reading them.
    pub(super) fn skip(&mut self, values: usize) -> Result<(), DialectError> {
        let mut left = values;
        while left > 0 {
            left -= 1;
            left += match self.next()? {
                Token::List(len) => len,
                Token::Map(len) => len * 2,
                _ => 0,
            };
        }
        Ok(())
    }

    fn take(&mut self, len: usize) -> Result<&'de [u8], DialectError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(len)
            .ok_or_else(|| malformed("the value is cut off"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N], DialectError> {
        let mut number = [0; N];
        number.copy_from_slice(self.take(N)?);
        Ok(number)
    }

    /// A length of one, two or four bytes.
    fn len(&mut self, width: u8) -> Result<usize, DialectError> {
        let len = match width {
            1 => u32::from(self.number::<1>()?[0]),
            2 => u32::from(u16::from_be_bytes(self.number()?)),
            _ => u32::from_be_bytes(self.number()?),
        };
        usize::try_from(len).map_err(|_| malformed("the value is too long"))
    }

    fn raw(&mut self, len: usize) -> Result<Token<'de>, DialectError> {
        self.take(len).map(Token::Raw)
    }

    /// Every element takes a byte at least.
    fn list(&mut self, len: usize) -> Result<Token<'de>, DialectError> {
        if len > self.rest.len() {
            return Err(malformed("the list is cut off"));
        }
        Ok(Token::List(len))
    }

    fn map(&mut self, len: usize) -> Result<Token<'de>, DialectError> {
        if len > self.rest.len() / 2 {
            return Err(malformed("the map is cut off"));
        }
        Ok(Token::Map(len))
    }

    /// The next head, with a raw value's bytes.
    pub(super) fn next(&mut self) -> Result<Token<'de>, DialectError> {
        self.values = self
            .values
            .checked_sub(1)
            .ok_or_else(|| malformed("too many values"))?;
        let marker = self.number::<1>()?[0];
        Ok(match marker {
            0x00..=0x7f => Token::Unsigned(marker.into()),
            0x80..=0x8f => return self.map((marker & 0x0f).into()),
            0x90..=0x9f => return self.list((marker & 0x0f).into()),
            0xa0..=0xbf => return self.raw((marker & 0x1f).into()),
            0xc0 => Token::Nil,
            0xc2 | 0xc3 => Token::Bool(marker == 0xc3),
            0xc4 | 0xd9 => {
                let len = self.len(1)?;
                return self.raw(len);
            }
            0xc5 | 0xda => {
                let len = self.len(2)?;
                return self.raw(len);
            }
            0xc6 | 0xdb => {
                let len = self.len(4)?;
                return self.raw(len);
            }
            0xca => Token::Float(f32::from_be_bytes(self.number()?).into()),
            0xcb => Token::Float(f64::from_be_bytes(self.number()?)),
            0xcc => Token::Unsigned(self.number::<1>()?[0].into()),
            0xcd => Token::Unsigned(u16::from_be_bytes(self.number()?).into()),
            0xce => Token::Unsigned(u32::from_be_bytes(self.number()?).into()),
            0xcf => Token::Unsigned(u64::from_be_bytes(self.number()?)),
            0xd0 => Token::Signed(i8::from_be_bytes(self.number()?).into()),
            0xd1 => Token::Signed(i16::from_be_bytes(self.number()?).into()),
            0xd2 => Token::Signed(i32::from_be_bytes(self.number()?).into()),
            0xd3 => Token::Signed(i64::from_be_bytes(self.number()?)),
            0xdc | 0xdd => {
                let len = self.len(if marker == 0xdc { 2 } else { 4 })?;
                return self.list(len);
            }
            0xde | 0xdf => {
                let len = self.len(if marker == 0xde { 2 } else { 4 })?;
                return self.map(len);
            }
            0xe0..=0xff => Token::Signed(i8::from_be_bytes([marker]).into()),
            0xc1 | 0xc7..=0xc9 | 0xd4..=0xd8 => {
                return Err(DialectError::Decode(format!(
                    "a value of kind {marker:#04x} is not in use"
                )));
            }
        })
    }
}
