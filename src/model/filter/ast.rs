//! The expression as written: what the grammar yields before any noun is known.

use std::fmt::{self, Display as _};

/// A filter expression. `Or` and `And` hold at least two members; nesting is bounded by the parser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    /// True where any member is.
    Or(Vec<Self>),
    /// True where every member is.
    And(Vec<Self>),
    /// True where the operand is not.
    Not(Box<Self>),
    /// One question to one field.
    Test(Test),
}

/// One question to one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// The path to the field: never empty, the first part is an identifier.
    pub selector: Vec<String>,
    /// The question.
    pub operator: Operator,
    /// What to compare with, unquoted; empty for the operators without one.
    pub value: String,
}

/// The questions a field can be asked. `contains` is `In` with its sides exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `in`, `contains`: substring, member of a list, key of a map.
    In,
    /// `not in`, `not contains`
    NotIn,
    /// `is empty`
    IsEmpty,
    /// `is not empty`
    IsNotEmpty,
    /// `matches`: a regular expression finds itself in the text.
    Matches,
    /// `not matches`
    NotMatches,
}

impl Operator {
    /// The name in error texts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Equal => "Equal",
            Self::NotEqual => "Not Equal",
            Self::In => "In",
            Self::NotIn => "Not In",
            Self::IsEmpty => "Is Empty",
            Self::IsNotEmpty => "Is Not Empty",
            Self::Matches => "Matches",
            Self::NotMatches => "Not Matches",
        }
    }

    /// The positive question behind this one, and whether its answer is to be turned around.
    pub(super) const fn positive(self) -> (Self, bool) {
        match self {
            Self::NotEqual => (Self::Equal, true),
            Self::NotIn => (Self::In, true),
            Self::IsNotEmpty => (Self::IsEmpty, true),
            Self::NotMatches => (Self::Matches, true),
            positive => (positive, false),
        }
    }
}

impl fmt::Display for Expression {
    /// Prints an expression that parses to the same tree.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Or(members) => print_joined(f, members, " or "),
            Self::And(members) => print_joined(f, members, " and "),
            Self::Not(operand) => {
                f.write_str("not ")?;
                print_operand(f, operand)
            }
            Self::Test(test) => test.fmt(f),
        }
    }
}

fn print_joined(f: &mut fmt::Formatter<'_>, members: &[Expression], word: &str) -> fmt::Result {
    for (index, member) in members.iter().enumerate() {
        if index > 0 {
            f.write_str(word)?;
        }
        print_operand(f, member)?;
    }
    Ok(())
}

fn print_operand(f: &mut fmt::Formatter<'_>, operand: &Expression) -> fmt::Result {
    match operand {
        Expression::Or(_) | Expression::And(_) => write!(f, "({operand})"),
        Expression::Not(_) | Expression::Test(_) => operand.fmt(f),
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            selector,
            operator,
            value,
        } = self;
        match operator {
            Operator::In => print_literal(f, value).and_then(|()| f.write_str(" in "))?,
            Operator::NotIn => print_literal(f, value).and_then(|()| f.write_str(" not in "))?,
            _ => {}
        }
        print_selector(f, selector)?;
        f.write_str(match operator {
            Operator::Equal => " == ",
            Operator::NotEqual => " != ",
            Operator::Matches => " matches ",
            Operator::NotMatches => " not matches ",
            Operator::IsEmpty => return f.write_str(" is empty"),
            Operator::IsNotEmpty => return f.write_str(" is not empty"),
            Operator::In | Operator::NotIn => return Ok(()),
        })?;
        print_literal(f, value)
    }
}

fn print_selector(f: &mut fmt::Formatter<'_>, selector: &[String]) -> fmt::Result {
    for (index, part) in selector.iter().enumerate() {
        let plain = part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        match (index, plain) {
            (0, _) => f.write_str(part)?,
            (_, true) => write!(f, ".{part}")?,
            (_, false) => {
                f.write_str("[")?;
                print_literal(f, part)?;
                f.write_str("]")?;
            }
        }
    }
    Ok(())
}

/// The grammar ends a quoted text at the next quote, escaped or not, so a quote is written by number.
fn print_literal(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\x22")?,
            '\\' => f.write_str("\\\\")?,
            c if c.is_ascii_control() => write!(f, "\\x{:02x}", u32::from(c))?,
            c => write!(f, "{c}")?,
        }
    }
    f.write_str("\"")
}
