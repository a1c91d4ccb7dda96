//! The msgpack that Consul's servers and clients speak, as a serde format: maps keyed by field name, and strings
//! and bytes in the old "raw" family only (section 2 of the wire format). `rmp-serde` writes the newer
//! string and binary types, which old peers may not read; it reads both, so that decoding is its.

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
    /// What arrived is well-formed and means nothing; in Consul's words, which clients see.
    #[error("{0}")]
    Refused(String),
}

impl ser::Error for DialectError {
    fn custom<T: std::fmt::Display>(reason: T) -> Self {
        Self::Encode(reason.to_string())
    }
}

/// Writes a value.
///
/// # Errors
/// When the value has a part that the format cannot hold.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, DialectError> {
    let mut out = Vec::new();
    value.serialize(&mut Writer::new(&mut out))?;
    Ok(out)
}

/// Writes two structures as one map that has the fields of both: how Go writes embedded structures, as requests
/// and replies have them for options and metadata.
///
/// # Errors
/// As [`encode`].
pub fn encode_both<A, B>(first: &A, second: &B) -> Result<Vec<u8>, DialectError>
where
    A: Serialize + ?Sized,
    B: Serialize + ?Sized,
{
    let mut out = vec![0];
    let mut writer = Writer::new(&mut out);
    writer.splicing = true;
    first.serialize(&mut writer)?;
    writer.splicing = true;
    second.serialize(&mut writer)?;
    let fields = writer.spliced;
    if let Some(short) = u8::try_from(fields).ok().filter(|&short| short < 16) {
        out[0] = 0x80 | short;
    } else {
        let fields = u16::try_from(fields)
            .map_err(|_| DialectError::Encode(format!("{fields} fields are too many")))?
            .to_be_bytes();
        out.splice(0..1, [0xde, fields[0], fields[1]]);
    }
    Ok(out)
}

/// A list that stays a list when it is empty; elsewhere an empty one is written as nil, as Go writes the lists
/// that it never filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept<'a, T>(pub &'a [T]);

impl<T: Serialize> Serialize for Kept<'_, T> {
    fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_tuple(self.0.len())?;
        for item in self.0 {
            list.serialize_element(item)?;
        }
        list.end()
    }
}

struct Writer<'a> {
    out: &'a mut Vec<u8>,
    /// Set while the map to be written next becomes part of another: its header is left out.
    splicing: bool,
    /// The fields of maps whose header was left out.
    spliced: usize,
}

impl<'a> Writer<'a> {
    fn new(out: &'a mut Vec<u8>) -> Self {
        Self {
            out,
            splicing: false,
            spliced: 0,
        }
    }

    fn put(&mut self, marker: u8, number: &[u8]) {
        self.out.push(marker);
        self.out.extend_from_slice(number);
    }

    /// A header whose short form holds lengths below `short`, then 16 and 32 bits.
    fn length(
        &mut self,
        len: usize,
        fix: u8,
        short: usize,
        wide: [u8; 2],
    ) -> Result<(), DialectError> {
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
    header: Header,
}

enum Header {
    Written,
    /// To be patched, at a place, with the number of elements.
    Open(usize, u32),
    /// Left out; the elements are counted for the map around.
    Spliced,
}

impl<'a, 'b> Compound<'a, 'b> {
    fn known(writer: &'a mut Writer<'b>) -> Self {
        Self {
            writer,
            header: Header::Written,
        }
    }

    fn counted(writer: &'a mut Writer<'b>, marker: u8) -> Self {
        writer.put(marker, &[0; 4]);
        let header = Header::Open(writer.out.len() - 4, 0);
        Self { writer, header }
    }

    fn one_more(&mut self) {
        match &mut self.header {
            Header::Written => {}
            Header::Open(_, count) => *count += 1,
            Header::Spliced => self.writer.spliced += 1,
        }
    }

    fn finish(self) {
        if let Header::Open(at, count) = self.header {
            self.writer.out[at..at + 4].copy_from_slice(&count.to_be_bytes());
        }
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
        match len {
            // A list that Go never filled.
            Some(0) => self.out.push(0xc0),
            Some(len) => self.array(len)?,
            None => return Ok(Compound::counted(self, 0xdd)),
        }
        Ok(Compound::known(self))
    }

    fn serialize_tuple(self, len: usize) -> Result<Compound<'a, 'b>, DialectError> {
        self.array(len)?;
        Ok(Compound::known(self))
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        len: usize,
    ) -> Result<Compound<'a, 'b>, DialectError> {
        self.serialize_tuple(len)
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
        self.serialize_tuple(len)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Compound<'a, 'b>, DialectError> {
        if std::mem::take(&mut self.splicing) {
            return Ok(Compound {
                writer: self,
                header: Header::Spliced,
            });
        }
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
                self.finish();
                Ok(())
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
        self.finish();
        Ok(())
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
                self.one_more();
                self.writer.raw(key.as_bytes())?;
                value.serialize(&mut *self.writer)
            }

            fn end(self) -> Result<(), DialectError> {
                self.finish();
                Ok(())
            }
        }
    )+};
}

fields!(SerializeStruct, SerializeStructVariant);

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::super::decode::{decode_reply, decode_request};
    use super::*;

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct Fields {
        node: String,
        #[serde(with = "serde_bytes")]
        value: Vec<u8>,
        count: i64,
        tags: Vec<String>,
        inner: Option<Box<Self>>,
    }

    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct Options {
        allow_stale: bool,
        #[serde(skip_serializing_if = "String::is_empty")]
        token: String,
    }

    fn hex(bytes: &[u8]) -> String {
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        digits
            .filter_map(|digit| char::from_digit(digit.into(), 16))
            .collect()
    }

    fn bytes_of<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
        encode(value).unwrap()
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
    fn empty_lists_are_nil_unless_kept() {
        assert_eq!(hex(&bytes_of(&Vec::<u64>::new())), "c0");
        assert_eq!(hex(&bytes_of(&Kept::<u64>(&[]))), "90");
        assert_eq!(hex(&bytes_of(&vec![1, 2])), "920102");
        assert_eq!(hex(&bytes_of(&Kept(&[1, 2]))), "920102");
    }

    #[test]
    fn numbers_take_their_shortest_form_and_come_back() {
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
            (i64::MIN, "d38000000000000000"),
        ] {
            let bytes = bytes_of(&number);
            assert_eq!(hex(&bytes), expected, "{number}");
            assert_eq!(decode_request::<i64>(&bytes), Ok(number));
        }
    }

    #[test]
    fn two_structures_become_one_map() {
        let fields = Fields {
            node: "n".repeat(300),
            value: vec![0, 255],
            count: -5,
            tags: vec!["a".to_owned()],
            inner: Some(Box::default()),
        };
        let options = Options {
            allow_stale: true,
            token: String::new(),
        };
        let bytes = encode_both(&options, &fields).unwrap();
        // The field that is left out is not counted, nor are those of the structure inside.
        assert_eq!(hex(&bytes[..2]), "86aa");
        assert_eq!(decode_request::<Fields>(&bytes).unwrap(), fields);
        assert_eq!(decode_reply::<Options>(&bytes).unwrap(), options);
        for len in 0..bytes.len() {
            assert!(decode_request::<Fields>(&bytes[..len]).is_err(), "{len}");
        }
    }

    #[test]
    fn many_fields_take_the_wide_header() {
        let many: std::collections::BTreeMap<String, u64> =
            (0..15).map(|n| (n.to_string(), n)).collect();
        let bytes = encode_both(&Options::default(), &many).unwrap();
        assert_eq!(hex(&bytes[..3]), "de0010");
        let options: Options = decode_reply(&bytes).unwrap();
        assert_eq!(options, Options::default());
    }

    #[test]
    fn nil_is_the_zero_of_everything_and_unknown_fields_are_passed_over() {
        let bytes = b"\x87\xa4Node\xc0\xa5Value\xc0\xa5Count\xc0\xa4Tags\xc0\xa5Inner\xc0\xa1X\x92\x01\x81\x01\xc0\xa1Y\xc4\x01z";
        assert_eq!(decode_request::<Fields>(bytes), Ok(Fields::default()));
        assert_eq!(decode_request::<Fields>(b"\xc0"), Ok(Fields::default()));
    }

    #[test]
    fn texts_and_bytes_are_interchangeable() {
        let bytes = b"\x82\xa4Node\xc4\x02n\xff\xa5Value\xd9\x01v";
        let fields: Fields = decode_request(bytes).unwrap();
        assert_eq!(
            (fields.node.as_str(), &fields.value[..]),
            ("n\u{fffd}", &b"v"[..])
        );
    }

    #[test]
    fn what_is_announced_takes_no_memory_before_it_is_there() {
        for bytes in [
            &b"\xdd\xff\xff\xff\xff"[..],
            b"\xdf\xff\xff\xff\xff",
            b"\xdb\xff\xff\xff\xff",
            b"\xc6\xff\xff\xff\xff",
        ] {
            assert!(decode_request::<Vec<Options>>(bytes).is_err());
            assert!(decode_request::<Fields>(bytes).is_err());
            assert!(decode_reply::<String>(bytes).is_err());
        }
    }

    #[test]
    fn depth_and_number_of_values_are_bounded() {
        let mut deep = Vec::new();
        for _ in 0..10_000 {
            deep.extend_from_slice(b"\x81\xa5Inner");
        }
        deep.push(0xc0);
        let refusal = decode_request::<Fields>(&deep).unwrap_err().to_string();
        assert!(refusal.contains("too deep"), "{refusal}");
        let many = bytes_of(&vec![Options::default(); 300_000]);
        let refusal = decode_request::<Vec<Options>>(&many).unwrap_err();
        assert!(refusal.to_string().contains("too many"), "{refusal}");
        assert_eq!(decode_reply::<Vec<Options>>(&many).unwrap().len(), 300_000);
    }
}
