//! How strict decoding is.

/// What to do with a field that the model does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// Leave it out.
    Ignore,
    /// Fail.
    Reject,
}

/// How strict decoding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// What to do with fields that the model does not have.
    pub unknown: Unknown,
    /// Convert between types as mapstructure's `WeaklyTypedInput` does: numbers and booleans in
    /// texts and the reverse, one value where a list is wanted, lists of one where one is wanted.
    pub weak: bool,
}

impl Options {
    /// HTTP bodies: unknown fields fail, types must be right.
    pub const HTTP: Self = Self {
        unknown: Unknown::Reject,
        weak: false,
    };
    /// HTTP bodies of the endpoints where Consul overlooks unknown fields, sessions among them.
    pub const HTTP_LENIENT: Self = Self {
        unknown: Unknown::Ignore,
        weak: false,
    };
    /// Configuration files: unknown keys fail, types are converted.
    pub const CONFIG: Self = Self {
        unknown: Unknown::Reject,
        weak: true,
    };
}

impl From<Unknown> for Options {
    fn from(unknown: Unknown) -> Self {
        Self {
            unknown,
            weak: false,
        }
    }
}
