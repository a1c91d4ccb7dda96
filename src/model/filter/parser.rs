//! The grammar of go-bexpr 0.1.2 (`grammar.peg`), one method a rule.
//!
//! A rule that the grammar tries twice with the same beginning is read once here and then
//! continued: the result and the error text are the same, the effort stays linear.

use super::ast::{Expression, Operator, Test};
use super::error::FilterError;
use super::literal::unescape;
use super::peg::Input;

/// The longest expression that is read, in bytes.
pub(super) const MAX_EXPRESSION_BYTES: usize = 64 * 1024;
/// How deep parentheses and `not` may nest.
pub(super) const MAX_DEPTH: usize = 64;

/// Reads an expression.
///
/// # Errors
/// [`FilterError::Syntax`] with go-bexpr's text, or [`FilterError::TooLarge`].
pub fn parse(text: &str) -> Result<Expression, FilterError> {
    if text.len() > MAX_EXPRESSION_BYTES {
        return Err(FilterError::TooLarge(
            "the expression is longer than 65536 bytes",
        ));
    }
    let mut parser = Parser {
        input: Input::new(text),
        depth: 0,
        too_deep: false,
    };
    let parsed = parser.whole();
    match parsed {
        _ if parser.too_deep => Err(FilterError::TooLarge(
            "the expression nests deeper than 64 levels",
        )),
        Some(expression) if !parser.input.is_faulty() => Ok(expression),
        _ => Err(FilterError::Syntax(parser.input.into_error())),
    }
}

struct Parser<'a> {
    input: Input<'a>,
    depth: usize,
    too_deep: bool,
}

impl Parser<'_> {
    /// Runs a rule; where it fails, the input is back where it was.
    fn attempt<T>(&mut self, rule: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let start = self.input.pos();
        let result = rule(self);
        if result.is_none() {
            self.input.rewind(start);
        }
        result
    }

    fn literal(&mut self, word: &str) -> Option<()> {
        self.input.literal(word).then_some(())
    }

    fn space(&mut self) -> Option<()> {
        self.input.space().then_some(())
    }

    fn whole(&mut self) -> Option<Expression> {
        let grouped = self.attempt(|p| {
            p.input.space();
            p.literal("(")?;
            p.input.space();
            let inner = p.or()?;
            p.input.space();
            p.literal(")")?;
            p.input.space();
            p.input.end().then_some(inner)
        });
        if grouped.is_some() {
            return grouped;
        }
        self.input.space();
        let expression = self.or()?;
        self.input.space();
        self.input.end().then_some(expression)
    }

    fn or(&mut self) -> Option<Expression> {
        self.joined("or", Self::and, Expression::Or)
    }

    fn and(&mut self) -> Option<Expression> {
        self.joined("and", Self::not, Expression::And)
    }

    fn joined(
        &mut self,
        word: &str,
        member: impl Fn(&mut Self) -> Option<Expression>,
        join: impl FnOnce(Vec<Expression>) -> Expression,
    ) -> Option<Expression> {
        let mut members = vec![member(self)?];
        while let Some(next) = self.attempt(|p| {
            p.space()?;
            p.literal(word)?;
            p.space()?;
            member(p)
        }) {
            members.push(next);
        }
        if members.len() == 1 {
            members.pop()
        } else {
            Some(join(members))
        }
    }

    fn deeper<T>(&mut self, rule: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.depth == MAX_DEPTH {
            self.too_deep = true;
        }
        if self.too_deep {
            return None;
        }
        self.depth += 1;
        let result = rule(self);
        self.depth -= 1;
        result
    }

    fn not(&mut self) -> Option<Expression> {
        let negated = self.attempt(|p| {
            p.literal("not")?;
            p.space()?;
            p.deeper(Self::not)
        });
        match negated {
            // A doubled negation cancels itself, as in the grammar's action.
            Some(Expression::Not(operand)) => Some(*operand),
            Some(operand) => Some(Expression::Not(Box::new(operand))),
            None => self.grouping(),
        }
    }

    fn grouping(&mut self) -> Option<Expression> {
        let start = self.input.pos();
        if self.input.literal("(") {
            self.input.space();
            if let Some(inner) = self.deeper(Self::or) {
                self.input.space();
                if self.input.literal(")") {
                    return Some(inner);
                }
                self.input
                    .fault(self.input.pos(), "grouping", "Unmatched parentheses");
            }
            self.input.rewind(start);
        }
        self.test()
    }

    fn test(&mut self) -> Option<Expression> {
        self.attempt(Self::selector_first)
            .or_else(|| self.attempt(Self::value_first))
            .map(Expression::Test)
    }

    /// `Selector operator value` and `Selector is [not] empty`.
    fn selector_first(&mut self) -> Option<Test> {
        let selector = self.selector()?;
        let with_value = self.attempt(|p| {
            let operator = p.symbol_operator().or_else(|| p.word_operator())?;
            Some((operator, p.value()?))
        });
        let (operator, value) = match with_value {
            Some(found) => found,
            None => (self.emptiness()?, String::new()),
        };
        Some(Test {
            selector,
            operator,
            value,
        })
    }

    fn symbol_operator(&mut self) -> Option<Operator> {
        [("==", Operator::Equal), ("!=", Operator::NotEqual)]
            .into_iter()
            .find_map(|(symbol, operator)| {
                self.attempt(|p| {
                    p.input.space();
                    p.literal(symbol)?;
                    p.input.space();
                    Some(operator)
                })
            })
    }

    fn word_operator(&mut self) -> Option<Operator> {
        [
            (&["contains"][..], Operator::In),
            (&["not", "contains"], Operator::NotIn),
            (&["matches"], Operator::Matches),
            (&["not", "matches"], Operator::NotMatches),
        ]
        .into_iter()
        .find_map(|(words, operator)| self.words(words, operator))
    }

    /// Words with whitespace before, between and after them.
    fn words(&mut self, words: &[&str], operator: Operator) -> Option<Operator> {
        self.attempt(|p| {
            for word in words {
                p.space()?;
                p.literal(word)?;
            }
            p.space().map(|()| operator)
        })
    }

    fn emptiness(&mut self) -> Option<Operator> {
        self.attempt(|p| {
            p.space()?;
            p.literal("is")?;
            p.space()?;
            let empty = p.literal("empty").map(|()| Operator::IsEmpty);
            empty.or_else(|| {
                p.literal("not")?;
                p.space()?;
                p.literal("empty").map(|()| Operator::IsNotEmpty)
            })
        })
    }

    /// `value in Selector` and `value not in Selector`.
    fn value_first(&mut self) -> Option<Test> {
        let value = self.value()?;
        let operator = self
            .words(&["in"], Operator::In)
            .or_else(|| self.words(&["not", "in"], Operator::NotIn))?;
        let Some(selector) = self.selector() else {
            self.input
                .fault(self.input.pos(), "match", "Invalid selector");
            return None;
        };
        Some(Test {
            selector,
            operator,
            value,
        })
    }

    fn selector(&mut self) -> Option<Vec<String>> {
        let mut parts = vec![self.identifier()?];
        while let Some(part) = self
            .attempt(|p| {
                p.literal(".")?;
                p.identifier()
            })
            .or_else(|| self.attempt(Self::index))
        {
            parts.push(part);
        }
        Some(parts)
    }

    fn identifier(&mut self) -> Option<String> {
        let start = self.input.pos();
        if !self.input.class("[a-zA-Z]", |c| c.is_ascii_alphabetic()) {
            return None;
        }
        while self
            .input
            .class("[a-zA-Z0-9_]", |c| c.is_ascii_alphanumeric() || c == '_')
        {}
        Some(self.input.since(start).to_owned())
    }

    fn index(&mut self) -> Option<String> {
        self.literal("[")?;
        self.input.space();
        let Some(key) = self.string() else {
            self.input.fault(self.input.pos(), "index", "Invalid index");
            return None;
        };
        self.input.space();
        if self.input.literal("]") {
            return Some(key);
        }
        self.input
            .fault(self.input.pos(), "index", "Unclosed index expression");
        None
    }

    /// A bare selector counts as the text that it is written with.
    fn value(&mut self) -> Option<String> {
        self.attempt(Self::selector)
            .map(|parts| parts.join("."))
            .or_else(|| self.attempt(Self::number))
            .or_else(|| self.string())
    }

    fn number(&mut self) -> Option<String> {
        let start = self.input.pos();
        self.input.literal("-");
        if !self.input.literal("0") {
            if !self.input.class("[1-9]", |c| matches!(c, '1'..='9')) {
                return None;
            }
            self.digits();
        }
        self.attempt(|p| {
            p.literal(".")?;
            p.digits().then_some(())
        });
        let after = self.input.pos();
        let text = self.input.since(start).to_owned();
        let ends = self.input.space() || self.input.end() || self.input.literal(")");
        self.input.rewind(after);
        if !ends {
            self.input.fault(after, "number", "Invalid number literal");
        }
        ends.then_some(text)
    }

    fn digits(&mut self) -> bool {
        let start = self.input.pos();
        while self.input.class("[0-9]", |c| c.is_ascii_digit()) {}
        self.input.pos() > start
    }

    /// A text in backticks, or in double quotes with Go's escapes. The next quote ends it even
    /// behind a backslash.
    fn string(&mut self) -> Option<String> {
        let start = self.input.pos();
        let quote = ['`', '"']
            .into_iter()
            .find(|quote| self.input.literal(&quote.to_string()))?;
        let inner = self.input.pos();
        self.input.skip_until(quote);
        let raw = self.input.since(inner);
        let after = self.input.pos();
        if !self.input.literal(&quote.to_string()) {
            self.input
                .fault(after, "string", "Unterminated string literal");
            self.input.rewind(start);
            return None;
        }
        let text = if quote == '`' {
            Some(raw.replace('\r', ""))
        } else {
            unescape(raw)
        };
        if text.is_none() {
            self.input.fault(start, "string", "invalid syntax");
        }
        // A fault makes the whole expression fail, yet reading goes on behind the text.
        Some(text.unwrap_or_default())
    }
}
