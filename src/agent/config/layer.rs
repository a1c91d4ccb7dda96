//! One source's settings, flat by dotted key, and how sources are laid on top of each other.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value as Json;

/// Where a setting was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// By the agent itself.
    Default,
    /// On the command line, by the flag of this name.
    Flag(&'static str),
    /// In a file, an `-hcl` fragment or an environment variable.
    File {
        /// Its name, as given.
        name: Arc<str>,
        /// The line of the key, from 1.
        line: u32,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Flag(name) => write!(f, "flag -{name}"),
            Self::File { name, line } => write!(f, "{name}:{line}"),
        }
    }
}

/// A key's value and where it comes from.
#[derive(Clone, PartialEq)]
pub(super) struct Setting {
    /// The value, checked to be of the key's type.
    pub(super) value: Json,
    /// The last source that gave it.
    pub(super) origin: Origin,
    /// For a list, where each item comes from.
    pub(super) items: Vec<Origin>,
}

/// Values by dotted key. Its debug form shows keys only, as values may be secrets.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Layer {
    settings: BTreeMap<String, Setting>,
}

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.settings.keys()).finish()
    }
}

impl Layer {
    pub(super) fn get(&self, key: &str) -> Option<&Setting> {
        self.settings.get(key)
    }

    /// Sets a key; the items of a list all come from `origin`.
    pub(super) fn set(&mut self, key: &str, value: Json, origin: Origin) {
        let count = value.as_array().map_or(0, Vec::len);
        let items = vec![origin.clone(); count];
        self.lay(
            key,
            Setting {
                value,
                origin,
                items,
            },
        );
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<Setting> {
        self.settings.remove(key)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.settings.keys().map(String::as_str)
    }

    /// Makes every setting one that the operator did not give.
    pub(super) fn forget_origins(&mut self) {
        for setting in self.settings.values_mut() {
            setting.origin = Origin::Default;
            setting.items.fill(Origin::Default);
        }
    }

    /// Lays a later source on top: scalars override, lists append, objects overlay.
    pub(super) fn merge(&mut self, later: Self) {
        for (key, setting) in later.settings {
            self.lay(&key, setting);
        }
    }

    pub(super) fn lay(&mut self, key: &str, later: Setting) {
        let Some(earlier) = self.settings.get_mut(key) else {
            self.settings.insert(key.to_owned(), later);
            return;
        };
        earlier.origin = later.origin;
        match (&mut earlier.value, later.value) {
            (Json::Array(list), Json::Array(more)) => {
                list.extend(more);
                earlier.items.extend(later.items);
            }
            (Json::Object(object), Json::Object(more)) => object.extend(more),
            (value, later) => *value = later,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn scalars_override_lists_append_objects_overlay() {
        let mut layer = Layer::default();
        layer.set("a", json!(1), Origin::Default);
        layer.set("b", json!(["x"]), Origin::Default);
        layer.set("c", json!({"k": 1, "l": 1}), Origin::Default);
        let mut later = Layer::default();
        later.set("a", json!(2), Origin::Flag("a"));
        later.set("b", json!(["y"]), Origin::Flag("b"));
        later.set("c", json!({"l": 2}), Origin::Flag("c"));
        layer.merge(later);
        let value = |key| layer.get(key).unwrap().value.clone();
        assert_eq!(value("a"), json!(2));
        assert_eq!(value("b"), json!(["x", "y"]));
        assert_eq!(value("c"), json!({"k": 1, "l": 2}));
        let items = &layer.get("b").unwrap().items;
        assert_eq!(items, &[Origin::Default, Origin::Flag("b")]);
        assert_eq!(layer.get("a").unwrap().origin, Origin::Flag("a"));
    }
}
