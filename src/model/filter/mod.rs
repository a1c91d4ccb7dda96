//! Filter expressions (`?filter=`): Consul's go-bexpr 0.1.2 language over the nouns' JSON.
//!
//! `Filter::parse` reads an expression and checks it against the noun's [`Schema`], so that a wrong
//! selector is an error even where there is nothing to filter; [`Filter::matches`] then decides.

mod ast;
mod error;
mod eval;
mod literal;
mod nouns;
mod parser;
mod peg;
mod schema;
mod validate;

pub use ast::{Expression, Operator, Test};
pub use error::FilterError;
pub use eval::Filter;
/// Checks of the agent filter as those of the catalog do.
pub use nouns::HEALTH_CHECK as AGENT_CHECK;
pub use nouns::{
    AGENT_SERVICE, CATALOG_NODE, CATALOG_SERVICE, HEALTH_CHECK, HEALTH_ENTRY, INTENTION, MEMBER,
    NODE_INFO, NODE_SERVICE,
};
pub use parser::parse;
/// Go's regular expressions, for whoever else takes them from peers.
pub use schema::{Field, Kind, Schema};

#[cfg(test)]
mod tests;
