//! The sections of `info`.

use crate::agent::gossip::GossipHandle;
use crate::agent::http::context::Context;
use crate::agent::local::SyncStatus;
use crate::agent::membership::{known_datacenters, known_servers};
use crate::agent::raft::Raft;
use crate::agent::telemetry::host::runtime_facts;
use crate::model::agent::{REVISION, Stats, VERSION};
use crate::model::node::StringMap;

type Pair = (&'static str, String);

fn owned(pairs: impl IntoIterator<Item = Pair>) -> StringMap {
    pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

/// All sections with true values; every value is text, as Consul's are. A client has no raft and no WAN pool.
pub(super) async fn stats(context: &Context) -> Stats {
    let local = context.local.stats();
    let agent = owned([
        ("check_monitors", local.check_monitors.to_string()),
        ("check_ttls", local.check_ttls.to_string()),
        ("checks", local.checks.to_string()),
        ("services", local.services.to_string()),
    ]);
    let build = owned([
        ("prerelease", String::new()),
        ("revision", REVISION.to_owned()),
        ("version", VERSION.to_owned()),
    ]);
    let consul = match &context.raft {
        Some(raft) => server(context, raft),
        None => client(context),
    };
    let raft = context
        .raft
        .as_ref()
        .map(|raft| owned(raft.stats().entries()));
    let serf_wan = match &context.wan {
        Some(wan) => Some(wan.info().await),
        None => None,
    };
    let sections = [
        ("agent", Some(agent)),
        (
            "anti_entropy",
            Some(anti_entropy(&context.local.sync_status())),
        ),
        ("build", Some(build)),
        ("consul", Some(consul)),
        ("raft", raft),
        ("runtime", Some(owned(runtime_facts().pairs()))),
        ("serf_lan", Some(context.lan.info().await)),
        ("serf_wan", serf_wan),
    ];
    sections
        .into_iter()
        .filter_map(|(name, section)| Some((name.to_owned(), section?)))
        .collect()
}

fn server(context: &Context, raft: &Raft) -> StringMap {
    let leader = raft.leader();
    let datacenters = {
        let wan = context.wan.as_ref().map(GossipHandle::members);
        let members = wan.as_ref().map_or(&[][..], |members| members.as_slice());
        known_datacenters(&context.facts.datacenter, members)
    };
    owned([
        ("acl", "disabled".to_owned()),
        ("bootstrap", context.facts.bootstrap.to_string()),
        ("known_datacenters", datacenters.to_string()),
        ("leader", raft.is_leader().to_string()),
        (
            "leader_addr",
            leader.map(|leader| leader.address).unwrap_or_default(),
        ),
        ("server", "true".to_owned()),
    ])
}

/// Not among Consul's sections.
fn anti_entropy(status: &SyncStatus) -> StringMap {
    let last_full = status.since_last_full.map_or_else(
        || "never".to_owned(),
        |since| format!("{} s ago", since.as_secs()),
    );
    owned([
        ("failed_syncs", status.failed.to_string()),
        ("failures_in_a_row", status.failures_in_a_row.to_string()),
        ("full_syncs", status.full.to_string()),
        ("in_sync", status.in_sync.to_string()),
        ("last_full_sync", last_full),
        ("partial_syncs", status.partial.to_string()),
        ("pending_checks", status.pending_checks.to_string()),
        ("pending_removals", status.pending_removals.to_string()),
        ("pending_services", status.pending_services.to_string()),
    ])
}

fn client(context: &Context) -> StringMap {
    let servers = known_servers(&context.lan.members());
    owned([
        ("acl", "disabled".to_owned()),
        ("known_servers", servers.to_string()),
        ("server", "false".to_owned()),
    ])
}
