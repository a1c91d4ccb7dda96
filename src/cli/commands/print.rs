//! What several commands print the same way.

use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::error::{Error, Outcome};
use crate::model::decode::{DecodeError, Unknown, from_value, json_document};
use crate::output::{JsonIndent, to_json};

/// One JSON value on standard output.
pub(crate) fn print_json<T: Serialize + ?Sized>(context: &mut Context, value: &T) -> Outcome {
    let text = to_json(value, JsonIndent::Four)
        .map_err(|error| Error::message(format!("Error encoding JSON: {error}")))?;
    Ok(context.console.line(&text)?)
}

/// Reads a whole JSON document as Go's `json.Unmarshal` does, with its errors.
pub(crate) fn unmarshal<T: serde::de::DeserializeOwned>(data: &[u8]) -> Result<T, DecodeError> {
    from_value(json_document(data)?, Unknown::Ignore)
}
