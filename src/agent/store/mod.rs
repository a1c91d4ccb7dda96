//! The replicated state: a function of the log, one file a table. Pure.
