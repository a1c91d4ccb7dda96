//! The room from the outside.
