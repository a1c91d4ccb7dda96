//! What several commands print the same way.

use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::error::{Error, Outcome};
use crate::output::{JsonIndent, to_json};

/// One JSON value on standard output.
pub(crate) fn print_json<T: Serialize + ?Sized>(context: &mut Context, value: &T) -> Outcome {
    let text = to_json(value, JsonIndent::Four)
        .map_err(|error| Error::message(format!("Error encoding JSON: {error}")))?;
    Ok(context.console.line(&text)?)
}

/// Reads a JSON list; the error is Go's where Go has one.
pub(crate) fn entries_of<T: serde::de::DeserializeOwned>(data: &[u8]) -> Result<Vec<T>, String> {
    serde_json::from_slice(data).map_err(|error| {
        if error.is_eof() {
            "unexpected end of JSON input".to_owned()
        } else {
            error.to_string()
        }
    })
}
