//! Reading the msgpack of Go peers: section 2 of the wire format.

use super::error::WireError;
use super::message::NAME_MAX;

/// Most values that fields which nobody knows may have together: the bound of a message's work, and of
/// its depth, because each level has a value.
const SKIPPED_MAX: u64 = 16 * 1024;

/// Most bytes of a stream that are waited for before a message's fields are all there, those apart that
/// hold the message's content. They are read from their beginning whenever more arrives.
pub(super) const HEAD_MAX: usize = 64 * 1024;

/// Most fields of a struct. The largest has eleven; unknown ones and repeated ones count.
const FIELDS_MAX: usize = 64;

/// Nothing that peers announce as one text, byte array or list is larger, in bytes or elements.
const LENGTH_MAX: usize = 40 * 1024 * 1024;

/// A cursor over msgpack values. All reads accept nil as the zero value, as Go's decoder does.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    skipped: u64,
}

/// What a marker announces.
enum Token {
    Nil,
    Bool(bool),
    /// Every 64-bit integer, signed or not, fits.
    Integer(i128),
    Float(f64),
    /// Bytes that follow: raw, str or bin.
    Raw(usize),
    /// Bytes that follow an extension's marker, its type included.
    Extension(usize),
    /// Values that follow.
    Array(usize),
    /// Pairs that follow.
    Map(usize),
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            skipped: 0,
        }
    }

    /// Bytes read so far.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// What has not been read.
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// The fields of a struct: `each` reads the value of a known name, and skips that of an unknown one.
    pub(super) fn fields(
        &mut self,
        mut each: impl FnMut(&'a [u8], &mut Self) -> Result<(), WireError>,
    ) -> Result<(), WireError> {
        let pairs = self.map()?;
        within("fields", pairs, FIELDS_MAX)?;
        for _ in 0..pairs {
            let name = self.raw()?;
            each(name, self)?;
        }
        Ok(())
    }

    /// The elements of a list, at most `limit`.
    pub(super) fn list(
        &mut self,
        what: &'static str,
        limit: usize,
        mut each: impl FnMut(&mut Self) -> Result<(), WireError>,
    ) -> Result<(), WireError> {
        let size = self.array()?;
        within(what, size, limit)?;
        for _ in 0..size {
            each(self)?;
        }
        Ok(())
    }

    /// How many pairs of a map follow.
    pub(super) fn map(&mut self) -> Result<usize, WireError> {
        match self.token("a map")? {
            (_, Token::Map(pairs)) => Ok(pairs),
            (_, Token::Nil) => Ok(0),
            (marker, _) => Err(unexpected("a map", marker)),
        }
    }

    fn array(&mut self) -> Result<usize, WireError> {
        match self.token("a list")? {
            (_, Token::Array(elements)) => Ok(elements),
            (_, Token::Nil) => Ok(0),
            (marker, _) => Err(unexpected("a list", marker)),
        }
    }

    /// Bytes, in any of their three forms.
    #[inline]
    pub(super) fn raw(&mut self) -> Result<&'a [u8], WireError> {
        match self.token("bytes")? {
            (_, Token::Raw(length)) => self.take(length),
            (_, Token::Nil) => Ok(&[]),
            (marker, _) => Err(unexpected("bytes", marker)),
        }
    }

    /// Text, in any of its three forms.
    #[inline]
    pub(super) fn text(&mut self) -> Result<&'a str, WireError> {
        std::str::from_utf8(self.raw()?).map_err(|_| WireError::NotUtf8)
    }

    /// A member's name, at most [`NAME_MAX`] bytes.
    #[inline]
    pub(super) fn name(&mut self) -> Result<&'a str, WireError> {
        let name = self.text()?;
        within("name", name.len(), NAME_MAX)?;
        Ok(name)
    }

    /// A number of any form that fits.
    #[inline]
    pub(super) fn integer<T: TryFrom<i128>>(
        &mut self,
        field: &'static str,
    ) -> Result<T, WireError> {
        let value = match self.token(field)? {
            (_, Token::Integer(value)) => value,
            (_, Token::Nil) => 0,
            (marker, _) => return Err(unexpected("a number", marker)),
        };
        T::try_from(value).map_err(|_| WireError::OutOfRange(field))
    }

    /// A size that somebody announces: not negative, at most `limit`.
    pub(super) fn size(&mut self, what: &'static str, limit: usize) -> Result<usize, WireError> {
        let size: i64 = self.integer(what)?;
        let size = usize::try_from(size).map_err(|_| WireError::OutOfRange(what))?;
        within(what, size, limit)?;
        Ok(size)
    }

    pub(super) fn boolean(&mut self) -> Result<bool, WireError> {
        match self.token("a boolean")? {
            (_, Token::Bool(value)) => Ok(value),
            (_, Token::Nil) => Ok(false),
            (marker, _) => Err(unexpected("a boolean", marker)),
        }
    }

    /// A floating point number, or a whole one.
    #[expect(
        clippy::cast_precision_loss,
        reason = "whole numbers stand for small floats here"
    )]
    pub(super) fn float(&mut self) -> Result<f64, WireError> {
        match self.token("a float")? {
            (_, Token::Float(value)) => Ok(value),
            (_, Token::Integer(value)) => Ok(value as f64),
            (_, Token::Nil) => Ok(0.0),
            (marker, _) => Err(unexpected("a float", marker)),
        }
    }

    /// Whether a nil follows; it is read then.
    pub(super) fn nil(&mut self) -> Result<bool, WireError> {
        let nil = *self.rest().first().ok_or(WireError::Truncated)? == 0xc0;
        self.at += usize::from(nil);
        Ok(nil)
    }

    /// Passes over one value, whatever it holds. No recursion: depth costs nothing.
    pub(super) fn skip(&mut self) -> Result<(), WireError> {
        let mut pending: u64 = 1;
        while pending > 0 {
            pending -= 1;
            self.skipped += 1;
            let (_, token) = self.token("a value")?;
            match token {
                Token::Raw(length) | Token::Extension(length) => {
                    self.take(length)?;
                }
                Token::Array(elements) => pending += elements as u64,
                Token::Map(pairs) => pending += 2 * pairs as u64,
                Token::Nil | Token::Bool(_) | Token::Integer(_) | Token::Float(_) => {}
            }
            if self.skipped.saturating_add(pending) > SKIPPED_MAX {
                return Err(WireError::TooDeep);
            }
        }
        Ok(())
    }

    /// Reads a marker and the number that belongs to it.
    #[inline]
    fn token(&mut self, wanted: &'static str) -> Result<(u8, Token), WireError> {
        let marker = self.number::<1>()?[0];
        let token = match marker {
            0x00..=0x7f => Token::Integer(i128::from(marker)),
            0x80..=0x8f => Token::Map(usize::from(marker & 0x0f)),
            0x90..=0x9f => Token::Array(usize::from(marker & 0x0f)),
            0xa0..=0xbf => Token::Raw(usize::from(marker & 0x1f)),
            0xe0..=0xff => Token::Integer(i128::from(marker.cast_signed())),
            0xc0 => Token::Nil,
            0xc2 => Token::Bool(false),
            0xc3 => Token::Bool(true),
            0xc4 | 0xd9 => Token::Raw(usize::from(self.number::<1>()?[0])),
            0xc5 | 0xda => Token::Raw(self.length16()?),
            0xc6 | 0xdb => Token::Raw(self.length32()?),
            0xca => Token::Float(f64::from(f32::from_be_bytes(self.number()?))),
            0xcb => Token::Float(f64::from_be_bytes(self.number()?)),
            0xcc => Token::Integer(u8::from_be_bytes(self.number()?).into()),
            0xcd => Token::Integer(u16::from_be_bytes(self.number()?).into()),
            0xce => Token::Integer(u32::from_be_bytes(self.number()?).into()),
            0xcf => Token::Integer(u64::from_be_bytes(self.number()?).into()),
            0xd0 => Token::Integer(i8::from_be_bytes(self.number()?).into()),
            0xd1 => Token::Integer(i16::from_be_bytes(self.number()?).into()),
            0xd2 => Token::Integer(i32::from_be_bytes(self.number()?).into()),
            0xd3 => Token::Integer(i64::from_be_bytes(self.number()?).into()),
            0xdc => Token::Array(self.length16()?),
            0xdd => Token::Array(self.length32()?),
            0xde => Token::Map(self.length16()?),
            0xdf => Token::Map(self.length32()?),
            0xd4..=0xd8 => Token::Extension((1 << (marker - 0xd4)) + 1),
            0xc7 => Token::Extension(usize::from(self.number::<1>()?[0]) + 1),
            0xc8 => Token::Extension(self.length16()? + 1),
            0xc9 => Token::Extension(self.length32()? + 1),
            0xc1 => return Err(unexpected(wanted, marker)),
        };
        Ok((marker, token))
    }

    #[inline]
    fn length16(&mut self) -> Result<usize, WireError> {
        Ok(usize::from(u16::from_be_bytes(self.number()?)))
    }

    /// A length that somebody announces; nothing is waited for or allocated beyond the bound.
    fn length32(&mut self) -> Result<usize, WireError> {
        let announced = u32::from_be_bytes(self.number()?);
        match usize::try_from(announced) {
            Ok(length) if length <= LENGTH_MAX => Ok(length),
            _ => Err(WireError::TooLarge {
                what: "value",
                size: usize::try_from(announced).unwrap_or(usize::MAX),
                limit: LENGTH_MAX,
            }),
        }
    }

    #[inline]
    fn number<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let bytes = self.rest().first_chunk().ok_or(WireError::Truncated)?;
        self.at += N;
        Ok(*bytes)
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'a [u8], WireError> {
        let bytes = self.rest().get(..length).ok_or(WireError::Truncated)?;
        self.at += length;
        Ok(bytes)
    }
}

/// Refuses what is larger than the bound.
pub(super) fn within(what: &'static str, size: usize, limit: usize) -> Result<(), WireError> {
    if size > limit {
        return Err(WireError::TooLarge { what, size, limit });
    }
    Ok(())
}

fn unexpected(wanted: &'static str, marker: u8) -> WireError {
    WireError::Unexpected { wanted, marker }
}
