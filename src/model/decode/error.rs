//! Why a document cannot be decoded; the texts are those of Go's encoding/json.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use super::path::Path;

/// Why a document cannot be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The text is no JSON.
    #[error("{message}")]
    Syntax {
        /// encoding/json's text.
        message: String,
        /// The byte at which reading stopped.
        offset: usize,
    },
    /// The model has no such field.
    #[error("json: unknown field {field:?}")]
    UnknownField {
        /// The key as written.
        field: String,
        /// The whole path, such as `services[0].check.intervall`.
        path: String,
    },
    /// A value is of another type than the field.
    #[error("json: cannot unmarshal {found} into Go {} of type {expected}", place(go_field.as_ref()))]
    WrongType {
        /// `string`, `number`, `number 1.5`, `bool`, `array` or `object`.
        found: String,
        /// The field as Go names it: `NodeService.Service.Port`; nothing for the document itself.
        go_field: Option<String>,
        /// The type in Go's words.
        expected: String,
        /// The whole path, such as `services[0].port`.
        path: String,
    },
    /// The type is right but the value is not; the text is the model's.
    #[error("{message}")]
    Invalid {
        /// What the model says.
        message: String,
        /// The whole path; empty for the document itself.
        path: String,
    },
}

fn place(go_field: Option<&String>) -> String {
    go_field.map_or_else(
        || "value".to_owned(),
        |field| format!("struct field {field}"),
    )
}

impl DecodeError {
    /// The path to the value at fault; empty for the document itself and for broken JSON.
    pub fn path(&self) -> &str {
        match self {
            Self::Syntax { .. } => "",
            Self::UnknownField { path, .. }
            | Self::WrongType { path, .. }
            | Self::Invalid { path, .. } => path,
        }
    }

    pub(super) fn wrong_type(found: String, expected: String, path: &Path<'_>) -> Self {
        Self::WrongType {
            found,
            go_field: path.go_field(),
            expected,
            path: path.dotted(),
        }
    }

    /// Adds the place to an error that a model made, which does not know where it is.
    pub(super) fn at(mut self, place: &Path<'_>) -> Self {
        match &mut self {
            Self::Invalid { path, .. } if path.is_empty() => *path = place.dotted(),
            Self::WrongType { path, go_field, .. } if path.is_empty() => {
                *path = place.dotted();
                *go_field = place.go_field();
            }
            _ => {}
        }
        self
    }
}

impl de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Invalid {
            message: message.to_string(),
            path: String::new(),
        }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Bool(_) => "bool",
            Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "number",
            Unexpected::Seq => "array",
            Unexpected::Map => "object",
            Unexpected::Unit => "null",
            _ => "string",
        };
        let (found, expected) = (found.to_owned(), expected.to_string());
        Self::WrongType {
            found,
            go_field: None,
            expected,
            path: String::new(),
        }
    }
}
