//! The serializer: values as bytes.

use serde::ser::{
    self, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant,
};

use super::dialect::DialectError;

/// Appends values.
pub(super) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    /// Set while the map to be written next becomes part of another: its header is left out.
    pub(super) splicing: bool,
    /// The fields of maps whose header was left out.
    pub(super) spliced: usize,
}

impl<'a> Writer<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
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
pub(super) struct Compound<'a, 'b> {
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
