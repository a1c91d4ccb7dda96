//! From the expression as written to one that can be evaluated: every selector, operator and value
//! is checked against the noun.

use super::ast::{Expression, Operator, Test};
use super::error::FilterError;
use super::eval::{Compiled, Operand, Plan, Step};
use super::schema::{Field, Kind, Schema};
use crate::model::regexp;

/// How many `matches` an expression may have; each holds a compiled pattern while it filters.
pub(super) const MAX_PATTERNS: usize = 64;

/// Checks an expression from left to right; the first fault wins.
pub(super) fn compile(expression: &Expression, schema: &Schema) -> Result<Plan, FilterError> {
    let mut patterns = 0;
    plan(expression, schema, &mut patterns)
}

fn plan(
    expression: &Expression,
    schema: &Schema,
    patterns: &mut usize,
) -> Result<Plan, FilterError> {
    let mut each = |members: &[Expression]| {
        members
            .iter()
            .map(|member| plan(member, schema, patterns))
            .collect::<Result<_, _>>()
    };
    Ok(match expression {
        Expression::Or(members) => Plan::Or(each(members)?),
        Expression::And(members) => Plan::And(each(members)?),
        Expression::Not(operand) => Plan::Not(Box::new(plan(operand, schema, patterns)?)),
        Expression::Test(test) => Plan::Test(compile_test(test, schema, patterns)?),
    })
}

fn compile_test(
    test: &Test,
    schema: &Schema,
    patterns: &mut usize,
) -> Result<Compiled, FilterError> {
    let (steps, kind) = resolve(&test.selector, schema)?;
    let selector = || test.selector.join(".");
    if !kind.allows(test.operator) {
        return Err(FilterError::Operator {
            operator: test.operator,
            selector: selector(),
        });
    }
    let (operator, negated) = test.operator.positive();
    let value = test.value.clone();
    let invalid = |function, reason| FilterError::Value {
        value: test.value.clone(),
        selector: selector(),
        function,
        reason,
    };
    let operand = match (operator, kind) {
        (Operator::IsEmpty, _) => Operand::Nothing,
        (Operator::Matches, _) => {
            *patterns += 1;
            if *patterns > MAX_PATTERNS {
                return Err(FilterError::TooLarge(
                    "the expression has more than 64 patterns",
                ));
            }
            regexp::compile(&value)
                .map(Operand::Pattern)
                .map_err(|reason| FilterError::Pattern {
                    pattern: value,
                    reason,
                })?
        }
        (_, Kind::Integer) => parse_int(&value)
            .map(Operand::Integer)
            .map_err(|reason| invalid("ParseInt", reason))?,
        (_, Kind::Boolean) => parse_bool(&value)
            .map(Operand::Boolean)
            .ok_or_else(|| invalid("ParseBool", INVALID_SYNTAX))?,
        _ => Operand::Text(value),
    };
    Ok(Compiled {
        steps,
        operator,
        negated,
        operand,
    })
}

/// Follows a selector through the types.
fn resolve(selector: &[String], schema: &Schema) -> Result<(Vec<Step>, Kind), FilterError> {
    let mut kind = Kind::Object(schema.0);
    let mut steps = Vec::with_capacity(selector.len());
    for (index, part) in selector.iter().enumerate() {
        let invalid = || FilterError::Selector(selector[..=index].join("."));
        let field = |fields: &[Field]| {
            fields
                .iter()
                .find(|field| field.name == part)
                .copied()
                .ok_or_else(invalid)
        };
        kind = match kind {
            Kind::Object(fields) => {
                steps.push(Step::Field(part.clone()));
                field(fields)?.kind
            }
            Kind::List(fields) => {
                steps.extend([Step::Any, Step::Field(part.clone())]);
                field(fields)?.kind
            }
            Kind::Map(values) => {
                steps.push(Step::Key(part.clone()));
                *values
            }
            Kind::Text | Kind::Integer | Kind::Boolean | Kind::Texts => return Err(invalid()),
        };
    }
    Ok((steps, kind))
}

const INVALID_SYNTAX: &str = "invalid syntax";
const OUT_OF_RANGE: &str = "value out of range";

/// Go's `strconv.ParseInt` with base 0: prefixes 0x, 0o, 0b and 0, underscores between digits.
fn parse_int(text: &str) -> Result<i64, &'static str> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = unsigned.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    // Behind a prefix an underscore may come first; nowhere may it be doubled or last.
    let prefixed = digits.len() < lower.len();
    let body = if prefixed {
        digits.strip_prefix('_').unwrap_or(digits)
    } else {
        digits
    };
    let well_placed = body.split('_').all(|run| !run.is_empty());
    if !well_placed || !body.chars().all(|c| c == '_' || c.is_digit(radix)) {
        return Err(INVALID_SYNTAX);
    }
    let magnitude =
        i128::from_str_radix(&body.replace('_', ""), radix).map_err(|_| OUT_OF_RANGE)?;
    i64::try_from(if negative { -magnitude } else { magnitude }).map_err(|_| OUT_OF_RANGE)
}

/// Go's `strconv.ParseBool`.
fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_as_go_reads_them() {
        for (text, number) in [
            ("80", 80),
            ("-5", -5),
            ("+5", 5),
            ("0", 0),
            ("0x50", 80),
            ("0b11", 3),
            ("0o17", 15),
            ("017", 15),
            ("8_0", 80),
            ("0x_5", 5),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(parse_int(text), Ok(number), "{text}");
        }
        for text in [
            "", "x", "1.5", "8__0", "8_", "_8", "-", "--5", "08", "0x", "1 ",
        ] {
            assert_eq!(parse_int(text), Err(INVALID_SYNTAX), "{text}");
        }
        assert_eq!(parse_int("9223372036854775808"), Err(OUT_OF_RANGE));
        assert_eq!(parse_int(&"9".repeat(60)), Err(OUT_OF_RANGE));
    }
}
