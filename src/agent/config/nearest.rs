//! "Did you mean": the known name that is closest to a mistyped one.

/// Longest name that is compared; a longer one is no slip of the finger.
const MAX_LENGTH: usize = 64;

/// The closest of `names`, if it is close enough to be what was meant.
pub(super) fn nearest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if wrong.len() > MAX_LENGTH {
        return None;
    }
    // A dash for an underscore, or CamelCase, is no distance.
    let plain = |name: &str| name.to_ascii_lowercase().replace(['-', '_'], "");
    let wrong = plain(wrong);
    let limit = (wrong.len() / 3).clamp(1, 3);
    names
        .map(|name| (distance(&wrong, &plain(name)), name))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, name)| name)
}

/// Edits (insert, remove, replace, swap neighbours) that turn one text into the other.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_other_spellings_only() {
        let names = ["server", "services", "data_dir", "datacenter", "ports"];
        let near = |wrong| nearest(wrong, names.into_iter());
        assert_eq!(near("serverr"), Some("server"));
        assert_eq!(near("data-dir"), Some("data_dir"));
        assert_eq!(near("DataDir"), Some("data_dir"));
        assert_eq!(near("datacentre"), Some("datacenter"));
        assert_eq!(near("prots"), Some("ports"));
        assert_eq!(near("color"), None);
        assert_eq!(near(&"x".repeat(10_000)), None);
    }
}
