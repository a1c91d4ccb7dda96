//! Who may be a member of the pools: section 13.3 of the wire format. Texts are Consul's.

use std::collections::HashMap;
use std::time::Duration;

use crate::agent::gossip::serf::{Member, Policy};
use crate::agent::gossip::wire::Tags;
use crate::model::duration::parse_go_duration;
use crate::model::member::MemberStatus;

use super::server_tags::{SERVER_ROLE, ServerInfo, Version, version};
use super::tags::CLIENT_ROLE;

/// Since this version of Consul node ids are random, so that two equal ones are a mistake.
const UNIQUE_IDS_SINCE: Version = (0, 8, 5);

/// The LAN pool's rule: agents of one datacenter, each with a node id of its own.
#[derive(Debug, Clone)]
pub struct LanPolicy {
    /// This agent's name.
    pub node_name: String,
    /// This agent's node id.
    pub node_id: String,
    /// This agent's datacenter.
    pub datacenter: String,
}

/// The WAN pool's rule: servers only.
#[derive(Debug, Clone, Copy)]
pub struct WanPolicy;

fn tag<'a>(tags: &'a Tags, key: &str) -> &'a str {
    tags.get(key).map_or("", String::as_str)
}

fn server(member: &Member) -> Option<ServerInfo> {
    ServerInfo::parse(
        &member.name,
        member.address.ip(),
        member.status,
        &member.tags,
    )
}

/// Whether the member's id may be that of its machine. Agents so old know no segments either; ours, whose version
/// numbers are lower, do.
fn has_old_id(member: &Member) -> bool {
    !member.tags.contains_key("segment")
        && version(&member.tags).is_some_and(|version| version < UNIQUE_IDS_SINCE)
}

impl LanPolicy {
    /// The id must be neither ours nor another member's.
    fn check_id<'a>(
        &self,
        member: &'a Member,
        known: &mut HashMap<&'a str, &'a str>,
    ) -> Result<(), String> {
        let (name, id) = (&*member.name, tag(&member.tags, "id"));
        if id.is_empty() {
            return Ok(());
        }
        if id == self.node_id && name != self.node_name {
            return Err(format!(
                "Member '{name}' has conflicting node ID '{id}' with this agent's ID"
            ));
        }
        if let Some(other) = known.get(id).filter(|other| **other != name) {
            return Err(format!(
                "Member '{name}' has conflicting node ID '{id}' with member '{other}'"
            ));
        }
        if !has_old_id(member) {
            known.insert(id, name);
        }
        Ok(())
    }

    fn check_place(&self, member: &Member) -> Result<(), String> {
        let name = &member.name;
        let (role, dc) = (tag(&member.tags, "role"), tag(&member.tags, "dc"));
        let is_agent = role == CLIENT_ROLE || role == SERVER_ROLE && server(member).is_some();
        if is_agent && dc != self.datacenter {
            return Err(format!("Member '{name}' part of wrong datacenter '{dc}'"));
        }
        let segment = tag(&member.tags, "segment");
        if !segment.is_empty() {
            return Err(format!(
                "Member '{name}' part of wrong segment '{segment}' (expected '')"
            ));
        }
        Ok(())
    }
}

impl Policy for LanPolicy {
    fn accepts(&mut self, members: &[Member]) -> Result<(), String> {
        let mut known = HashMap::new();
        // Who has left keeps neither id nor place.
        let present = |member: &&Member| member.status != MemberStatus::Left;
        for member in members.iter().filter(present) {
            self.check_id(member, &mut known)?;
            self.check_place(member)?;
        }
        Ok(())
    }

    /// A member may say in its tag `rc_tm` how long it wants to be waited for.
    fn reconnect_timeout(&self, member: &Member, default: Duration) -> Duration {
        let wish = member
            .tags
            .get("rc_tm")
            .and_then(|text| parse_go_duration(text).ok())
            .and_then(|nanoseconds| u64::try_from(nanoseconds).ok())
            .filter(|nanoseconds| *nanoseconds > 0);
        wish.map_or(default, Duration::from_nanos)
    }
}

impl Policy for WanPolicy {
    fn accepts(&mut self, members: &[Member]) -> Result<(), String> {
        match members.iter().find(|member| server(member).is_none()) {
            Some(member) => Err(format!("Member '{}' is not a server", member.name)),
            None => Ok(()),
        }
    }

    fn reconnect_timeout(&self, _: &Member, default: Duration) -> Duration {
        default
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::agent::gossip::wire::Versions;

    fn member(name: &str, changes: &[(&str, &str)]) -> Member {
        let whole = [("role", "node"), ("dc", "dc1"), ("build", "1.8.7:")];
        let pairs = whole.iter().chain(changes);
        let tags: Tags = pairs
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        Member {
            name: name.into(),
            address: ([127, 0, 0, 1], 8301).into(),
            tags: Arc::new(tags),
            status: MemberStatus::Alive,
            versions: Versions::CONSUL,
        }
    }

    fn lan(members: &[Member]) -> Result<(), String> {
        let mut policy = LanPolicy {
            node_name: "n1".to_owned(),
            node_id: "own".to_owned(),
            datacenter: "dc1".to_owned(),
        };
        policy.accepts(members)
    }

    const SERVER: [(&str, &str); 3] = [("role", "consul"), ("port", "8300"), ("vsn", "2")];

    #[test]
    fn ids_are_unique() {
        let refused = lan(&[member("n2", &[("id", "own")])]).unwrap_err();
        assert_eq!(
            refused,
            "Member 'n2' has conflicting node ID 'own' with this agent's ID"
        );
        let twins = [member("n2", &[("id", "a")]), member("n3", &[("id", "a")])];
        assert_eq!(
            lan(&twins).unwrap_err(),
            "Member 'n3' has conflicting node ID 'a' with member 'n2'"
        );
    }

    #[test]
    fn ids_of_those_who_left_and_of_old_agents_do_not_count() {
        assert_eq!(lan(&[member("n1", &[("id", "own")])]), Ok(()));
        let mut gone = member("n2", &[("id", "own")]);
        gone.status = MemberStatus::Left;
        assert_eq!(lan(&[gone]), Ok(()));
        let old = [("id", "a"), ("build", "0.8.4:")];
        assert_eq!(lan(&[member("n2", &old), member("n3", &old)]), Ok(()));
        let ours = [("id", "a"), ("build", "0.1.0:"), ("segment", "")];
        assert!(lan(&[member("n2", &ours), member("n3", &ours)]).is_err());
        assert_eq!(lan(&[member("n2", &[]), member("n3", &[])]), Ok(()));
    }

    #[test]
    fn other_datacenters_and_segments_stay_outside() {
        let refused = lan(&[member("n2", &[("dc", "dc9")])]).unwrap_err();
        assert_eq!(refused, "Member 'n2' part of wrong datacenter 'dc9'");
        let far = [&SERVER[..], &[("dc", "dc9")]].concat();
        assert!(lan(&[member("n2", &far)]).is_err());
        let refused = lan(&[member("n2", &[("segment", "alpha")])]).unwrap_err();
        assert_eq!(
            refused,
            "Member 'n2' part of wrong segment 'alpha' (expected '')"
        );
        // Members that are no agents have no datacenter.
        assert_eq!(lan(&[member("n2", &[("role", "web"), ("dc", "")])]), Ok(()));
    }

    #[test]
    fn the_wan_pool_is_for_servers() {
        assert_eq!(WanPolicy.accepts(&[member("n1.dc1", &SERVER)]), Ok(()));
        let mixed = [member("n1.dc1", &SERVER), member("n2", &[])];
        assert_eq!(
            WanPolicy.accepts(&mixed).unwrap_err(),
            "Member 'n2' is not a server"
        );
    }

    #[test]
    fn a_member_says_how_long_it_is_waited_for() {
        let policy = LanPolicy {
            node_name: String::new(),
            node_id: String::new(),
            datacenter: String::new(),
        };
        let default = Duration::from_hours(72);
        let wanted =
            |text: &str| policy.reconnect_timeout(&member("a", &[("rc_tm", text)]), default);
        assert_eq!(wanted("90s"), Duration::from_secs(90));
        for nonsense in ["", "0s", "-5s", "soon"] {
            assert_eq!(wanted(nonsense), default, "{nonsense}");
        }
    }
}
