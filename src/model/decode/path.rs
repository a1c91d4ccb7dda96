//! Where in the document decoding is.

use super::names::{go_name, is_self_decoding};

/// The way from the root to a value; every decoder on the way borrows from the one above.
#[derive(Debug, Clone, Copy)]
pub(super) enum Path<'a> {
    /// The document itself.
    Root,
    /// A field of a struct; `owner` is the struct's name.
    Field {
        parent: &'a Self,
        owner: &'static str,
        name: &'static str,
    },
    /// A map's value.
    Key { parent: &'a Self, key: &'a str },
    /// A list's element.
    Index { parent: &'a Self, index: usize },
}

impl<'a> Path<'a> {
    const fn parent(&self) -> Option<&'a Self> {
        match self {
            Self::Root => None,
            Self::Field { parent, .. } | Self::Key { parent, .. } | Self::Index { parent, .. } => {
                Some(parent)
            }
        }
    }

    /// The number of steps from the root.
    pub(super) fn depth(&self) -> usize {
        std::iter::successors(Some(self), |path| path.parent()).count() - 1
    }

    /// The path in the form that messages about configuration use: `services[0].check.interval`.
    pub(super) fn dotted(&self) -> String {
        let Some(parent) = self.parent() else {
            return String::new();
        };
        let mut text = parent.dotted();
        let name = match self {
            Self::Root => "",
            Self::Index { index, .. } => {
                text.push('[');
                text.push_str(&index.to_string());
                text.push(']');
                return text;
            }
            Self::Field { name, .. } => name,
            Self::Key { key, .. } => key,
        };
        if !text.is_empty() {
            text.push('.');
        }
        text.push_str(name);
        text
    }

    /// The path of a key inside this value.
    pub(super) fn dotted_with(&self, key: &str) -> String {
        Path::Key { parent: self, key }.dotted()
    }

    /// `Struct.Field.Field` as encoding/json words it; nothing at the root. Only fields count, and
    /// none inside a type that decodes itself.
    pub(super) fn go_field(&self) -> Option<String> {
        let mut fields: Vec<(&'static str, &'static str)> =
            std::iter::successors(Some(self), |path| path.parent())
                .filter_map(|path| match path {
                    Path::Field { owner, name, .. } => Some((*owner, *name)),
                    _ => None,
                })
                .collect();
        fields.reverse();
        let inner = fields
            .iter()
            .skip(1)
            .position(|(owner, _)| is_self_decoding(owner));
        fields.truncate(inner.map_or(fields.len(), |position| position + 1));
        let (owner, _) = *fields.last()?;
        let owner = if is_self_decoding(owner) {
            ""
        } else {
            go_name(owner)
        };
        let names: Vec<_> = fields.iter().map(|(_, name)| *name).collect();
        Some(format!("{owner}.{}", names.join(".")))
    }
}
