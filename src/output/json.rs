//! JSON as Go's `encoding/json` prints it, so that scripts that compare text see no difference.

use std::io;

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, PrettyFormatter, Serializer};

/// What one level of nesting is indented with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonIndent {
    /// A tab: `kv export`.
    Tab,
    /// Three spaces: `version -format=json`.
    Three,
    /// Four spaces: everything else.
    Four,
}

impl JsonIndent {
    fn text(self) -> &'static [u8] {
        match self {
            Self::Tab => b"\t",
            Self::Three => b"   ",
            Self::Four => b"    ",
        }
    }
}

/// Indented JSON without a newline at the end. Like Go, `<`, `>`, `&`, U+2028 and U+2029 are
/// written as escapes inside strings.
///
/// # Errors
///
/// A value that is not JSON (a map whose keys are not text).
pub fn to_json<T: Serialize + ?Sized>(
    value: &T,
    indent: JsonIndent,
) -> Result<String, serde_json::Error> {
    let mut text = Vec::new();
    let formatter = GoFormatter(PrettyFormatter::with_indent(indent.text()));
    let mut serializer = Serializer::with_formatter(&mut text, formatter);
    value.serialize(&mut serializer)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

struct GoFormatter<'a>(PrettyFormatter<'a>);

impl Formatter for GoFormatter<'_> {
    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(place) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            let special = rest[place..].chars().next().unwrap_or_default();
            writer.write_all(&rest.as_bytes()[..place])?;
            write!(writer, "\\u{:04x}", u32::from(special))?;
            rest = &rest[place + special.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        match escape {
            CharEscape::Backspace => writer.write_all(b"\\u0008"),
            CharEscape::FormFeed => writer.write_all(b"\\u000c"),
            other => self.0.write_char_escape(writer, other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indents_and_escapes_like_go() {
        let value = serde_json::json!({"a": ["<all>", "x&y\u{8}"], "b": {}, "c": []});
        let expected = "{\n\t\"a\": [\n\t\t\"\\u003call\\u003e\",\n\t\t\"x\\u0026y\\u0008\"\n\t],\n\t\"b\": {},\n\t\"c\": []\n}";
        assert_eq!(to_json(&value, JsonIndent::Tab).unwrap(), expected);
        assert_eq!(
            to_json("\u{2028}é", JsonIndent::Four).unwrap(),
            "\"\\u2028é\""
        );
    }
}
