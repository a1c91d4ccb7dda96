//! The elements of a list, the entries of a map and the fields of a struct, one after the other.

use std::vec::IntoIter;

use serde::de::{self, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess};
use serde_json::{Map, Value};

use super::deserializer::{Context, De};
use super::error::DecodeError;
use super::names::{find_field, is_lenient};
use super::options::Unknown;
use super::path::Path;

/// The elements of a list.
pub(super) struct Elements<'a> {
    rest: IntoIter<Value>,
    index: usize,
    path: &'a Path<'a>,
    context: &'a Context,
}

impl<'a> Elements<'a> {
    pub(super) fn new(list: Vec<Value>, path: &'a Path<'a>, context: &'a Context) -> Self {
        Self {
            rest: list.into_iter(),
            index: 0,
            path,
            context,
        }
    }
}

impl SeqAccess<'static> for Elements<'_> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'static>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let Some(value) = self.rest.next() else {
            return Ok(None);
        };
        let path = Path::Index {
            parent: self.path,
            index: self.index,
        };
        self.index += 1;
        seed.deserialize(De::new(value, &path, self.context))
            .map(Some)
            .map_err(|error| error.at(&path))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// The entries of a map, keys as written.
pub(super) struct Entries<'a> {
    rest: serde_json::map::IntoIter,
    current: Option<(String, Value)>,
    path: &'a Path<'a>,
    context: &'a Context,
}

impl<'a> Entries<'a> {
    pub(super) fn new(map: Map<String, Value>, path: &'a Path<'a>, context: &'a Context) -> Self {
        Self {
            rest: map.into_iter(),
            current: None,
            path,
            context,
        }
    }
}

impl MapAccess<'static> for Entries<'_> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'static>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DecodeError> {
        let Some((key, value)) = self.rest.next() else {
            return Ok(None);
        };
        let name = Value::String(key.clone());
        self.current = Some((key, value));
        seed.deserialize(De::new(name, self.path, self.context))
            .map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'static>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, DecodeError> {
        let (key, value) = self.current.take().ok_or_else(value_before_key)?;
        let path = Path::Key {
            parent: self.path,
            key: &key,
        };
        seed.deserialize(De::new(value, &path, self.context))
            .map_err(|error| error.at(&path))
    }
}

/// The fields of a struct.
pub(super) struct Fields<'a> {
    rest: IntoIter<(Option<&'static str>, String, Value)>,
    current: Option<(&'static str, Value)>,
    owner: &'static str,
    path: &'a Path<'a>,
    context: &'a Context,
}

impl<'a> Fields<'a> {
    /// Of keys that mean the same field the last one counts, as in Go.
    pub(super) fn new(
        map: Map<String, Value>,
        owner: &'static str,
        fields: &'static [&'static str],
        path: &'a Path<'a>,
        context: &'a Context,
    ) -> Self {
        let mut entries: Vec<(Option<&'static str>, String, Value)> = Vec::with_capacity(map.len());
        for (key, value) in map {
            let field = find_field(fields, &key);
            let earlier = field.and_then(|_| entries.iter_mut().find(|entry| entry.0 == field));
            match earlier {
                Some(entry) => entry.2 = value,
                None => entries.push((field, key, value)),
            }
        }
        Self {
            rest: entries.into_iter(),
            current: None,
            owner,
            path,
            context,
        }
    }
}

impl MapAccess<'static> for Fields<'_> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'static>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DecodeError> {
        for (field, key, value) in self.rest.by_ref() {
            if let Some(name) = field {
                self.current = Some((name, value));
                let key: de::value::StrDeserializer<'_, DecodeError> = name.into_deserializer();
                return seed.deserialize(key).map(Some);
            }
            let path = self.path.dotted_with(&key);
            let strict = self.context.options.unknown == Unknown::Reject;
            // Consul's configuration files have no leniency by type.
            if strict && (self.context.options.weak || !is_lenient(self.owner)) {
                return Err(DecodeError::UnknownField { field: key, path });
            }
            self.context.unknown.borrow_mut().push(path);
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'static>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, DecodeError> {
        let (name, value) = self.current.take().ok_or_else(value_before_key)?;
        let path = Path::Field {
            parent: self.path,
            owner: self.owner,
            name,
        };
        seed.deserialize(De::new(value, &path, self.context))
            .map_err(|error| error.at(&path))
    }
}

fn value_before_key() -> DecodeError {
    de::Error::custom("a value was asked for before its key")
}
