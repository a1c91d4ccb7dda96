//! The few D-Bus messages that asking for a unit's state takes (D-Bus Specification 0.43,
//! sections "Message Protocol" and "Marshaling"). Pure.
//!
//! Only calls whose arguments are strings are written, and only replies that are one string, one
//! object path, or a variant that holds one of them are read.

use thiserror::Error;

/// Bytes of the part of a message that tells how long the whole is.
pub(super) const HEAD: usize = 16;
/// The longest message that is read; the specification allows 128 MiB.
const MESSAGE_MAX: usize = 64 * 1024;
/// The specification's bound on how deep variants nest.
const VARIANTS_MAX: usize = 64;

const LITTLE_ENDIAN: u8 = b'l';
const BIG_ENDIAN: u8 = b'B';
const PROTOCOL_VERSION: u8 = 1;
const METHOD_CALL: u8 = 1;
const METHOD_RETURN: u8 = 2;
const ERROR: u8 = 3;

/// Codes of the header's fields.
mod field {
    pub(super) const PATH: u8 = 1;
    pub(super) const INTERFACE: u8 = 2;
    pub(super) const MEMBER: u8 = 3;
    pub(super) const ERROR_NAME: u8 = 4;
    pub(super) const REPLY_SERIAL: u8 = 5;
    pub(super) const DESTINATION: u8 = 6;
    pub(super) const SIGNATURE: u8 = 8;
}

/// Bytes that are no message, or none that this file reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum Malformed {
    #[error("the bus sent no D-Bus message")]
    Head,
    #[error("the bus sent a message of {0} bytes")]
    TooLong(u64),
    #[error("the bus sent a message that ends too early")]
    Short,
    #[error("the bus sent text that is not UTF-8")]
    Text,
    #[error("the bus sent a value of an unexpected type")]
    Type,
}

/// A call of a method.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'a> {
    pub(super) destination: &'a str,
    pub(super) path: &'a str,
    pub(super) interface: &'a str,
    pub(super) member: &'a str,
    pub(super) arguments: &'a [&'a str],
}

impl Call<'_> {
    /// The message with this serial number, which is not zero.
    pub(super) fn encode(&self, serial: u32) -> Vec<u8> {
        let mut body = Writer::default();
        for argument in self.arguments {
            body.string(argument);
        }
        let mut message = Writer::default();
        let head = [LITTLE_ENDIAN, METHOD_CALL, 0, PROTOCOL_VERSION];
        message.bytes.extend_from_slice(&head);
        message.number(length(&body.bytes));
        message.number(serial);
        let length_at = message.bytes.len();
        message.number(0);
        let fields_at = message.bytes.len();
        message.field(field::PATH, "o", self.path);
        message.field(field::INTERFACE, "s", self.interface);
        message.field(field::MEMBER, "s", self.member);
        message.field(field::DESTINATION, "s", self.destination);
        if !self.arguments.is_empty() {
            message.field(field::SIGNATURE, "g", &"s".repeat(self.arguments.len()));
        }
        let fields = length(&message.bytes[fields_at..]).to_le_bytes();
        message.bytes[length_at..fields_at].copy_from_slice(&fields);
        message.align(8);
        message.bytes.extend_from_slice(&body.bytes);
        message.bytes
    }
}

/// Calls are made of names and one unit's name, bounded by the registration.
fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    fn align(&mut self, to: usize) {
        self.bytes.resize(self.bytes.len().next_multiple_of(to), 0);
    }

    fn number(&mut self, number: u32) {
        self.align(4);
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    fn string(&mut self, text: &str) {
        self.number(length(text.as_bytes()));
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.push(0);
    }

    fn signature(&mut self, text: &str) {
        self.bytes.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.push(0);
    }

    fn field(&mut self, code: u8, kind: &str, value: &str) {
        self.align(8);
        self.bytes.push(code);
        self.signature(kind);
        if kind == "g" {
            self.signature(value);
        } else {
            self.string(value);
        }
    }
}

/// How many bytes follow a message's head.
pub(super) fn rest_of(head: [u8; HEAD]) -> Result<usize, Malformed> {
    let mut reader = Reader::new(&head)?;
    reader.at = 4;
    let body = u64::from(reader.number()?);
    reader.at = 12;
    let fields = u64::from(reader.number()?);
    let rest = fields.next_multiple_of(8) + body;
    usize::try_from(rest)
        .ok()
        .filter(|rest| *rest <= MESSAGE_MAX)
        .ok_or(Malformed::TooLong(rest))
}

/// What a call came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The first value of the reply, where it is text.
    Value(String),
    /// The error's name and its text.
    Refused { name: String, text: String },
}

/// The answer to the call `serial`; `None` for a message that is something else.
///
/// # Errors
/// The message does not follow the specification, or the reply holds no text.
pub(super) fn answer(message: &[u8], serial: u32) -> Result<Option<Answer>, Malformed> {
    let mut reader = Reader::new(message)?;
    let kind = reader.bytes[1];
    reader.at = 12;
    let fields_end = reader.number()? as usize;
    let fields_end = fields_end.checked_add(HEAD).ok_or(Malformed::Short)?;
    let (mut name, mut signature, mut reply_to) = (String::new(), String::new(), 0);
    while reader.at < fields_end {
        reader.align(8);
        let code = reader.byte()?;
        let field_kind = reader.signature()?;
        if field_kind == "u" {
            let number = reader.number()?;
            if code == field::REPLY_SERIAL {
                reply_to = number;
            }
            continue;
        }
        let text = reader.text(&field_kind)?;
        match code {
            field::ERROR_NAME => name = text,
            field::SIGNATURE => signature = text,
            _ => {}
        }
    }
    if reply_to != serial {
        return Ok(None);
    }
    reader.at = fields_end.next_multiple_of(8);
    let first = signature.get(..1).unwrap_or_default();
    match kind {
        METHOD_RETURN => reader.text(first).map(|text| Some(Answer::Value(text))),
        ERROR => {
            // An error may come without a text.
            let text = reader.text(first).unwrap_or_default();
            Ok(Some(Answer::Refused { name, text }))
        }
        _ => Ok(None),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    is_little: bool,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let is_little = match bytes.first() {
            Some(&LITTLE_ENDIAN) => true,
            Some(&BIG_ENDIAN) => false,
            _ => return Err(Malformed::Head),
        };
        if bytes.len() < HEAD || bytes[3] != PROTOCOL_VERSION {
            return Err(Malformed::Head);
        }
        Ok(Self {
            bytes,
            at: 0,
            is_little,
        })
    }

    fn align(&mut self, to: usize) {
        self.at = self.at.next_multiple_of(to);
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let end = self.at.checked_add(count).ok_or(Malformed::Short)?;
        let taken = self.bytes.get(self.at..end).ok_or(Malformed::Short)?;
        self.at = end;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        self.take(1).map(|taken| taken[0])
    }

    fn number(&mut self) -> Result<u32, Malformed> {
        self.align(4);
        let taken = self.take(4)?;
        let bytes = [taken[0], taken[1], taken[2], taken[3]];
        Ok(if self.is_little {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        })
    }

    /// `count` bytes of text and the zero behind them.
    fn terminated(&mut self, count: usize) -> Result<String, Malformed> {
        let text = self.take(count)?;
        self.take(1)?;
        String::from_utf8(text.to_vec()).map_err(|_| Malformed::Text)
    }

    fn signature(&mut self) -> Result<String, Malformed> {
        let count = usize::from(self.byte()?);
        self.terminated(count)
    }

    /// A value of the type `kind`, where that is text or a variant of text.
    fn text(&mut self, kind: &str) -> Result<String, Malformed> {
        let mut kind = kind.to_owned();
        for _ in 0..VARIANTS_MAX {
            match kind.as_str() {
                "s" | "o" => {
                    let count = self.number()? as usize;
                    return self.terminated(count);
                }
                "g" => return self.signature(),
                "v" => kind = self.signature()?,
                _ => return Err(Malformed::Type),
            }
        }
        Err(Malformed::Type)
    }
}

#[cfg(test)]
pub(super) mod tests;
