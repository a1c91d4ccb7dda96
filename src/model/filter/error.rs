//! What is wrong with a filter expression, in Consul's words: the text is the body of the answer.

use super::ast::Operator;

/// Why an expression cannot filter a noun.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// The text does not follow the grammar; one line for every fault, as go-bexpr words it.
    #[error("Failed to create boolean expression evaluator: {0}")]
    Syntax(String),
    /// The noun has no such field; the selector up to the part that is unknown.
    #[error("Failed to create boolean expression evaluator: Selector {0:?} is not valid")]
    Selector(String),
    /// The field's type does not know the operator.
    #[error(
        "Failed to create boolean expression evaluator: \
         Invalid match operator {:?} for selector {selector:?}", operator.name()
    )]
    Operator {
        /// What was asked of the field.
        operator: Operator,
        /// The field.
        selector: String,
    },
    /// The value is no integer or no boolean where the field is one.
    #[error(
        "Failed to create boolean expression evaluator: \
         Failed to coerce value {value:?} for selector {selector:?}: \
         strconv.{function}: parsing {value:?}: {reason}"
    )]
    Value {
        /// The value as written, without quotes.
        value: String,
        /// The field.
        selector: String,
        /// The Go function that clients know from the text.
        function: &'static str,
        /// What that function would say.
        reason: &'static str,
    },
    /// The pattern of `matches` is no regular expression.
    #[error(
        "Failed to create boolean expression evaluator: \
         Failed to compile regular expression {pattern:?}: {reason}"
    )]
    Pattern {
        /// The pattern as written, without quotes.
        pattern: String,
        /// Go's words where the fault is a common one.
        reason: String,
    },
    /// The expression is longer or has more patterns than we are ready to evaluate.
    #[error("Failed to create boolean expression evaluator: {0}")]
    TooLarge(&'static str),
}
