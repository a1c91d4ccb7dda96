//! Tokens of HCL 1. The grammar is what Consul's parser accepts: keys may be identifiers or
//! strings, strings keep `${…}` as written, and `#`, `//` and `/* */` begin comments.

use super::tree::SyntaxError;

/// One token with its position.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spanned {
    pub(super) token: Token,
    pub(super) line: u32,
    pub(super) column: u32,
}

/// A token of HCL 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Ident(String),
    Text(String),
    Heredoc(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    LeftBracket,
    RightBracket,
    LeftBrace,
    RightBrace,
    Comma,
    Assign,
    End,
}

impl Token {
    /// The name that Consul's parser uses in its messages.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Ident(_) => "IDENT",
            Self::Text(_) => "STRING",
            Self::Heredoc(_) => "HEREDOC",
            Self::Int(_) => "NUMBER",
            Self::Float(_) => "FLOAT",
            Self::Bool(_) => "BOOL",
            Self::LeftBracket => "LBRACK",
            Self::RightBracket => "RBRACK",
            Self::LeftBrace => "LBRACE",
            Self::RightBrace => "RBRACE",
            Self::Comma => "COMMA",
            Self::Assign => "ASSIGN",
            Self::End => "EOF",
        }
    }
}

/// Reads one token after the other.
pub(super) struct Scanner<'a> {
    rest: &'a str,
    line: u32,
    column: u32,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            rest: text.strip_prefix('\u{feff}').unwrap_or(text),
            line: 1,
            column: 1,
        }
    }

    /// The next token; [`Token::End`] for ever once the text is used up.
    pub(super) fn next(&mut self) -> Result<Spanned, SyntaxError> {
        self.skip_blanks()?;
        let (line, column) = (self.line, self.column);
        let Some(first) = self.peek() else {
            return Ok(Spanned {
                token: Token::End,
                line,
                column,
            });
        };
        let token = match first {
            '"' => Token::Text(self.string()?),
            '<' => Token::Heredoc(self.heredoc()?),
            '0'..='9' | '-' => self.number()?,
            '.' if self.rest[1..].starts_with(|c: char| c.is_ascii_digit()) => self.number()?,
            c if c.is_alphabetic() || c == '_' => self.identifier(),
            c => self.punctuation(c)?,
        };
        Ok(Spanned {
            token,
            line,
            column,
        })
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn advance(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.rest = &self.rest[next.len_utf8()..];
        if next == '\n' {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
        Some(next)
    }

    fn advance_by(&mut self, bytes: usize) {
        let end = self.rest.len() - bytes.min(self.rest.len());
        while self.rest.len() > end {
            self.advance();
        }
    }

    fn error(&self, message: &str) -> SyntaxError {
        error_at(self.line, self.column, message)
    }

    fn skip_blanks(&mut self) -> Result<(), SyntaxError> {
        loop {
            if self.rest.starts_with('#') || self.rest.starts_with("//") {
                self.advance_by(self.rest.find('\n').unwrap_or(self.rest.len()));
            } else if self.rest.starts_with("/*") {
                let Some(length) = self.rest[2..].find("*/") else {
                    return Err(self.error("comment not terminated"));
                };
                self.advance_by(length + 4);
            } else if self
                .peek()
                .is_some_and(|c| matches!(c, ' ' | '\t' | '\n' | '\r'))
            {
                self.advance();
            } else {
                return Ok(());
            }
        }
    }

    fn punctuation(&mut self, first: char) -> Result<Token, SyntaxError> {
        let token = match first {
            '[' => Token::LeftBracket,
            ']' => Token::RightBracket,
            '{' => Token::LeftBrace,
            '}' => Token::RightBrace,
            ',' => Token::Comma,
            '=' => Token::Assign,
            _ => return Err(self.error("illegal char")),
        };
        self.advance();
        Ok(token)
    }

    fn identifier(&mut self) -> Token {
        let end = self
            .rest
            .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.')))
            .unwrap_or(self.rest.len());
        let word = self.rest[..end].to_owned();
        self.advance_by(end);
        match word.as_str() {
            "true" => Token::Bool(true),
            "false" => Token::Bool(false),
            _ => Token::Ident(word),
        }
    }

    fn number(&mut self) -> Result<Token, SyntaxError> {
        let bytes = self.rest.as_bytes();
        let mut end = usize::from(bytes[0] == b'-');
        let is_hex = matches!(self.rest.as_bytes()[end..], [b'0', b'x' | b'X', ..]);
        while let Some(&byte) = bytes.get(end) {
            let after_exponent = end > 0 && matches!(bytes[end - 1], b'e' | b'E') && !is_hex;
            let belongs = byte.is_ascii_alphanumeric()
                || byte == b'.'
                || (matches!(byte, b'+' | b'-') && after_exponent);
            if !belongs {
                break;
            }
            end += 1;
        }
        let token = parse_number(&self.rest[..end]).ok_or_else(|| self.error("illegal number"))?;
        self.advance_by(end);
        Ok(token)
    }

    /// A quoted string. Inside `${…}` quotes and line ends are ordinary characters and escapes stay
    /// as written, so that templates pass through.
    fn string(&mut self) -> Result<String, SyntaxError> {
        let start = (self.line, self.column);
        self.advance();
        let mut text = String::new();
        let mut braces = 0_usize;
        loop {
            let Some(next) = self.peek().filter(|&c| c != '\n' || braces > 0) else {
                return Err(error_at(self.line, self.column, "literal not terminated"));
            };
            if braces == 0 && next == '\\' {
                text.push(self.escape(start)?);
                continue;
            }
            self.advance();
            match next {
                '"' if braces == 0 => return Ok(text),
                '$' if braces == 0 && self.peek() == Some('{') => {
                    self.advance();
                    text.push('$');
                    text.push('{');
                    braces = 1;
                    continue;
                }
                '{' if braces > 0 => braces += 1,
                '}' if braces > 0 => braces -= 1,
                _ => {}
            }
            text.push(next);
        }
    }

    fn escape(&mut self, start: (u32, u32)) -> Result<char, SyntaxError> {
        let illegal = || error_at(start.0, start.1, "illegal char escape");
        self.advance();
        let (radix, digits) = match self.peek().ok_or_else(illegal)? {
            'x' => (16, 2),
            'u' => (16, 4),
            'U' => (16, 8),
            '0'..='7' => (8, 3),
            letter => {
                self.advance();
                return simple_escape(letter).ok_or_else(illegal);
            }
        };
        if radix == 16 {
            self.advance();
        }
        let code = self
            .rest
            .get(..digits)
            .filter(|code| !code.starts_with(['+', '-']));
        let character = code
            .and_then(|code| u32::from_str_radix(code, radix).ok())
            .and_then(char::from_u32)
            .ok_or_else(illegal)?;
        self.advance_by(digits);
        Ok(character)
    }

    /// `<<NAME` up to a line that holds only NAME; `<<-NAME` also removes the indentation of the
    /// closing line from every line that has it.
    fn heredoc(&mut self) -> Result<String, SyntaxError> {
        let malformed = self.error("heredoc expected '<<' and a name");
        let head = self
            .rest
            .strip_prefix("<<")
            .ok_or_else(|| malformed.clone())?;
        let end = head
            .find('\n')
            .ok_or_else(|| self.error("heredoc not terminated"))?;
        let name = head[..end].trim_end_matches('\r');
        let (indented, name) = match name.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, name),
        };
        if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
            return Err(malformed);
        }
        let body = &head[end + 1..];
        let mut length = 0;
        for line in body.split_inclusive('\n') {
            if line.trim() == name {
                let text = body[..length].to_owned();
                let margin = &line[..line.len() - line.trim_start().len()];
                // The marker's own line end stays: it ends the item.
                self.advance_by(2 + end + 1 + length + line.trim_end().len());
                return Ok(if indented {
                    unindent(&text, margin)
                } else {
                    text
                });
            }
            length += line.len();
        }
        Err(self.error("heredoc not terminated"))
    }
}

fn unindent(text: &str, margin: &str) -> String {
    if text.lines().all(|line| line.starts_with(margin)) {
        text.split_inclusive('\n')
            .map(|line| &line[margin.len()..])
            .collect()
    } else {
        text.to_owned()
    }
}

fn simple_escape(letter: char) -> Option<char> {
    Some(match letter {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        '\\' | '"' => letter,
        _ => return None,
    })
}

/// Decimal, `0x` and octal (`0755`) integers, and decimal floats.
fn parse_number(text: &str) -> Option<Token> {
    let (sign, digits) = text
        .strip_prefix('-')
        .map_or(("", text), |digits| ("-", digits));
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let integer = |radix, digits: &str| {
        i64::from_str_radix(&format!("{sign}{digits}"), radix)
            .ok()
            .map(Token::Int)
    };
    if let Some(hex) = digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
    {
        return if hex.starts_with('-') {
            None
        } else {
            integer(16, hex)
        };
    }
    if digits.contains(['.', 'e', 'E']) {
        return text
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
            .map(Token::Float);
    }
    if digits.len() > 1 && digits.starts_with('0') {
        return integer(8, digits);
    }
    integer(10, digits)
}

pub(super) fn error_at(line: u32, column: u32, message: &str) -> SyntaxError {
    SyntaxError {
        line,
        message: format!("At {line}:{column}: {message}"),
    }
}
