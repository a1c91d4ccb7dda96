//! Evaluation over the noun's JSON.

use regex::Regex;
use serde::Serialize;
use serde_json::Value;

use super::ast::Operator;
use super::error::FilterError;
use super::parser;
use super::schema::Schema;
use super::validate;

/// An expression that is valid for one noun.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Nothing keeps everything, as Consul takes an empty expression.
    plan: Option<Plan>,
}

impl Filter {
    /// Reads an expression for the noun that the schema describes. An empty text keeps everything.
    ///
    /// # Errors
    /// [`FilterError`], whose text is Consul's.
    pub fn parse(text: &str, schema: &Schema) -> Result<Self, FilterError> {
        if text.is_empty() {
            return Ok(Self { plan: None });
        }
        let expression = parser::parse(text)?;
        Ok(Self {
            plan: Some(validate::compile(&expression, schema)?),
        })
    }

    /// Whether there is nothing to decide: everything matches.
    pub const fn is_empty(&self) -> bool {
        self.plan.is_none()
    }

    /// Whether the noun matches. It must serialise to the JSON that its schema describes.
    pub fn matches<T: Serialize>(&self, noun: &T) -> bool {
        self.plan.as_ref().is_none_or(|plan| {
            let value = serde_json::to_value(noun)
                .expect("nouns serialise: their map keys are texts and nothing in them fails");
            plan.holds(&value)
        })
    }

    /// Whether the noun with this JSON matches.
    pub fn matches_value(&self, noun: &Value) -> bool {
        self.plan.as_ref().is_none_or(|plan| plan.holds(noun))
    }

    /// Keeps the nouns that match.
    pub fn retain<T: Serialize>(&self, nouns: &mut Vec<T>) {
        if !self.is_empty() {
            nouns.retain(|noun| self.matches(noun));
        }
    }
}

/// A checked expression.
#[derive(Debug, Clone)]
pub(super) enum Plan {
    Or(Vec<Self>),
    And(Vec<Self>),
    Not(Box<Self>),
    Test(Compiled),
}

/// A checked question: `operator` is a positive one, `negated` turns its answer around.
#[derive(Debug, Clone)]
pub(super) struct Compiled {
    pub(super) steps: Vec<Step>,
    pub(super) operator: Operator,
    pub(super) negated: bool,
    pub(super) operand: Operand,
}

/// One step from a value to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Into a field of an object.
    Field(String),
    /// Into the value of a map's key.
    Key(String),
    /// Into every element of a list: one that answers yes suffices, also for a negated question.
    Any,
}

/// What to compare with, in the type of the field.
#[derive(Debug, Clone)]
pub(super) enum Operand {
    Nothing,
    Text(String),
    Integer(i64),
    Boolean(bool),
    Pattern(Regex),
}

impl Plan {
    fn holds(&self, noun: &Value) -> bool {
        match self {
            Self::Or(members) => members.iter().any(|member| member.holds(noun)),
            Self::And(members) => members.iter().all(|member| member.holds(noun)),
            Self::Not(operand) => !operand.holds(noun),
            Self::Test(test) => test.holds(&test.steps, noun),
        }
    }
}

impl Compiled {
    fn holds(&self, steps: &[Step], value: &Value) -> bool {
        let Some((step, rest)) = steps.split_first() else {
            return self.ask(value) != self.negated;
        };
        match step {
            Step::Field(name) => self.holds(rest, value.get(name).unwrap_or(&Value::Null)),
            Step::Key(key) => match value.get(key) {
                Some(value) => self.holds(rest, value),
                None => self.without_key(),
            },
            Step::Any => value
                .as_array()
                .is_some_and(|list| list.iter().any(|item| self.holds(rest, item))),
        }
    }

    /// The answer for a map without the key. go-bexpr answers `matches` with yes, as it does every
    /// question that it does not list; clients rely on what it does, so we do the same.
    const fn without_key(&self) -> bool {
        !matches!(
            (self.operator, self.negated),
            (Operator::Equal | Operator::In, false) | (Operator::IsEmpty, true)
        )
    }

    fn ask(&self, value: &Value) -> bool {
        match &self.operand {
            Operand::Nothing => match value {
                Value::Array(list) => list.is_empty(),
                Value::Object(map) => map.is_empty(),
                _ => true,
            },
            Operand::Boolean(flag) => value.as_bool().unwrap_or(false) == *flag,
            Operand::Integer(number) => match value.as_u64() {
                Some(field) => u64::try_from(*number) == Ok(field),
                None => value.as_i64().unwrap_or(0) == *number,
            },
            Operand::Pattern(pattern) => pattern.is_match(value.as_str().unwrap_or("")),
            Operand::Text(text) if self.operator == Operator::In => match value {
                Value::Array(list) => list.iter().any(|item| item.as_str() == Some(text)),
                Value::Object(map) => map.contains_key(text),
                other => other.as_str().unwrap_or("").contains(text.as_str()),
            },
            Operand::Text(text) => value.as_str().unwrap_or("") == text,
        }
    }
}
