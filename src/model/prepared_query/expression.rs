//! The expressions in templates: the part of HIL that Consul's templates have.
//!
//! `${…}` holds numbers, quoted text with expressions of its own, names, `match(N)`, and arithmetic that goes from
//! left to right, without precedence. `$$` is a dollar sign.

use std::cell::Cell;

/// How deep expressions may nest.
const MAX_DEPTH: usize = 32;
/// Most bytes that all texts of a query together may be put together from, those inside expressions, too.
pub(super) const TEXTS_BYTES: usize = 256 * 1024;
/// What HIL says of everything that it cannot read.
const SYNTAX: &str = "parse error: syntax error";

/// What names mean for the name that was asked for.
pub(super) struct Names<'n> {
    pub(super) full: &'n str,
    pub(super) prefix: &'n str,
    pub(super) suffix: &'n str,
    /// The groups of the pattern, the whole match first; none where it does not match.
    pub(super) groups: Vec<&'n str>,
    /// How many bytes may still be put into texts.
    pub(super) left: Cell<usize>,
}

impl Names<'_> {
    /// Takes what a text needs from what is left.
    fn spend(&self, bytes: usize) -> Result<(), String> {
        let left = self.left.get().checked_sub(bytes);
        let left =
            left.ok_or_else(|| format!("the texts are longer than {TEXTS_BYTES} bytes together"))?;
        self.left.set(left);
        Ok(())
    }
}

/// A text with expressions.
#[derive(Debug)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug)]
enum Piece {
    Text(String),
    Value(Expression),
}

#[derive(Debug)]
struct Expression {
    /// Where it stands: line and column, from one.
    place: (usize, usize),
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Integer(i64),
    Float(f64),
    Text(Template),
    Name(String),
    Call(String, Vec<Expression>),
    /// The first operand, then each operator with its own.
    Arithmetic(Box<Expression>, Vec<(char, Expression)>),
}

#[derive(Debug, Clone)]
enum Value {
    Integer(i64),
    Float(f64),
    Text(String),
}

impl Value {
    fn into_text(self) -> String {
        match self {
            Self::Integer(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Text(text) => text,
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "HIL cuts fractions off, and Rust keeps what is out of range at the ends"
    )]
    fn into_integer(self) -> Result<i64, String> {
        match self {
            Self::Integer(number) => Ok(number),
            Self::Float(number) => Ok(number as i64),
            Self::Text(text) => text.parse().map_err(|_| {
                format!("__builtin_StringToInt: strconv.ParseInt: parsing {text:?}: invalid syntax")
            }),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "as Go's conversion")]
    fn into_float(self) -> Result<f64, String> {
        match self {
            Self::Integer(number) => Ok(number as f64),
            Self::Float(number) => Ok(number),
            Self::Text(text) => text.parse().map_err(|_| {
                format!(
                    "__builtin_StringToFloat: strconv.ParseFloat: parsing {text:?}: invalid syntax"
                )
            }),
        }
    }
}

impl Template {
    /// Reads a text.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser {
            rest: text,
            line: 1,
            column: 1,
            depth: 0,
        };
        let found = parser.text(None);
        found.ok_or_else(|| SYNTAX.to_owned())
    }

    /// The text that comes out for a name.
    pub(super) fn run(&self, names: &Names<'_>) -> Result<String, String> {
        self.check()?;
        self.text(names)
    }

    fn text(&self, names: &Names<'_>) -> Result<String, String> {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => {
                    names.spend(text.len())?;
                    out.push_str(text);
                }
                Piece::Value(expression) => {
                    let text = expression.value(names)?.into_text();
                    names.spend(text.len())?;
                    out.push_str(&text);
                }
            }
        }
        Ok(out)
    }

    /// Looks for names that mean nothing: HIL does, before it evaluates anything.
    fn check(&self) -> Result<(), String> {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Text(_) => Ok(()),
            Piece::Value(expression) => expression.check(),
        })
    }
}

impl Expression {
    fn check(&self) -> Result<(), String> {
        let (line, column) = self.place;
        let complain = |why: String| Err(format!("{line}:{column}: {why}"));
        match &self.kind {
            Kind::Integer(_) | Kind::Float(_) => Ok(()),
            Kind::Text(template) => template.check(),
            Kind::Name(name) => match name.as_str() {
                "name.full" | "name.prefix" | "name.suffix" | "agent.segment" => Ok(()),
                _ => complain(format!("unknown variable accessed: {name}")),
            },
            Kind::Call(name, arguments) => {
                arguments.iter().try_for_each(Self::check)?;
                match (name.as_str(), arguments.len()) {
                    ("match", 1) => Ok(()),
                    ("match", got) => complain(format!("match: expected 1 arguments, got {got}")),
                    _ => complain(format!("unknown function called: {name}")),
                }
            }
            Kind::Arithmetic(first, others) => {
                first.check()?;
                others.iter().try_for_each(|(_, operand)| operand.check())
            }
        }
    }

    fn value(&self, names: &Names<'_>) -> Result<Value, String> {
        Ok(match &self.kind {
            Kind::Integer(number) => Value::Integer(*number),
            Kind::Float(number) => Value::Float(*number),
            Kind::Text(template) => Value::Text(template.text(names)?),
            Kind::Name(name) => {
                let text = match name.as_str() {
                    "name.full" => names.full,
                    "name.prefix" => names.prefix,
                    "name.suffix" => names.suffix,
                    // Network segments are an Enterprise matter: nobody has one.
                    _ => "",
                };
                names.spend(text.len())?;
                Value::Text(text.to_owned())
            }
            Kind::Call(_, arguments) => {
                let Some(argument) = arguments.first() else {
                    return Err("match: expected 1 arguments, got 0".to_owned());
                };
                let number = argument.value(names)?.into_integer()?;
                let group = usize::try_from(number).ok();
                let group = group.and_then(|at| names.groups.get(at));
                let text = group.copied().unwrap_or_default();
                names.spend(text.len())?;
                Value::Text(text.to_owned())
            }
            Kind::Arithmetic(first, others) => {
                let first = first.value(names)?;
                let others = others
                    .iter()
                    .map(|(operator, operand)| Ok((*operator, operand.value(names)?)));
                if matches!(first, Value::Float(_)) {
                    Value::Float(floats(first, others)?)
                } else {
                    Value::Integer(integers(first, others)?)
                }
            }
        })
    }
}

/// The first operand decides with which numbers is calculated.
fn integers(
    first: Value,
    mut others: impl Iterator<Item = Result<(char, Value), String>>,
) -> Result<i64, String> {
    others.try_fold(first.into_integer()?, |left, other| {
        let (operator, right) = other?;
        let right = right.into_integer()?;
        Ok(match operator {
            '+' => left.wrapping_add(right),
            '-' => left.wrapping_sub(right),
            '*' => left.wrapping_mul(right),
            _ if right == 0 => return Err("division by zero".to_owned()),
            '/' => left.wrapping_div(right),
            _ => left.wrapping_rem(right),
        })
    })
}

fn floats(
    first: Value,
    mut others: impl Iterator<Item = Result<(char, Value), String>>,
) -> Result<f64, String> {
    others.try_fold(first.into_float()?, |left, other| {
        let (operator, right) = other?;
        let right = right.into_float()?;
        Ok(match operator {
            '+' => left + right,
            '-' => left - right,
            '*' => left * right,
            '/' => left / right,
            _ => return Err("invalid operand for modulo: float".to_owned()),
        })
    })
}

struct Parser<'t> {
    rest: &'t str,
    line: usize,
    column: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let found = self.peek()?;
        self.rest = &self.rest[found.len_utf8()..];
        if found == '\n' {
            // HIL counts the columns of further lines from two.
            (self.line, self.column) = (self.line + 1, 2);
        } else {
            self.column += 1;
        }
        Some(found)
    }

    fn take(&mut self, wanted: char) -> Option<()> {
        (self.peek() == Some(wanted)).then(|| {
            self.next();
        })
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.next();
        }
    }

    /// Text with expressions up to the end, or to a quote that is taken.
    fn text(&mut self, end: Option<char>) -> Option<Template> {
        let (mut pieces, mut text) = (Vec::new(), String::new());
        loop {
            let Some(found) = self.next() else {
                if end.is_some() {
                    return None;
                }
                break;
            };
            match found {
                _ if Some(found) == end => break,
                '$' if self.take('$').is_some() => text.push('$'),
                '$' if self.take('{').is_some() => {
                    if !text.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut text)));
                    }
                    let value = self.nested(Self::expression)?;
                    self.blanks();
                    self.take('}')?;
                    pieces.push(Piece::Value(value));
                }
                '\\' if end.is_some() => text.push(match self.next()? {
                    'n' => '\n',
                    other @ ('"' | '\\') => other,
                    _ => return None,
                }),
                '\n' if end.is_some() => return None,
                other => text.push(other),
            }
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        Some(Template(pieces))
    }

    /// Goes one level deeper, where that is allowed.
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.depth >= MAX_DEPTH {
            return None;
        }
        self.depth += 1;
        let found = read(self);
        self.depth -= 1;
        found
    }

    fn expression(&mut self) -> Option<Expression> {
        let first = self.operand()?;
        let mut others = Vec::new();
        loop {
            self.blanks();
            match self.peek() {
                Some(operator @ ('+' | '-' | '*' | '/' | '%')) => {
                    self.next();
                    others.push((operator, self.operand()?));
                }
                _ if others.is_empty() => return Some(first),
                _ => {
                    let place = first.place;
                    let kind = Kind::Arithmetic(Box::new(first), others);
                    return Some(Expression { place, kind });
                }
            }
        }
    }

    fn operand(&mut self) -> Option<Expression> {
        self.blanks();
        let place = (self.line, self.column);
        let kind = match self.peek()? {
            '"' => {
                self.next();
                Kind::Text(self.nested(|parser| parser.text(Some('"')))?)
            }
            '(' => {
                self.next();
                let inner = self.nested(Self::expression)?;
                self.blanks();
                self.take(')')?;
                return Some(inner);
            }
            '-' => {
                self.next();
                let zero = Expression {
                    place,
                    kind: Kind::Integer(0),
                };
                let operand = self.nested(Self::operand)?;
                match operand.kind {
                    Kind::Float(number) => Kind::Float(-number),
                    _ => Kind::Arithmetic(Box::new(zero), vec![('-', operand)]),
                }
            }
            digit if digit.is_ascii_digit() => {
                let digits = self.word(|c| c.is_ascii_digit() || c == '.');
                match digits.parse() {
                    Ok(number) => Kind::Integer(number),
                    Err(_) => Kind::Float(digits.parse().ok()?),
                }
            }
            letter if letter.is_ascii_alphabetic() || letter == '_' => {
                let name = self.word(|c| c.is_ascii_alphanumeric() || "_.-*".contains(c));
                if self.take('(').is_some() {
                    Kind::Call(name, self.nested(Self::arguments)?)
                } else {
                    Kind::Name(name)
                }
            }
            _ => return None,
        };
        Some(Expression { place, kind })
    }

    fn word(&mut self, belongs: impl Fn(char) -> bool) -> String {
        let mut word = String::new();
        while let Some(found) = self.peek().filter(|c| belongs(*c)) {
            word.push(found);
            self.next();
        }
        word
    }

    /// What stands in brackets, the closing one with it.
    fn arguments(&mut self) -> Option<Vec<Expression>> {
        let mut arguments = Vec::new();
        self.blanks();
        if self.take(')').is_some() {
            return Some(arguments);
        }
        loop {
            arguments.push(self.expression()?);
            self.blanks();
            if self.take(')').is_some() {
                return Some(arguments);
            }
            self.take(',')?;
        }
    }
}
