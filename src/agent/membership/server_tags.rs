//! Which members are servers: section 13.2 of the wire format.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::agent::gossip::wire::Tags;
use crate::model::member::{Member, MemberStatus};

/// The role of servers.
pub(super) const SERVER_ROLE: &str = "consul";

/// A server, as it describes itself in its tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerInfo {
    /// The member's name: `node` in the LAN pool, `node.dc` in the WAN pool.
    pub name: String,
    /// Its node UUID; old servers have none.
    pub id: String,
    /// Its datacenter.
    pub datacenter: String,
    /// Where it answers other agents.
    pub rpc: SocketAddr,
    /// Where it gossips with other datacenters, when it says so (LAN pool only).
    pub wan_join_port: Option<u16>,
    /// The servers that it waits for before the first election; 0 when it does not.
    pub expect: u32,
    /// Whether it may elect itself.
    pub bootstrap: bool,
    /// Whether it takes no part in the quorum.
    pub non_voter: bool,
    /// Its version.
    pub version: Version,
    /// What serf thinks of it.
    pub status: MemberStatus,
}

/// The three numbers of a version, compared in order.
pub(super) type Version = (u64, u64, u64);

impl ServerInfo {
    /// The server behind a member; `None` when it is none, or its tags make no sense.
    pub fn of(member: &Member) -> Option<Self> {
        let ip = member.addr.parse().ok()?;
        Self::parse(&member.name, ip, member.member_status(), &member.tags)
    }

    /// As [`Self::of`], from the parts of a member.
    pub fn parse(name: &str, ip: IpAddr, status: MemberStatus, tags: &Tags) -> Option<Self> {
        let tag = |key: &str| tags.get(key).map(String::as_str);
        if tag("role") != Some(SERVER_ROLE) {
            return None;
        }
        let port = tag("port")?.parse().ok()?;
        tag("vsn")?.parse::<i64>().ok()?;
        optional::<i64>(tags, "raft_vsn")?;
        let features = tags.keys().filter(|key| key.starts_with("ft_"));
        for feature in features {
            optional::<i64>(tags, feature)?;
        }
        let segments = tags.iter().filter(|(key, _)| key.starts_with("sl_"));
        for (_, address) in segments {
            address.parse::<SocketAddr>().ok()?;
        }
        Some(Self {
            name: name.to_owned(),
            id: tag("id").unwrap_or_default().to_owned(),
            datacenter: tag("dc").unwrap_or_default().to_owned(),
            rpc: SocketAddr::new(ip, port),
            wan_join_port: optional(tags, "wan_join_port")?.filter(|port| *port > 0),
            expect: optional(tags, "expect")?.unwrap_or(0),
            bootstrap: tags.contains_key("bootstrap"),
            non_voter: tags.contains_key("nonvoter") || tags.contains_key("read_replica"),
            version: version(tags)?,
            status,
        })
    }

    /// Whether it can be asked: it is there, though it may be about to leave.
    pub fn is_present(&self) -> bool {
        matches!(self.status, MemberStatus::Alive | MemberStatus::Leaving)
    }
}

impl fmt::Display for ServerInfo {
    /// As Consul's log names servers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            rpc,
            datacenter,
            ..
        } = self;
        write!(f, "{name} (Addr: tcp/{rpc}) (DC: {datacenter})")
    }
}

/// A tag that must be a number when it is there: the outer `None` refuses the server.
#[expect(
    clippy::option_option,
    reason = "absent, present and malformed are three answers, and `?` takes the last one"
)]
fn optional<T: std::str::FromStr>(tags: &Tags, key: &str) -> Option<Option<T>> {
    match tags.get(key) {
        None => Some(None),
        Some(text) => text.parse().ok().map(Some),
    }
}

/// The first three numbers with dots between them in the `build` tag.
pub(super) fn version(tags: &Tags) -> Option<Version> {
    let build = tags.get("build")?;
    build
        .char_indices()
        .filter(|(_, c)| c.is_ascii_digit())
        .find_map(|(at, _)| version_at(&build[at..]))
}

/// Three numbers with dots at the beginning of a text.
fn version_at(text: &str) -> Option<Version> {
    let mut rest = text;
    let mut number = |last: bool| {
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let number = rest[..end].parse::<u64>().ok()?;
        rest = if last {
            ""
        } else {
            rest[end..].strip_prefix('.')?
        };
        Some(number)
    };
    Some((number(false)?, number(false)?, number(true)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(changes: &[(&str, &str)]) -> Tags {
        let whole = [
            ("role", "consul"),
            ("dc", "dc1"),
            ("id", "1234"),
            ("port", "8300"),
            ("vsn", "2"),
            ("build", "1.8.7:"),
            ("expect", "3"),
            ("wan_join_port", "8302"),
            ("ft_fs", "1"),
        ];
        let pairs = whole.iter().chain(changes);
        pairs
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn parse(tags: &Tags) -> Option<ServerInfo> {
        let ip = IpAddr::from([127, 0, 0, 1]);
        ServerInfo::parse("n1", ip, MemberStatus::Alive, tags)
    }

    #[test]
    fn a_server_is_read() {
        let server = parse(&tags(&[])).unwrap();
        assert_eq!(server.rpc, SocketAddr::from(([127, 0, 0, 1], 8300)));
        assert_eq!((server.expect, server.wan_join_port), (3, Some(8302)));
        assert_eq!(server.version, (1, 8, 7));
        assert_eq!(
            server.to_string(),
            "n1 (Addr: tcp/127.0.0.1:8300) (DC: dc1)"
        );
    }

    #[test]
    fn whoever_says_nonsense_is_no_server() {
        for change in [
            ("role", "node"),
            ("port", "x"),
            ("port", "70000"),
            ("vsn", ""),
            ("expect", "-"),
            ("raft_vsn", "three"),
            ("wan_join_port", "eight"),
            ("ft_si", "yes"),
            ("sl_alpha", "nowhere"),
            ("build", "unknown"),
            ("build", "1.2"),
        ] {
            assert_eq!(parse(&tags(&[change])), None, "{change:?}");
        }
        let mut without = tags(&[]);
        without.remove("vsn");
        assert_eq!(parse(&without), None);
    }

    #[test]
    fn versions_are_found_in_builds() {
        for (build, expected) in [
            ("1.10.0:abcdef12", Some((1, 10, 0))),
            ("v0.8.5dev", Some((0, 8, 5))),
            ("7-1.2.3", Some((1, 2, 3))),
            ("1.2.x 3.4.5", Some((3, 4, 5))),
            ("1..2.3", None),
            ("", None),
            (
                "99999999999999999999.1.1",
                Some((9_999_999_999_999_999_999, 1, 1)),
            ),
        ] {
            assert_eq!(version(&tags(&[("build", build)])), expected, "{build}");
        }
    }
}
