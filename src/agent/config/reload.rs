//! What a reload can change, and what needs a restart.

use super::runtime::Config;

/// Keys, and sections with all their keys, that take effect without a restart.
const RELOADABLE: &[&str] = &[
    "checks",
    "dns_config",
    "limits.http_max_conns_per_client",
    "log_level",
    "node_meta",
    "recursors",
    "services",
];

/// The keys that differ between two configurations and cannot take effect before a restart, sorted.
pub fn reload_diff(old: &Config, new: &Config) -> Vec<String> {
    let (old, new) = (&old.effective, &new.effective);
    let mut keys: Vec<&str> = old.keys().chain(new.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.into_iter()
        .filter(|key| !is_reloadable(key))
        .filter(|key| old.get(key).map(|it| &it.value) != new.get(key).map(|it| &it.value))
        .map(str::to_owned)
        .collect()
}

fn is_reloadable(key: &str) -> bool {
    RELOADABLE.iter().any(|reloadable| {
        key.strip_prefix(reloadable)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}
