//! Where settings come from: flags, files and fragments, before they are merged.

/// A value that the command line gives to a configuration key.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum SettingValue {
    /// One text; durations and addresses are interpreted later.
    Text(String),
    /// One integer.
    Number(i64),
    /// One boolean.
    Switch(bool),
    /// The values of a flag that may be repeated.
    List(Vec<String>),
}

/// A flag's value and the key that it sets.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Setting {
    /// Name of the flag, without dashes, for error messages.
    pub(super) flag: &'static str,
    /// Dotted path of the configuration key.
    pub(super) key: &'static str,
    /// The value as given.
    pub(super) value: SettingValue,
}

impl Setting {
    pub(super) fn new(flag: &'static str, key: &'static str, value: SettingValue) -> Self {
        Self { flag, key, value }
    }
}
