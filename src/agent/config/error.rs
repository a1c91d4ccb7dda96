//! What is wrong with a configuration, said all at once and in Consul's words.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use super::layer::Origin;

/// Which step found an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The text is neither HCL nor JSON.
    Syntax,
    /// A key that does not exist.
    Key,
    /// A value of the wrong type.
    Type,
    /// A value that cannot be used.
    Value,
    /// A setting that must be given and was not.
    Missing,
}

/// One thing that is wrong. Displayed it is one line: Consul's message, then where, then a hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Which step found it.
    pub kind: ErrorKind,
    /// Consul's message where Consul has one.
    pub message: String,
    /// Where the offending setting was given, if it was given at all.
    pub origin: Option<Origin>,
    /// What to do, for example the key that was probably meant.
    pub hint: Option<String>,
}

impl ConfigError {
    pub(super) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            origin: None,
            hint: None,
        }
    }

    pub(super) fn at(mut self, origin: Option<&Origin>) -> Self {
        self.origin = origin.filter(|origin| **origin != Origin::Default).cloned();
        self
    }

    pub(super) fn hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    /// The file that cannot be parsed, for errors that Consul reports before it merges.
    fn unparsed_file(&self) -> Option<&Arc<str>> {
        match (&self.origin, self.kind) {
            (
                Some(Origin::File { name, .. }),
                ErrorKind::Syntax | ErrorKind::Key | ErrorKind::Type,
            ) => Some(name),
            _ => None,
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(origin) = &self.origin {
            write!(f, " ({origin})")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, ", {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// The text that `agent` prints after `==> ` and `validate` after `Config validation failed: `.
///
/// Consul stops at the first file it cannot parse and says `failed to parse FILE: …`; that line is
/// kept, and the errors of everything else follow in the same form.
pub fn render(errors: &[ConfigError]) -> String {
    let mut text = String::new();
    let mut rest = errors;
    while let Some(first) = rest.first() {
        let file = first.unparsed_file();
        let length = rest
            .iter()
            .take_while(|error| error.unparsed_file() == file)
            .count();
        let (group, later) = rest.split_at(length);
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        if let Some(file) = file {
            let _ = write!(text, "failed to parse {file}: ");
        }
        render_group(&mut text, group);
        rest = later;
    }
    text
}

fn render_group(text: &mut String, group: &[ConfigError]) {
    let is_alone = |kind: ErrorKind| !matches!(kind, ErrorKind::Key | ErrorKind::Type);
    match group {
        [only] if is_alone(only.kind) => {
            let _ = write!(text, "{only}");
        }
        _ if group.iter().all(|error| error.kind == ErrorKind::Type) => {
            let _ = writeln!(text, "{} error(s) decoding:\n", group.len());
            for error in group {
                let _ = writeln!(text, "* {error}");
            }
        }
        _ => {
            let plural = if group.len() == 1 { "error" } else { "errors" };
            let _ = writeln!(text, "{} {plural} occurred:", group.len());
            for error in group {
                let _ = writeln!(text, "\t* {error}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: ErrorKind, message: &str, line: u32) -> ConfigError {
        let origin = Origin::File {
            name: "f.hcl".into(),
            line,
        };
        ConfigError::new(kind, message).at(Some(&origin))
    }

    #[test]
    fn one_plain_error_is_one_line() {
        let errors = [ConfigError::new(
            ErrorKind::Missing,
            "data_dir cannot be empty",
        )];
        assert_eq!(render(&errors), "data_dir cannot be empty");
    }

    #[test]
    fn several_errors_keep_the_shape_that_scripts_know() {
        let errors = [
            error(ErrorKind::Key, "invalid config key foo", 2)
                .hint(Some("did you mean \"bar\"?".into())),
            error(ErrorKind::Value, "ports.dns: invalid port: 70000", 3),
            ConfigError::new(ErrorKind::Missing, "data_dir cannot be empty"),
        ];
        assert_eq!(
            render(&errors),
            "failed to parse f.hcl: 1 error occurred:\n\
             \t* invalid config key foo (f.hcl:2), did you mean \"bar\"?\n\
             2 errors occurred:\n\
             \t* ports.dns: invalid port: 70000 (f.hcl:3)\n\
             \t* data_dir cannot be empty\n"
        );
    }
}
