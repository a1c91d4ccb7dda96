//! What clap finds wrong with a value, in the words of Go's `flag` package.

use std::error::Error as _;

use clap::error::{ContextKind, ContextValue};

/// One line for a clap error.
pub(crate) fn text(error: &clap::Error) -> String {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let (Some(arg), Some(value)) = (
        context(ContextKind::InvalidArg),
        context(ContextKind::InvalidValue),
    ) else {
        let text = error.to_string();
        let line = text.lines().next().unwrap_or_default();
        return line.trim_start_matches("error: ").to_owned();
    };
    let flag = arg.trim_start_matches('-');
    let flag = flag.split([' ', '=', '[']).next().unwrap_or_default();
    let reason = match (error.source(), error.get(ContextKind::ValidValue)) {
        (Some(source), _) => source.to_string(),
        (None, Some(ContextValue::Strings(valid))) if !valid.is_empty() => {
            format!("must be one of {}", valid.join(", "))
        }
        _ => "parse error".to_owned(),
    };
    format!("invalid value \"{value}\" for flag -{flag}: {reason}")
}
