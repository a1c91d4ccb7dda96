//! Keys and values as they are looked at: one level of the tree at a time, and a value only when it is opened.

use super::data_table::TableState;
use super::snapshot::{Fault, Millis, Part};
use super::value::{self, Kind};
use crate::model::kv::KvPair;

/// Rows of a level that are shown at a time; a filter finds the others.
const MAX_SHOWN: usize = 5000;

/// What stands directly below a prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Level {
    /// Full names, folders first; folders end with a slash.
    pub names: Vec<String>,
    /// How many of them are folders.
    pub folders: usize,
    /// Whether there are more, which were not read.
    pub cut: bool,
}

impl Level {
    /// Reads the JSON list of names that the agent gave for a prefix. `cut` tells that it is only the list's beginning.
    ///
    /// # Errors
    ///
    /// It is no list of texts.
    pub fn read(prefix: &str, json: &[u8], cut: bool) -> Result<Self, serde_json::Error> {
        let mut names: Vec<String> = if cut {
            serde_json::from_slice(&whole_names(json))?
        } else if json.is_empty() {
            Vec::new()
        } else {
            serde_json::from_slice(json)?
        };
        let is_folder = |name: &String| name.ends_with('/') && name != prefix;
        names.sort_by_cached_key(|name| (!is_folder(name), name.clone()));
        let folders = names.iter().filter(|name| is_folder(name)).count();
        Ok(Self {
            names,
            folders,
            cut,
        })
    }
}

/// The beginning of a JSON list of texts, made a whole list: what follows the last whole text is left out.
fn whole_names(json: &[u8]) -> Vec<u8> {
    let (mut inside, mut escaped, mut end) = (false, false, 1);
    for (place, byte) in json.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => {
                inside = !inside;
                if !inside {
                    end = place + 1;
                }
            }
            _ => {}
        }
    }
    let mut whole = json[..end.min(json.len())].to_vec();
    if whole.is_empty() {
        whole.push(b'[');
    }
    whole.push(b']');
    whole
}

/// What the id of a folder's row begins with: it tells folders from keys that end with a slash.
pub const FOLDER: &str = "folder\0";
/// The same for a key.
pub const KEY: &str = "key\0";

/// The last part of a name: `web/` of `app/web/`, `port` of `app/web/port`. A slash alone is itself.
pub fn last_part(name: &str) -> &str {
    let inner = name.strip_suffix('/').unwrap_or(name);
    match inner.rfind('/') {
        Some(place) => &name[place + 1..],
        None => name,
    }
}

/// A key that was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The application's flags.
    pub flags: u64,
    /// The session that holds the lock; empty without one.
    pub session: String,
    /// Whose session it is, where somebody knows.
    pub holder: Option<String>,
    /// Index of its creation.
    pub create_index: u64,
    /// Index of its last change.
    pub modify_index: u64,
    /// How often it was locked.
    pub lock_index: u64,
    /// Bytes of the value.
    pub size: usize,
    /// How the value is shown.
    pub kind: Kind,
    /// The value's lines, as many as are shown.
    pub lines: Vec<String>,
    /// Whether there is more of it.
    pub cut: bool,
}

impl Opened {
    /// What is shown of a pair; the rest of the value is let go.
    pub fn new(pair: &KvPair, holder: Option<String>) -> Self {
        let bytes = &pair.value.0;
        let (kind, lines, cut) = value::present(bytes);
        Self {
            flags: pair.flags,
            session: pair.session.clone(),
            holder,
            create_index: pair.create_index,
            modify_index: pair.modify_index,
            lock_index: pair.lock_index,
            size: bytes.len(),
            kind,
            lines,
            cut,
        }
    }
}

/// The level and the key that were looked at last.
#[derive(Debug, Clone, Default)]
pub struct Browser {
    /// The prefix whose level is known.
    prefix: String,
    level: Part<Level>,
    /// The key that is known.
    key: String,
    value: Part<Option<Box<Opened>>>,
    /// Places of the names that the filter finds, at most [`MAX_SHOWN`], and how many it finds.
    shown: Vec<usize>,
    found: usize,
    /// For which filter and which sample they were sought.
    sought: Option<(String, Millis, String)>,
}

impl Browser {
    /// Takes a level.
    pub fn take_level(&mut self, prefix: String, came: Result<Level, Fault>, now: Millis) {
        if self.prefix != prefix {
            self.prefix = prefix;
            self.level = Part::default();
        }
        self.level.take(came, now);
        self.sought = None;
    }

    /// Takes a key.
    pub fn take_value(
        &mut self,
        key: String,
        came: Result<Option<Box<Opened>>, Fault>,
        now: Millis,
    ) {
        if self.key != key {
            self.key = key;
            self.value = Part::default();
        }
        self.value.take(came, now);
    }

    /// The level below a prefix, once it has come.
    pub fn level(&self, prefix: &str) -> Option<&Part<Level>> {
        (self.prefix == prefix && (self.level.get().is_some() || self.level.fault.is_some()))
            .then_some(&self.level)
    }

    /// A key, once it has come.
    pub fn value(&self, key: &str) -> Option<&Part<Option<Box<Opened>>>> {
        (self.key == key && (self.value.get().is_some() || self.value.fault.is_some()))
            .then_some(&self.value)
    }

    /// Finds the names of a level that the table's filter keeps; does nothing where it did already.
    pub fn seek(&mut self, prefix: &str, table: &TableState) {
        let sought = (
            prefix.to_owned(),
            self.level.sampled,
            table.filter().to_owned(),
        );
        if self.sought.as_ref() == Some(&sought) {
            return;
        }
        self.shown.clear();
        self.found = 0;
        if let Some(level) = self.level.get().filter(|_| self.prefix == prefix) {
            for (place, name) in level.names.iter().enumerate() {
                if !table.keeps(last_part(name)) {
                    continue;
                }
                self.found += 1;
                if self.shown.len() < MAX_SHOWN {
                    self.shown.push(place);
                }
            }
        }
        self.sought = Some(sought);
    }

    /// The names that are shown, each with whether it is a folder.
    pub fn shown(&self) -> impl Iterator<Item = (&str, bool)> {
        let level = self.level.get();
        self.shown.iter().filter_map(move |place| {
            let level = level?;
            let name = level.names.get(*place)?;
            Some((name.as_str(), *place < level.folders))
        })
    }

    /// How many names are shown, and how many the filter finds.
    pub fn counts(&self) -> (usize, usize) {
        (self.shown.len(), self.found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_first_and_a_prefix_may_be_a_key() {
        let level = Level::read("a/", br#"["a/","a/x","a/b/","a/c","a/A/"]"#, false).unwrap();
        assert_eq!(level.names, ["a/A/", "a/b/", "a/", "a/c", "a/x"]);
        assert_eq!(level.folders, 2);
        assert_eq!(Level::read("", b"", false).unwrap(), Level::default());
        assert!(Level::read("", b"{}", false).is_err());
    }

    #[test]
    fn a_list_that_was_cut_has_its_whole_names() {
        let names = |json: &[u8]| Level::read("", json, true).unwrap().names;
        assert_eq!(names(br#"["a","b","c"#), ["a", "b"]);
        assert_eq!(names(br#"["a\",","b\\","c\"#), ["a\",", "b\\"]);
        assert_eq!(names(br#"["a","b","#), ["a", "b"]);
        assert!(names(b"[").is_empty() && names(b"").is_empty());
    }

    #[test]
    fn names_have_a_last_part() {
        let parts = ["app/web/", "app/web/port", "x", "x/", "/", "a//", ""].map(last_part);
        assert_eq!(parts, ["web/", "port", "x", "x/", "/", "/", ""]);
    }

    #[test]
    fn a_large_level_is_bounded_and_searched_as_a_whole() {
        let names: Vec<String> = (0..100_000).map(|n| format!("big/k{n:05}")).collect();
        let json = serde_json::to_vec(&names).unwrap();
        let mut browser = Browser::default();
        let level = Level::read("big/", &json, false).unwrap();
        browser.take_level("big/".to_owned(), Ok(level), 1);
        let mut table = TableState::default();
        browser.seek("big/", &table);
        assert_eq!(browser.counts(), (MAX_SHOWN, 100_000));
        assert_eq!(browser.shown().next(), Some(("big/k00000", false)));
        table.set_filter("k99999$");
        browser.seek("big/", &table);
        assert_eq!(browser.shown().collect::<Vec<_>>(), [("big/k99999", false)]);
        browser.seek("other/", &table);
        assert_eq!(browser.counts(), (0, 0));
        assert!(browser.level("other/").is_none());
    }
}
