//! Rules for metadata of nodes and services, with Consul's texts.

use std::collections::BTreeMap;

/// Most pairs.
const MAX_PAIRS: usize = 64;
/// Longest key, in bytes.
const MAX_KEY_LENGTH: usize = 128;
/// Longest value, in bytes.
const MAX_VALUE_LENGTH: usize = 512;
/// Keys that begin like this are Consul's own.
const RESERVED_PREFIX: &str = "consul-";

/// Everything that is wrong with the pairs.
pub(super) fn problems(pairs: &BTreeMap<String, String>) -> Vec<String> {
    let mut problems = Vec::new();
    if pairs.len() > MAX_PAIRS {
        problems.push(format!(
            "Node metadata cannot contain more than {MAX_PAIRS} key/value pairs"
        ));
    }
    for (key, value) in pairs {
        if let Some(reason) = problem(key, value) {
            problems.push(format!(
                "Couldn't load metadata pair ('{key}', '{value}'): {reason}"
            ));
        }
    }
    problems
}

fn problem(key: &str, value: &str) -> Option<String> {
    let is_valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if key.is_empty() {
        Some("Key cannot be blank".into())
    } else if !key.chars().all(is_valid) {
        Some("Key contains invalid characters".into())
    } else if key.len() > MAX_KEY_LENGTH {
        Some(format!(
            "Key is too long (limit: {MAX_KEY_LENGTH} characters)"
        ))
    } else if key.starts_with(RESERVED_PREFIX) {
        Some(format!(
            "Key prefix '{RESERVED_PREFIX}' is reserved for internal use"
        ))
    } else if value.len() > MAX_VALUE_LENGTH {
        Some(format!(
            "Value is too long (limit: {MAX_VALUE_LENGTH} characters)"
        ))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_those_of_consul() {
        let long = "k".repeat(129);
        let cases = [
            (
                "a b",
                "c",
                "Couldn't load metadata pair ('a b', 'c'): Key contains invalid characters",
            ),
            (
                "",
                "a",
                "Couldn't load metadata pair ('', 'a'): Key cannot be blank",
            ),
            (
                "consul-x",
                "c",
                "Couldn't load metadata pair ('consul-x', 'c'): \
                 Key prefix 'consul-' is reserved for internal use",
            ),
        ];
        for (key, value, expected) in cases {
            assert_eq!(problems(&[(key.into(), value.into())].into()), [expected]);
        }
        assert!(problems(&[(long, "v".into())].into())[0].ends_with("(limit: 128 characters)"));
        assert!(problems(&[("Aa0_-".into(), "v".repeat(512))].into()).is_empty());
        let many = (0..65).map(|i| (format!("k{i}"), String::new())).collect();
        assert_eq!(
            problems(&many),
            ["Node metadata cannot contain more than 64 key/value pairs"]
        );
    }
}
