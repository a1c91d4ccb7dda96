//! Regular expressions that users give, with the errors of Go's `regexp` package.

use regex::Regex;

/// Compiles an expression.
///
/// # Errors
///
/// In Go's words where Go has a word for it, otherwise in ours.
pub(crate) fn compile(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| {
        let found = error.to_string();
        let reason = found.lines().last().unwrap_or_default().trim();
        let reason = reason.strip_prefix("error: ").unwrap_or(reason);
        match reason {
            "unclosed group" => format!("error parsing regexp: missing closing ): `{text}`"),
            "unopened group" => format!("error parsing regexp: unexpected ): `{text}`"),
            "unclosed character class" => {
                let place = text.find('[').unwrap_or_default();
                format!(
                    "error parsing regexp: missing closing ]: `{}`",
                    &text[place..]
                )
            }
            "repetition operator missing expression" => {
                let part = text.trim_start_matches(|c| !"*+?".contains(c));
                let part = part.get(..1).unwrap_or_default();
                format!("error parsing regexp: missing argument to repetition operator: `{part}`")
            }
            other => format!("error parsing regexp: {other}: `{text}`"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_read_like_go_s() {
        let text = |given| compile(given).unwrap_err();
        assert_eq!(text("("), "error parsing regexp: missing closing ): `(`");
        assert_eq!(text("a)"), "error parsing regexp: unexpected ): `a)`");
        assert_eq!(text("x[a"), "error parsing regexp: missing closing ]: `[a`");
        let star = "error parsing regexp: missing argument to repetition operator: `*`";
        assert_eq!(text("*"), star);
        assert!(compile("^a|b$").is_ok());
    }
}
