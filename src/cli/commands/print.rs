//! What several commands print the same way.

use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::error::{Error, Outcome};
use crate::cli::flags::{DataFlag, DataFormat, TableFlag};
use crate::cli::follow::{Item, View};
use crate::cli::suggest::did_you_mean;
use crate::model::decode::{DecodeError, Unknown, from_value, json_document};
use crate::output::{
    JsonIndent, Shape, Table, UnknownColumn, cut, terminal_columns, to_json, to_yaml,
};

/// One JSON value on standard output.
pub(crate) fn print_json<T: Serialize + ?Sized>(context: &mut Context, value: &T) -> Outcome {
    let text = to_json(value, JsonIndent::Four)
        .map_err(|error| Error::message(format!("Error encoding JSON: {error}")))?;
    Ok(context.console.line(&text)?)
}

/// One value on standard output, as JSON or YAML.
pub(crate) fn print_data<T: Serialize + ?Sized>(
    context: &mut Context,
    flag: DataFlag,
    value: &T,
) -> Outcome {
    match flag.format {
        DataFormat::Yaml => print_yaml(context, value),
        DataFormat::Json | DataFormat::Text => print_json(context, value),
    }
}

fn print_yaml<T: Serialize + ?Sized>(context: &mut Context, value: &T) -> Outcome {
    let text =
        to_yaml(value).map_err(|error| Error::message(format!("Error encoding YAML: {error}")))?;
    Ok(context.console.raw(text.as_bytes())?)
}

/// A table in any shape but the command's own text; `objects` is what it shows, for JSON and YAML.
pub(crate) fn print_table<T: Serialize + ?Sized>(
    context: &mut Context,
    flag: &TableFlag,
    table: &Table,
    objects: &T,
) -> Outcome {
    let text = match &flag.format {
        Shape::Json => return print_json(context, objects),
        Shape::Yaml => return print_yaml(context, objects),
        Shape::Csv => {
            let text = table.csv(!flag.no_headers);
            context.console.shown(&text).into_owned()
        }
        shape => {
            let lines = table_lines(shape, table, !flag.no_headers)?;
            let lines = fitted(context, shape, lines);
            lines.into_iter().map(|line| line + "\n").collect()
        }
    };
    Ok(context.console.raw(text.as_bytes())?)
}

/// The lines of a table as text, with or without its head.
pub(crate) fn table_lines(shape: &Shape, table: &Table, head: bool) -> Result<Vec<String>, Error> {
    Ok(match shape {
        Shape::Name => table.names().lines().map(str::to_owned).collect(),
        Shape::Columns(names) => table
            .select(names)
            .map_err(|error| no_column(&error))?
            .aligned(head),
        _ => table.aligned(head),
    })
}

/// The lines as standard output has room for them: a terminal shows a row in a line. Names are to be copied, and stay whole.
pub(crate) fn fitted(context: &Context, shape: &Shape, lines: Vec<String>) -> Vec<String> {
    let is_cut = context.console.out_is_terminal() && *shape != Shape::Name;
    match terminal_columns().filter(|_| is_cut) {
        Some(columns) => lines.iter().map(|line| cut(line, columns)).collect(),
        None => lines,
    }
}

/// What `-watch` shows of a table: `objects` stand in the order of the rows, whose first cell is their name.
pub(crate) fn view<T: Serialize>(
    flag: &TableFlag,
    table: &Table,
    objects: &[T],
    index: u64,
) -> Result<View, Error> {
    let lines = table_lines(&flag.format, table, false)?;
    let rows = table.rows.iter().zip(&lines).zip(objects);
    let items = rows.map(|((cells, line), object)| {
        let name = cells.first().map_or("", String::as_str);
        Item::new(name, line, object)
    });
    Ok(View {
        items: items.collect::<Result<_, _>>()?,
        text: table_lines(&flag.format, table, !flag.no_headers)?.join("\n"),
        index,
    })
}

/// The error for a column that a table does not have.
pub(crate) fn no_column(error: &UnknownColumn) -> Error {
    let hint = did_you_mean(&error.name, error.known.iter().map(String::as_str));
    Error::Message(error.to_string()).with_hint(hint)
}

/// Reads a whole JSON document as Go's `json.Unmarshal` does, with its errors.
pub(crate) fn unmarshal<T: serde::de::DeserializeOwned>(data: &[u8]) -> Result<T, DecodeError> {
    from_value(json_document(data)?, Unknown::Ignore)
}
