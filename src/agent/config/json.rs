//! JSON that keeps the line of every key, with the messages of Go's decoder, which scripts and
//! people know from Consul.

use super::tree::{Entries, Entry, MAX_DEPTH, Node, SyntaxError, Value, wrap_object};

/// How an object that is a key's value appears in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Objects {
    /// As itself: a `.json` file.
    Plain,
    /// As one of possibly several blocks: JSON where HCL is expected.
    Blocks,
}

/// Parses a file into the entries of its outermost object. Nothing but blanks is an empty object.
pub fn parse(text: &str) -> Result<Vec<Entry>, SyntaxError> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    parse_with(text, Objects::Plain)
}

pub(super) fn parse_with(text: &str, objects: Objects) -> Result<Vec<Entry>, SyntaxError> {
    let mut parser = Parser {
        rest: text,
        line: 1,
        objects,
    };
    parser.skip_blanks();
    let node = parser.value(0)?;
    parser.skip_blanks();
    if let Some(next) = parser.peek() {
        return Err(parser.invalid(next, "after top-level value"));
    }
    match node.value {
        Value::Object(entries) => Ok(entries),
        Value::Null => Ok(Vec::new()),
        other => Err(SyntaxError {
            line: node.line,
            message: format!(
                "json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
                kind(&other)
            ),
        }),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Int(_) | Value::Float(_) => "number",
        Value::Text(_) => "string",
        Value::List(_) => "array",
        Value::Object(_) | Value::Blocks(_) => "object",
    }
}

struct Parser<'a> {
    rest: &'a str,
    line: u32,
    objects: Objects,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn advance(&mut self, bytes: usize) {
        let (passed, rest) = self.rest.split_at(bytes);
        let lines = passed.bytes().filter(|&byte| byte == b'\n').count();
        self.line = self
            .line
            .saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        self.rest = rest;
    }

    fn skip_blanks(&mut self) {
        let blanks = self.rest.len() - self.rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
        self.advance(blanks);
    }

    fn error(&self, message: impl Into<String>) -> SyntaxError {
        SyntaxError {
            line: self.line,
            message: message.into(),
        }
    }

    fn end(&self) -> SyntaxError {
        self.error("unexpected end of JSON input")
    }

    fn invalid(&self, found: char, place: &str) -> SyntaxError {
        self.error(format!("invalid character {found:?} {place}"))
    }

    fn value(&mut self, depth: usize) -> Result<Node, SyntaxError> {
        let line = self.line;
        let next = self.peek().ok_or_else(|| self.end())?;
        let value = match next {
            '{' => self.object(depth)?,
            '[' => self.list(depth)?,
            '"' => Value::Text(self.string()?),
            't' => self.literal("true", Value::Bool(true))?,
            'f' => self.literal("false", Value::Bool(false))?,
            'n' => self.literal("null", Value::Null)?,
            '-' | '0'..='9' => self.number()?,
            other => return Err(self.invalid(other, "looking for beginning of value")),
        };
        Ok(Node { line, value })
    }

    fn literal(&mut self, word: &str, value: Value) -> Result<Value, SyntaxError> {
        for (position, expected) in word.char_indices() {
            match self.rest[position..].chars().next() {
                None => return Err(self.end()),
                Some(found) if found != expected => {
                    return Err(self.invalid(
                        found,
                        &format!("in literal {word} (expecting {expected:?})"),
                    ));
                }
                Some(_) => {}
            }
        }
        self.advance(word.len());
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, SyntaxError> {
        let end = self
            .rest
            .find(|c: char| !(c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E')))
            .unwrap_or(self.rest.len());
        let text = &self.rest[..end];
        // serde_json knows JSON's number grammar, which is stricter than Rust's.
        let number: Result<serde_json::Number, _> = serde_json::from_str(text);
        let Some(number) = number.ok().and_then(|number| number.as_f64()) else {
            return Err(self.error(format!("invalid number literal {text:?}")));
        };
        self.advance(end);
        Ok(Value::Float(number))
    }

    fn string(&mut self) -> Result<String, SyntaxError> {
        let mut escaped = false;
        let mut end = None;
        for (position, c) in self.rest.char_indices().skip(1) {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => {
                    end = Some(position + 1);
                    break;
                }
                c if c < ' ' => return Err(self.invalid(c, "in string literal")),
                _ => {}
            }
        }
        let end = end.ok_or_else(|| self.end())?;
        let text = serde_json::from_str(&self.rest[..end])
            .map_err(|_| self.error(format!("invalid escape in string {}", &self.rest[..end])))?;
        self.advance(end);
        Ok(text)
    }

    fn object(&mut self, depth: usize) -> Result<Value, SyntaxError> {
        self.check_depth(depth)?;
        self.advance(1);
        let mut entries = Entries::default();
        self.skip_blanks();
        if self.take('}') {
            return Ok(Value::Object(Vec::new()));
        }
        loop {
            self.skip_blanks();
            let line = self.line;
            match self.peek() {
                None => return Err(self.end()),
                Some('"') => {}
                Some(c) => {
                    return Err(self.invalid(c, "looking for beginning of object key string"));
                }
            }
            let key = self.string()?;
            self.skip_blanks();
            self.expect(':', "after object key")?;
            self.skip_blanks();
            let node = self.value(depth + 1)?;
            let node = match self.objects {
                Objects::Plain => node,
                Objects::Blocks => wrap_object(node),
            };
            entries.add(Entry { key, line, node });
            self.skip_blanks();
            if self.take('}') {
                return Ok(Value::Object(entries.into_vec()));
            }
            self.expect(',', "after object key:value pair")?;
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, SyntaxError> {
        self.check_depth(depth)?;
        self.advance(1);
        let mut nodes = Vec::new();
        self.skip_blanks();
        if self.take(']') {
            return Ok(Value::List(nodes));
        }
        loop {
            self.skip_blanks();
            nodes.push(self.value(depth + 1)?);
            self.skip_blanks();
            if self.take(']') {
                return Ok(Value::List(nodes));
            }
            self.expect(',', "after array element")?;
        }
    }

    fn take(&mut self, expected: char) -> bool {
        let found = self.peek() == Some(expected);
        if found {
            self.advance(expected.len_utf8());
        }
        found
    }

    fn expect(&mut self, expected: char, place: &str) -> Result<(), SyntaxError> {
        if self.take(expected) {
            return Ok(());
        }
        Err(match self.peek() {
            Some(found) => self.invalid(found, place),
            None => self.end(),
        })
    }

    fn check_depth(&self, depth: usize) -> Result<(), SyntaxError> {
        if depth >= MAX_DEPTH {
            return Err(self.error(format!("more than {MAX_DEPTH} levels of nesting")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_those_of_go() {
        let cases = [
            ("{\"a\": ", 1, "unexpected end of JSON input"),
            ("{} x", 1, "invalid character 'x' after top-level value"),
            ("{\n\"a\" 1}", 2, "invalid character '1' after object key"),
            (
                "{\"a\": 1\n\"b\"}",
                2,
                "invalid character '\"' after object key:value pair",
            ),
            (
                "{a: 1}",
                1,
                "invalid character 'a' looking for beginning of object key string",
            ),
            (
                "{\"a\": tru}",
                1,
                "invalid character '}' in literal true (expecting 'e')",
            ),
            (
                "[1]",
                1,
                "json: cannot unmarshal array into Go value of type map[string]interface {}",
            ),
            ("{\"a\": 01}", 1, "invalid number literal \"01\""),
        ];
        for (text, line, message) in cases {
            let expected = SyntaxError {
                line,
                message: message.to_owned(),
            };
            assert_eq!(parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn blank_and_null_are_empty() {
        assert_eq!(parse(" \n"), Ok(Vec::new()));
        assert_eq!(parse("null"), Ok(Vec::new()));
    }
}
