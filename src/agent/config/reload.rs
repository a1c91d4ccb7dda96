//! What a reload can change, and what needs a restart.

use super::runtime::Config;

impl Config {
    /// Takes over from a newer configuration what can take effect without a restart. The rest stays what the
    /// agent runs with, and is told again by [`reload_diff`] at the next reload.
    pub fn adopt_reloadable(&mut self, new: &Self) {
        self.node.meta.clone_from(&new.node.meta);
        self.check.update_interval = new.check.update_interval;
        self.check.discard_output = new.check.discard_output;
        self.dns = new.dns.clone();
        self.limits.http_max_conns_per_client = new.limits.http_max_conns_per_client;
        self.log.level.clone_from(&new.log.level);
        self.services.clone_from(&new.services);
        self.checks.clone_from(&new.checks);
        self.watches.clone_from(&new.watches);
    }
}

/// Keys, and sections with all their keys, that take effect without a restart.
const RELOADABLE: &[&str] = &[
    "check_update_interval",
    "checks",
    "discard_check_output",
    "dns_config",
    "limits.http_max_conns_per_client",
    "log_level",
    "node_meta",
    "recursors",
    "services",
    "watches",
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
