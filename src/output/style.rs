//! Colour: only on terminals, never the only carrier of meaning.

/// What a piece of text means; the terminal's own sixteen colours are used, without backgrounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Alive, passing.
    Good,
    /// Leaving, warning.
    Warning,
    /// Failed, critical.
    Bad,
    /// Left, in maintenance, hints.
    Quiet,
}

impl Style {
    fn code(self) -> &'static str {
        match self {
            Self::Good => "32",
            Self::Warning => "33",
            Self::Bad => "1;31",
            Self::Quiet => "2",
        }
    }
}

/// Whether each stream is coloured.
#[derive(Debug, Clone, Copy, Default)]
pub struct Colours {
    /// Standard output is coloured.
    pub out: bool,
    /// Standard error is coloured.
    pub err: bool,
}

impl Colours {
    /// Colours everywhere.
    pub const ALWAYS: Self = Self {
        out: true,
        err: true,
    };

    /// The rule: a terminal, unless `NO_COLOR` is set to anything or `TERM` is `dumb`;
    /// `CLICOLOR_FORCE` (set, and not `0`) colours even what is not a terminal.
    pub fn from_environment(
        variable: impl Fn(&str) -> Option<String>,
        out_is_terminal: bool,
        err_is_terminal: bool,
    ) -> Self {
        let set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
        if set("NO_COLOR") || variable("TERM").as_deref() == Some("dumb") {
            return Self::default();
        }
        if variable("CLICOLOR_FORCE").is_some_and(|value| !value.is_empty() && value != "0") {
            return Self::ALWAYS;
        }
        Self {
            out: out_is_terminal,
            err: err_is_terminal,
        }
    }

    /// `text` with a colour, if standard output wants colours.
    pub fn paint_out(self, style: Style, text: &str) -> String {
        paint(self.out, style, text)
    }

    pub(super) fn paint_err(self, style: Style, text: &str) -> String {
        paint(self.err, style, text)
    }
}

fn paint(on: bool, style: Style, text: &str) -> String {
    if on {
        format!("\x1b[{}m{text}\x1b[0m", style.code())
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colours(given: &[(&str, &str)], terminal: bool) -> bool {
        let find = |name: &str| {
            let found = given.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Colours::from_environment(find, terminal, terminal).out
    }

    #[test]
    fn colours_need_a_terminal_and_respect_the_environment() {
        assert!(colours(&[], true));
        assert!(!colours(&[], false));
        assert!(!colours(&[("NO_COLOR", "1")], true));
        assert!(colours(&[("NO_COLOR", "")], true));
        assert!(!colours(&[("TERM", "dumb")], true));
        assert!(colours(&[("CLICOLOR_FORCE", "1")], false));
        assert!(!colours(&[("CLICOLOR_FORCE", "0")], false));
        assert!(!colours(
            &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")],
            true
        ));
    }

    #[test]
    fn paint_adds_nothing_when_off() {
        assert_eq!(paint(false, Style::Bad, "failed"), "failed");
        assert_eq!(paint(true, Style::Good, "alive"), "\x1b[32malive\x1b[0m");
    }
}
