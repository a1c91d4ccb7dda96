//! The msgpack that Consul's servers and clients speak, as a serde format: maps keyed by field name, and strings
//! and bytes in the old "raw" family only (section 2 of the wire format). `rmp-serde` writes the newer
//! string and binary types, which old peers may not read; it reads both, so that decoding is its.

use serde::de::DeserializeOwned;
use serde::ser::{
    self, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant,
};

/// Why a value cannot be written or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DialectError {
    /// A type that the format has no place for, or a value's own complaint.
    #[error("cannot encode: {0}")]
    Encode(String),
    /// What arrived is no such value.
    #[error("cannot decode: {0}")]
    Decode(String),
}

impl ser::Error for DialectError {
    fn custom<T: std::fmt::Display>(reason: T) -> Self {
        Self::Encode(reason.to_string())
    }
}

/// Appends a value to `out`.
///
/// # Errors
/// When the value has a part that the format cannot hold.
pub fn encode<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), DialectError> {
    value.serialize(&mut Writer { out })
}

/// Reads one value that takes all of `bytes`.
///
/// # Errors
/// When it is malformed, of another type, or followed by more.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DialectError> {
    rmp_serde::from_slice(bytes).map_err(|err| DialectError::Decode(err.to_string()))
}

struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl Writer<'_> {
    fn put(&mut self, marker: u8, number: &[u8]) {
        self.out.push(marker);
        self.out.extend_from_slice(number);
    }

    /// A header whose short form holds lengths below `short`, then 16 and 32 bits.
    fn length(&mut self, len: usize, fix: u8, short: usize, wide: [u8; 2]) -> Result<(), DialectError> {
        if len < short {
            // `short` is at most 32.
            self.out.push(fix | u8::try_from(len).unwrap_or(0));
        } else if let Ok(len) = u16::try_from(len) {
            self.put(wide[0], &len.to_be_bytes());
        } else {
            let len = u32::try_from(len)
                .map_err(|_| DialectError::Encode(format!("{len} elements are too many")))?;
            self.put(wide[1], &len.to_be_bytes());
        }
        Ok(())
    }

    fn raw(&mut self, bytes: &[u8]) -> Result<(), DialectError> {
        self.length(bytes.len(), 0xa0, 32, [0xda, 0xdb])?;
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn map(&mut self, len: usize) -> Result<(), DialectError> {
        self.length(len, 0x80, 16, [0xde, 0xdf])
    }

    fn array(&mut self, len: usize) -> Result<(), DialectError> {
        self.length(len, 0x90, 16, [0xdc, 0xdd])
    }

    fn unsigned(&mut self, number: u64) {
        if let Ok(number) = u8::try_from(number) {
            if number < 0x80 {
                self.out.push(number);
            } else {
                self.put(0xcc, &[number]);
            }
        } else if let Ok(number) = u16::try_from(number) {
            self.put(0xcd, &number.to_be_bytes());
        } else if let Ok(number) = u32::try_from(number) {
            self.put(0xce, &number.to_be_bytes());
        } else {
            self.put(0xcf, &number.to_be_bytes());
        }
    }

    fn signed(&mut self, number: i64) {
        if let Ok(number) = u64::try_from(number) {
            self.unsigned(number);
        } else if number >= -32 {
            self.out.extend_from_slice(&number.to_be_bytes()[7..]);
        } else if let Ok(number) = i8::try_from(number) {
            self.put(0xd0, &number.to_be_bytes());
        } else if let Ok(number) = i16::try_from(number) {
            self.put(0xd1, &number.to_be_bytes());
        } else if let Ok(number) = i32::try_from(number) {
            self.put(0xd2, &number.to_be_bytes());
        } else {
            self.put(0xd3, &number.to_be_bytes());
        }
    }
}

/// A list or map under way. Where its length is not known beforehand the wide header is patched at the end.
struct Compound<'a, 'b> {
    writer: &'a mut Writer<'b>,
    patch: Option<(usize, u32)>,
}

impl<'a, 'b> Compound<'a, 'b> {
    fn known(writer: &'a mut Writer<'b>) -> Self {
        Self {
            writer,
            patch: None,
        }
    }

    fn counted(writer: &'a mut Writer<'b>, marker: u8) -> Self {
        writer.put(marker, &[0; 4]);
        let at = writer.out.len() - 4;
        Self {
            writer,
            patch: Some((at, 0)),
        }
    }

    fn one_more(&mut self) {
        if let Some((_, count)) = &mut self.patch {
            *count += 1;
        }
    }

    fn finish(self) -> Result<(), DialectError> {
        if let Some((at, count)) = self.patch {
            self.writer.out[at..at + 4].copy_from_slice(&count.to_be_bytes());
        }
        Ok(())
    }
}

impl<'a, 'b> ser::Serializer for &'a mut Writer<'b> {
    type Ok = ();
    type Error = DialectError;
    type SerializeSeq = Compound<'a, 'b>;
    type SerializeTuple = Compound<'a, 'b>;
    type SerializeTupleStruct = Compound<'a, 'b>;
    type SerializeTupleVariant = Compound<'a, 'b>;
    type SerializeMap = Compound<'a, 'b>;
    type SerializeStruct = Compound<'a, 'b>;
    type SerializeStructVariant = Compound<'a, 'b>;

    /// Values choose their binary forms: bytes as they are, durations as nanoseconds.
    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_bool(self, v: bool) -> Result<(), DialectError> {
        self.out.push(if v { 0xc3 } else { 0xc2 });
        Ok(())
    }

    fn serialize_i8(self, v: i8) -> Result<(), DialectError> {
        self.serialize_i64(v.into())
    }

    fn serialize_i16(self, v: i16) -> Result<(), DialectError> {
        self.serialize_i64(v.into())
    }

    fn serialize_i32(self, v: i32) -> Result<(), DialectError> {
        self.serialize_i64(v.into())
    }

    fn serialize_i64(self, v: i64) -> Result<(), DialectError> {
        self.signed(v);
        Ok(())
    }

    fn serialize_u8(self, v: u8) -> Result<(), DialectError> {
        self.serialize_u64(v.into())
    }

    fn serialize_u16(self, v: u16) -> Result<(), DialectError> {
        self.serialize_u64(v.into())
    }

    fn serialize_u32(self, v: u32) -> Result<(), DialectError> {
        self.serialize_u64(v.into())
    }

    fn serialize_u64(self, v: u64) -> Result<(), DialectError> {
        self.unsigned(v);
        Ok(())
    }

    fn serialize_f32(self, v: f32) -> Result<(), DialectError> {
        self.serialize_f64(v.into())
    }

    fn serialize_f64(self, v: f64) -> Result<(), DialectError> {
        self.put(0xcb, &v.to_be_bytes());
        Ok(())
    }

    fn serialize_char(self, v: char) -> Result<(), DialectError> {
        self.raw(v.encode_utf8(&mut [0; 4]).as_bytes())
    }

    fn serialize_str(self, v: &str) -> Result<(), DialectError> {
        self.raw(v.as_bytes())
    }

    fn serialize_bytes(self, v: &[u8]) -> Result<(), DialectError> {
        self.raw(v)
    }

    fn serialize_none(self) -> Result<(), DialectError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), DialectError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), DialectError> {
        self.out.push(0xc0);
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), DialectError> {
        self.map(0)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), DialectError> {
        self.raw(variant.as_bytes())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), DialectError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), DialectError> {
        self.map(1)?;
        self.raw(variant.as_bytes())?;
        value.serialize(self)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Compound<'a, 'b>, DialectError> {
        if let Some(len) = len {
            self.array(len)?;
            return Ok(Compound::known(self));
        }
        Ok(Compound::counted(self, 0xdd))
    }

    fn serialize_tuple(self, len: usize) -> Result<Compound<'a, 'b>, DialectError> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        len: usize,
    ) -> Result<Compound<'a, 'b>, DialectError> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Compound<'a, 'b>, DialectError> {
        self.map(1)?;
        self.raw(variant.as_bytes())?;
        self.serialize_seq(Some(len))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Compound<'a, 'b>, DialectError> {
        if let Some(len) = len {
            self.map(len)?;
            return Ok(Compound::known(self));
        }
        // Flattened structures do not know how many fields they have.
        Ok(Compound::counted(self, 0xdf))
    }

    fn serialize_struct(
        self,
        _: &'static str,
        len: usize,
    ) -> Result<Compound<'a, 'b>, DialectError> {
        self.serialize_map(Some(len))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Compound<'a, 'b>, DialectError> {
        self.map(1)?;
        self.raw(variant.as_bytes())?;
        self.serialize_map(Some(len))
    }
}

/// The element methods differ in their names only.
macro_rules! elements {
    ($($of:ident: $method:ident),+) => {$(
        impl $of for Compound<'_, '_> {
            type Ok = ();
            type Error = DialectError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), DialectError> {
                self.one_more();
                value.serialize(&mut *self.writer)
            }

            fn end(self) -> Result<(), DialectError> {
                self.finish()
            }
        }
    )+};
}

elements!(
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field
);

impl SerializeMap for Compound<'_, '_> {
    type Ok = ();
    type Error = DialectError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), DialectError> {
        self.one_more();
        key.serialize(&mut *self.writer)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), DialectError> {
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), DialectError> {
        self.finish()
    }
}

macro_rules! fields {
    ($($of:ident),+) => {$(
        impl $of for Compound<'_, '_> {
            type Ok = ();
            type Error = DialectError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), DialectError> {
                self.writer.raw(key.as_bytes())?;
                value.serialize(&mut *self.writer)
            }

            fn end(self) -> Result<(), DialectError> {
                self.finish()
            }
        }
    )+};
}

fields!(SerializeStruct, SerializeStructVariant);

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Request {
        node: String,
        #[serde(with = "serde_bytes")]
        value: Vec<u8>,
        count: i64,
        tags: Option<Vec<String>>,
        #[serde(flatten)]
        options: Options,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Options {
        allow_stale: bool,
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn bytes_of<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
        let mut out = Vec::new();
        encode(value, &mut out).unwrap();
        out
    }

    #[test]
    fn strings_and_bytes_are_raw() {
        assert_eq!(hex(&bytes_of("ab")), "a26162");
        let long = "x".repeat(40);
        assert!(hex(&bytes_of(long.as_str())).starts_with("da0028"));
        let bytes = serde_bytes::Bytes::new(b"\xff");
        assert_eq!(hex(&bytes_of(bytes)), "a1ff");
        assert!(hex(&bytes_of(&"x".repeat(70_000))).starts_with("db00011170"));
    }

    #[test]
    fn numbers_take_their_shortest_form() {
        for (number, expected) in [
            (0i64, "00"),
            (127, "7f"),
            (128, "cc80"),
            (256, "cd0100"),
            (65_536, "ce00010000"),
            (1 << 32, "cf0000000100000000"),
            (-1, "ff"),
            (-32, "e0"),
            (-33, "d0df"),
            (-129, "d1ff7f"),
            (-32_769, "d2ffff7fff"),
        ] {
            assert_eq!(hex(&bytes_of(&number)), expected, "{number}");
        }
    }

    #[test]
    fn structures_are_maps_and_come_back() {
        let request = Request {
            node: "n".repeat(300),
            value: vec![0, 255],
            count: -5,
            tags: None,
            options: Options { allow_stale: true },
        };
        let bytes = bytes_of(&request);
        // Flattened: the wide header with the number of fields.
        assert_eq!(hex(&bytes[..5]), "df00000005");
        assert_eq!(decode::<Request>(&bytes).unwrap(), request);
        assert!(decode::<Request>(&bytes[..bytes.len() - 1]).is_err());
    }
}
