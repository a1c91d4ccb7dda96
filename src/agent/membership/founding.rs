//! When a new cluster may be formed, and by whom: Consul's rules for `-bootstrap-expect`. Pure.

use std::collections::BTreeSet;

use crate::model::member::MemberStatus;

use super::server_tags::ServerInfo;

/// What a server without a cluster does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Founding {
    /// Too few servers are known.
    Wait,
    /// What a server says of itself keeps this one from forming a cluster.
    Conflict {
        /// The server's name.
        member: String,
        /// What is wrong, in Consul's words.
        why: &'static str,
    },
    /// There are enough servers, and another one of them forms the cluster.
    Theirs,
    /// There are enough servers, and this one forms the cluster of these, itself included.
    Ours(Vec<ServerInfo>),
}

/// Decides for the server with the UUID `own`, which expects `expect` servers in its datacenter.
///
/// Only living servers count. Of all who see the same servers the one with the lowest UUID acts: that is not
/// Consul's rule, where all act at once, which works only as long as all see the same.
pub fn founding(own: &str, datacenter: &str, expect: u32, servers: &[ServerInfo]) -> Founding {
    let mut founders: Vec<ServerInfo> = Vec::new();
    for server in servers {
        if server.datacenter != datacenter || server.status != MemberStatus::Alive {
            continue;
        }
        let conflict = |why| Founding::Conflict {
            member: server.name.clone(),
            why,
        };
        if server.expect != 0 && server.expect != expect {
            return conflict(
                "Member has a conflicting expect value. All nodes should expect the same number",
            );
        }
        if server.bootstrap {
            return conflict("Member has bootstrap mode. Expect disabled");
        }
        founders.push(server.clone());
    }
    let voters = founders.iter().filter(|server| !server.non_voter).count();
    if voters < usize::try_from(expect).unwrap_or(usize::MAX) {
        return Founding::Wait;
    }
    // Old servers that tell no UUID cannot be named in a configuration.
    let ids: BTreeSet<&str> = founders.iter().map(|server| server.id.as_str()).collect();
    if ids.len() != founders.len() || ids.contains("") {
        return Founding::Wait;
    }
    if ids.first() == Some(&own) {
        Founding::Ours(founders)
    } else {
        Founding::Theirs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(id: &str) -> ServerInfo {
        ServerInfo {
            name: format!("n-{id}"),
            id: id.to_owned(),
            datacenter: "dc1".to_owned(),
            rpc: ([127, 0, 0, 1], 8300).into(),
            wan_join_port: None,
            expect: 3,
            bootstrap: false,
            non_voter: false,
            version: (1, 10, 0),
            status: MemberStatus::Alive,
        }
    }

    fn decide(servers: &[ServerInfo]) -> Founding {
        founding("a", "dc1", 3, servers)
    }

    #[test]
    fn the_expected_number_decides() {
        let all = ["c", "a", "b"].map(server);
        assert_eq!(decide(&all[..2]), Founding::Wait);
        assert_eq!(decide(&all), Founding::Ours(all.to_vec()));
        assert_eq!(founding("b", "dc1", 3, &all), Founding::Theirs);
        let four = ["a", "b", "c", "d"].map(server);
        assert_eq!(decide(&four), Founding::Ours(four.to_vec()));
    }

    #[test]
    fn only_living_voters_of_the_datacenter_count() {
        let changes: [fn(&mut ServerInfo); 4] = [
            |s| s.status = MemberStatus::Failed,
            |s| s.status = MemberStatus::Leaving,
            |s| s.datacenter = "dc2".to_owned(),
            |s| s.non_voter = true,
        ];
        for change in changes {
            let mut all = ["a", "b", "c"].map(server);
            change(&mut all[2]);
            assert_eq!(decide(&all), Founding::Wait);
        }
    }

    #[test]
    fn a_server_that_contradicts_stops_it() {
        let changes: [fn(&mut ServerInfo); 2] = [|s| s.expect = 5, |s| s.bootstrap = true];
        for change in changes {
            let mut all = ["a", "b", "c", "d"].map(server);
            change(&mut all[3]);
            assert!(
                matches!(decide(&all), Founding::Conflict { member, .. } if member == "n-d"),
                "{all:?}"
            );
        }
    }

    #[test]
    fn servers_without_an_id_of_their_own_are_waited_for() {
        for id in ["", "b"] {
            assert_eq!(decide(&["a", "b", id].map(server)), Founding::Wait);
        }
    }
}
