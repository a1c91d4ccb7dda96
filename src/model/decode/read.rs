//! The ways in: bytes or a value, to a model.

use std::cell::RefCell;

use serde::de::{Deserialize, DeserializeOwned};
use serde_json::Value;

use super::deserializer::{Context, De};
use super::error::DecodeError;
use super::options::Options;
use super::path::Path;
use super::syntax::{self, Ending};

/// Decodes the first JSON value of a request body as most of Consul's endpoints do; what follows it
/// is not looked at, as Go's `json.Decoder` does not.
///
/// # Errors
/// [`DecodeError`]; its text is encoding/json's.
pub fn from_json_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    from_json_slice_with(bytes, Options::HTTP)
}

/// [`from_json_slice`] with other options.
///
/// # Errors
/// [`DecodeError`]; its text is encoding/json's.
pub fn from_json_slice_with<T: DeserializeOwned>(
    bytes: &[u8],
    options: impl Into<Options>,
) -> Result<T, DecodeError> {
    from_value(json_value(bytes)?, options)
}

/// Decodes a value.
///
/// # Errors
/// [`DecodeError`]; its text is encoding/json's, its path the value's place.
pub fn from_value<T: DeserializeOwned>(
    value: Value,
    options: impl Into<Options>,
) -> Result<T, DecodeError> {
    decode(value, options.into()).0
}

/// Decodes a value and lists the paths of all fields that the model does not have, whether or not
/// decoding succeeds, so that all of them can be reported at once. With [`super::Unknown::Reject`]
/// the first one would end decoding: it is treated as [`super::Unknown::Ignore`].
pub fn from_value_listing_unknown<T: DeserializeOwned>(
    value: Value,
    options: impl Into<Options>,
) -> (Result<T, DecodeError>, Vec<String>) {
    decode(
        value,
        Options {
            unknown: super::Unknown::Ignore,
            ..options.into()
        },
    )
}

fn decode<T: DeserializeOwned>(
    value: Value,
    options: Options,
) -> (Result<T, DecodeError>, Vec<String>) {
    let context = Context {
        options,
        unknown: RefCell::default(),
    };
    let result = T::deserialize(De::new(value, &Path::Root, &context));
    (result, context.unknown.into_inner())
}

/// Reads the first JSON value; what follows it is not looked at. Invalid UTF-8 and halves of
/// surrogate pairs become U+FFFD.
///
/// # Errors
/// [`DecodeError::Syntax`] with the text of Go's `json.Decoder`.
pub fn json_value(bytes: &[u8]) -> Result<Value, DecodeError> {
    read(bytes, Ending::Open)
}

/// Reads a whole JSON document, of which nothing but whitespace may be left.
///
/// # Errors
/// [`DecodeError::Syntax`] with the text of Go's `json.Unmarshal`.
pub fn json_document(bytes: &[u8]) -> Result<Value, DecodeError> {
    read(bytes, Ending::Whole)
}

fn read(bytes: &[u8], ending: Ending) -> Result<Value, DecodeError> {
    let first_error = match parse(bytes, ending) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    syntax::check(bytes, ending)?;
    // Go reads what the crate refuses: broken UTF-8 and lone surrogates.
    parse(syntax::repair(bytes).as_bytes(), ending).map_err(|_| DecodeError::Invalid {
        message: format!("json: {first_error}"),
        path: String::new(),
    })
}

fn parse(bytes: &[u8], ending: Ending) -> Result<Value, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Value::deserialize(&mut deserializer)?;
    match ending {
        Ending::Open => {}
        Ending::Whole => deserializer.end()?,
    }
    Ok(value)
}
