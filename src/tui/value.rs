//! A value of a key in lines: as text, as JSON, or byte by byte. It is strangers' text: nothing of it reaches the
//! terminal that could move a cursor, and only as much is kept as is shown.

use std::fmt::Write as _;

use serde::de::IgnoredAny;

/// Bytes of a text that are shown.
const MAX_TEXT: usize = 64 * 1024;
/// Bytes that are shown as such.
const MAX_HEX: usize = 4 * 1024;
/// Lines that are shown.
const MAX_LINES: usize = 4000;
/// Deepest indentation of JSON, in levels; what is deeper stays there.
const MAX_INDENT: usize = 20;

/// How a value is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// There is none.
    Empty,
    /// Text.
    Text,
    /// A JSON object or list, indented.
    Json,
    /// No text: sixteen bytes a line.
    Hex,
}

impl Kind {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Text => "text",
            Self::Json => "JSON",
            Self::Hex => "hex",
        }
    }
}

/// The lines of a value, and whether there is more of it.
pub fn present(value: &[u8]) -> (Kind, Vec<String>, bool) {
    if value.is_empty() {
        return (Kind::Empty, Vec::new(), false);
    }
    let text = match std::str::from_utf8(value) {
        Ok(text) if !text.contains('\0') => text,
        _ => {
            let (lines, cut) = hex(value);
            return (Kind::Hex, lines, cut);
        }
    };
    let structured = text.trim_start().starts_with(['{', '[']) && text.len() <= MAX_TEXT;
    if structured && serde_json::from_str::<IgnoredAny>(text).is_ok() {
        let (lines, cut) = lines_of(&indented(text), false);
        return (Kind::Json, lines, cut);
    }
    let end = text.floor_char_boundary(MAX_TEXT);
    let (lines, cut) = lines_of(&text[..end], end < text.len());
    (Kind::Text, lines, cut)
}

fn lines_of(text: &str, cut: bool) -> (Vec<String>, bool) {
    let lines: Vec<String> = text.lines().take(MAX_LINES).map(harmless).collect();
    let more = text.lines().nth(MAX_LINES).is_some();
    (lines, cut || more)
}

/// The line with everything visible: control characters, and those that turn the direction, are written as escapes.
pub fn harmless(line: &str) -> String {
    let mut kept = String::with_capacity(line.len());
    for letter in line.chars() {
        match letter {
            '\t' => kept.push_str("    "),
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' => {
                kept.extend(letter.escape_unicode());
            }
            other if other.is_control() => kept.extend(other.escape_default()),
            other => kept.push(other),
        }
    }
    kept
}

/// `00000010  61 62 63 …  abc`
fn hex(value: &[u8]) -> (Vec<String>, bool) {
    let shown = &value[..value.len().min(MAX_HEX)];
    let line = |(place, row): (usize, &[u8])| {
        let mut line = format!("{:08x} ", place * 16);
        for byte in row {
            // Writing to a text cannot fail.
            let _ = write!(line, " {byte:02x}");
        }
        let letters: String = row
            .iter()
            .map(|byte| {
                if byte.is_ascii_graphic() || *byte == b' ' {
                    char::from(*byte)
                } else {
                    '.'
                }
            })
            .collect();
        format!("{line:<57}  {letters}")
    };
    let lines = shown.chunks(16).enumerate().map(line).collect();
    (lines, shown.len() < value.len())
}

/// JSON with a line for every member. Numbers and texts stay as they are written.
fn indented(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut inside, mut escaped) = (0_usize, false, false);
    let mut letters = json.chars().peekable();
    while let Some(letter) = letters.next() {
        if inside {
            out.push(letter);
            match letter {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => inside = false,
                _ => {}
            }
            continue;
        }
        match letter {
            '"' => {
                inside = true;
                out.push('"');
            }
            '{' | '[' => {
                out.push(letter);
                while letters.next_if(char::is_ascii_whitespace).is_some() {}
                if let Some(end) = letters.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(letter);
            }
            ',' => {
                out.push(',');
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            other if other.is_whitespace() => {}
            other => out.push(other),
        }
    }
    out
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth.min(MAX_INDENT)));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_json_and_bytes_are_told_apart() {
        assert_eq!(present(b""), (Kind::Empty, vec![], false));
        assert_eq!(present(b"a\n\tb\r\n").1, ["a", "    b"]);
        assert_eq!(present(b"12").0, Kind::Text);
        let (kind, lines, _) = present(br#"{"b":12345678901234567890123,"a":[{}, [ ],"x,\":{"]}"#);
        assert_eq!(kind, Kind::Json);
        let expected = [
            "{",
            "  \"b\": 12345678901234567890123,",
            "  \"a\": [",
            "    {},",
            "    [],",
            "    \"x,\\\":{\"",
            "  ]",
            "}",
        ];
        assert_eq!(lines, expected);
        assert_eq!(present(b"{not json").0, Kind::Text);
        let (kind, lines, _) = present(b"\x00\x01abc\xff");
        assert_eq!(kind, Kind::Hex);
        assert_eq!(
            lines,
            ["00000000  00 01 61 62 63 ff                                ..abc."]
        );
    }

    #[test]
    fn only_what_is_shown_is_kept() {
        let (kind, lines, cut) = present(&vec![b'x'; 1 << 20]);
        assert_eq!(
            (kind, lines.len(), lines[0].len(), cut),
            (Kind::Text, 1, MAX_TEXT, true)
        );
        let (_, lines, cut) = present("\n".repeat(10_000).as_bytes());
        assert_eq!((lines.len(), cut), (MAX_LINES, true));
        let (_, lines, cut) = present(&vec![0xff; 1 << 20]);
        assert_eq!((lines.len(), cut), (MAX_HEX / 16, true));
        let deep = format!("{}1{}", "[1,".repeat(100), "]".repeat(100));
        assert_eq!(present(deep.as_bytes()).0, Kind::Json);
        assert_eq!(present("[".repeat(60_000).as_bytes()).0, Kind::Text);
    }

    proptest! {
        #[test]
        fn nothing_reaches_the_terminal_but_what_can_be_seen(value in prop::collection::vec(any::<u8>(), 0..200)) {
            let (_, lines, _) = present(&value);
            prop_assert!(lines.iter().all(|line| !line.chars().any(char::is_control)));
        }

        #[test]
        fn indented_json_means_the_same(text in "[a-z\"\\\\{},:\\[\\]]{0,10}", number in any::<i32>()) {
            let value = serde_json::json!({ "t": [text.clone(), {}, number], text: [] });
            let (kind, lines, _) = present(value.to_string().as_bytes());
            prop_assert_eq!(kind, Kind::Json);
            let read: serde_json::Value = serde_json::from_str(&lines.join("\n")).unwrap();
            prop_assert_eq!(read, value);
        }
    }
}
