//! Whom this agent could ask: the numbers of `info`.

use std::collections::BTreeSet;

use crate::model::member::{Member, MemberStatus};

use super::server_tags::ServerInfo;

/// How many servers of the LAN pool a client could ask.
pub fn known_servers(lan: &[Member]) -> usize {
    lan.iter()
        .filter_map(ServerInfo::of)
        .filter(ServerInfo::is_present)
        .count()
}

/// How many datacenters a server knows: its own, and those of servers in the WAN pool that have not left.
/// One whose servers have all failed stays known.
pub fn known_datacenters(own: &str, wan: &[Member]) -> usize {
    let others = wan
        .iter()
        .filter(|member| member.member_status() != MemberStatus::Left)
        .filter_map(ServerInfo::of)
        .map(|server| server.datacenter);
    let all: BTreeSet<String> = others.chain([own.to_owned()]).collect();
    all.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(dc: &str, status: MemberStatus) -> Member {
        let tags = [
            ("role", "consul"),
            ("dc", dc),
            ("port", "8300"),
            ("vsn", "2"),
            ("build", "1.8.7:"),
        ];
        Member {
            addr: "127.0.0.1".to_owned(),
            tags: tags
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            status: status as i64,
            ..Member::default()
        }
    }

    #[test]
    fn those_who_can_be_asked_are_counted() {
        let members = [
            server("dc1", MemberStatus::Alive),
            server("dc1", MemberStatus::Leaving),
            server("dc1", MemberStatus::Failed),
            server("dc1", MemberStatus::Left),
            Member::default(),
        ];
        assert_eq!(known_servers(&members), 2);
    }

    #[test]
    fn a_datacenter_is_known_until_its_servers_have_left() {
        let members = [
            server("dc1", MemberStatus::Alive),
            server("dc2", MemberStatus::Failed),
            server("dc3", MemberStatus::Left),
        ];
        assert_eq!(known_datacenters("dc1", &members), 2);
        assert_eq!(known_datacenters("dc1", &[]), 1);
    }
}
