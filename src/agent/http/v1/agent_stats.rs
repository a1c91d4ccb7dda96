//! The sections of `info`.

use crate::agent::http::context::Context;
use crate::agent::telemetry::host::runtime_facts;
use crate::model::agent::{REVISION, Stats, VERSION};
use crate::model::node::StringMap;

fn owned(pairs: impl IntoIterator<Item = (&'static str, String)>) -> StringMap {
    pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

/// All sections with true values; every value is text, as Consul's are.
pub(super) async fn stats(context: &Context) -> Stats {
    let leader = context.raft.leader();
    let mut stats = Stats::new();
    let local = context.local.stats();
    stats.insert(
        "agent".to_owned(),
        owned([
            ("check_monitors", local.check_monitors.to_string()),
            ("check_ttls", local.check_ttls.to_string()),
            ("checks", local.checks.to_string()),
            ("services", local.services.to_string()),
        ]),
    );
    stats.insert(
        "build".to_owned(),
        owned([
            ("prerelease", String::new()),
            ("revision", REVISION.to_owned()),
            ("version", VERSION.to_owned()),
        ]),
    );
    stats.insert(
        "consul".to_owned(),
        owned([
            ("acl", "disabled".to_owned()),
            ("bootstrap", context.facts.bootstrap.to_string()),
            ("known_datacenters", "1".to_owned()),
            ("leader", context.raft.is_leader().to_string()),
            (
                "leader_addr",
                leader.map(|leader| leader.address).unwrap_or_default(),
            ),
            ("server", "true".to_owned()),
        ]),
    );
    stats.insert("raft".to_owned(), owned(context.raft.stats().entries()));
    stats.insert("runtime".to_owned(), owned(runtime_facts().pairs()));
    stats.insert("serf_lan".to_owned(), context.lan.info().await);
    if let Some(wan) = &context.wan {
        stats.insert("serf_wan".to_owned(), wan.info().await);
    }
    stats
}
