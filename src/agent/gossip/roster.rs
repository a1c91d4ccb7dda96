//! The list of members as it was published last, to notice changes without building it anew.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use super::serf::Member;
use crate::model::member::Member as PublicMember;

/// What was published last.
#[derive(Debug, Default)]
pub(super) struct Roster {
    /// Of all that the list shows; tags count by identity, as they are replaced and never changed.
    fingerprint: Option<u64>,
    /// Keeps the tags of the fingerprint alive, so that no others can come to lie in their place.
    tags: Vec<Arc<super::wire::Tags>>,
}

impl Roster {
    /// The list sorted by name, if it is another one than last time.
    pub(super) fn changed(&mut self, members: &[&Member]) -> Option<Vec<PublicMember>> {
        let mut hasher = DefaultHasher::new();
        for member in members {
            member.name.hash(&mut hasher);
            member.address.hash(&mut hasher);
            Arc::as_ptr(&member.tags).hash(&mut hasher);
            hasher.write_u8(member.status as u8);
            hasher.write(member.versions.as_slice());
        }
        let fingerprint = Some(hasher.finish());
        if fingerprint == self.fingerprint {
            return None;
        }
        self.fingerprint = fingerprint;
        self.tags = members
            .iter()
            .map(|member| Arc::clone(&member.tags))
            .collect();
        let mut list: Vec<PublicMember> = members.iter().map(|member| member.to_public()).collect();
        list.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Some(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::gossip::wire::{Tags, Versions};
    use crate::model::member::MemberStatus;

    fn list(roster: &mut Roster, members: &[Member]) -> Option<Vec<PublicMember>> {
        roster.changed(&members.iter().collect::<Vec<_>>())
    }

    fn member(name: &str) -> Member {
        Member {
            name: name.into(),
            address: "127.0.0.1:8301".parse().unwrap(),
            tags: Arc::new(Tags::new()),
            status: MemberStatus::Alive,
            versions: Versions::CONSUL,
        }
    }

    #[test]
    fn only_changes_are_published_and_sorted() {
        let mut roster = Roster::default();
        let mut members = vec![member("b"), member("a")];
        let shown = list(&mut roster, &members).expect("is new");
        assert_eq!(shown[0].name, "a");
        assert_eq!(shown[1].name, "b");
        assert!(list(&mut roster, &members).is_none());
        members[0].status = MemberStatus::Leaving;
        let shown = list(&mut roster, &members).expect("has changed");
        assert_eq!(shown[1].status, MemberStatus::Leaving as i64);
        members[1].tags = Arc::new(Tags::from([("role".to_owned(), "x".to_owned())]));
        let shown = list(&mut roster, &members).expect("has changed");
        assert_eq!(shown[0].tags["role"], "x");
        members[0].address = "127.0.0.2:8301".parse().unwrap();
        assert!(list(&mut roster, &members).is_some());
        members.pop();
        assert_eq!(list(&mut roster, &members).expect("has changed").len(), 1);
        assert!(list(&mut roster, &members).is_none());
    }
}
