//! JSON exactly as Go's `encoding/json` writes it, and gzip.
//!
//! Differences from `serde_json`: `<`, `>`, `&`, U+2028 and U+2029 are escaped, backspace and form feed
//! are `\u0008` and `\u000c`, and floating point numbers follow Go's format.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, Serializer};

/// Bodies below this many bytes are sent as they are: they fit in one packet either way.
pub(super) const GZIP_MIN_BYTES: usize = 1400;

/// What is reserved for a body before anything is known about it.
const INITIAL_BYTES: usize = 512;

/// Indentation of `?pretty`.
const INDENT: &[u8] = b"    ";

/// Renders a value. Pretty text is indented by four spaces and ends with a newline, as Consul's does.
///
/// # Errors
/// Only when the value itself refuses to be serialised (for example a map whose keys are no strings).
pub fn json<T: Serialize + ?Sized>(value: &T, pretty: bool) -> Result<Bytes, serde_json::Error> {
    let mut out = Vec::with_capacity(INITIAL_BYTES);
    if pretty {
        let mut serializer = Serializer::with_formatter(&mut out, GoFormatter::<true>::default());
        value.serialize(&mut serializer)?;
        out.push(b'\n');
    } else {
        let mut serializer = Serializer::with_formatter(&mut out, GoFormatter::<false>::default());
        value.serialize(&mut serializer)?;
    }
    Ok(Bytes::from(out))
}

/// Compresses a body for `Content-Encoding: gzip`.
pub(super) fn gzip(plain: &[u8]) -> io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::fast());
    encoder.write_all(plain)?;
    encoder.finish().map(Bytes::from)
}

/// Whether an `Accept-Encoding` header asks for gzip: named with a weight above zero. `*` is not
/// enough, as in Consul.
pub(super) fn accepts_gzip(header: &str) -> bool {
    header.split(',').any(|coding| {
        let (name, weight) = match coding.split_once(';') {
            Some((name, parameter)) => (name, Some(parameter)),
            None => (coding, None),
        };
        name.trim().eq_ignore_ascii_case("gzip")
            && weight.is_none_or(|parameter| {
                parameter
                    .trim()
                    .strip_prefix("q=")
                    .and_then(|q| q.trim().parse::<f32>().ok())
                    .is_some_and(|q| q > 0.0)
            })
    })
}

/// Writes JSON as Go does, indented when `PRETTY`.
#[derive(Debug, Default)]
struct GoFormatter<const PRETTY: bool> {
    depth: usize,
    has_value: bool,
}

impl<const PRETTY: bool> GoFormatter<PRETTY> {
    fn newline<W: ?Sized + Write>(&self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b"\n")?;
        for _ in 0..self.depth {
            writer.write_all(INDENT)?;
        }
        Ok(())
    }

    fn open<W: ?Sized + Write>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth += 1;
        self.has_value = false;
        writer.write_all(bracket)
    }

    fn close<W: ?Sized + Write>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth -= 1;
        if PRETTY && self.has_value {
            self.newline(writer)?;
        }
        self.has_value = true;
        writer.write_all(bracket)
    }

    fn separate<W: ?Sized + Write>(&self, writer: &mut W, first: bool) -> io::Result<()> {
        if !first {
            writer.write_all(b",")?;
        }
        if PRETTY { self.newline(writer) } else { Ok(()) }
    }
}

impl<const PRETTY: bool> Formatter for GoFormatter<PRETTY> {
    fn write_f32<W: ?Sized + Write>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        let small = value != 0.0 && (value.abs() < 1e-6 || value.abs() >= 1e21);
        write_float(writer, &value, small)
    }

    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        let small = value != 0.0 && (value.abs() < 1e-6 || value.abs() >= 1e21);
        write_float(writer, &value, small)
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        match escape {
            CharEscape::Quote => writer.write_all(b"\\\""),
            CharEscape::ReverseSolidus => writer.write_all(b"\\\\"),
            CharEscape::Solidus => writer.write_all(b"/"),
            CharEscape::LineFeed => writer.write_all(b"\\n"),
            CharEscape::CarriageReturn => writer.write_all(b"\\r"),
            CharEscape::Tab => writer.write_all(b"\\t"),
            CharEscape::Backspace => writer.write_all(b"\\u0008"),
            CharEscape::FormFeed => writer.write_all(b"\\u000c"),
            CharEscape::AsciiControl(byte) => write!(writer, "\\u{byte:04x}"),
        }
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        write_html_safe(writer, fragment.as_bytes())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.separate(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _writer: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.separate(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(if PRETTY { b": " } else { b":" })
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _writer: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }
}

/// Go prints the shortest digits, plain between 1e-6 and 1e21 and with an exponent outside.
fn write_float<W, F>(writer: &mut W, value: &F, exponent: bool) -> io::Result<()>
where
    W: ?Sized + Write,
    F: std::fmt::Display + std::fmt::LowerExp,
{
    if !exponent {
        return write!(writer, "{value}");
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((digits, power)) if !power.starts_with('-') => write!(writer, "{digits}e+{power}"),
        _ => writer.write_all(text.as_bytes()),
    }
}

/// Writes text with what Go escapes for HTML: `<`, `>`, `&` and the two line separators of Unicode.
fn write_html_safe<W: ?Sized + Write>(writer: &mut W, text: &[u8]) -> io::Result<()> {
    let mut start = 0;
    let mut at = 0;
    while at < text.len() {
        let (escape, width): (&[u8], usize) = match text[at] {
            b'<' => (b"\\u003c", 1),
            b'>' => (b"\\u003e", 1),
            b'&' => (b"\\u0026", 1),
            0xE2 => match text.get(at + 1..at + 3) {
                Some([0x80, 0xA8]) => (b"\\u2028", 3),
                Some([0x80, 0xA9]) => (b"\\u2029", 3),
                _ => (b"", 0),
            },
            _ => (b"", 0),
        };
        if width == 0 {
            at += 1;
            continue;
        }
        writer.write_all(&text[start..at])?;
        writer.write_all(escape)?;
        at += width;
        start = at;
    }
    writer.write_all(&text[start..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json as value;
    use std::io::Read;

    fn text<T: Serialize>(value: T, pretty: bool) -> String {
        String::from_utf8(json(&value, pretty).unwrap().to_vec()).unwrap()
    }

    #[test]
    fn compact_and_pretty_are_shaped_as_go_shapes_them() {
        let sample = value!({"a": [1, {}, []], "b": {"c": null, "d": true}});
        assert_eq!(
            text(&sample, false),
            r#"{"a":[1,{},[]],"b":{"c":null,"d":true}}"#
        );
        assert_eq!(
            text(&sample, true),
            "{\n    \"a\": [\n        1,\n        {},\n        []\n    ],\n    \"b\": {\n        \"c\": null,\n        \"d\": true\n    }\n}\n"
        );
        assert_eq!(text(value!([]), true), "[]\n");
        assert_eq!(text(value!({}), true), "{}\n");
        assert_eq!(text(value!("x"), true), "\"x\"\n");
        assert_eq!(text(true, false), "true");
    }

    #[test]
    fn strings_are_escaped_as_go_escapes_them() {
        assert_eq!(
            text(
                "<a href=\"x\">&\u{2028}\u{2029}é\u{2027}\u{7f}\u{8}\u{c}\u{1}\n\r\t\\/",
                false
            ),
            "\"\\u003ca href=\\\"x\\\"\\u003e\\u0026\\u2028\\u2029é\u{2027}\u{7f}\\u0008\\u000c\\u0001\\n\\r\\t\\\\/\""
        );
        assert_eq!(text(value!({"<k>": 1}), false), "{\"\\u003ck\\u003e\":1}");
    }

    #[test]
    fn numbers_are_printed_as_go_prints_them() {
        for (number, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (1.5, "1.5"),
            (0.000_01, "0.00001"),
            (0.000_001, "0.000001"),
            (0.000_000_1, "1e-7"),
            (1.25e-10, "1.25e-10"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-2.5e30, "-2.5e+30"),
        ] {
            assert_eq!(text(number, false), expected);
        }
        assert_eq!(text(1.1_f32, false), "1.1");
        assert_eq!(text(u64::MAX, false), "18446744073709551615");
    }

    #[test]
    fn gzip_is_used_only_when_named() {
        for yes in [
            "gzip",
            "GZIP",
            "deflate, gzip;q=0.5",
            "gzip;q=2",
            "br , gzip ; q=1",
        ] {
            assert!(accepts_gzip(yes), "{yes}");
        }
        for no in [
            "",
            "*",
            "identity",
            "x-gzip",
            "gzip;q=0",
            "gzip;q=foo",
            "gzip;level=1",
        ] {
            assert!(!accepts_gzip(no), "{no}");
        }
    }

    #[test]
    fn compressed_bodies_unpack_to_themselves() {
        let plain = vec![b'a'; 10_000];
        let packed = gzip(&plain).unwrap();
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(packed.as_ref())
            .read_to_end(&mut unpacked)
            .unwrap();
        assert!(packed.len() < 200);
        assert_eq!(unpacked, plain);
    }
}
