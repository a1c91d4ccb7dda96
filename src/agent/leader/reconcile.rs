//! Members of the pool as the catalog should have them.

use crate::agent::store::State;
use crate::model::catalog::RegisterRequest;
use crate::model::check::{HealthCheck, SERF_ALIVE_OUTPUT, SERF_HEALTH, SERF_HEALTH_NAME, Status};
use crate::model::member::Member;
use crate::model::node::StringMap;
use crate::model::service::NodeService;

/// The service under which servers stand in the catalog.
const SERVERS_SERVICE: &str = "consul";

/// The registration of a living member, or `None` when the catalog has it already.
///
/// Servers get the service `consul` with Consul's metadata; every member gets `serfHealth`.
/// `SkipNodeUpdate` leaves the node's own details to its agent, as in Consul.
pub(super) fn registration_of(member: &Member, state: &State) -> Option<RegisterRequest> {
    let tag = |name: &str| member.tags.get(name).map_or("", String::as_str);
    let is_server = tag("role") == "consul";
    let service = is_server.then(|| server_service(member));
    let check = HealthCheck {
        node: member.name.clone(),
        check_id: SERF_HEALTH.to_owned(),
        name: SERF_HEALTH_NAME.to_owned(),
        status: Status::Passing,
        output: SERF_ALIVE_OUTPUT.to_owned(),
        ..HealthCheck::default()
    };
    if is_registered(member, service.as_ref(), state) {
        return None;
    }
    Some(RegisterRequest {
        id: tag("id").to_owned(),
        node: member.name.clone(),
        address: member.addr.clone(),
        service,
        check: Some(check),
        skip_node_update: true,
        ..RegisterRequest::default()
    })
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
    let alive = state
        .checks_of_node(&node.node)
        .any(|check| check.check_id == SERF_HEALTH && check.status == Status::Passing);
    node.address == member.addr && same_service && alive
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::store::{Command, Touched};

    fn server() -> Member {
        let tags = [
            ("role", "consul"),
            ("port", "8300"),
            ("raft_vsn", "3"),
            ("build", "0.1.0:"),
        ];
        Member {
            name: "n1".to_owned(),
            addr: "127.0.0.1".to_owned(),
            tags: tags
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            ..Member::default()
        }
    }

    #[test]
    fn a_server_is_registered_once() {
        let mut state = State::default();
        let request = registration_of(&server(), &state).unwrap();
        let service = request.service.clone().unwrap();
        assert_eq!(
            (service.port, service.meta.unwrap()["version"].as_str()),
            (8300, "0.1.0")
        );
        state.apply(
            1,
            &Command::Register(Box::new(request)),
            &mut Touched::default(),
        );
        assert!(registration_of(&server(), &state).is_none());
    }

    #[test]
    fn a_client_has_no_service() {
        let member = Member {
            tags: StringMap::new(),
            ..server()
        };
        assert!(
            registration_of(&member, &State::default())
                .unwrap()
                .service
                .is_none()
        );
    }
}
