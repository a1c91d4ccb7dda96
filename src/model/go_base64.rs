//! Standard base64 as Go reads it: line ends are passed over, spare bits at the end too, and a fault is
//! told with the same place.

/// What a text decodes to that is no base64.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("illegal base64 data at input byte {at}")]
pub struct IllegalBase64 {
    /// The place, in bytes, as Go counts it.
    pub at: usize,
    /// What stands before it, decoded.
    pub before: Vec<u8>,
}

/// What a text with padding decodes to.
///
/// # Errors
/// At the first character that does not belong there.
pub fn decode(text: &[u8]) -> Result<Vec<u8>, IllegalBase64> {
    let mut reader = Reader { text, at: 0 };
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    while reader.at < text.len() {
        if let Err(at) = reader.four(&mut bytes) {
            return Err(IllegalBase64 { at, before: bytes });
        }
    }
    Ok(bytes)
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    /// The next character that is no line end.
    fn next(&mut self) -> Option<u8> {
        self.skip_line_ends();
        let byte = self.text.get(self.at).copied()?;
        self.at += 1;
        Some(byte)
    }

    fn skip_line_ends(&mut self) {
        while matches!(self.text.get(self.at), Some(b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// Four characters, up to three bytes; or where the fault is.
    fn four(&mut self, bytes: &mut Vec<u8>) -> Result<(), usize> {
        let mut bits: u32 = 0;
        for count in 0..4 {
            let Some(byte) = self.next() else {
                // Go blames the start of the incomplete group, as if it had no line ends.
                return if count == 0 {
                    Ok(())
                } else {
                    Err(self.text.len() - count)
                };
            };
            if byte == b'=' {
                return self.padding(count, bits, bytes);
            }
            let six = six_bits(byte).ok_or(self.at - 1)?;
            bits = bits << 6 | u32::from(six);
        }
        bytes.extend_from_slice(&bits.to_be_bytes()[1..]);
        Ok(())
    }

    /// The end of a text, after `count` characters of a group and a `=`.
    fn padding(&mut self, count: usize, bits: u32, bytes: &mut Vec<u8>) -> Result<(), usize> {
        let here = self.at - 1;
        match count {
            0 | 1 => return Err(here),
            2 => {
                self.skip_line_ends();
                match self.text.get(self.at) {
                    None => return Err(self.text.len()),
                    Some(b'=') => self.at += 1,
                    Some(_) => return Err(self.at - 1),
                }
                bytes.extend_from_slice(&(bits << 12).to_be_bytes()[1..2]);
            }
            _ => bytes.extend_from_slice(&(bits << 6).to_be_bytes()[1..3]),
        }
        self.skip_line_ends();
        if self.at < self.text.len() {
            return Err(self.at);
        }
        Ok(())
    }
}

const fn six_bits(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn faults_are_where_go_finds_them() {
        for (text, at) in [
            ("x", 0),
            ("xy", 0),
            ("xyz", 0),
            ("YWJjZ", 4),
            ("YWJj!", 4),
            ("YWJjZA", 4),
            ("YWJjZA=", 7),
            ("=", 0),
            ("YW=j", 2),
            ("YWJj=", 4),
            ("YWJjZA==a", 8),
            ("YWJjZA=a", 6),
            ("YWJ=Zg==", 4),
            ("====", 0),
            ("YWJjZA= =", 6),
            ("YWJjé", 4),
            ("YWJjY===", 5),
            ("YWJjZAé", 6),
            ("YWJjZA==\nx", 9),
        ] {
            let found = decode(text.as_bytes()).unwrap_err();
            assert_eq!(found.at, at, "{text}");
            let said = format!("illegal base64 data at input byte {at}");
            assert_eq!(found.to_string(), said);
        }
        assert_eq!(decode(b"YWJjZ!").unwrap_err().before, b"abc");
    }

    #[test]
    fn line_ends_and_spare_bits_are_passed_over() {
        for text in ["YWJj\n", "YW\nJj", "Y\r\nWJj", "YWJj\n\n"] {
            assert_eq!(decode(text.as_bytes()).unwrap(), b"abc", "{text:?}");
        }
        for text in ["YWJjZA==\n", "YWJjZA=\n=", "YWJjZB==", "YWJjZP=="] {
            assert_eq!(decode(text.as_bytes()).unwrap(), b"abcd", "{text:?}");
        }
        assert_eq!(decode(b"YWJjZGV="), Ok(b"abcde".to_vec()));
        assert_eq!(decode(b""), Ok(Vec::new()));
    }

    proptest! {
        #[test]
        fn what_is_encoded_reads_the_same(bytes: Vec<u8>) {
            prop_assert_eq!(decode(STANDARD.encode(&bytes).as_bytes()), Ok(bytes));
        }

        #[test]
        fn any_text_is_decoded_or_refused(text in "[A-Da-d=\\n!]{0,12}") {
            match (decode(text.as_bytes()), STANDARD.decode(&text)) {
                (found, Ok(bytes)) => prop_assert_eq!(found, Ok(bytes)),
                (Err(found), Err(_)) => prop_assert!(found.at <= text.len()),
                (Ok(_), Err(_)) => {}
            }
        }
    }
}
