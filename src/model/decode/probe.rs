//! Which Go type a list or map wants: asked of serde's visitor, and only once decoding has failed.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::names::go_type;

/// The type of lists whose elements this visitor takes: `[]string`.
pub(super) fn list_type<'de, V: Visitor<'de>>(visitor: V) -> String {
    format!("[]{}", asked(visitor.visit_seq(Elements)))
}

/// The type of maps whose values this visitor takes: `map[string]int`.
pub(super) fn map_type<'de, V: Visitor<'de>>(visitor: V) -> String {
    format!("map[string]{}", asked(visitor.visit_map(Values)))
}

fn asked<T>(answer: Result<T, Wanted>) -> String {
    answer
        .err()
        .and_then(|wanted| wanted.0)
        .unwrap_or_else(|| ANY.to_owned())
}

const ANY: &str = "interface {}";

/// The answer: it travels as an error since the visitor gets no value. Nothing stands for a visitor
/// that failed by itself.
#[derive(Debug)]
struct Wanted(Option<String>);

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or(ANY))
    }
}

impl std::error::Error for Wanted {}

impl de::Error for Wanted {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(None)
    }
}

struct Elements;

impl<'de> SeqAccess<'de> for Elements {
    type Error = Wanted;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Wanted> {
        seed.deserialize(Probe).map(Some)
    }
}

struct Values;

impl<'de> MapAccess<'de> for Values {
    type Error = Wanted;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Wanted> {
        seed.deserialize(KeyProbe).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Wanted> {
        seed.deserialize(Probe)
    }
}

/// Gives every map an empty text as its key, so that the visitor goes on to the value.
struct KeyProbe;

impl<'de> Deserializer<'de> for KeyProbe {
    type Error = Wanted;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wanted> {
        visitor.visit_str("")
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wanted> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Probe;

macro_rules! scalars {
    ($($method:ident => $name:literal),* $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Wanted> {
            Err(Wanted(Some($name.to_owned())))
        })*
    };
}

impl<'de> Deserializer<'de> for Probe {
    type Error = Wanted;

    scalars! {
        deserialize_any => "interface {}",
        deserialize_bool => "bool",
        deserialize_i8 => "int8",
        deserialize_i16 => "int16",
        deserialize_i32 => "int",
        deserialize_i64 => "int",
        deserialize_u8 => "uint8",
        deserialize_u16 => "uint16",
        deserialize_u32 => "uint32",
        deserialize_u64 => "uint64",
        deserialize_f32 => "float32",
        deserialize_f64 => "float64",
        deserialize_char => "string",
        deserialize_str => "string",
        deserialize_string => "string",
        deserialize_bytes => "[]uint8",
        deserialize_byte_buf => "[]uint8",
        deserialize_unit => "interface {}",
        deserialize_identifier => "string",
        deserialize_ignored_any => "interface {}",
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wanted> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wanted> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wanted> {
        Err(Wanted(Some(list_type(visitor))))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wanted> {
        Err(Wanted(Some(map_type(visitor))))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Wanted> {
        Err(Wanted(Some(go_type(name))))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Wanted> {
        Err(Wanted(Some("string".to_owned())))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: V,
    ) -> Result<V::Value, Wanted> {
        Err(Wanted(Some(go_type(name))))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Wanted> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Wanted> {
        self.deserialize_seq(visitor)
    }
}
