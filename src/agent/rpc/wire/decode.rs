//! Reading of the servers' msgpack, lenient as Go's reader is: nil is the zero value of whatever is wanted, texts
//! and bytes are interchangeable, numbers come in any width, unknown fields are passed over. Bounded: what is
//! announced is believed only as far as bytes are there, and requests may hold only so many values.

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::dialect::DialectError;
use super::token::{Token, Tokens, malformed};

/// Most lists and maps within each other. Consul's own structures have seven.
const MAX_DEPTH: u32 = 32;
/// Most values in a request. A value of few bytes may become a structure of hundreds: this bounds what a request
/// costs beyond its own size. A registration with 5 000 checks fits.
const MAX_REQUEST_VALUES: usize = 256 * 1024;

/// Reads a request: one value that takes all of `bytes`.
///
/// # Errors
/// When it is malformed, of another type, too deep, of too many values, or followed by more.
pub fn decode_request<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DialectError> {
    decode_bounded(bytes, MAX_REQUEST_VALUES)
}

/// Reads a reply of a server that this one asked: bounded by its size only.
///
/// # Errors
/// As [`decode_request`], but for the number of values.
pub fn decode_reply<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DialectError> {
    decode_bounded(bytes, usize::MAX)
}

fn decode_bounded<T: DeserializeOwned>(bytes: &[u8], values: usize) -> Result<T, DialectError> {
    let mut reader = Reader {
        tokens: Tokens::new(bytes, values),
        depth: 0,
    };
    let value = T::deserialize(&mut reader)?;
    if reader.tokens.is_empty() {
        Ok(value)
    } else {
        Err(malformed("more follows after the value"))
    }
}

impl de::Error for DialectError {
    fn custom<T: std::fmt::Display>(reason: T) -> Self {
        Self::Decode(reason.to_string())
    }
}

struct Reader<'de> {
    tokens: Tokens<'de>,
    depth: u32,
}

impl<'de> Reader<'de> {
    fn deeper(&mut self) -> Result<(), DialectError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(malformed("lists and maps are nested too deep"));
        }
        Ok(())
    }

    fn visit_list<V: Visitor<'de>>(
        &mut self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, DialectError> {
        self.deeper()?;
        let mut elements = Elements {
            reader: self,
            left: len,
        };
        let value = visitor.visit_seq(&mut elements)?;
        elements.skip_rest()?;
        self.depth -= 1;
        Ok(value)
    }

    fn visit_map<V: Visitor<'de>>(
        &mut self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, DialectError> {
        self.deeper()?;
        let mut elements = Elements {
            reader: self,
            left: len * 2,
        };
        let value = visitor.visit_map(&mut elements)?;
        elements.skip_rest()?;
        self.depth -= 1;
        Ok(value)
    }

    fn visit<V: Visitor<'de>>(
        &mut self,
        token: Token<'de>,
        visitor: V,
    ) -> Result<V::Value, DialectError> {
        match token {
            Token::Nil => visitor.visit_unit(),
            Token::Bool(value) => visitor.visit_bool(value),
            Token::Unsigned(value) => visitor.visit_u64(value),
            Token::Signed(value) => visit_signed(value, visitor),
            Token::Float(value) => visitor.visit_f64(value),
            Token::Raw(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => visitor.visit_borrowed_str(text),
                Err(_) => visitor.visit_borrowed_bytes(bytes),
            },
            Token::List(len) => self.visit_list(len, visitor),
            Token::Map(len) => self.visit_map(len, visitor),
        }
    }
}

/// Old writers have signed forms for positive numbers, too.
fn visit_signed<'de, V: Visitor<'de>>(value: i64, visitor: V) -> Result<V::Value, DialectError> {
    match u64::try_from(value) {
        Ok(value) => visitor.visit_u64(value),
        Err(_) => visitor.visit_i64(value),
    }
}

macro_rules! numbers {
    ($($method:ident)+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DialectError> {
            match self.tokens.next()? {
                Token::Nil => visitor.visit_u64(0),
                token => self.visit(token, visitor),
            }
        }
    )+};
}

impl<'de> de::Deserializer<'de> for &mut Reader<'de> {
    type Error = DialectError;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DialectError> {
        let token = self.tokens.next()?;
        self.visit(token, visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DialectError> {
        match self.tokens.next()? {
            Token::Nil => visitor.visit_bool(false),
            token => self.visit(token, visitor),
        }
    }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DialectError> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DialectError> {
        match self.tokens.next()? {
            Token::Nil => visitor.visit_f64(0.0),
            token => self.visit(token, visitor),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DialectError> {
        self.deserialize_str(visitor)
    }

    /// Texts that are no UTF-8 are shown as Go's JSON shows them.
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DialectError> {
        match self.tokens.next()? {
            Token::Nil => visitor.visit_borrowed_str(""),
            Token::Raw(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => visitor.visit_borrowed_str(text),
                Err(_) => visitor.visit_string(String::from_utf8_lossy(bytes).into_owned()),
            },
            token => self.visit(token, visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DialectError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DialectError> {
        match self.tokens.next()? {
            Token::Nil => visitor.visit_borrowed_bytes(&[]),
            Token::Raw(bytes) => visitor.visit_borrowed_bytes(bytes),
            token => self.visit(token, visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DialectError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DialectError> {
        if self.tokens.is_nil() {
            self.tokens.next()?;
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DialectError> {
        self.tokens.skip(1)?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DialectError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DialectError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DialectError> {
        match self.tokens.next()? {
            Token::Nil => self.visit_list(0, visitor),
            token => self.visit(token, visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, DialectError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, DialectError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DialectError> {
        match self.tokens.next()? {
            Token::Nil => self.visit_map(0, visitor),
            token => self.visit(token, visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DialectError> {
        // A list would be read by position: Go's reader takes maps only.
        match self.tokens.next()? {
            Token::Nil => self.visit_map(0, visitor),
            Token::List(_) => Err(malformed("a list where a structure is wanted")),
            token => self.visit(token, visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DialectError> {
        match self.tokens.next()? {
            Token::Raw(bytes) => {
                let text = std::str::from_utf8(bytes).map_err(|_| malformed("unknown variant"))?;
                visitor.visit_enum(UnitVariant(text))
            }
            _ => Err(malformed("only variants without values are in use")),
        }
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DialectError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(
        self,
        visitor: V,
    ) -> Result<V::Value, DialectError> {
        self.tokens.skip(1)?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { i128 u128 }
}

struct Elements<'a, 'de> {
    reader: &'a mut Reader<'de>,
    left: usize,
}

impl<'de> Elements<'_, 'de> {
    fn next<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, DialectError> {
        self.left -= 1;
        seed.deserialize(&mut *self.reader)
    }

    fn skip_rest(&mut self) -> Result<(), DialectError> {
        self.reader.tokens.skip(std::mem::take(&mut self.left))
    }
}

impl<'de> SeqAccess<'de> for &mut Elements<'_, 'de> {
    type Error = DialectError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, DialectError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.next(seed).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> MapAccess<'de> for &mut Elements<'_, 'de> {
    type Error = DialectError;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, DialectError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.next(seed).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, DialectError> {
        self.next(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left / 2)
    }
}

struct UnitVariant<'a>(&'a str);

impl<'de> EnumAccess<'de> for UnitVariant<'_> {
    type Error = DialectError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self), DialectError> {
        let name: StrDeserializer<'_, DialectError> = self.0.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for UnitVariant<'_> {
    type Error = DialectError;

    fn unit_variant(self) -> Result<(), DialectError> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, _: S) -> Result<S::Value, DialectError> {
        Err(malformed("the variant has no value"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, DialectError> {
        Err(malformed("the variant has no values"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, DialectError> {
        Err(malformed("the variant has no fields"))
    }
}
