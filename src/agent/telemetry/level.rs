//! Log levels as Consul names them.

use std::fmt;

/// How much is said: a line is printed when its level is at or below the chosen one.
///
/// The order is that of verbosity: `Error < Warn < Info < Debug < Trace`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Level {
    /// Something failed.
    Error = 1,
    /// Something is suspicious, the agent goes on.
    Warn = 2,
    /// What an operator wants to know; Consul's default.
    Info = 3,
    /// What a developer wants to know; the default of `-dev`.
    Debug = 4,
    /// Everything.
    Trace = 5,
}

/// The names that [`Level::parse`] takes, in the order of Consul's error message.
pub const VALID_LEVELS: [&str; 6] = ["TRACE", "DEBUG", "INFO", "WARN", "ERR", "ERROR"];

/// A text that names no level. Its text is what `/v1/agent/monitor` answers after `Bad request: `.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Unknown log level: {0}")]
pub struct UnknownLevel(pub String);

impl Level {
    /// Reads a level's name, whatever its case: TRACE, DEBUG, INFO, WARN, ERR or ERROR.
    pub fn parse(text: &str) -> Result<Self, UnknownLevel> {
        match text.to_ascii_uppercase().as_str() {
            "TRACE" => Ok(Self::Trace),
            "DEBUG" => Ok(Self::Debug),
            "INFO" => Ok(Self::Info),
            "WARN" => Ok(Self::Warn),
            "ERR" | "ERROR" => Ok(Self::Error),
            _ => Err(UnknownLevel(text.to_owned())),
        }
    }

    /// The column of a log line: bracketed, padded to seven characters.
    pub(super) const fn column(self) -> &'static str {
        match self {
            Self::Error => "[ERROR]",
            Self::Warn => "[WARN] ",
            Self::Info => "[INFO] ",
            Self::Debug => "[DEBUG]",
            Self::Trace => "[TRACE]",
        }
    }

    /// The name in lower case, as in JSON lines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }

    /// The level that `as u8` gave.
    pub(super) const fn from_u8(value: u8) -> Self {
        match value {
            1 => Self::Error,
            2 => Self::Warn,
            3 => Self::Info,
            4 => Self::Debug,
            _ => Self::Trace,
        }
    }

    /// The same level as the `tracing` crate calls it.
    pub(super) const fn filter(self) -> tracing::level_filters::LevelFilter {
        use tracing::level_filters::LevelFilter;
        match self {
            Self::Error => LevelFilter::ERROR,
            Self::Warn => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
            Self::Trace => LevelFilter::TRACE,
        }
    }
}

impl From<&tracing::Level> for Level {
    fn from(level: &tracing::Level) -> Self {
        match *level {
            tracing::Level::ERROR => Self::Error,
            tracing::Level::WARN => Self::Warn,
            tracing::Level::INFO => Self::Info,
            tracing::Level::DEBUG => Self::Debug,
            tracing::Level::TRACE => Self::Trace,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_whatever_their_case() {
        assert_eq!(Level::parse("err"), Ok(Level::Error));
        assert_eq!(Level::parse("ERROR"), Ok(Level::Error));
        assert_eq!(Level::parse("Info"), Ok(Level::Info));
        for name in VALID_LEVELS {
            assert!(Level::parse(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn an_unknown_name_is_repeated_in_the_error() {
        for name in ["wrong", "warning", "", " info"] {
            let error = Level::parse(name).expect_err("is no level");
            assert_eq!(error.to_string(), format!("Unknown log level: {name}"));
        }
    }

    #[test]
    fn the_order_is_that_of_verbosity() {
        assert!(Level::Error < Level::Warn && Level::Debug < Level::Trace);
        for level in [
            Level::Error,
            Level::Warn,
            Level::Info,
            Level::Debug,
            Level::Trace,
        ] {
            assert_eq!(Level::from_u8(level as u8), level);
        }
    }
}
