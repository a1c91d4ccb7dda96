//! Writing msgpack as Go peers do, byte for byte: section 2 of the wire format.

use bytes::Bytes;

/// Appends msgpack values in the raw-only dialect: no str8, no bin.
#[derive(Debug)]
pub(super) struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// With room for `capacity` bytes.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self {
            out: Vec::with_capacity(capacity),
        }
    }

    /// A message that begins with its type byte.
    pub(super) fn message(kind: u8, capacity: usize) -> Self {
        let mut writer = Self::with_capacity(capacity + 1);
        writer.out.push(kind);
        writer
    }

    pub(super) fn finish(self) -> Bytes {
        self.out.into()
    }

    pub(super) fn into_vec(self) -> Vec<u8> {
        self.out
    }

    /// Bytes as they are.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// A struct or map; its pairs follow.
    pub(super) fn map(&mut self, pairs: usize) {
        self.counted(pairs, 0x80, 0xde);
    }

    /// A list; its elements follow.
    pub(super) fn array(&mut self, elements: usize) {
        self.counted(elements, 0x90, 0xdc);
    }

    pub(super) fn nil(&mut self) {
        self.out.push(0xc0);
    }

    pub(super) fn boolean(&mut self, value: bool) {
        self.out.push(0xc2 + u8::from(value));
    }

    pub(super) fn float(&mut self, value: f64) {
        self.out.push(0xcb);
        self.append(&value.to_be_bytes());
    }

    /// A number of an unsigned Go type.
    pub(super) fn unsigned(&mut self, value: u64) {
        if let Ok(value) = u8::try_from(value) {
            if value > 0x7f {
                self.out.push(0xcc);
            }
            self.out.push(value);
        } else if let Ok(value) = u16::try_from(value) {
            self.out.push(0xcd);
            self.append(&value.to_be_bytes());
        } else if let Ok(value) = u32::try_from(value) {
            self.out.push(0xce);
            self.append(&value.to_be_bytes());
        } else {
            self.out.push(0xcf);
            self.append(&value.to_be_bytes());
        }
    }

    /// A number of a signed Go type: signed forms even for positive numbers.
    pub(super) fn signed(&mut self, value: i64) {
        if let Ok(value) = i8::try_from(value) {
            if value < -32 {
                self.out.push(0xd0);
            }
            self.out.push(value.cast_unsigned());
        } else if let Ok(value) = i16::try_from(value) {
            self.out.push(0xd1);
            self.append(&value.to_be_bytes());
        } else if let Ok(value) = i32::try_from(value) {
            self.out.push(0xd2);
            self.append(&value.to_be_bytes());
        } else {
            self.out.push(0xd3);
            self.append(&value.to_be_bytes());
        }
    }

    /// A length of a Go `int` field.
    pub(super) fn length(&mut self, value: usize) {
        self.signed(i64::try_from(value).unwrap_or(i64::MAX));
    }

    /// Text or bytes that are not nil.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        let length = length32(bytes.len());
        match length {
            [0, 0, 0, short @ 0..32] => self.out.push(0xa0 | short),
            [0, 0, ..] => self.append(&[0xda, length[2], length[3]]),
            _ => {
                self.out.push(0xdb);
                self.append(&length);
            }
        }
        self.append(bytes);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.raw(text.as_bytes());
    }

    /// Bytes that are nil when there are none.
    pub(super) fn raw_or_nil(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            self.nil();
        } else {
            self.raw(bytes);
        }
    }

    fn counted(&mut self, count: usize, small: u8, marker16: u8) {
        let count = length32(count);
        match count {
            [0, 0, 0, short @ 0..16] => self.out.push(small | short),
            [0, 0, ..] => self.append(&[marker16, count[2], count[3]]),
            _ => {
                self.out.push(marker16 + 1);
                self.append(&count);
            }
        }
    }
}

/// Nothing that we send has four thousand million bytes or elements.
fn length32(length: usize) -> [u8; 4] {
    u32::try_from(length)
        .expect("lengths of what is sent fit 32 bits")
        .to_be_bytes()
}
