//! HCL 1 as Consul reads it: `key = value`, `key { … }` and `key "label" { … }`, commas optional
//! between items, several items on a line, and JSON when the text begins with a brace.

use super::json;
use super::scanner::{Scanner, Spanned, Token, error_at};
use super::tree::{Entries, Entry, MAX_DEPTH, Node, SyntaxError, Value, wrap_object};

/// Parses a file into the entries of its outermost object.
pub fn parse(text: &str) -> Result<Vec<Entry>, SyntaxError> {
    if text.trim_start().starts_with('{') {
        return json::parse_with(text, json::Objects::Blocks);
    }
    let mut parser = Parser::new(text)?;
    let entries = parser.items(0)?;
    match parser.current.token {
        Token::End => Ok(entries),
        ref other => Err(parser.error(&format!(
            "expected: IDENT | STRING | ASSIGN | LBRACE got: {}",
            other.name()
        ))),
    }
}

struct Parser<'a> {
    scanner: Scanner<'a>,
    current: Spanned,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self, SyntaxError> {
        let mut scanner = Scanner::new(text);
        let current = scanner.next()?;
        Ok(Self { scanner, current })
    }

    fn error(&self, message: &str) -> SyntaxError {
        error_at(self.current.line, self.current.column, message)
    }

    fn advance(&mut self) -> Result<Token, SyntaxError> {
        let next = self.scanner.next()?;
        Ok(std::mem::replace(&mut self.current, next).token)
    }

    /// Items up to a closing brace or the end, whichever comes; the caller knows which it needs.
    fn items(&mut self, depth: usize) -> Result<Vec<Entry>, SyntaxError> {
        let mut entries = Entries::default();
        while matches!(self.current.token, Token::Ident(_) | Token::Text(_)) {
            let entry = self.item(depth)?;
            entries.add(entry);
            if self.current.token == Token::Comma {
                self.advance()?;
            }
        }
        Ok(entries.into_vec())
    }

    fn item(&mut self, depth: usize) -> Result<Entry, SyntaxError> {
        let mut keys = Vec::new();
        loop {
            let line = self.current.line;
            match &self.current.token {
                Token::Ident(_) | Token::Text(_) if keys.len() < MAX_DEPTH => {
                    if let Token::Ident(key) | Token::Text(key) = self.advance()? {
                        keys.push((key, line));
                    }
                }
                Token::Assign if keys.len() == 1 => {
                    self.advance()?;
                    let node = self.value(depth)?;
                    return Ok(nest(keys, wrap_object(node)));
                }
                Token::LeftBrace => {
                    let node = self.object(depth)?;
                    return Ok(nest(keys, wrap_object(node)));
                }
                Token::Assign => {
                    return Err(self.error("nested object expected: LBRACE got: ASSIGN"));
                }
                Token::End => {
                    return Err(self.error("end of file reached, a value was expected"));
                }
                other => {
                    let name = other.name();
                    return Err(self.error(&format!(
                        "expected: IDENT | STRING | ASSIGN | LBRACE got: {name}"
                    )));
                }
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Node, SyntaxError> {
        self.check_depth(depth)?;
        let line = self.current.line;
        self.advance()?;
        let entries = self.items(depth + 1)?;
        if self.current.token != Token::RightBrace {
            let name = self.current.token.name();
            return Err(self.error(&format!("object expected closing RBRACE got: {name}")));
        }
        self.advance()?;
        Ok(Node {
            line,
            value: Value::Object(entries),
        })
    }

    fn list(&mut self, depth: usize) -> Result<Node, SyntaxError> {
        self.check_depth(depth)?;
        let line = self.current.line;
        self.advance()?;
        let mut nodes = Vec::new();
        while self.current.token != Token::RightBracket {
            nodes.push(self.value(depth + 1)?);
            match &self.current.token {
                Token::Comma => {
                    self.advance()?;
                }
                Token::RightBracket => {}
                other => {
                    let name = other.name();
                    return Err(self.error(&format!(
                        "error parsing list, expected comma or list end, got: {name}"
                    )));
                }
            }
        }
        self.advance()?;
        Ok(Node {
            line,
            value: Value::List(nodes),
        })
    }

    fn value(&mut self, depth: usize) -> Result<Node, SyntaxError> {
        let (line, column) = (self.current.line, self.current.column);
        match &self.current.token {
            Token::LeftBrace => return self.object(depth),
            Token::LeftBracket => return self.list(depth),
            Token::End => return Err(self.error("end of file reached, a value was expected")),
            Token::Ident(name) => {
                return Err(self.error(&format!("Unknown token: {line}:{column} IDENT {name}")));
            }
            _ => {}
        }
        let value = match self.advance()? {
            Token::Text(text) | Token::Heredoc(text) => Value::Text(text),
            Token::Int(number) => Value::Int(number),
            Token::Float(number) => Value::Float(number),
            Token::Bool(flag) => Value::Bool(flag),
            other => {
                let message = format!("Unknown token: {line}:{column} {}", other.name());
                return Err(error_at(line, column, &message));
            }
        };
        Ok(Node { line, value })
    }

    fn check_depth(&self, depth: usize) -> Result<(), SyntaxError> {
        if depth >= MAX_DEPTH {
            return Err(self.error(&format!("more than {MAX_DEPTH} levels of nesting")));
        }
        Ok(())
    }
}

/// `a "b" "c" { }` is `a { b { c { } } }`.
fn nest(mut keys: Vec<(String, u32)>, node: Node) -> Entry {
    let mut node = node;
    loop {
        let (key, line) = keys.pop().expect("an item begins with a key");
        let entry = Entry { key, line, node };
        if keys.is_empty() {
            return entry;
        }
        node = wrap_object(Node {
            line,
            value: Value::Object(vec![entry]),
        });
    }
}

#[cfg(test)]
mod tests;
