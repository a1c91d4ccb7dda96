//! The catalog against a model of plain maps, searched from end to end for every answer.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::arbitrary::{NODES, SERVICES, deregistration, registration};
use crate::agent::store::*;
use crate::model::catalog::{DeregisterRequest, RegisterRequest};
use crate::model::check::{HealthCheck, SERF_HEALTH, Status};
use crate::model::node::Node;
use crate::model::service::NodeService;

fn low(name: &str) -> String {
    name.to_lowercase()
}

/// Everything keyed by lower-case names, indexes left out.
#[derive(Clone, Default, Debug, PartialEq)]
struct Model {
    nodes: BTreeMap<String, Node>,
    services: BTreeMap<(String, String), NodeService>,
    checks: BTreeMap<(String, String), HealthCheck>,
}

impl Model {
    /// False where the request is refused; the model is then to be dropped.
    fn register(&mut self, request: &RegisterRequest) -> bool {
        let node = low(&request.node);
        let known = self.nodes.contains_key(&node);
        if (!known || !request.skip_node_update) && !self.register_node(&node, request) {
            return false;
        }
        if let Some(service) = &request.service {
            self.services
                .insert((node.clone(), low(&service.id)), service.clone());
        }
        for check in request.check.iter().chain(&request.checks) {
            let mut check = check.clone();
            if !check.service_id.is_empty() {
                let Some(owner) = self.services.get(&(node.clone(), low(&check.service_id))) else {
                    return false;
                };
                check.service_name.clone_from(&owner.service);
                check.service_tags.clone_from(&owner.tags);
            }
            self.checks
                .insert((node.clone(), low(&check.check_id)), check);
        }
        true
    }

    fn register_node(&mut self, key: &str, request: &RegisterRequest) -> bool {
        let new = request.to_node();
        if let Some(old) = self.nodes.get(key) {
            let serf = self.checks.get(&(key.to_owned(), low(SERF_HEALTH)));
            let is_free = serf.is_none_or(|check| check.status == Status::Critical);
            if !new.id.is_empty() && !old.id.is_empty() && old.id != new.id && !is_free {
                return false;
            }
        }
        let elsewhere = self
            .nodes
            .iter()
            .find(|(name, node)| !new.id.is_empty() && node.id == new.id && name.as_str() != key);
        if let Some(old) = elsewhere.map(|(name, _)| name.clone()) {
            self.remove_node(&old);
        }
        self.nodes.insert(key.to_owned(), new);
        true
    }

    fn remove_node(&mut self, name: &str) {
        self.nodes.remove(name);
        self.services.retain(|(node, _), _| node != name);
        self.checks.retain(|(node, _), _| node != name);
    }

    fn deregister(&mut self, request: &DeregisterRequest) {
        let node = low(&request.node);
        if !request.service_id.is_empty() {
            let id = low(&request.service_id);
            if self.services.remove(&(node.clone(), id.clone())).is_some() {
                self.checks
                    .retain(|(of, _), check| *of != node || low(&check.service_id) != id);
            }
        } else if !request.check_id.is_empty() {
            self.checks.remove(&(node, low(&request.check_id)));
        } else {
            self.remove_node(&node);
        }
    }

    /// The instances of a service: node name, id and the worst state of the checks that decide.
    fn instances(&self, service: &str) -> Vec<(String, String, Status)> {
        let found = self
            .services
            .iter()
            .filter(|(_, found)| low(&found.service) == low(service));
        found
            .map(|((node, id), _)| {
                let deciding = self.checks.iter().filter(|((of, _), check)| {
                    of == node && (check.service_id.is_empty() || low(&check.service_id) == *id)
                });
                let worst = deciding.map(|(_, check)| check.status).max();
                (node.clone(), id.clone(), worst.unwrap_or(Status::Passing))
            })
            .collect()
    }
}

/// The state as the model has it.
fn model_of(state: &State) -> Model {
    let mut model = Model::default();
    for node in state.nodes() {
        let name = low(&node.node);
        let bare = Node {
            create_index: 0,
            modify_index: 0,
            ..Node::clone(node)
        };
        model.nodes.insert(name.clone(), bare);
        for service in state.services_of_node(&node.node) {
            let bare = NodeService {
                create_index: 0,
                modify_index: 0,
                ..NodeService::clone(service)
            };
            model
                .services
                .insert((name.clone(), low(&service.id)), bare);
        }
        for check in state.checks_of_node(&node.node) {
            let bare = HealthCheck {
                create_index: 0,
                modify_index: 0,
                ..HealthCheck::clone(check)
            };
            model
                .checks
                .insert((name.clone(), low(&check.check_id)), bare);
        }
    }
    model
}

fn check_answers(state: &State, model: &Model) -> Result<(), TestCaseError> {
    for service in SERVICES {
        let found = state.instances(service).map_or(&[][..], |found| found);
        let found: Vec<_> = found
            .iter()
            .map(|found| (low(&found.node.node), low(&found.service.id), found.status))
            .collect();
        prop_assert_eq!(found, model.instances(service), "{}", service);
    }
    for node in model.nodes.values().filter(|node| !node.id.is_empty()) {
        let found = state
            .node_by_name_or_id(&node.id)
            .map(|found| low(&found.node));
        prop_assert_eq!(found, Some(low(&node.node)));
    }
    for name in NODES {
        prop_assert_eq!(
            state.node(name).is_some(),
            model.nodes.contains_key(&low(name))
        );
    }
    let names = model.services.values().map(|service| low(&service.service));
    let names: std::collections::BTreeSet<_> = names.collect();
    prop_assert!(state.service_names().map(low).eq(names));
    Ok(())
}

proptest! {
    #[test]
    fn the_catalog_is_the_model(
        commands in prop::collection::vec(
            prop_oneof![2 => registration(), 1 => deregistration()], 1..50,
        ),
    ) {
        let (mut state, mut model) = (State::default(), Model::default());
        for (index, command) in (1..).zip(&commands) {
            let response = state.apply(index, command, &mut Touched::default());
            match command {
                Command::Register(request) => {
                    let mut changed = model.clone();
                    let accepted = changed.register(request);
                    prop_assert_eq!(response == Response::Done, accepted, "{:?}", response);
                    if accepted {
                        model = changed;
                    }
                }
                Command::Deregister(request) => model.deregister(request),
                _ => unreachable!("only registrations are made"),
            }
            prop_assert_eq!(model_of(&state), model.clone(), "{:?}", command);
            check_answers(&state, &model)?;
        }
    }
}
