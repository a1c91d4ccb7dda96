//! Two promises that are cheaper to check than an order.

use std::collections::BTreeMap;

/// The first place at which the indexes that one client saw, one read after the other, go backwards.
pub(crate) fn goes_backwards(seen: &[u64]) -> Option<(u64, u64)> {
    seen.windows(2)
        .find(|pair| pair[1] < pair[0])
        .map(|pair| (pair[0], pair[1]))
}

/// The acknowledged writes, by key and value, that are not there any more. For keys that are written once and never
/// removed.
pub(crate) fn lost<'a>(
    acknowledged: &'a BTreeMap<String, String>,
    found: &BTreeMap<String, String>,
) -> Vec<(&'a str, &'a str)> {
    let missing = acknowledged
        .iter()
        .filter(|(key, value)| found.get(*key) != Some(*value));
    missing
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect()
}
