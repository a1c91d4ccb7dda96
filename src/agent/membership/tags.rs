//! What this agent says of itself in its pools: section 13.2 of the wire format.

use crate::agent::config::Config;
use crate::agent::gossip::wire::Tags;
use crate::model::agent::{REVISION, VERSION};
use crate::model::duration::format_go_duration;
use crate::model::member::Member;

use super::pool_kind::PoolKind;
use super::server_tags::SERVER_ROLE;

/// The user event by which a new leader makes itself known; its payload is the node's name.
pub const NEW_LEADER: &str = "consul:new-leader";

/// The role of clients.
pub(super) const CLIENT_ROLE: &str = "node";
/// The agents' protocol that we speak, and the range that we understand.
const PROTOCOL: [(&str, &str); 3] = [("vsn", "2"), ("vsn_max", "3"), ("vsn_min", "2")];
/// Characters of the revision in the `build` tag.
const REVISION_LENGTH: usize = 8;

/// Whether a member is an agent of this datacenter: others have no place in its catalog.
pub fn is_agent_of(member: &Member, datacenter: &str) -> bool {
    let tag = |key: &str| member.tags.get(key).map(String::as_str);
    matches!(tag("role"), Some(SERVER_ROLE | CLIENT_ROLE)) && tag("dc") == Some(datacenter)
}

/// The agent's tags in a pool.
pub(super) fn own_tags(config: &Config, node_id: &str, pool: PoolKind) -> Tags {
    let role = if config.node.server {
        SERVER_ROLE
    } else {
        CLIENT_ROLE
    };
    let revision: String = REVISION.chars().take(REVISION_LENGTH).collect();
    let build = format!("{VERSION}:{revision}");
    let mut tags: Tags = [
        ("role", role),
        ("dc", &config.node.datacenter),
        ("segment", ""),
        ("id", node_id),
        ("acls", "0"),
        ("build", &build),
    ]
    .into_iter()
    .chain(PROTOCOL)
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect();
    if config.node.server {
        tags.extend(server_only(config, pool));
    } else if !config.gossip.advertise_reconnect_timeout.is_zero() {
        let nanoseconds = config.gossip.advertise_reconnect_timeout.as_nanos();
        let text = format_go_duration(i64::try_from(nanoseconds).unwrap_or(i64::MAX));
        tags.insert("rc_tm".to_owned(), text);
    }
    tags
}

fn server_only(config: &Config, pool: PoolKind) -> Tags {
    let node = &config.node;
    let ports = &config.addresses.ports;
    let wan = ports.serf_wan.filter(|_| pool == PoolKind::Lan);
    let expect = (node.bootstrap_expect > 0).then_some(node.bootstrap_expect);
    let one = |set: bool| set.then(|| "1".to_owned());
    let tags = [
        ("raft_vsn", Some("3".to_owned())),
        ("port", Some(ports.server.unwrap_or(0).to_string())),
        ("ft_fs", one(true)),
        ("ft_si", one(true)),
        ("wan_join_port", wan.map(|port| port.to_string())),
        ("bootstrap", one(node.bootstrap)),
        ("expect", expect.map(|expect| expect.to_string())),
        ("nonvoter", one(node.read_replica)),
        ("read_replica", one(node.read_replica)),
    ];
    tags.into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::membership::ServerInfo;
    use crate::agent::membership::pools::tests::config;
    use crate::model::member::MemberStatus;

    #[test]
    fn a_server_is_recognised_by_its_own_tags() {
        let config = config("server = true bootstrap_expect = 3 data_dir = \"d\"");
        for (pool, wan_join_port) in [(PoolKind::Lan, Some(8302)), (PoolKind::Wan, None)] {
            let tags = own_tags(&config, "id", pool);
            let ip = [127, 0, 0, 1].into();
            let server = ServerInfo::parse("n1", ip, MemberStatus::Alive, &tags).unwrap();
            assert_eq!(server.wan_join_port, wan_join_port);
            assert_eq!((server.rpc.port(), server.expect), (8300, 3));
            assert!(!server.bootstrap && !server.non_voter);
        }
    }

    #[test]
    fn a_client_says_less() {
        let config = config("data_dir = \"d\" advertise_reconnect_timeout = \"15s\"");
        let tags = own_tags(&config, "id", PoolKind::Lan);
        let keys: Vec<&str> = tags.keys().map(String::as_str).collect();
        let expected = [
            "acls", "build", "dc", "id", "rc_tm", "role", "segment", "vsn", "vsn_max", "vsn_min",
        ];
        assert_eq!(keys, expected);
        assert_eq!(
            (tags["role"].as_str(), tags["rc_tm"].as_str()),
            ("node", "15s")
        );
    }

    #[test]
    fn agents_of_this_datacenter_are_told_from_others() {
        let member = |role: &str, dc: &str| Member {
            tags: [("role", role), ("dc", dc)]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            ..Member::default()
        };
        assert!(is_agent_of(&member("node", "dc1"), "dc1"));
        assert!(is_agent_of(&member("consul", "dc1"), "dc1"));
        assert!(!is_agent_of(&member("consul", "dc2"), "dc1"));
        assert!(!is_agent_of(&member("web", "dc1"), "dc1"));
        assert!(!is_agent_of(&Member::default(), "dc1"));
    }
}
