//! Cuts a list that comes in parts into shorter lists, so that thousands of elements are decoded without having them
//! all as text, or as untyped values, at the same time.

/// A JSON document on its way. What is no list comes out as one piece, as it is; whether it is JSON at all is found by
/// who decodes the pieces.
#[derive(Debug)]
pub struct Pieces {
    /// What no piece was made of yet; of a list, its bracket first.
    piece: Vec<u8>,
    /// A list is cut after so many bytes.
    limit: usize,
    at: At,
    /// Open lists and objects, the outermost list among them.
    depth: usize,
    /// Whether the list was cut already.
    is_cut: bool,
    /// Whether the piece has nothing but space behind its bracket.
    is_blank: bool,
}

/// What the next byte is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// The space before the document.
    Begin,
    /// A list, outside of texts.
    List,
    /// A text.
    Text,
    /// A character of a text that loses its meaning.
    Escaped,
    /// What is behind the list; not looked at.
    End,
    /// A document that is no list.
    Other,
}

impl Pieces {
    /// A document that is cut into lists of `limit` bytes, or one element more.
    pub const fn new(limit: usize) -> Self {
        Self {
            piece: Vec::new(),
            limit,
            at: At::Begin,
            depth: 0,
            is_cut: false,
            is_blank: true,
        }
    }

    /// Takes bytes until a piece is complete; `None` when all were taken.
    pub fn feed(&mut self, bytes: &mut &[u8]) -> Option<Vec<u8>> {
        let all = std::mem::take(bytes);
        if self.at == At::End {
            return None;
        }
        let before = self.piece.len();
        for (place, byte) in all.iter().enumerate() {
            let is_between = self.take(*byte);
            if is_between && before + place >= self.limit {
                self.piece.extend_from_slice(&all[..place]);
                self.piece.push(b']');
                *bytes = &all[place + 1..];
                (self.is_cut, self.is_blank) = (true, true);
                return Some(std::mem::replace(&mut self.piece, vec![b'[']));
            }
            if self.at == At::End {
                self.piece.extend_from_slice(&all[..=place]);
                return None;
            }
        }
        self.piece.extend_from_slice(all);
        None
    }

    /// The last piece, when no more bytes come. Broken JSON where the document was.
    pub fn finish(self) -> Vec<u8> {
        if self.is_cut && self.is_blank && self.at == At::End {
            // What was cut off before ended in a comma.
            return b"[0,]".to_vec();
        }
        self.piece
    }

    /// Goes one byte further; whether it is the comma behind an element of the list.
    fn take(&mut self, byte: u8) -> bool {
        let was_blank = self.is_blank;
        if self.at == At::List {
            self.is_blank &= matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b']');
        }
        match (self.at, byte) {
            (At::Begin, b' ' | b'\t' | b'\n' | b'\r') | (At::Other | At::End, _) => {}
            (At::Escaped, _) | (At::List, b'"') => self.at = At::Text,
            (At::Begin, b'[') => {
                self.at = At::List;
                self.depth = 1;
            }
            (At::Begin, _) => self.at = At::Other,
            (At::Text, b'\\') => self.at = At::Escaped,
            (At::Text, b'"') => self.at = At::List,
            (At::List, b'[' | b'{') => self.depth += 1,
            (At::List, b']' | b'}') => {
                self.depth -= 1;
                if self.depth == 0 {
                    self.at = At::End;
                }
            }
            (At::List, b',') => return self.depth == 1 && !was_blank,
            _ => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::model::decode::{DecodeError, Options, from_json_slice_with};

    fn decoded(text: &[u8], limit: usize, step: usize) -> (Result<Vec<Value>, DecodeError>, usize) {
        let mut pieces = Pieces::new(limit);
        let mut made = Vec::new();
        for mut part in text.chunks(step) {
            while let Some(piece) = pieces.feed(&mut part) {
                made.push(piece);
            }
        }
        made.push(pieces.finish());
        let mut found = Vec::new();
        for piece in &made {
            match from_json_slice_with::<Vec<Value>>(piece, Options::HTTP_LENIENT) {
                Ok(mut list) => found.append(&mut list),
                Err(error) => return (Err(error), made.len()),
            }
        }
        (Ok(found), made.len())
    }

    fn whole(text: &[u8]) -> Result<Vec<Value>, DecodeError> {
        from_json_slice_with(text, Options::HTTP_LENIENT)
    }

    #[test]
    fn what_is_no_list_of_elements_is_told_as_if_it_had_come_at_once() {
        for text in [
            "",
            " ",
            "null",
            "{\"a\": [1, 2]}",
            "\"x, y\"",
            "[]",
            " [ ] x",
            "[1,]",
            "[1,2, ]",
            "[,1]",
            "[1,,2]",
            "[1 2]",
            "[1,2",
            "[1,[2,3]",
            "[1,\"2",
            "[1,2]]",
            "[1}",
            "[\"\\\"],[\", 1]",
            "[\"\\\\\", 1]",
            "7",
        ] {
            for (limit, step) in [(0, 1), (0, 99), (4, 3), (1000, 2)] {
                let (came, _) = decoded(text.as_bytes(), limit, step);
                let text_of =
                    |came: Result<Vec<Value>, DecodeError>| came.map_err(|error| error.to_string());
                assert_eq!(
                    text_of(came),
                    text_of(whole(text.as_bytes())),
                    "{text} {limit} {step}"
                );
            }
        }
    }

    #[test]
    fn a_piece_is_as_long_as_its_limit_and_one_element() {
        let text = serde_json::to_vec(&vec!["abcdefgh"; 100]).unwrap();
        let mut pieces = Pieces::new(50);
        let (mut rest, mut count) = (&text[..], 0);
        while let Some(piece) = pieces.feed(&mut rest) {
            assert!((50..=50 + 12).contains(&piece.len()), "{}", piece.len());
            count += 1;
        }
        assert!(count > 15, "{count}");
    }

    proptest! {
        #[test]
        fn nothing_is_lost_wherever_it_is_cut(texts in prop::collection::vec(".{0,8}", 0..20), limit in 0usize..40, step in 1usize..20) {
            let list: Vec<Value> = texts.iter().map(|text| serde_json::json!({"[": [text, {text.clone(): 1}]})).collect();
            let body = serde_json::to_vec(&list).unwrap();
            let (came, pieces) = decoded(&body, limit, step);
            prop_assert_eq!(came, Ok(list));
            prop_assert!(limit > 0 || pieces == texts.len().max(1));
        }
    }
}
