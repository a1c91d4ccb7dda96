//! Texts in quotes as Go's `%q` writes them. Pure.

use std::fmt::Write as _;

/// The text in quotes; what cannot be printed is escaped in Go's way.
pub(super) fn go_quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for char in text.chars() {
        match char {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            other => push(&mut quoted, other),
        }
    }
    quoted.push('"');
    quoted
}

fn push(quoted: &mut String, char: char) {
    let code = u32::from(char);
    // Writing to a text cannot fail.
    let _ = match code {
        0..0x20 => write!(quoted, "\\x{code:02x}"),
        _ if is_printable(char) => write!(quoted, "{char}"),
        0x20..0x10000 => write!(quoted, "\\u{code:04x}"),
        _ => write!(quoted, "\\U{code:08x}"),
    };
}

/// As Rust has it, which knows the same kinds of characters; a letter before it keeps an accent
/// from counting as one without a base.
fn is_printable(char: char) -> bool {
    if char.is_ascii() {
        return !char.is_ascii_control();
    }
    let shown = format!("a{char}").escape_debug().to_string();
    !shown.contains("\\u{")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_gos() {
        for (text, quoted) in [
            ("a \"b\" \\", r#""a \"b\" \\""#),
            ("\0\u{1}\u{1f}", r#""\x00\x01\x1f""#),
            ("\u{7}\u{8}\t\n\u{b}\u{c}\r", r#""\a\b\t\n\v\f\r""#),
            ("\u{7f}\u{200b}\u{e0001}", r#""\u007f\u200b\U000e0001""#),
            ("é e\u{301} 日", "\"é e\u{301} 日\""),
        ] {
            assert_eq!(go_quoted(text), quoted);
        }
    }
}
