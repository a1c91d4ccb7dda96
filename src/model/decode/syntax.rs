//! What is wrong with a text that is no JSON, in the words of Go's encoding/json. Runs only where
//! reading has failed.

use super::error::DecodeError;

/// How deep lists and objects may nest.
pub const MAX_JSON_DEPTH: usize = 127;

/// What may follow the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Anything: a `json.Decoder` reads one value.
    Open,
    /// Whitespace: `json.Unmarshal` reads all.
    Whole,
}

/// Finds the first fault.
pub(super) fn check(bytes: &[u8], ending: Ending) -> Result<(), DecodeError> {
    let mut scanner = Scanner { bytes, pos: 0 };
    scanner.document(ending).map_err(|fault| {
        let message = match (fault, ending) {
            (Fault::At(message), _) => message,
            (Fault::End, Ending::Whole) => "unexpected end of JSON input".to_owned(),
            (Fault::End, Ending::Open) if bytes.iter().all(u8::is_ascii_whitespace) => {
                "EOF".to_owned()
            }
            (Fault::End, Ending::Open) => "unexpected EOF".to_owned(),
        };
        DecodeError::Syntax {
            message,
            offset: scanner.pos,
        }
    })
}

enum Fault {
    /// A character that may not stand there.
    At(String),
    /// The text ends too early.
    End,
}

/// What has been opened and what comes next in it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Object,
    Array,
}

struct Scanner<'a> {
    bytes: &'a [u8],
    pos: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Result<u8, Fault> {
        self.bytes.get(self.pos).copied().ok_or(Fault::End)
    }

    fn peek_past_space(&mut self) -> Result<u8, Fault> {
        while matches!(self.peek()?, b' ' | b'\t' | b'\r' | b'\n') {
            self.pos += 1;
        }
        self.peek()
    }

    fn fault<T>(&self, context: &str) -> Result<T, Fault> {
        let byte = self.peek()?;
        Err(Fault::At(format!(
            "invalid character {} {context}",
            quoted(byte)
        )))
    }

    /// Values are read in a loop with a stack of what is open, so that depth costs no recursion.
    fn document(&mut self, ending: Ending) -> Result<(), Fault> {
        let mut open = Vec::new();
        loop {
            self.peek_past_space()?;
            self.value(&mut open)?;
            if self.after_value(&mut open)? {
                break;
            }
        }
        if ending == Ending::Whole && self.peek_past_space().is_ok() {
            return self.fault("after top-level value");
        }
        Ok(())
    }

    /// Reads a scalar, or opens lists and objects down to the first scalar or empty one.
    fn value(&mut self, open: &mut Vec<Open>) -> Result<(), Fault> {
        loop {
            let start = self.peek_past_space()?;
            match start {
                b'{' | b'[' => {
                    if open.len() == MAX_JSON_DEPTH {
                        return self.fault("exceeded max depth");
                    }
                    self.pos += 1;
                    let next = self.peek_past_space()?;
                    let (kind, close) = if start == b'{' {
                        (Open::Object, b'}')
                    } else {
                        (Open::Array, b']')
                    };
                    if next == close {
                        self.pos += 1;
                        return Ok(());
                    }
                    open.push(kind);
                    if kind == Open::Object {
                        self.key()?;
                    }
                }
                b'"' => return self.string(),
                b'-' | b'0'..=b'9' => return self.number(),
                b't' => return self.word("true"),
                b'f' => return self.word("false"),
                b'n' => return self.word("null"),
                _ => return self.fault("looking for beginning of value"),
            }
        }
    }

    /// Closes what ends here; true once the document is complete, false where a value must follow.
    fn after_value(&mut self, open: &mut Vec<Open>) -> Result<bool, Fault> {
        while let Some(kind) = open.last() {
            let next = self.peek_past_space()?;
            match (kind, next) {
                (Open::Object, b',') => {
                    self.pos += 1;
                    self.peek_past_space()?;
                    self.key()?;
                    return Ok(false);
                }
                (Open::Array, b',') => {
                    self.pos += 1;
                    return Ok(false);
                }
                (Open::Object, b'}') | (Open::Array, b']') => {
                    self.pos += 1;
                    open.pop();
                }
                (Open::Object, _) => return self.fault("after object key:value pair"),
                (Open::Array, _) => return self.fault("after array element"),
            }
        }
        Ok(true)
    }

    fn key(&mut self) -> Result<(), Fault> {
        if self.peek()? != b'"' {
            return self.fault("looking for beginning of object key string");
        }
        self.string()?;
        if self.peek_past_space()? != b':' {
            return self.fault("after object key");
        }
        self.pos += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<(), Fault> {
        self.pos += 1;
        loop {
            match self.peek()? {
                b'"' => {
                    self.pos += 1;
                    return Ok(());
                }
                b'\\' => {
                    self.pos += 1;
                    self.escape()?;
                }
                0..0x20 => return self.fault("in string literal"),
                _ => self.pos += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<(), Fault> {
        match self.peek()? {
            b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"' => self.pos += 1,
            b'u' => {
                self.pos += 1;
                for _ in 0..4 {
                    if !self.peek()?.is_ascii_hexdigit() {
                        return self.fault(r"in \u hexadecimal character escape");
                    }
                    self.pos += 1;
                }
            }
            _ => return self.fault("in string escape code"),
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), Fault> {
        if self.peek()? == b'-' {
            self.pos += 1;
        }
        match self.peek()? {
            b'0' => self.pos += 1,
            b'1'..=b'9' => self.skip_digits(),
            _ => return self.fault("in numeric literal"),
        }
        if self.is_next(b".") {
            self.pos += 1;
            self.digits("after decimal point in numeric literal")?;
        }
        if self.is_next(b"eE") {
            self.pos += 1;
            if self.is_next(b"+-") {
                self.pos += 1;
            }
            self.digits("in exponent of numeric literal")?;
        }
        Ok(())
    }

    fn is_next(&self, set: &[u8]) -> bool {
        self.bytes
            .get(self.pos)
            .is_some_and(|byte| set.contains(byte))
    }

    fn skip_digits(&mut self) {
        while self.is_next(b"0123456789") {
            self.pos += 1;
        }
    }

    fn digits(&mut self, context: &str) -> Result<(), Fault> {
        if !self.peek()?.is_ascii_digit() {
            return self.fault(context);
        }
        self.skip_digits();
        Ok(())
    }

    fn word(&mut self, word: &str) -> Result<(), Fault> {
        for expected in word.chars() {
            if char::from(self.peek()?) != expected {
                return self.fault(&format!("in literal {word} (expecting '{expected}')"));
            }
            self.pos += 1;
        }
        Ok(())
    }
}

/// A byte as Go's scanner quotes it: taken as the code point of that number.
fn quoted(byte: u8) -> String {
    match byte {
        b'\'' => r"'\''".to_owned(),
        b'\\' => r"'\\'".to_owned(),
        0x07 => r"'\a'".to_owned(),
        0x08 => r"'\b'".to_owned(),
        0x0b => r"'\v'".to_owned(),
        0x0c => r"'\f'".to_owned(),
        b'\n' => r"'\n'".to_owned(),
        b'\r' => r"'\r'".to_owned(),
        b'\t' => r"'\t'".to_owned(),
        0..0x20 => format!(r"'\x{byte:02x}'"),
        0x7f..=0xa0 | 0xad => format!(r"'\u{byte:04x}'"),
        _ => format!("'{}'", char::from(byte)),
    }
}

/// The text with broken UTF-8 and lone surrogate escapes replaced by U+FFFD. The text must be JSON
/// otherwise.
pub(super) fn repair(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (kept, length) = match surrogate(rest) {
            Some(0xd800..0xdc00) if matches!(surrogate(&rest[6..]), Some(0xdc00..0xe000)) => {
                (&rest[..12], 12)
            }
            Some(_) => (r"\ufffd", 6),
            None => {
                let length = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
                (&rest[..length], length)
            }
        };
        out.push_str(kept);
        rest = &rest[length..];
    }
    out.push_str(rest);
    out
}

/// The code of a surrogate that the text begins with as an escape.
fn surrogate(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let code = u16::from_str_radix(digits, 16).ok()?;
    (0xd800..0xe000).contains(&code).then_some(code)
}
