//! What can be asked of a noun: its fields' names and types.

use super::ast::Operator;

/// The fields of a noun, under the names that selectors and the noun's JSON both use.
#[derive(Debug, Clone, Copy)]
pub struct Schema(pub(super) &'static [Field]);

impl Schema {
    /// A schema of these fields.
    pub const fn new(fields: &'static [Field]) -> Self {
        Self(fields)
    }
}

/// One field that selectors may name.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The name, letter case included.
    pub name: &'static str,
    /// The type.
    pub kind: Kind,
}

impl Field {
    /// A field of this name and type.
    pub const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, kind }
    }
}

/// The type of a field. A field that the JSON leaves out has the type's zero value.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A text.
    Text,
    /// An integer of up to 64 bits.
    Integer,
    /// A boolean.
    Boolean,
    /// A list of texts.
    Texts,
    /// A map from texts to values of one type; a selector goes on with any key.
    Map(&'static Self),
    /// A list of objects: a selector goes on with a field, and holds if it holds for any element.
    List(&'static [Field]),
    /// An object: a selector must go on with a field.
    Object(&'static [Field]),
}

impl Kind {
    /// Whether a field of this type can be asked that.
    pub const fn allows(&self, operator: Operator) -> bool {
        match operator.positive().0 {
            Operator::Equal => matches!(self, Self::Text | Self::Integer | Self::Boolean),
            Operator::In => matches!(self, Self::Text | Self::Texts | Self::Map(_)),
            Operator::IsEmpty => matches!(self, Self::Texts | Self::Map(_) | Self::List(_)),
            _ => matches!(self, Self::Text),
        }
    }
}
