//! Members of the pool as the catalog should have them. Pure.

use std::collections::BTreeSet;

use crate::agent::membership::tags::is_agent_of;
use crate::agent::store::State;
use crate::model::catalog::RegisterRequest;
use crate::model::check::{
    HealthCheck, SERF_ALIVE_OUTPUT, SERF_FAILED_OUTPUT, SERF_HEALTH, SERF_HEALTH_NAME, Status,
};
use crate::model::member::{Member, MemberStatus};
use crate::model::node::StringMap;
use crate::model::service::NodeService;

/// The service under which servers stand in the catalog.
const SERVERS_SERVICE: &str = "consul";
/// Why a node is removed: its member left, or is not remembered any more.
pub(super) const LEFT: &str = "left";
/// See [`LEFT`].
pub(super) const REAPED: &str = "reaped";
/// See [`LEFT`]: another agent lives under its name, mostly the same one without its data.
pub(super) const REPLACED: &str = "replaced";

/// What the leader does about a member.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// Registers a member that is alive, with a server's service.
    MarkAlive(Box<RegisterRequest>),
    /// Makes the node's serf check critical.
    MarkFailed(Box<RegisterRequest>),
    /// Says that a member failed which the catalog does not know.
    IgnoreFailed,
    /// Removes the node with all that runs on it.
    Deregister {
        node: String,
        /// [`LEFT`], [`REAPED`] or [`REPLACED`].
        reason: &'static str,
    },
    /// Says that another server has to remove this one.
    SpareSelf,
}

/// Who is leading, and where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// This server's name.
    pub(super) own: &'a str,
    /// Its datacenter.
    pub(super) datacenter: &'a str,
}

/// What the catalog lacks of a member; `None` when it agrees with serf.
pub(super) fn step_for(member: &Member, place: Place<'_>, state: &State) -> Option<Step> {
    if !is_agent_of(member, place.datacenter) {
        return None;
    }
    match member.member_status() {
        MemberStatus::Alive => predecessor(member, state).or_else(|| {
            let registration = alive(member, state)?;
            Some(Step::MarkAlive(Box::new(registration)))
        }),
        MemberStatus::Failed => failed(member, state),
        MemberStatus::Left => removal(&member.name, LEFT, place, state),
        MemberStatus::Leaving | MemberStatus::None => None,
    }
}

/// Removes the node that had a living member's name before it, so that the member can have it. Consul keeps it, and refuses
/// the member until somebody removes the node by hand; serf has decided who the name belongs to.
fn predecessor(member: &Member, state: &State) -> Option<Step> {
    let id = member.tags.get("id").filter(|id| !id.is_empty())?;
    let node = state.node(&member.name)?;
    let is_other = !node.id.is_empty() && !node.id.eq_ignore_ascii_case(id);
    is_other.then(|| Step::Deregister {
        node: node.node.clone(),
        reason: REPLACED,
    })
}

/// Removes the node of a member that serf does not remember any more.
pub(super) fn step_for_reaped(member: &Member, place: Place<'_>, state: &State) -> Option<Step> {
    is_agent_of(member, place.datacenter)
        .then(|| removal(&member.name, REAPED, place, state))
        .flatten()
}

/// Nodes that serf has brought into the catalog and does not know any more.
pub(super) fn steps_for_forgotten(
    members: &[Member],
    place: Place<'_>,
    state: &State,
) -> Vec<Step> {
    let known: BTreeSet<String> = members
        .iter()
        .map(|member| member.name.to_ascii_lowercase())
        .collect();
    state
        .checks()
        .filter(|check| check.check_id == SERF_HEALTH)
        .filter(|check| !known.contains(&check.node.to_ascii_lowercase()))
        .filter_map(|check| removal(&check.node, REAPED, place, state))
        .collect()
}

fn removal(node: &str, reason: &'static str, place: Place<'_>, state: &State) -> Option<Step> {
    if node.eq_ignore_ascii_case(place.own) {
        return Some(Step::SpareSelf);
    }
    let node = state.node(node)?.node.clone();
    Some(Step::Deregister { node, reason })
}

/// The registration of a living member, or `None` when the catalog has it already.
///
/// Servers get the service `consul` with Consul's metadata; every member gets `serfHealth`.
fn alive(member: &Member, state: &State) -> Option<RegisterRequest> {
    let is_server = member.tags.get("role").is_some_and(|role| role == "consul");
    let service = is_server.then(|| server_service(member));
    if is_registered(member, service.as_ref(), state) {
        return None;
    }
    Some(RegisterRequest {
        service,
        ..registration(member, Status::Passing, SERF_ALIVE_OUTPUT)
    })
}

fn failed(member: &Member, state: &State) -> Option<Step> {
    let Some(node) = state.node(&member.name) else {
        return Some(Step::IgnoreFailed);
    };
    let agrees = node.address == member.addr && has_serf_status(member, Status::Critical, state);
    (!agrees).then(|| {
        let registration = registration(member, Status::Critical, SERF_FAILED_OUTPUT);
        Step::MarkFailed(Box::new(registration))
    })
}

/// The node with its serf check. `SkipNodeUpdate` leaves the node's own details to its agent, as in Consul.
fn registration(member: &Member, status: Status, output: &str) -> RegisterRequest {
    let check = HealthCheck {
        node: member.name.clone(),
        check_id: SERF_HEALTH.to_owned(),
        name: SERF_HEALTH_NAME.to_owned(),
        status,
        output: output.to_owned(),
        ..HealthCheck::default()
    };
    RegisterRequest {
        id: member.tags.get("id").cloned().unwrap_or_default(),
        node: member.name.clone(),
        address: member.addr.clone(),
        check: Some(check),
        skip_node_update: true,
        ..RegisterRequest::default()
    }
}

fn server_service(member: &Member) -> NodeService {
    let tag = |name: &str| member.tags.get(name).map_or("", String::as_str);
    let version = tag("build").split(':').next().unwrap_or_default();
    let meta = [
        (
            "non_voter",
            member.tags.contains_key("nonvoter").to_string(),
        ),
        ("raft_version", tag("raft_vsn").to_owned()),
        ("serf_protocol_current", member.protocol_cur.to_string()),
        ("serf_protocol_max", member.protocol_max.to_string()),
        ("serf_protocol_min", member.protocol_min.to_string()),
        ("version", version.to_owned()),
    ];
    NodeService {
        id: SERVERS_SERVICE.to_owned(),
        service: SERVERS_SERVICE.to_owned(),
        port: tag("port").parse().unwrap_or(0),
        meta: Some(
            meta.into_iter()
                .map(|(k, v)| (k.to_owned(), v))
                .collect::<StringMap>(),
        ),
        ..NodeService::default()
    }
}

fn is_registered(member: &Member, service: Option<&NodeService>, state: &State) -> bool {
    let Some(node) = state.node(&member.name) else {
        return false;
    };
    let same_service = service.is_none_or(|wanted| {
        state
            .services_of_node(&node.node)
            .any(|found| found.is_same(wanted))
    });
    node.address == member.addr && same_service && has_serf_status(member, Status::Passing, state)
}

fn has_serf_status(member: &Member, status: Status, state: &State) -> bool {
    state
        .checks_of_node(&member.name)
        .any(|check| check.check_id == SERF_HEALTH && check.status == status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::store::{Command, Touched};
    use crate::model::catalog::DeregisterRequest;

    const PLACE: Place<'_> = Place {
        own: "leader",
        datacenter: "dc1",
    };

    fn member(name: &str, role: &str, status: MemberStatus) -> Member {
        let tags = [
            ("role", role),
            ("dc", "dc1"),
            ("port", "8300"),
            ("raft_vsn", "3"),
            ("build", "0.1.0:"),
        ];
        Member {
            name: name.to_owned(),
            addr: "127.0.0.1".to_owned(),
            tags: tags
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            status: status as i64,
            ..Member::default()
        }
    }

    /// A catalog that is told what the leader does.
    #[derive(Default)]
    struct Catalog {
        state: State,
        index: u64,
    }

    impl Catalog {
        fn apply(&mut self, command: &Command) {
            self.index += 1;
            self.state
                .apply(self.index, command, &mut Touched::default());
        }

        /// The step for a member, done.
        fn see(&mut self, member: &Member) -> Option<Step> {
            let step = step_for(member, PLACE, &self.state);
            self.take(step.as_ref());
            step
        }

        fn take(&mut self, step: Option<&Step>) {
            match step {
                Some(Step::MarkAlive(request) | Step::MarkFailed(request)) => {
                    self.apply(&Command::Register(request.clone()));
                }
                Some(Step::Deregister { node, .. }) => {
                    self.apply(&Command::Deregister(DeregisterRequest {
                        node: node.clone(),
                        ..DeregisterRequest::default()
                    }));
                }
                Some(Step::IgnoreFailed | Step::SpareSelf) | None => {}
            }
        }

        fn serf_check(&self, node: &str) -> Option<(Status, String)> {
            let mut checks = self.state.checks_of_node(node);
            let check = checks.find(|check| check.check_id == SERF_HEALTH)?;
            Some((check.status, check.output.clone()))
        }
    }

    #[test]
    fn a_server_is_registered_once() {
        let mut catalog = Catalog::default();
        let server = member("n1", "consul", MemberStatus::Alive);
        assert!(matches!(catalog.see(&server), Some(Step::MarkAlive(_))));
        let services: Vec<_> = catalog.state.services_of_node("n1").collect();
        let meta = services[0].meta.as_ref().unwrap();
        assert_eq!(
            (services[0].port, meta["version"].as_str()),
            (8300, "0.1.0")
        );
        assert_eq!(catalog.see(&server), None);
    }

    #[test]
    fn a_client_has_no_service() {
        let mut catalog = Catalog::default();
        catalog.see(&member("n1", "node", MemberStatus::Alive));
        assert_eq!(catalog.state.services_of_node("n1").count(), 0);
        let passing = (Status::Passing, SERF_ALIVE_OUTPUT.to_owned());
        assert_eq!(catalog.serf_check("n1"), Some(passing));
    }

    #[test]
    fn a_member_fails_comes_back_and_leaves() {
        let mut catalog = Catalog::default();
        let with = |status| member("n1", "node", status);
        assert_eq!(
            catalog.see(&with(MemberStatus::Failed)),
            Some(Step::IgnoreFailed)
        );
        assert_eq!(catalog.see(&with(MemberStatus::Left)), None);
        catalog.see(&with(MemberStatus::Alive));
        let step = catalog.see(&with(MemberStatus::Failed));
        assert!(matches!(step, Some(Step::MarkFailed(_))));
        let critical = (Status::Critical, SERF_FAILED_OUTPUT.to_owned());
        assert_eq!(catalog.serf_check("n1"), Some(critical));
        assert_eq!(catalog.see(&with(MemberStatus::Failed)), None);
        catalog.see(&with(MemberStatus::Alive));
        let passing = (Status::Passing, SERF_ALIVE_OUTPUT.to_owned());
        assert_eq!(catalog.serf_check("n1"), Some(passing));
        assert_eq!(catalog.see(&with(MemberStatus::Leaving)), None);
        let gone = Step::Deregister {
            node: "n1".to_owned(),
            reason: LEFT,
        };
        assert_eq!(catalog.see(&with(MemberStatus::Left)), Some(gone));
        assert!(catalog.state.node("n1").is_none());
    }

    #[test]
    fn who_lost_its_data_takes_over_its_name() {
        let mut catalog = Catalog::default();
        let with_id = |id: &str| {
            let mut member = member("n1", "consul", MemberStatus::Alive);
            member.tags.insert("id".to_owned(), id.to_owned());
            member
        };
        let (before, after) = (
            with_id("5fe22722-207f-4739-843f-6bddf80d190f"),
            with_id("528a019b-d675-4af8-96e2-5a2dd3f34b8e"),
        );
        assert!(matches!(catalog.see(&before), Some(Step::MarkAlive(_))));
        assert_eq!(catalog.see(&before), None);
        let gone = Step::Deregister {
            node: "n1".to_owned(),
            reason: REPLACED,
        };
        assert_eq!(catalog.see(&after), Some(gone));
        assert!(matches!(catalog.see(&after), Some(Step::MarkAlive(_))));
        let node = catalog.state.node("n1").unwrap();
        assert_eq!(node.id, "528a019b-d675-4af8-96e2-5a2dd3f34b8e");
        // One that failed, or does not tell its id, is no reason.
        let mut failed = before;
        failed.status = MemberStatus::Failed as i64;
        assert!(matches!(catalog.see(&failed), Some(Step::MarkFailed(_))));
        assert!(matches!(catalog.see(&after), Some(Step::MarkAlive(_))));
        assert_eq!(
            catalog.see(&member("n1", "consul", MemberStatus::Alive)),
            None
        );
    }

    #[test]
    fn strangers_are_left_alone() {
        let mut catalog = Catalog::default();
        let mut other = member("n1", "node", MemberStatus::Alive);
        other.tags.insert("dc".to_owned(), "dc2".to_owned());
        assert_eq!(catalog.see(&other), None);
        assert_eq!(catalog.see(&member("n2", "web", MemberStatus::Alive)), None);
        assert_eq!(step_for_reaped(&other, PLACE, &catalog.state), None);
    }

    #[test]
    fn the_leader_never_removes_itself() {
        let mut catalog = Catalog::default();
        catalog.see(&member("leader", "consul", MemberStatus::Alive));
        let left = member("leader", "consul", MemberStatus::Left);
        assert_eq!(catalog.see(&left), Some(Step::SpareSelf));
        let forgotten = steps_for_forgotten(&[], PLACE, &catalog.state);
        assert_eq!(forgotten, [Step::SpareSelf]);
    }

    #[test]
    fn nodes_that_serf_forgot_are_removed_and_those_of_others_stay() {
        let mut catalog = Catalog::default();
        let known = member("n1", "node", MemberStatus::Alive);
        catalog.see(&known);
        catalog.see(&member("n2", "node", MemberStatus::Alive));
        // A node without serf's check was registered by an operator.
        catalog.apply(&Command::Register(Box::new(RegisterRequest {
            node: "external".to_owned(),
            address: "10.0.0.1".to_owned(),
            ..RegisterRequest::default()
        })));
        let mut renamed = known.clone();
        renamed.name = "N1".to_owned();
        let steps = steps_for_forgotten(&[renamed], PLACE, &catalog.state);
        let gone = Step::Deregister {
            node: "n2".to_owned(),
            reason: REAPED,
        };
        assert_eq!(steps, std::slice::from_ref(&gone));
        let reaped = member("n2", "node", MemberStatus::Failed);
        assert_eq!(step_for_reaped(&reaped, PLACE, &catalog.state), Some(gone));
    }
}
