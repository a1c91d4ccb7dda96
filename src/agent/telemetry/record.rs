//! One log event between the thread that says it and the thread that writes it, and its two text forms.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::ops::Range;

use jiff::Timestamp;
use tracing::field::{Field, Visit};

use super::level::Level;

/// Room for message and fields of a usual line, so that one allocation is enough.
const TEXT_CAPACITY: usize = 160;
/// Room for the fields of a usual line.
const FIELDS_CAPACITY: usize = 4;
/// Longest text of one event in bytes; what is beyond is cut, so that no caller can flood the log.
pub(super) const TEXT_LIMIT: usize = 64 * 1024;

/// One event: when, how bad, by whom, what. Message and field values share one text.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) time: Timestamp,
    pub(super) level: Level,
    /// Consul's name of the speaking part, such as `agent.server.raft`.
    pub(super) module: Cow<'static, str>,
    /// Whether the agent's own level let it through when it was said; else subscribers may want it.
    pub(super) printed: bool,
    text: String,
    message: Range<usize>,
    fields: Vec<FieldValue>,
}

#[derive(Debug, Clone)]
struct FieldValue {
    name: &'static str,
    /// Numbers and booleans stand bare in JSON.
    bare: bool,
    range: Range<usize>,
}

impl Record {
    /// An event without message or fields yet.
    pub(super) fn new(time: Timestamp, level: Level, module: Cow<'static, str>) -> Self {
        Self {
            time,
            level,
            module,
            printed: true,
            text: String::with_capacity(TEXT_CAPACITY),
            message: 0..0,
            fields: Vec::with_capacity(FIELDS_CAPACITY),
        }
    }

    /// An event of the log's own, with one field.
    pub(super) fn of_telemetry(
        time: Timestamp,
        level: Level,
        message: &str,
        field: &'static str,
        value: &dyn fmt::Display,
    ) -> Self {
        let mut record = Self::new(time, level, Cow::Borrowed("agent.telemetry"));
        record.push("message", false, format_args!("{message}"));
        record.push(field, false, format_args!("{value}"));
        record
    }

    /// Adds a text to the shared one; says where it is and whether all of it is there.
    fn append(&mut self, arguments: fmt::Arguments<'_>) -> (Range<usize>, bool) {
        let start = self.text.len();
        let whole = Bounded(&mut self.text).write_fmt(arguments).is_ok();
        (start..self.text.len(), whole)
    }

    fn push(&mut self, name: &'static str, bare: bool, arguments: fmt::Arguments<'_>) {
        let (range, whole) = self.append(arguments);
        // A number that was cut is no number any more.
        let bare = bare && whole;
        if name == "message" {
            self.message = range;
        } else {
            self.fields.push(FieldValue { name, bare, range });
        }
    }

    /// hclog's line without the line break: `<time> [INFO]  agent: message: key=value key2="two words"`.
    ///
    /// `stamp` is the time in the form of [`super::stamp`]. Line breaks and other control characters
    /// are written as escapes, so that a value can never forge a line.
    pub(super) fn write_text(&self, stamp: &str, out: &mut String) {
        out.push_str(stamp);
        out.push(' ');
        out.push_str(self.level.column());
        out.push(' ');
        if !self.module.is_empty() {
            out.push_str(&self.module);
            out.push_str(": ");
        }
        escape_controls(&self.text[self.message.clone()], out);
        if !self.fields.is_empty() {
            out.push(':');
        }
        for field in &self.fields {
            out.push(' ');
            out.push_str(field.name);
            out.push('=');
            let value = &self.text[field.range.clone()];
            let quoted = value.contains([' ', '\t', '\n', '\r']);
            if quoted {
                out.push('"');
            }
            escape_controls(value, out);
            if quoted {
                out.push('"');
            }
        }
    }

    /// hclog's JSON line without the line break: keys in the order of their bytes.
    pub(super) fn write_json(&self, stamp: &str, out: &mut String) {
        out.push_str("{\"@level\":\"");
        out.push_str(self.level.as_str());
        out.push_str("\",\"@message\":");
        json_text(&self.text[self.message.clone()], out);
        if !self.module.is_empty() {
            out.push_str(",\"@module\":");
            json_text(&self.module, out);
        }
        out.push_str(",\"@timestamp\":\"");
        out.push_str(stamp);
        out.push('"');
        let mut order: Vec<&FieldValue> = self.fields.iter().collect();
        order.sort_by_key(|field| field.name);
        for field in order {
            out.push(',');
            json_text(field.name, out);
            out.push(':');
            let value = &self.text[field.range.clone()];
            if field.bare {
                out.push_str(value);
            } else {
                json_text(value, out);
            }
        }
        out.push('}');
    }
}

impl Visit for Record {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field.name(), false, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field.name(), false, format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.push(field.name(), false, format_args!("{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field.name(), true, format_args!("{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field.name(), true, format_args!("{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field.name(), true, format_args!("{value}"));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no word for infinity and NaN: they are quoted there.
        self.push(field.name(), value.is_finite(), format_args!("{value}"));
    }
}

/// A writer that stops at [`TEXT_LIMIT`], on a character's border.
struct Bounded<'a>(&'a mut String);

impl fmt::Write for Bounded<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = TEXT_LIMIT.saturating_sub(self.0.len());
        let end = text.floor_char_boundary(room.min(text.len()));
        self.0.push_str(&text[..end]);
        if end < text.len() {
            Err(fmt::Error)
        } else {
            Ok(())
        }
    }
}

/// Copies `text` with control characters as escapes.
fn escape_controls(text: &str, out: &mut String) {
    if !text.contains(char::is_control) {
        out.push_str(text);
        return;
    }
    for character in text.chars() {
        if character.is_control() {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
}

/// A JSON text with the escapes of Go's encoder, which also writes `<`, `>`, `&`, U+2028 and U+2029 as escapes.
fn json_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(message: &str) -> Record {
        let mut record = Record::new(
            Timestamp::UNIX_EPOCH,
            Level::Info,
            Cow::Borrowed("agent.server"),
        );
        record.push("message", false, format_args!("{message}"));
        record
    }

    fn text(record: &Record) -> String {
        let mut out = String::new();
        record.write_text("T", &mut out);
        out
    }

    fn json(record: &Record) -> String {
        let mut out = String::new();
        record.write_json("T", &mut out);
        out
    }

    #[test]
    fn a_line_without_fields_has_no_colon_at_its_end() {
        assert_eq!(
            text(&record("cluster leadership acquired")),
            "T [INFO]  agent.server: cluster leadership acquired"
        );
    }

    #[test]
    fn values_with_spaces_are_quoted_and_empty_ones_are_bare() {
        let mut record = record("started routine");
        record.push("routine", false, format_args!("CA root pruning"));
        record.push("last-leader", false, format_args!(""));
        record.push("term", true, format_args!("2"));
        assert_eq!(
            text(&record),
            "T [INFO]  agent.server: started routine: routine=\"CA root pruning\" last-leader= term=2"
        );
    }

    #[test]
    fn a_value_cannot_forge_a_line() {
        let mut record = record("a\nb");
        record.push("check", false, format_args!("x\ny\u{1b}[0m"));
        let line = text(&record);
        assert!(!line.contains(['\n', '\u{1b}']), "{line}");
        assert!(line.ends_with("a\\nb: check=\"x\\ny\\u{1b}[0m\""), "{line}");
    }

    #[test]
    fn json_keys_are_sorted_and_numbers_bare() {
        let mut record = record("Request <finished>");
        record.push("url", false, format_args!("/v1/kv/a?x&y"));
        record.push("from", false, format_args!("a \"b\"\u{1}"));
        record.push("status", true, format_args!("200"));
        assert_eq!(
            json(&record),
            r#"{"@level":"info","@message":"Request \u003cfinished\u003e","@module":"agent.server","@timestamp":"T","from":"a \"b\"\u0001","status":200,"url":"/v1/kv/a?x\u0026y"}"#
        );
        assert!(serde_json::from_str::<serde_json::Value>(&json(&record)).is_ok());
    }

    #[test]
    fn a_flood_is_cut_on_a_characters_border() {
        let mut record = record(&"é".repeat(TEXT_LIMIT));
        record.push("count", true, format_args!("7"));
        assert!(
            json(&record).ends_with(r#","count":""}"#),
            "a cut number is a text"
        );
        assert!(record.text.len() <= TEXT_LIMIT);
        assert!(record.text.ends_with('é'));
    }
}
