//! Go's regular expressions (RE2) on the regex crate.
//!
//! The two languages differ where this file translates: `\d`, `\w`, `\s` and `\b` mean ASCII in Go,
//! `[`, `&` and `~` are plain inside a Go class, `\Q…\E` quotes. Faults get Go's words.

use regex::{Regex, RegexBuilder};

/// The memory one compiled pattern may take, in bytes.
const MAX_PATTERN_BYTES: usize = 1 << 20;
/// How deep groups may nest in a pattern.
const MAX_PATTERN_DEPTH: u32 = 100;

/// Compiles a Go pattern.
///
/// # Errors
/// What Go would say: `error parsing regexp: missing closing ]: …`.
pub fn compile(pattern: &str) -> Result<Regex, String> {
    compile_within(pattern, MAX_PATTERN_BYTES)
}

/// Like [`compile`], for patterns of strangers: the compiled one takes at most `size` bytes.
///
/// # Errors
/// As [`compile`].
pub fn compile_within(pattern: &str, size: usize) -> Result<Regex, String> {
    let translated = Translator::new(pattern).translate()?;
    RegexBuilder::new(&translated)
        .size_limit(size)
        .dfa_size_limit(size)
        .nest_limit(MAX_PATTERN_DEPTH)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => go_error("expression too large", pattern),
            other => go_error(last_line(&other.to_string()), pattern),
        })
}

fn go_error(reason: &str, place: &str) -> String {
    format!("error parsing regexp: {reason}: `{place}`")
}

/// The regex crate draws the place over several lines and ends with the reason.
fn last_line(text: &str) -> &str {
    let line = text.lines().last().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line)
}

struct Translator<'a> {
    pattern: &'a str,
    pos: usize,
    out: String,
    groups: usize,
    /// Whether the last thing read can be repeated, and where its repetition began, if it has one.
    repeatable: bool,
    repetition: Option<usize>,
}

impl<'a> Translator<'a> {
    const fn new(pattern: &'a str) -> Self {
        Self {
            pattern,
            pos: 0,
            out: String::new(),
            groups: 0,
            repeatable: false,
            repetition: None,
        }
    }

    fn next(&mut self) -> Option<char> {
        let c = self.pattern[self.pos..].chars().next()?;
        self.pos += c.len_utf8();
        Some(c)
    }

    fn translate(mut self) -> Result<String, String> {
        loop {
            let start = self.pos;
            let Some(c) = self.next() else { break };
            match c {
                '\\' => self.escape(start)?,
                '[' => self.class(start)?,
                '(' => self.group(start)?,
                ')' => {
                    self.groups = self
                        .groups
                        .checked_sub(1)
                        .ok_or_else(|| go_error("unexpected )", self.pattern))?;
                    self.atom(")");
                }
                '|' => {
                    self.out.push('|');
                    (self.repeatable, self.repetition) = (false, None);
                }
                '*' | '+' | '?' => self.repeat(start, 1)?,
                '{' => match counted_length(&self.pattern[start..]) {
                    Some(length) => self.repeat(start, length)?,
                    None => self.atom("\\{"),
                },
                '}' => self.atom("\\}"),
                other => self.atom(other.encode_utf8(&mut [0; 4])),
            }
        }
        if self.groups > 0 {
            return Err(go_error("missing closing )", self.pattern));
        }
        Ok(self.out)
    }

    /// Writes something that can be repeated.
    fn atom(&mut self, text: &str) {
        self.out.push_str(text);
        (self.repeatable, self.repetition) = (true, None);
    }

    /// `*`, `+`, `?` and `{n,m}`, each with an optional `?` behind it.
    fn repeat(&mut self, start: usize, length: usize) -> Result<(), String> {
        self.pos = start + length;
        if self.pattern[self.pos..].starts_with('?') {
            self.pos += 1;
        }
        if let Some(first) = self.repetition {
            let place = &self.pattern[first..self.pos];
            return Err(go_error("invalid nested repetition operator", place));
        }
        let written = &self.pattern[start..self.pos];
        if !self.repeatable {
            return Err(go_error("missing argument to repetition operator", written));
        }
        self.out.push_str(written);
        self.repetition = Some(start);
        Ok(())
    }

    /// An opening parenthesis; lookaround and other things that Go does not know are refused.
    fn group(&mut self, start: usize) -> Result<(), String> {
        self.groups += 1;
        (self.repeatable, self.repetition) = (false, None);
        let rest = &self.pattern[self.pos..];
        let Some(flags) = rest.strip_prefix('?') else {
            self.out.push('(');
            return Ok(());
        };
        let named = flags.strip_prefix("P<").map(|rest| (4, rest));
        if let Some((head, after)) = named {
            let valid = after.split_once('>').is_some_and(|(name, _)| {
                !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            });
            if !valid {
                return Err(go_error("invalid named capture", &self.pattern[start..]));
            }
            self.out.push_str(&self.pattern[start..start + head]);
            self.pos = start + head;
            while let Some(c) = self.next() {
                self.out.push(c);
                if c == '>' {
                    break;
                }
            }
            return Ok(());
        }
        let set = flags.find(|c: char| !matches!(c, 'i' | 'm' | 's' | 'U' | '-'));
        let end = set.map(|length| (length, flags[length..].chars().next().unwrap_or(' ')));
        let Some((length, close @ (':' | ')'))) = end else {
            let width = end.map_or(0, |(length, c)| length + c.len_utf8());
            let place = &self.pattern[start..start + 2 + width];
            return Err(match end {
                Some(_) => go_error("invalid or unsupported Perl syntax", place),
                None => go_error("missing closing )", self.pattern),
            });
        };
        self.pos = start + 2 + length + 1;
        self.out.push_str(&self.pattern[start..self.pos]);
        if close == ')' {
            self.groups -= 1;
        }
        Ok(())
    }

    fn escape(&mut self, start: usize) -> Result<(), String> {
        let Some(c) = self.next() else {
            return Err(go_error("trailing backslash at end of expression", ""));
        };
        match c {
            'Q' => self.quoted(),
            'b' => self.atom(r"(?-u:\b)"),
            'B' => self.atom(r"(?-u:\B)"),
            'A' | 'z' => self.atom(&self.pattern[start..self.pos]),
            _ => {
                let text = self.simple_escape(start, c)?;
                self.atom(&text);
            }
        }
        Ok(())
    }

    /// `\Q…\E`: everything between stands for itself.
    fn quoted(&mut self) {
        let rest = &self.pattern[self.pos..];
        let (text, consumed) = match rest.split_once(r"\E") {
            Some((text, _)) => (text, text.len() + 2),
            None => (rest, rest.len()),
        };
        self.pos += consumed;
        for c in text.chars() {
            self.atom(&regex::escape(c.encode_utf8(&mut [0; 4])));
        }
    }

    /// An escape that means the same inside and outside a class; `self.pos` is behind its letter.
    fn simple_escape(&mut self, start: usize, c: char) -> Result<String, String> {
        Ok(match c {
            'd' => "[0-9]".to_owned(),
            'D' => "[^0-9]".to_owned(),
            'w' => "[0-9A-Za-z_]".to_owned(),
            'W' => "[^0-9A-Za-z_]".to_owned(),
            's' => r"[\t\n\x0C\r ]".to_owned(),
            'S' => r"[^\t\n\x0C\r ]".to_owned(),
            'a' | 'f' | 'n' | 'r' | 't' | 'v' => format!("\\{c}"),
            'p' | 'P' | 'x' => {
                let length = match self.pattern[self.pos..].chars().next() {
                    Some('{') => self.pattern[self.pos..].find('}').map(|end| end + 1),
                    Some(first) if c == 'x' => {
                        Some(2).filter(|_| first.is_ascii_hexdigit() && self.is_ascii_ahead(2))
                    }
                    first => first.map(char::len_utf8),
                };
                let Some(length) = length else {
                    return Err(self.bad_escape(start));
                };
                self.pos += length;
                self.pattern[start..self.pos].to_owned()
            }
            '0'..='7' => {
                let digits = self.pattern[self.pos - 1..]
                    .bytes()
                    .take(3)
                    .take_while(|digit| matches!(digit, b'0'..=b'7'))
                    .count();
                if c != '0' && digits < 2 {
                    return Err(self.bad_escape(start));
                }
                let text = &self.pattern[self.pos - 1..self.pos - 1 + digits];
                self.pos += digits - 1;
                let code = u32::from_str_radix(text, 8).unwrap_or(0);
                format!("\\x{{{code:x}}}")
            }
            c if c.is_ascii_punctuation() => format!("\\{c}"),
            _ => return Err(self.bad_escape(start)),
        })
    }

    fn is_ascii_ahead(&self, count: usize) -> bool {
        self.pattern.as_bytes()[self.pos..]
            .iter()
            .take(count)
            .filter(|b| b.is_ascii())
            .count()
            == count
    }

    fn bad_escape(&self, start: usize) -> String {
        go_error("invalid escape sequence", &self.pattern[start..self.pos])
    }

    /// A class, from behind its opening bracket to behind its closing one.
    fn class(&mut self, start: usize) -> Result<(), String> {
        self.out.push('[');
        if self.pattern[self.pos..].starts_with('^') {
            self.pos += 1;
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let at = self.pos;
            let Some(c) = self.next() else {
                return Err(go_error("missing closing ]", &self.pattern[start..]));
            };
            match c {
                ']' if !first => break,
                '\\' => {
                    let Some(letter) = self.next() else {
                        return Err(go_error("trailing backslash at end of expression", ""));
                    };
                    let text = self.simple_escape(at, letter)?;
                    self.out.push_str(&text);
                }
                '[' if self.pattern[self.pos..].starts_with(':') => self.named_class(at)?,
                '[' | ']' | '&' | '~' => {
                    self.out.push('\\');
                    self.out.push(c);
                }
                '-' if first || self.pattern[self.pos..].starts_with(']') => {
                    self.out.push_str("\\-");
                }
                other => self.out.push(other),
            }
            first = false;
        }
        self.atom("]");
        Ok(())
    }

    /// `[:alpha:]` inside a class; without its end the bracket is plain.
    fn named_class(&mut self, at: usize) -> Result<(), String> {
        let Some(length) = self.pattern[at..].find(":]").map(|end| end + 2) else {
            self.out.push_str("\\[");
            return Ok(());
        };
        let name = &self.pattern[at..at + length];
        let known = name.trim_matches(|c| matches!(c, '[' | ':' | ']' | '^'));
        if !POSIX.contains(&known) {
            return Err(go_error("invalid character class range", name));
        }
        self.out.push_str(name);
        self.pos = at + length;
        Ok(())
    }
}

/// The names that both languages know.
const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// The length of `{n}`, `{n,}` or `{n,m}` at the start of a text; any other brace is plain.
fn counted_length(text: &str) -> Option<usize> {
    let body = text.strip_prefix('{')?.split_once('}')?.0;
    let (low, high) = body.split_once(',').unwrap_or((body, "0"));
    let number = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_digit());
    let counted = !low.is_empty() && number(low) && number(high);
    counted.then_some(body.len() + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(pattern: &str, text: &str) -> bool {
        compile(pattern).unwrap().is_match(text)
    }

    #[test]
    fn means_what_it_means_in_go() {
        for (pattern, yes, no) in [
            (r"^\d+$", "12", "\u{663}"),
            (r"^\w$", "a", "\u{e9}"),
            (r"^[\d-]$", "-", "x"),
            (r"^[^\s]$", "x", " "),
            (r"^[[a]$", "[", "]"),
            (r"^[]a]$", "]", "["),
            (r"^[a&&b]$", "&", "c"),
            (r"^[+--]$", ",", "b"),
            (r"^\Qa.b\E+$", "a.bb", "axb"),
            (r"^a{,2}$", "a{,2}", "aa"),
            (r"^[[:alpha:]_]+$", "a_", "1"),
            (r"(?i)WEB", "my-web", "db"),
            (r"^(?P<n>a|b)(?:c)$", "ac", "a"),
            (r"^\x41\x{42}\103$", "ABC", "ABD"),
            (r"\bweb\b", "a web b", "webs"),
            (r"^a{2,3}?b$", "aab", "ab"),
            (r"^\.\-\/$", ".-/", "a-/"),
        ] {
            assert!(finds(pattern, yes), "{pattern} finds {yes}");
            assert!(!finds(pattern, no), "{pattern} does not find {no}");
        }
    }

    #[test]
    fn faults_have_gos_words() {
        for (pattern, reason) in [
            ("(", "missing closing ): `(`"),
            ("a)", "unexpected ): `a)`"),
            ("*", "missing argument to repetition operator: `*`"),
            ("a|*", "missing argument to repetition operator: `*`"),
            ("a**", "invalid nested repetition operator: `**`"),
            ("x[a", "missing closing ]: `[a`"),
            ("*?", "missing argument to repetition operator: `*?`"),
            ("[a\\", "trailing backslash at end of expression: ``"),
            ("a\\", "trailing backslash at end of expression: ``"),
            (r"\y", r"invalid escape sequence: `\y`"),
            (r"\1", r"invalid escape sequence: `\1`"),
            ("(?P<x", "invalid named capture: `(?P<x`"),
            ("(?z)", "invalid or unsupported Perl syntax: `(?z`"),
            ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
            ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
        ] {
            assert_eq!(
                compile(pattern).map(|_| ()),
                Err(format!("error parsing regexp: {reason}")),
                "{pattern}"
            );
        }
    }

    #[test]
    fn size_and_depth_are_bounded() {
        assert!(compile("(((a{500}){500}){500})").is_err());
        assert!(compile(&"(".repeat(5000)).is_err());
        assert!(compile(&format!("{}a{}", "(".repeat(5000), ")".repeat(5000))).is_err());
    }
}
