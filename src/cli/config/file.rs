//! `config.toml`: what stands in it, and what should not. Pure.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Everything in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Config {
    /// The context that is used unless another one is named.
    pub(crate) current: Option<String>,
    /// The context that was current before.
    pub(crate) previous: Option<String>,
    /// The contexts by name.
    pub(crate) contexts: BTreeMap<String, Named>,
    /// What `top` is started with.
    pub(crate) top: TopSettings,
    /// What has no effect.
    pub(crate) warnings: Vec<Warning>,
    /// The file as messages name it.
    pub(crate) path: String,
}

/// Something in the file that has no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Warning {
    /// Its line, counted from 1.
    pub(crate) line: usize,
    /// What is wrong.
    pub(crate) text: String,
    /// Whom it concerns.
    pub(crate) scope: Scope,
}

/// Whom something in the file concerns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Everybody.
    #[default]
    File,
    /// Who uses this context.
    Context(String),
    /// `top`.
    Top,
}

/// A context: an agent and how to speak to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Named {
    /// Its settings of text, by name; those of [`TEXTS`].
    pub(crate) texts: BTreeMap<&'static str, String>,
    /// The program, with its arguments, that prints the token.
    pub(crate) token_cmd: Vec<String>,
    /// Whether whatever writes is to be asked about.
    pub(crate) read_only: bool,
    /// The colour of its name in `top`; one of [`ACCENTS`].
    pub(crate) accent: Option<&'static str>,
    /// The first of its settings that says nothing that could be meant, and its line: a guard that is written wrongly must
    /// not count as none.
    pub(crate) mistake: Option<(usize, String)>,
}

/// The colours that a context may have.
pub(crate) const ACCENTS: [&str; 6] = ["red", "green", "yellow", "blue", "magenta", "cyan"];

/// The settings of a context that are text.
pub(crate) const TEXTS: [&str; 9] = [
    "address",
    "token_file",
    "ca_file",
    "ca_path",
    "client_cert",
    "client_key",
    "tls_server_name",
    "namespace",
    "datacenter",
];

/// The `[top]` section; `None` for what is left to the defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TopSettings {
    /// The name of a theme; one of [`THEMES`].
    pub(crate) theme: Option<&'static str>,
    /// The view that is shown first; one of [`VIEWS`].
    pub(crate) view: Option<&'static str>,
    /// The columns of views, and the line where they are named.
    pub(crate) columns: BTreeMap<&'static str, (usize, Vec<String>)>,
    /// Milliseconds between two questions.
    pub(crate) interval_ms: Option<u64>,
    /// Numbers by name; those of [`THRESHOLDS`].
    pub(crate) thresholds: BTreeMap<&'static str, u64>,
}

/// The themes of `top`.
pub(crate) const THEMES: [&str; 3] = ["ansi", "deuteranopia", "mono"];

/// The views of `top`.
pub(crate) const VIEWS: [&str; 9] = [
    "overview", "members", "raft", "checks", "services", "latency", "kv", "logs", "events",
];

/// Least milliseconds between two questions: servers have more to do.
pub(crate) const MIN_INTERVAL_MS: u64 = 500;

/// The limits of `[top.thresholds]`.
pub(crate) const THRESHOLDS: [&str; 5] = [
    "lag_entries_warn",
    "lag_entries_crit",
    "contact_ms_crit",
    "score_warn",
    "score_crit",
];

/// Reads the file. Unknown keys, and settings of `top` that say nothing, become warnings and have no effect; what is wrong in
/// a context makes it unusable.
///
/// # Errors
///
/// Text that is no TOML, a `current`, `previous` or `contexts` of the wrong type: the line and the reason.
pub(crate) fn parse(text: &str) -> Result<Config, (usize, String)> {
    let root = DeTable::parse(text).map_err(|error| {
        let place = error.span().map_or(0, |span| span.start);
        (line(text, place), error.message().to_owned())
    })?;
    let mut reader = Reader {
        text,
        config: Config::default(),
        scope: Scope::File,
        mistakes: Vec::new(),
    };
    reader.root(root.get_ref());
    if !reader.mistakes.is_empty() {
        return Err(reader.mistakes.remove(0));
    }
    let place = |warning: &Warning| (warning.line, warning.text.clone());
    reader.config.warnings.sort_by_key(place);
    Ok(reader.config)
}

/// The line of a place, counted from 1.
fn line(text: &str, place: usize) -> usize {
    let before = text.as_bytes().get(..place).unwrap_or(text.as_bytes());
    before.split(|byte| *byte == b'\n').count()
}

/// Where a value stands, for warnings.
#[derive(Clone, Copy)]
struct Place<'a> {
    path: &'a str,
    at: usize,
}

struct Reader<'a> {
    text: &'a str,
    config: Config,
    /// What is read just now.
    scope: Scope,
    /// Values that say nothing that could be meant, with their lines.
    mistakes: Vec<(usize, String)>,
}

impl Reader<'_> {
    fn warn(&mut self, at: usize, text: String) {
        let line = line(self.text, at);
        let scope = self.scope.clone();
        self.config.warnings.push(Warning { line, text, scope });
    }

    fn unknown(&mut self, place: Place<'_>) {
        self.warn(place.at, format!("unknown key `{}`", place.path));
    }

    fn wrong(&mut self, place: Place<'_>, expected: &str) {
        let text = format!("`{}` must be {expected}", place.path);
        match self.scope {
            Scope::Top => self.warn(place.at, text),
            _ => self.mistakes.push((line(self.text, place.at), text)),
        }
    }

    /// Calls `take` for every key of a table, with its path.
    fn each(
        &mut self,
        prefix: &str,
        table: &DeTable<'_>,
        mut take: impl FnMut(&mut Self, &str, Place<'_>, &Spanned<DeValue<'_>>),
    ) {
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let path = format!("{prefix}{name}");
            let place = Place {
                path: &path,
                at: key.span().start,
            };
            take(self, name, place, value);
        }
    }

    fn root(&mut self, table: &DeTable<'_>) {
        self.each("", table, |reader, name, place, value| match name {
            "current" => reader.config.current = reader.string(place, value),
            "previous" => reader.config.previous = reader.string(place, value),
            "contexts" => {
                let Some(contexts) = reader.table(place, value) else {
                    return;
                };
                let outer = std::mem::take(&mut reader.mistakes);
                reader.each("contexts.", contexts, |reader, name, place, value| {
                    reader.scope = Scope::Context(name.to_owned());
                    let mut found = match reader.table(place, value) {
                        Some(table) => reader.context(place.path, table),
                        None => Named::default(),
                    };
                    let mistakes = std::mem::take(&mut reader.mistakes);
                    found.mistake = mistakes.into_iter().min();
                    reader.config.contexts.insert(name.to_owned(), found);
                });
                (reader.scope, reader.mistakes) = (Scope::File, outer);
            }
            "top" => {
                reader.scope = Scope::Top;
                if let Some(table) = reader.table(place, value) {
                    reader.top(table);
                }
                reader.scope = Scope::File;
            }
            _ => reader.unknown(place),
        });
    }

    fn context(&mut self, path: &str, table: &DeTable<'_>) -> Named {
        let mut found = Named::default();
        let prefix = format!("{path}.");
        self.each(&prefix, table, |reader, name, place, value| match name {
            "read_only" => match value.get_ref() {
                DeValue::Boolean(given) => found.read_only = *given,
                _ => reader.wrong(place, "true or false"),
            },
            "token_cmd" => {
                found.token_cmd = reader.words(
                    place,
                    value,
                    "a list of words: the program and its arguments",
                );
            }
            "accent" => found.accent = reader.one_of(place, value, &ACCENTS),
            _ => match TEXTS.iter().find(|known| **known == name) {
                Some(name) => {
                    if let Some(text) = reader.string(place, value) {
                        if text.is_empty() {
                            reader.wrong(place, "a text that is not empty");
                        }
                        found.texts.insert(name, text);
                    }
                }
                // A guard that is written wrongly must not count as none.
                None if is_like_read_only(name) => reader.wrong(place, "written `read_only`"),
                None => reader.unknown(place),
            },
        });
        found
    }

    fn top(&mut self, table: &DeTable<'_>) {
        self.each("top.", table, |reader, name, place, value| match name {
            "theme" => reader.config.top.theme = reader.one_of(place, value, &THEMES),
            "view" => reader.config.top.view = reader.one_of(place, value, &VIEWS),
            "interval_ms" => {
                let found = reader.number(place, value);
                let is_short = found.is_some_and(|found| found < MIN_INTERVAL_MS);
                if is_short {
                    reader.wrong(place, &format!("{MIN_INTERVAL_MS} or more"));
                }
                reader.config.top.interval_ms = found.filter(|_| !is_short);
            }
            "columns" => {
                let Some(table) = reader.table(place, value) else {
                    return;
                };
                reader.each("top.columns.", table, |reader, name, place, value| {
                    let Some(name) = VIEWS.iter().find(|known| **known == name) else {
                        return reader.unknown(place);
                    };
                    let names = reader.words(place, value, "a list of names of columns");
                    if !names.is_empty() {
                        let line = line(reader.text, place.at);
                        reader.config.top.columns.insert(name, (line, names));
                    }
                });
            }
            "thresholds" => {
                let Some(table) = reader.table(place, value) else {
                    return;
                };
                reader.each("top.thresholds.", table, |reader, name, place, value| {
                    let Some(name) = THRESHOLDS.iter().find(|known| **known == name) else {
                        return reader.unknown(place);
                    };
                    if let Some(number) = reader.number(place, value) {
                        reader.config.top.thresholds.insert(name, number);
                    }
                });
            }
            _ => reader.unknown(place),
        });
    }

    fn table<'b, 'c>(
        &mut self,
        place: Place<'_>,
        value: &'b Spanned<DeValue<'c>>,
    ) -> Option<&'b DeTable<'c>> {
        let found = value.get_ref().as_table();
        if found.is_none() {
            self.wrong(place, "a table");
        }
        found
    }

    fn string(&mut self, place: Place<'_>, value: &Spanned<DeValue<'_>>) -> Option<String> {
        let found = value.get_ref().as_str().map(str::to_owned);
        if found.is_none() {
            self.wrong(place, "text");
        }
        found
    }

    fn one_of(
        &mut self,
        place: Place<'_>,
        value: &Spanned<DeValue<'_>>,
        words: &[&'static str],
    ) -> Option<&'static str> {
        let given = value.get_ref().as_str();
        let found = words.iter().find(|word| Some(**word) == given).copied();
        if found.is_none() {
            self.wrong(place, &format!("one of {}", words.join(", ")));
        }
        found
    }

    fn number(&mut self, place: Place<'_>, value: &Spanned<DeValue<'_>>) -> Option<u64> {
        let number = value.get_ref().as_integer();
        let found =
            number.and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok());
        if found.is_none() {
            self.wrong(place, "a number, 0 or more");
        }
        found
    }

    fn words(
        &mut self,
        place: Place<'_>,
        value: &Spanned<DeValue<'_>>,
        expected: &str,
    ) -> Vec<String> {
        let words: Option<Vec<String>> = value.get_ref().as_array().and_then(|words| {
            let words = words.iter();
            words
                .map(|word| Some(word.get_ref().as_str()?.to_owned()))
                .collect()
        });
        match words {
            Some(words) if !words.is_empty() => words,
            _ => {
                self.wrong(place, expected);
                Vec::new()
            }
        }
    }
}

/// Whether somebody meant `read_only`.
fn is_like_read_only(name: &str) -> bool {
    let letters = name.chars().filter(|letter| letter.is_alphanumeric());
    letters.flat_map(char::to_lowercase).eq("readonly".chars())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"current = "prod"
[contexts.prod]
address = "https://consul.example:8501"
token_cmd = ["pass", "consul/prod"]
read_only = true
adress = "typo"
accent = "red"
[contexts.dev]
datacenter = 7
accent = "pink"
[top]
theme = "mono"
interval_ms = 1_000
[top.thresholds]
lag_entries_warn = 10
lag = 3
"#;

    #[test]
    fn known_keys_are_taken_and_others_warned_about_with_their_line() {
        let found = parse(FILE).unwrap();
        assert_eq!(found.current.as_deref(), Some("prod"));
        let prod = &found.contexts["prod"];
        assert_eq!(prod.texts["address"], "https://consul.example:8501");
        assert_eq!(prod.token_cmd, ["pass", "consul/prod"]);
        assert_eq!(prod.accent, Some("red"));
        assert!(prod.read_only && prod.mistake.is_none());
        let mistake = (9, "`contexts.dev.datacenter` must be text".to_owned());
        assert_eq!(found.contexts["dev"].mistake, Some(mistake));
        assert_eq!(found.top.theme, Some("mono"));
        assert_eq!(found.top.interval_ms, Some(1000));
        assert_eq!(
            found.top.thresholds,
            BTreeMap::from([("lag_entries_warn", 10)])
        );
        let warnings = [
            Warning {
                line: 6,
                text: "unknown key `contexts.prod.adress`".to_owned(),
                scope: Scope::Context("prod".to_owned()),
            },
            Warning {
                line: 16,
                text: "unknown key `top.thresholds.lag`".to_owned(),
                scope: Scope::Top,
            },
        ];
        assert_eq!(found.warnings, warnings);
    }

    #[test]
    fn a_guard_that_is_written_wrongly_is_a_mistake() {
        let mistake = |text: &str| {
            let found = parse(&format!("[contexts.a]\n{text}\n")).unwrap();
            found.contexts["a"].mistake.clone()
        };
        let expected = "`contexts.a.read_only` must be true or false".to_owned();
        assert_eq!(mistake("read_only = \"true\""), Some((2, expected)));
        assert!(mistake("token_cmd = \"pass\"").is_some());
        assert!(mistake("accent = \"pink\"").is_some());
        assert_eq!(mistake("read_only = true\nunknown = 1"), None);
        assert_eq!(
            parse("[contexts]\n\na = 1\n").unwrap().contexts["a"]
                .mistake
                .as_ref()
                .unwrap()
                .0,
            3
        );
        let text = "`current` must be text".to_owned();
        assert_eq!(parse("\ncurrent = 7\n"), Err((2, text)));
        assert!(parse("contexts = 7\n").is_err());
    }

    #[test]
    fn what_top_cannot_use_is_a_warning_with_its_line() {
        let found = parse("[top]\ntheme = \"pink\"\nview = \"raft\"\ninterval_ms = 10\nkeys = 1\n[top.columns]\nmembers = [\"NODE\"]\nraft = 3\nnosuch = []\n").unwrap();
        assert_eq!((found.top.theme, found.top.interval_ms), (None, None));
        assert_eq!(found.top.view, Some("raft"));
        assert_eq!(
            found.top.columns,
            BTreeMap::from([("members", (7, vec!["NODE".to_owned()]))])
        );
        let warnings = [
            (2, "`top.theme` must be one of ansi, deuteranopia, mono"),
            (4, "`top.interval_ms` must be 500 or more"),
            (5, "unknown key `top.keys`"),
            (8, "`top.columns.raft` must be a list of names of columns"),
            (9, "unknown key `top.columns.nosuch`"),
        ];
        let scope = Scope::Top;
        let warnings = warnings.map(|(line, text)| Warning {
            line,
            text: text.to_owned(),
            scope: scope.clone(),
        });
        assert_eq!(found.warnings, warnings);
    }

    #[test]
    fn what_is_no_toml_is_told_with_its_line() {
        assert_eq!(parse("a = 1\nb = = 2\n").unwrap_err().0, 2);
        assert_eq!(parse(""), Ok(Config::default()));
    }
}
