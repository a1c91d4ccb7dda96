//! Text of others on its way to a terminal. Pure.

use std::borrow::Cow;

/// The text without anything that a terminal would obey: control characters but line ends and tabs, and what changes the
/// direction of text, become escapes.
pub fn safe(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_obeyed(letter) {
            out.extend(letter.escape_default());
        } else {
            out.push(letter);
        }
    }
    Cow::Owned(out)
}

/// The same for bytes: those that are no UTF-8 become `\xNN`.
pub fn safe_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for part in bytes.utf8_chunks() {
        out.push_str(&safe(part.valid()));
        for byte in part.invalid() {
            out.extend(byte.escape_ascii().map(char::from));
        }
    }
    out
}

fn is_obeyed(letter: char) -> bool {
    match letter {
        '\n' | '\t' => false,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        _ => letter.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_nothing_to_obey() {
        let plain = "a\tb\nä 節 \"x\" \\n";
        assert!(matches!(safe(plain), Cow::Borrowed(text) if text == plain));
        assert_eq!(safe("\x1b[31mred\x07"), "\\u{1b}[31mred\\u{7}");
        assert_eq!(safe("a\u{9b}b\u{202e}c\r"), "a\\u{9b}b\\u{202e}c\\r");
        assert_eq!(safe_bytes(b"a\xff\x1b\n"), "a\\xff\\u{1b}\n");
    }
}
