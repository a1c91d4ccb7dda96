//! serde's `Deserializer` over a JSON value, with Consul's leniency.

use std::cell::RefCell;

use serde::de::{Deserializer, IntoDeserializer, Visitor};
use serde_json::{Map, Number, Value};

use super::access::{Elements, Entries, Fields};
use super::error::DecodeError;
use super::names::{go_field_type, go_type};
use super::options::Options;
use super::path::Path;
use super::{probe, weak};

/// How deep values may nest below the document.
const MAX_DEPTH: usize = 128;

/// What all decoders of a document share.
pub(super) struct Context {
    pub(super) options: Options,
    /// The paths of the fields that were left out, in the order of the document.
    pub(super) unknown: RefCell<Vec<String>>,
}

/// Decodes one value.
pub(super) struct De<'a> {
    value: Value,
    path: &'a Path<'a>,
    context: &'a Context,
    /// The type's name where a newtype around the value has one.
    newtype: Option<&'static str>,
}

impl<'a> De<'a> {
    pub(super) const fn new(value: Value, path: &'a Path<'a>, context: &'a Context) -> Self {
        Self {
            value,
            path,
            context,
            newtype: None,
        }
    }

    const fn weak(&self) -> bool {
        self.context.options.weak
    }

    /// Where weak typing allows it, takes the only element of a list for the list.
    fn single(mut self) -> Self {
        if self.weak() {
            self.value = weak::to_single(self.value).unwrap_or_else(|list| list);
        }
        self
    }

    fn wrong(&self, found: String, expected: &str) -> DecodeError {
        let named = match self.path {
            Path::Field { owner, name, .. } => go_field_type(owner, name).map(str::to_owned),
            _ => None,
        };
        let expected = named
            .or_else(|| self.newtype.map(go_type))
            .unwrap_or_else(|| expected.to_owned());
        DecodeError::wrong_type(found, expected, self.path)
    }

    fn mismatch(&self, expected: &str) -> DecodeError {
        let found = match &self.value {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        self.wrong(found.to_owned(), expected)
    }

    fn check_depth(&self) -> Result<(), DecodeError> {
        if self.path.depth() > MAX_DEPTH {
            return Err(DecodeError::Invalid {
                message: "exceeded max depth".to_owned(),
                path: self.path.dotted(),
            });
        }
        Ok(())
    }

    /// The number for an integer field; null is zero.
    fn integer(self, expected: &str) -> Result<(Self, Number), DecodeError> {
        let mut this = self.single();
        let number = match this.value.take() {
            Value::Null => Number::from(0),
            Value::Number(number) if number.is_i64() || number.is_u64() => number,
            Value::Number(number) if !this.weak() => {
                return Err(this.wrong(format!("number {number}"), expected));
            }
            other => {
                let converted = weak::to_number(&other, true).filter(|_| this.weak());
                this.value = other;
                converted.ok_or_else(|| this.mismatch(expected))?
            }
        };
        Ok((this, number))
    }

    fn float<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let this = self.single();
        let number = match &this.value {
            Value::Null => Some(0.0),
            Value::Number(number) => number.as_f64(),
            other if this.weak() => weak::to_number(other, false).and_then(|n| n.as_f64()),
            _ => None,
        };
        number.map_or_else(
            || Err(this.mismatch("float64")),
            |number| visitor.visit_f64(number),
        )
    }

    fn text(self) -> Result<String, DecodeError> {
        let mut this = self.single();
        match this.value.take() {
            Value::Null => Ok(String::new()),
            Value::String(text) => Ok(text),
            other => {
                let converted = weak::to_text(&other).filter(|_| this.weak());
                this.value = other;
                converted.ok_or_else(|| this.mismatch("string"))
            }
        }
    }

    fn object(
        mut self,
        expected: impl FnOnce() -> String,
    ) -> Result<Map<String, Value>, DecodeError> {
        match self.value.take() {
            Value::Null => Ok(Map::new()),
            Value::Object(map) => Ok(map),
            other => {
                self.value = other;
                Err(self.mismatch(&expected()))
            }
        }
    }
}

macro_rules! integers {
    ($($method:ident, $visit:ident, $type:ty, $wide:ident, $name:literal;)*) => {
        $(fn $method<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            let (this, number) = self.integer($name)?;
            let value = number.$wide().and_then(|wide| <$type>::try_from(wide).ok());
            match value {
                Some(value) => visitor.$visit(value),
                None => Err(this.wrong(format!("number {number}"), $name)),
            }
        })*
    };
}

impl Deserializer<'static> for De<'_> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.check_depth()?;
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(flag) => visitor.visit_bool(flag),
            Value::String(text) => visitor.visit_string(text),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (None, Some(number)) => visitor.visit_i64(number),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::Array(list) => visitor.visit_seq(Elements::new(list, self.path, self.context)),
            Value::Object(map) => visitor.visit_map(Entries::new(map, self.path, self.context)),
        }
    }

    fn deserialize_bool<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let this = self.single();
        match &this.value {
            Value::Null => visitor.visit_bool(false),
            Value::Bool(flag) => visitor.visit_bool(*flag),
            other => match weak::to_bool(other).filter(|_| this.weak()) {
                Some(flag) => visitor.visit_bool(flag),
                None => Err(this.mismatch("bool")),
            },
        }
    }

    integers! {
        deserialize_i8, visit_i8, i8, as_i64, "int8";
        deserialize_i16, visit_i16, i16, as_i64, "int16";
        deserialize_i32, visit_i32, i32, as_i64, "int";
        deserialize_i64, visit_i64, i64, as_i64, "int";
        deserialize_u8, visit_u8, u8, as_u64, "uint8";
        deserialize_u16, visit_u16, u16, as_u64, "uint16";
        deserialize_u32, visit_u32, u32, as_u64, "uint32";
        deserialize_u64, visit_u64, u64, as_u64, "uint64";
    }

    fn deserialize_f32<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.float(visitor)
    }

    fn deserialize_f64<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.float(visitor)
    }

    fn deserialize_string<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_string(self.text()?)
    }

    fn deserialize_str<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_string(visitor)
    }

    fn deserialize_char<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_string(visitor)
    }

    fn deserialize_identifier<V: Visitor<'static>>(
        self,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_string(visitor)
    }

    fn deserialize_bytes<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_string(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'static>>(
        self,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_string(visitor)
    }

    fn deserialize_option<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if self.value.is_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_unit<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'static>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'static>>(
        self,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'static>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.newtype = Some(name);
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'static>>(mut self, visitor: V) -> Result<V::Value, DecodeError> {
        self.check_depth()?;
        let list = match self.value.take() {
            Value::Null => Vec::new(),
            Value::Array(list) => list,
            other if self.weak() => weak::to_list(other),
            other => {
                self.value = other;
                return Err(self.mismatch(&probe::list_type(visitor)));
            }
        };
        visitor.visit_seq(Elements::new(list, self.path, self.context))
    }

    fn deserialize_tuple<V: Visitor<'static>>(
        self,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'static>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'static>>(mut self, visitor: V) -> Result<V::Value, DecodeError> {
        self.check_depth()?;
        if self.weak() {
            self.value = weak::to_map(self.value).map_or_else(|other| other, Value::Object);
        }
        let (path, context) = (self.path, self.context);
        if !matches!(self.value, Value::Null | Value::Object(_)) {
            return Err(self.mismatch(&probe::map_type(visitor)));
        }
        visitor.visit_map(Entries::new(self.object(String::new)?, path, context))
    }

    fn deserialize_struct<V: Visitor<'static>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.check_depth()?;
        let this = self.single();
        let (path, context) = (this.path, this.context);
        let map = this.object(|| go_type(name))?;
        visitor.visit_map(Fields::new(map, name, fields, path, context))
    }

    fn deserialize_enum<V: Visitor<'static>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_enum(self.text()?.into_deserializer())
    }
}
