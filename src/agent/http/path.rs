//! Request paths the way Go's `net/http` mux sees them: decoded bytes, cleaned, printable.

use std::borrow::Cow;

/// Why a path cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum PathError {
    /// A `%` that two hexadecimal digits do not follow.
    #[error("invalid percent-encoding in the path")]
    BadEscape,
}

/// Decodes percent-encoding. `+` stays `+`: that is a rule of queries, not of paths.
///
/// # Errors
/// [`PathError::BadEscape`] for an incomplete or non-hexadecimal escape.
pub(super) fn decode(raw: &[u8]) -> Result<Cow<'_, [u8]>, PathError> {
    if !raw.contains(&b'%') {
        return Ok(Cow::Borrowed(raw));
    }
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let [byte, tail @ ..] = rest {
        if *byte == b'%' {
            let [high, low, tail @ ..] = tail else {
                return Err(PathError::BadEscape);
            };
            let (Some(high), Some(low)) = (hex_value(*high), hex_value(*low)) else {
                return Err(PathError::BadEscape);
            };
            out.push(high << 4 | low);
            rest = tail;
        } else {
            out.push(*byte);
            rest = tail;
        }
    }
    Ok(Cow::Owned(out))
}

/// The value of one hexadecimal digit.
pub(super) fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// True when every character is printable in the sense of Go's `unicode.IsPrint`: letters, marks,
/// numbers, punctuation, symbols and the ASCII space. Bytes that are no UTF-8 count as U+FFFD, which
/// is printable.
pub(super) fn is_printable(path: &[u8]) -> bool {
    if path.iter().all(|byte| (0x20..0x7f).contains(byte)) {
        return true;
    }
    path.utf8_chunks()
        .all(|chunk| chunk.valid().chars().all(is_printable_char))
}

fn is_printable_char(c: char) -> bool {
    if c.is_ascii() {
        return (' '..='~').contains(&c);
    }
    // The standard library escapes for `Debug` what Unicode lists as Cc, Cf, Cn, Co, Zl, Zp and Zs.
    // A combining mark is escaped only at the start of a string, hence the letter before it.
    let mut text = [b'a'; 5];
    let length = c.encode_utf8(&mut text[1..]).len();
    let Ok(text) = std::str::from_utf8(&text[..=length]) else {
        return false;
    };
    !text.escape_debug().any(|escaped| escaped == '\\')
}

/// The path that Go's mux would redirect to, or `None` when the path is clean already: no empty, `.`
/// or `..` segments. A slash at the end is kept.
pub(super) fn clean(path: &[u8]) -> Option<Vec<u8>> {
    if is_clean(path) {
        return None;
    }
    let mut segments: Vec<&[u8]> = Vec::new();
    for segment in path.split(|byte| *byte == b'/') {
        match segment {
            b"" | b"." => {}
            b".." => {
                segments.pop();
            }
            other => segments.push(other),
        }
    }
    let mut out = Vec::with_capacity(path.len() + 1);
    for segment in &segments {
        out.push(b'/');
        out.extend_from_slice(segment);
    }
    if out.is_empty() || path.ends_with(b"/") {
        out.push(b'/');
    }
    (out != path).then_some(out)
}

fn is_clean(path: &[u8]) -> bool {
    let Some(rest) = path.strip_prefix(b"/") else {
        return false;
    };
    let mut segments = rest.split(|byte| *byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            b"" if last => {}
            b"" | b"." | b".." => return false,
            _ => {}
        }
    }
    true
}

/// Encodes a path as Go's `URL.EscapedPath` does: unreserved characters and `$&+,/:;=@` stay.
pub(super) fn encode(path: &[u8]) -> String {
    let mut out = String::with_capacity(path.len() + 8);
    for byte in path {
        match byte {
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b'-'
            | b'_'
            | b'.'
            | b'~'
            | b'$'
            | b'&'
            | b'+'
            | b','
            | b'/'
            | b':'
            | b';'
            | b'='
            | b'@' => out.push(char::from(*byte)),
            other => push_escaped(&mut out, *other),
        }
    }
    out
}

/// Appends `%XX`.
pub(super) fn push_escaped(out: &mut String, byte: u8) {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    out.push('%');
    out.push(char::from(DIGITS[usize::from(byte >> 4)]));
    out.push(char::from(DIGITS[usize::from(byte & 15)]));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_become_bytes_and_broken_ones_an_error() {
        assert_eq!(
            decode(b"/v1/kv/a%20b%2Fc+").unwrap().as_ref(),
            b"/v1/kv/a b/c+"
        );
        assert_eq!(decode(b"/a%ff").unwrap().as_ref(), b"/a\xff");
        assert!(matches!(decode(b"/plain").unwrap(), Cow::Borrowed(_)));
        for bad in ["/%", "/%2", "/%zz", "/a%2g"] {
            assert_eq!(decode(bad.as_bytes()), Err(PathError::BadEscape), "{bad}");
        }
    }

    #[test]
    fn printable_is_what_go_calls_printable() {
        for good in [
            "/v1/kv/a b",
            "/é",
            "/😀",
            "/\u{fffd}",
            "/e\u{301}",
            "/'\"\\",
        ] {
            assert!(is_printable(good.as_bytes()), "{good:?}");
        }
        assert!(is_printable(b"/a\xff"));
        for bad in [
            "/\0",
            "/a\u{1}",
            "/\u{7f}",
            "/\u{85}",
            "/\u{a0}",
            "/\u{200b}",
            "/\u{2028}",
        ] {
            assert!(!is_printable(bad.as_bytes()), "{bad:?}");
        }
    }

    #[test]
    fn cleaning_follows_the_mux() {
        for clean_path in ["/", "/v1/kv/", "/v1/kv/a", "/v1/kv/a..b", "/.a"] {
            assert_eq!(clean(clean_path.as_bytes()), None, "{clean_path}");
        }
        for (unclean, cleaned) in [
            ("//v1/kv/a", "/v1/kv/a"),
            ("/v1/kv//a", "/v1/kv/a"),
            ("/v1/kv/../x", "/v1/x"),
            ("/v1/./catalog", "/v1/catalog"),
            ("/v1/kv/a/.", "/v1/kv/a"),
            ("/v1/kv/a/..", "/v1/kv"),
            ("/v1/kv/a/./", "/v1/kv/a/"),
            ("/../..", "/"),
            ("//", "/"),
            ("", "/"),
            ("v1", "/v1"),
        ] {
            assert_eq!(
                clean(unclean.as_bytes()).as_deref(),
                Some(cleaned.as_bytes()),
                "{unclean}"
            );
        }
    }

    #[test]
    fn encoding_keeps_what_go_keeps() {
        assert_eq!(encode("/a b?c/é%".as_bytes()), "/a%20b%3Fc/%C3%A9%25");
        assert_eq!(encode(b"/$&+,:;=@-_.~"), "/$&+,:;=@-_.~");
        assert_eq!(encode(b"/!*'()<>\""), "/%21%2A%27%28%29%3C%3E%22");
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(raw in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode(&raw);
            let _ = is_printable(&raw);
            if let Some(cleaned) = clean(&raw) {
                prop_assert!(cleaned.starts_with(b"/"));
                prop_assert_eq!(clean(&cleaned), None);
            }
        }

        #[test]
        fn encoded_paths_decode_to_themselves(raw in proptest::collection::vec(any::<u8>(), 0..64)) {
            let encoded = encode(&raw);
            prop_assert_eq!(decode(encoded.as_bytes()).unwrap().into_owned(), raw);
        }
    }
}
