//! What members know of each other.

use std::collections::BTreeMap;

use consulctl::agent::gossip::serf::Member;
use consulctl::model::member::MemberStatus;

use super::{HostId, Ring};

impl Ring {
    /// What a member knows of another one.
    pub(crate) fn member(&self, by: HostId, name: &str) -> Option<&Member> {
        self.serf(by).members().find(|member| *member.name == *name)
    }

    /// What a member thinks of another one.
    pub(crate) fn status(&self, by: HostId, of: HostId) -> MemberStatus {
        self.member(by, &self.hosts[of].name)
            .map_or(MemberStatus::None, |member| member.status)
    }

    /// Whether a member thinks that another one is alive.
    pub(crate) fn is_alive(&self, by: HostId, of: HostId) -> bool {
        self.status(by, of) == MemberStatus::Alive
    }

    /// The first machine whose member has this name.
    pub(crate) fn host_of(&self, name: &str) -> HostId {
        self.hosts
            .iter()
            .position(|host| *host.name == *name)
            .expect("the ring named all of them")
    }

    /// The members that run, in parts: from each member of a part to each other one there is a way along those
    /// who know the next one, alive or failed, by its present address.
    pub(crate) fn parts(&self) -> Vec<Vec<HostId>> {
        let mut parts: Vec<Vec<HostId>> = Vec::new();
        for id in self.running() {
            let (mut near, far): (Vec<_>, Vec<_>) = std::mem::take(&mut parts)
                .into_iter()
                .partition(|part| part.iter().any(|other| self.know_each_other(id, *other)));
            near.push(vec![id]);
            parts = far;
            parts.push(near.concat());
        }
        parts
    }

    /// Whether one of them would talk to the other.
    fn know_each_other(&self, one: HostId, other: HostId) -> bool {
        let knows = |by: HostId, of: HostId| {
            self.member(by, &self.hosts[of].name).is_some_and(|member| {
                member.address == self.hosts[of].address && member.status != MemberStatus::Left
            })
        };
        knows(one, other) || knows(other, one)
    }

    /// Whether all that run know the tags of all that run.
    pub(crate) fn tags_agree(&self) -> bool {
        let running = self.running();
        running.iter().all(|of| {
            let name = &self.hosts[*of].name;
            let own = self.member(*of, name).map(|member| &member.tags);
            running
                .iter()
                .all(|by| self.member(*by, name).map(|member| &member.tags) == own)
        })
    }

    /// Everything that members that run have not got right: whoever runs must be alive for all, with its
    /// address, and nobody else may be.
    pub(crate) fn errors(&self) -> Vec<String> {
        let running = self.running();
        let expected: BTreeMap<&str, HostId> = running
            .iter()
            .map(|id| (&*self.hosts[*id].name, *id))
            .collect();
        let mut errors = Vec::new();
        for by in running {
            let mut right = 0;
            for member in self.serf(by).members() {
                let here = expected.get(&*member.name).map(|id| &self.hosts[*id]);
                let is_alive = member.status == MemberStatus::Alive;
                let is_right = match here {
                    Some(host) => is_alive && member.address == host.address,
                    None => matches!(member.status, MemberStatus::Failed | MemberStatus::Left),
                };
                right += usize::from(is_right && here.is_some());
                if !is_right {
                    errors.push(format!(
                        "{} sees {} as {} at {}",
                        self.hosts[by].name,
                        member.name,
                        member.status.as_str(),
                        member.address
                    ));
                }
            }
            if right != expected.len() {
                errors.push(format!(
                    "{} knows {right} of {} members",
                    self.hosts[by].name,
                    expected.len()
                ));
            }
        }
        errors
    }

    /// Whether there is one view.
    pub(crate) fn agrees(&self) -> bool {
        self.errors().is_empty()
    }

    /// The errors, the first few of them, for a failure's text.
    pub(crate) fn few_errors(&self) -> String {
        let errors = self.errors();
        let few = errors.iter().take(8).cloned().collect::<Vec<_>>();
        format!(
            "{} errors after {:?}: {}",
            errors.len(),
            self.now,
            few.join("; ")
        )
    }
}
