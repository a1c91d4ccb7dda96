//! A model catalog applies what the plans say; then it must equal the agent.

use proptest::prelude::*;

use super::*;
use crate::agent::checks::outcome::Outcome;
use crate::agent::local::entry::{NodeIdentity, Source};
use crate::agent::local::state::StateSettings;
use crate::model::check::Status;
use crate::model::service::ServiceDefinition;

fn state() -> LocalState {
    let node = NodeIdentity {
        id: "6c0a".to_owned(),
        name: "n1".to_owned(),
        datacenter: "dc1".to_owned(),
        address: "127.0.0.1".to_owned(),
        ..NodeIdentity::default()
    };
    LocalState::new(node, StateSettings::default())
}

fn register(state: &mut LocalState, json: &str) {
    let definition: ServiceDefinition = serde_json::from_str(json).expect("a service");
    let change = state
        .plan_service(&definition, Source::Api, false)
        .expect("valid");
    state.commit(change);
}

fn register_check(state: &mut LocalState, json: &str) {
    let definition = serde_json::from_str(json).expect("a check");
    let change = state.plan_check(&definition, Source::Api).expect("valid");
    state.commit(change);
}

/// Applies one operation as the catalog does.
fn apply(catalog: &mut CatalogView, state: &LocalState, op: &SyncOp) {
    if let Some(request) = op.registration(state, false) {
        catalog.node = Some(request.to_node());
        if let Some(service) = request.service {
            catalog.services.insert(service.id.clone(), service);
        }
        for check in request.checks.into_iter().chain(request.check) {
            let known = catalog.services.contains_key(&check.service_id);
            assert!(
                check.service_id.is_empty() || known,
                "unknown service: {check:?}"
            );
            catalog.checks.insert(check.check_id.clone(), check);
        }
    }
    if let Some(request) = op.deregistration(state) {
        assert_eq!(request.node, "n1");
        if !request.service_id.is_empty() {
            assert!(catalog.services.remove(&request.service_id).is_some());
            catalog
                .checks
                .retain(|_, check| check.service_id != request.service_id);
        }
        if !request.check_id.is_empty() {
            assert!(catalog.checks.remove(&request.check_id).is_some());
        }
    }
}

/// Applies a plan to both sides, as the driver does.
fn carry_out(catalog: &mut CatalogView, state: &mut LocalState, plan: &SyncPlan) {
    for (id, revision, tags) in &plan.adopted_tags {
        state.adopt_tags(id, *revision, tags);
    }
    for op in &plan.ops {
        apply(catalog, state, op);
        match op {
            SyncOp::Node { revision } => state.confirm_node(*revision),
            SyncOp::DeregisterService { id, .. } => state.confirm_service_removed(id),
            SyncOp::DeregisterCheck { id, .. } => state.confirm_check_removed(id),
            SyncOp::Service {
                service,
                revision,
                checks,
                ..
            } => {
                state.confirm_service(&service.id, *revision);
                for (check, revision) in checks {
                    state.confirm_check(&check.check_id, *revision);
                }
            }
            SyncOp::Check {
                check, revision, ..
            } => state.confirm_check(&check.check_id, *revision),
        }
    }
    for (id, revision) in &plan.services_in_sync {
        state.confirm_service(id, *revision);
    }
    for (id, revision) in &plan.checks_in_sync {
        state.confirm_check(id, *revision);
    }
    plan.services_gone
        .iter()
        .for_each(|id| state.confirm_service_removed(id));
    plan.checks_gone
        .iter()
        .for_each(|id| state.confirm_check_removed(id));
    if let Some(revision) = plan.node_in_sync {
        state.confirm_node(revision);
    }
}

fn check(id: &str, service_id: &str) -> HealthCheck {
    HealthCheck {
        node: "n1".to_owned(),
        check_id: id.to_owned(),
        service_id: service_id.to_owned(),
        ..HealthCheck::default()
    }
}

fn service(id: &str) -> NodeService {
    NodeService {
        id: id.to_owned(),
        service: id.to_owned(),
        ..NodeService::default()
    }
}

/// A catalog in which the leader put what is its own.
fn leaders() -> CatalogView {
    let mut catalog = CatalogView::default();
    catalog
        .services
        .insert(SERVER_SERVICE.to_owned(), service(SERVER_SERVICE));
    catalog
        .checks
        .insert(SERF_HEALTH.to_owned(), check(SERF_HEALTH, ""));
    catalog
}

#[test]
fn a_service_goes_with_its_checks_in_one_request() {
    let mut state = state();
    register(
        &mut state,
        r#"{"Name":"web","Token":"t","Checks":[{"TTL":"5s"},{"TTL":"6s"}]}"#,
    );
    let plan = plan_changes(&state);
    let [SyncOp::Node { .. }, SyncOp::Service { checks, token, .. }] = plan.ops.as_slice() else {
        panic!("{:?}", plan.ops)
    };
    assert_eq!((checks.len(), token.as_str()), (2, "t"));
}

#[test]
fn a_check_with_another_token_goes_by_itself() {
    let mut state = state();
    register(&mut state, r#"{"Name":"web","Token":"t"}"#);
    register_check(
        &mut state,
        r#"{"Name":"c","TTL":"5s","ServiceID":"web","Token":"u"}"#,
    );
    let plan = plan_changes(&state);
    let tokens: Vec<&str> = plan.ops.iter().map(SyncOp::token).collect();
    assert_eq!(tokens, ["", "t", "u"]);
}

#[test]
fn only_what_changed_is_sent() {
    let (mut state, mut catalog) = (state(), leaders());
    register(&mut state, r#"{"Name":"web","Check":{"TTL":"5s"}}"#);
    let plan = plan_full(&state, &catalog);
    carry_out(&mut catalog, &mut state, &plan);
    assert!(state.in_sync());
    assert_eq!(plan_changes(&state).ops, []);
    state.update_check("service:web", &Outcome::passing("ok"));
    let plan = plan_changes(&state);
    assert!(
        matches!(plan.ops.as_slice(), [SyncOp::Check { .. }]),
        "{:?}",
        plan.ops
    );
}

#[test]
fn node_information_is_compared() {
    let (mut state, mut catalog) = (state(), leaders());
    let plan = plan_full(&state, &catalog);
    assert!(matches!(plan.ops.as_slice(), [SyncOp::Node { .. }]));
    carry_out(&mut catalog, &mut state, &plan);
    assert_eq!(plan_full(&state, &catalog).ops, []);
    state.set_node_meta([("k".to_owned(), "v".to_owned())].into());
    assert!(matches!(
        plan_changes(&state).ops.as_slice(),
        [SyncOp::Node { .. }]
    ));
    assert!(matches!(
        plan_full(&state, &catalog).ops.as_slice(),
        [SyncOp::Node { .. }]
    ));
}

#[test]
fn the_leaders_own_is_left_alone_and_strays_are_removed() {
    let (mut state, mut catalog) = (state(), leaders());
    catalog
        .checks
        .insert("of-consul".to_owned(), check("of-consul", SERVER_SERVICE));
    catalog
        .services
        .insert("stray".to_owned(), service("stray"));
    catalog.checks.insert("s1".to_owned(), check("s1", "stray"));
    catalog
        .checks
        .insert("node-check".to_owned(), check("node-check", ""));
    let plan = plan_full(&state, &catalog);
    let removals: Vec<_> = plan
        .ops
        .iter()
        .filter_map(|op| op.deregistration(&state))
        .collect();
    let named: Vec<_> = removals
        .iter()
        .map(|it| (&*it.service_id, &*it.check_id))
        .collect();
    assert_eq!(
        named,
        [("stray", ""), ("", "node-check")],
        "s1 goes with its service"
    );
    carry_out(&mut catalog, &mut state, &plan);
    assert_eq!(
        catalog.services.keys().collect::<Vec<_>>(),
        [SERVER_SERVICE]
    );
    assert_eq!(
        catalog.checks.keys().collect::<Vec<_>>(),
        ["of-consul", SERF_HEALTH]
    );
}

#[test]
fn catalog_tags_win_where_they_may() {
    let (mut state, mut catalog) = (state(), leaders());
    register(
        &mut state,
        r#"{"Name":"free","Tags":["a"],"EnableTagOverride":true,"Check":{"TTL":"5s"}}"#,
    );
    register(&mut state, r#"{"Name":"strict","Tags":["a"]}"#);
    let plan = plan_full(&state, &catalog);
    carry_out(&mut catalog, &mut state, &plan);
    for id in ["free", "strict"] {
        catalog.services.get_mut(id).unwrap().tags = vec!["b".to_owned()];
    }
    catalog.checks.get_mut("service:free").unwrap().service_tags = vec!["b".to_owned()];
    let plan = plan_full(&state, &catalog);
    carry_out(&mut catalog, &mut state, &plan);
    assert_eq!(catalog.services["free"].tags, ["b"]);
    assert_eq!(state.service("free").unwrap().service.tags, ["b"]);
    assert_eq!(catalog.services["strict"].tags, ["a"]);
    assert_eq!(plan_full(&state, &catalog).ops, []);
}

#[test]
fn deferred_output_is_not_a_difference() {
    let (mut state, mut catalog) = (state(), leaders());
    register_check(&mut state, r#"{"Name":"c","TTL":"5s","Status":"passing"}"#);
    let plan = plan_full(&state, &catalog);
    carry_out(&mut catalog, &mut state, &plan);
    state.update_check("c", &Outcome::passing("new words"));
    assert_eq!(plan_full(&state, &catalog).ops, []);
    state.release_output("c");
    assert!(matches!(
        plan_full(&state, &catalog).ops.as_slice(),
        [SyncOp::Check { .. }]
    ));
}

#[test]
fn a_removed_service_that_the_catalog_never_had_is_forgotten() {
    let (mut state, mut catalog) = (state(), leaders());
    register(&mut state, r#"{"Name":"web"}"#);
    register_check(&mut state, r#"{"Name":"c","TTL":"5s"}"#);
    for change in [
        state.plan_service_removal("web"),
        state.plan_check_removal("c"),
    ] {
        state.commit(change.unwrap());
    }
    let plan = plan_full(&state, &catalog);
    assert_eq!(
        (plan.services_gone.as_slice(), plan.checks_gone.as_slice()),
        (["web".to_owned()].as_slice(), ["c".to_owned()].as_slice())
    );
    carry_out(&mut catalog, &mut state, &plan);
    assert!(state.in_sync());
}

/// One thing that happens to the agent or, behind its back, to the catalog.
#[derive(Clone, Debug)]
enum Event {
    Register {
        id: u8,
        tags: u8,
        over: bool,
        checks: u8,
    },
    RegisterCheck {
        id: u8,
        service: Option<u8>,
    },
    RemoveService {
        id: u8,
    },
    RemoveCheck {
        id: u8,
    },
    Result {
        id: u8,
        status: Status,
        output: u8,
    },
    CatalogLosesService {
        id: u8,
    },
    CatalogLosesCheck {
        id: u8,
    },
    CatalogGainsService {
        id: u8,
    },
    CatalogGainsCheck {
        id: u8,
        service: u8,
    },
    CatalogRetags {
        id: u8,
    },
    SyncChanges,
}

fn event() -> impl Strategy<Value = Event> {
    let id = 0u8..4;
    let statuses = [Status::Passing, Status::Warning, Status::Critical];
    prop_oneof![
        3 => (id.clone(), 0u8..3, any::<bool>(), 0u8..3)
            .prop_map(|(id, tags, over, checks)| Event::Register { id, tags, over, checks }),
        2 => (id.clone(), prop::option::of(id.clone()))
            .prop_map(|(id, service)| Event::RegisterCheck { id, service }),
        1 => id.clone().prop_map(|id| Event::RemoveService { id }),
        1 => id.clone().prop_map(|id| Event::RemoveCheck { id }),
        2 => (id.clone(), prop::sample::select(statuses.to_vec()), 0u8..3)
            .prop_map(|(id, status, output)| Event::Result { id, status, output }),
        1 => id.clone().prop_map(|id| Event::CatalogLosesService { id }),
        1 => id.clone().prop_map(|id| Event::CatalogLosesCheck { id }),
        1 => id.clone().prop_map(|id| Event::CatalogGainsService { id }),
        1 => (id.clone(), id.clone())
            .prop_map(|(id, service)| Event::CatalogGainsCheck { id, service }),
        1 => id.prop_map(|id| Event::CatalogRetags { id }),
        1 => Just(Event::SyncChanges),
    ]
}

fn happen(state: &mut LocalState, catalog: &mut CatalogView, event: &Event) {
    match event {
        Event::Register {
            id,
            tags,
            over,
            checks,
        } => {
            let tags: Vec<String> = (0..*tags).map(|n| format!("t{n}")).collect();
            let checks: Vec<_> = (0..*checks)
                .map(|n| serde_json::json!({"CheckID": format!("c{n}"), "TTL": "5s"}))
                .collect();
            let definition = serde_json::json!({
                "Name": format!("s{id}"), "Tags": tags, "EnableTagOverride": over, "Checks": checks,
            });
            register(state, &definition.to_string());
        }
        Event::RegisterCheck { id, service } => {
            let service = service
                .map(|n| format!("s{n}"))
                .filter(|id| state.service(id).is_some());
            let definition = serde_json::json!({
                "Name": format!("c{id}"), "TTL": "5s", "ServiceID": service.unwrap_or_default(),
            });
            register_check(state, &definition.to_string());
        }
        Event::RemoveService { id } => {
            if let Ok(change) = state.plan_service_removal(&format!("s{id}")) {
                state.commit(change);
            }
        }
        Event::RemoveCheck { id } => {
            if let Ok(change) = state.plan_check_removal(&format!("c{id}")) {
                state.commit(change);
            }
        }
        Event::Result { id, status, output } => {
            let outcome = Outcome::new(*status, format!("o{output}"));
            state.update_check(&format!("c{id}"), &outcome);
        }
        Event::SyncChanges => {
            // Without a look at the catalog a plan may meet a surprise, and the driver then
            // compares in full; here only plans that the catalog can carry out are.
            let plan = plan_changes(state);
            let possible = plan.ops.iter().all(|op| match op {
                SyncOp::DeregisterService { id, .. } => catalog.services.contains_key(id),
                SyncOp::DeregisterCheck { id, .. } => catalog.checks.contains_key(id),
                SyncOp::Check { check, .. } => {
                    check.service_id.is_empty() || catalog.services.contains_key(&check.service_id)
                }
                SyncOp::Node { .. } | SyncOp::Service { .. } => true,
            });
            if possible && plan.ops.iter().all(|op| !loses_another(op, catalog)) {
                carry_out(catalog, state, &plan);
            }
        }
        theirs => happen_to_catalog(catalog, theirs),
    }
}

/// What others do to the catalog behind the agent's back.
fn happen_to_catalog(catalog: &mut CatalogView, event: &Event) {
    match event {
        Event::CatalogLosesService { id } => {
            let id = format!("s{id}");
            catalog.services.remove(&id);
            catalog.checks.retain(|_, check| check.service_id != id);
        }
        Event::CatalogLosesCheck { id } => {
            catalog.checks.remove(&format!("c{id}"));
        }
        Event::CatalogGainsService { id } => {
            catalog
                .services
                .insert(format!("s{id}"), service(&format!("s{id}")));
        }
        Event::CatalogGainsCheck { id, service } => {
            let service = format!("s{service}");
            if catalog.services.contains_key(&service) {
                let id = format!("c{id}");
                catalog.checks.insert(id.clone(), check(&id, &service));
            }
        }
        Event::CatalogRetags { id } => {
            if let Some(service) = catalog.services.get_mut(&format!("s{id}")) {
                service.tags = vec!["theirs".to_owned()];
            }
        }
        _ => unreachable!("the agent's own events are handled"),
    }
}

#[test]
fn a_check_that_went_to_another_service_outlives_the_return_of_its_first() {
    let (mut state, mut catalog) = (state(), leaders());
    register(
        &mut state,
        r#"{"Name": "a", "Check": {"CheckID": "c", "TTL": "5s"}}"#,
    );
    let plan = plan_full(&state, &catalog);
    carry_out(&mut catalog, &mut state, &plan);
    let removal = state.plan_service_removal("a").unwrap();
    state.commit(removal);
    register(
        &mut state,
        r#"{"Name": "b", "Check": {"CheckID": "c", "TTL": "5s"}}"#,
    );
    register(&mut state, r#"{"Name": "a"}"#);
    for plan in [plan_changes(&state), plan_full(&state, &catalog)] {
        let removes = |op: &SyncOp| matches!(op, SyncOp::DeregisterCheck { .. });
        assert!(!plan.ops.iter().any(removes), "{plan:?}");
    }
}

/// Whether removing the service would take a check of the plan with it.
fn loses_another(op: &SyncOp, catalog: &CatalogView) -> bool {
    let SyncOp::DeregisterService { id, .. } = op else {
        return false;
    };
    catalog.checks.values().any(|check| check.service_id == *id)
}

proptest! {
    /// One full comparison makes the catalog equal to the agent, whatever happened before, leaves
    /// the leader's own alone, and a second one finds nothing to do.
    #[test]
    fn a_full_sync_reaches_equality(events in prop::collection::vec(event(), 0..40)) {
        let (mut state, mut catalog) = (state(), leaders());
        for event in events {
            happen(&mut state, &mut catalog, &event);
        }
        let plan = plan_full(&state, &catalog);
        carry_out(&mut catalog, &mut state, &plan);
        for local in state.services() {
            prop_assert!(catalog.services[&local.service.id].is_same(&local.service));
        }
        for local in state.checks().filter(|local| !local.output_deferred) {
            prop_assert!(catalog.checks[&local.check.check_id].is_same(&local.check));
        }
        prop_assert_eq!(catalog.services.len(), state.services().count() + 1);
        prop_assert_eq!(catalog.checks.len(), state.checks().count() + 1);
        prop_assert_eq!(&catalog.services[SERVER_SERVICE], &service(SERVER_SERVICE));
        prop_assert_eq!(&catalog.checks[SERF_HEALTH], &check(SERF_HEALTH, ""));
        prop_assert!(state.in_sync());
        let again = plan_full(&state, &catalog);
        prop_assert_eq!(again.ops, vec![]);
    }
}
