//! The state with its plans: what a caller sees after registrations, results and reloads.

use super::*;
use crate::agent::local::error::LocalError;
use crate::agent::local::plan::FileDefinitions;
use crate::model::check::CheckDefinition;
use crate::model::service::ServiceDefinition;

fn state() -> LocalState {
    let node = NodeIdentity {
        name: "n1".to_owned(),
        datacenter: "dc1".to_owned(),
        ..NodeIdentity::default()
    };
    let settings = StateSettings {
        remote_script_checks: true,
        ..StateSettings::default()
    };
    LocalState::new(node, settings)
}

fn service(json: &str) -> ServiceDefinition {
    serde_json::from_str(json).expect("a service")
}

fn check(json: &str) -> CheckDefinition {
    serde_json::from_str(json).expect("a check")
}

fn register(state: &mut LocalState, json: &str) -> Vec<Effect> {
    let change = state
        .plan_service(&service(json), Source::Api, false)
        .expect("valid");
    state.commit(change)
}

fn register_check(state: &mut LocalState, json: &str) -> Vec<Effect> {
    let change = state.plan_check(&check(json), Source::Api).expect("valid");
    state.commit(change)
}

fn reload(state: &mut LocalState, services: &[&str], checks: &[&str]) -> Vec<Effect> {
    let files = FileDefinitions {
        services: services.iter().map(|json| service(json)).collect(),
        checks: checks.iter().map(|json| check(json)).collect(),
    };
    let change = state.plan_reload(&files).expect("valid");
    state.commit(change)
}

fn ids(state: &LocalState) -> Vec<&str> {
    state
        .checks()
        .map(|it| it.check.check_id.as_str())
        .collect()
}

fn watch(id: &str) -> Effect {
    Effect::Watch {
        check_id: id.to_owned(),
    }
}

fn unwatch(id: &str) -> Effect {
    Effect::Unwatch {
        check_id: id.to_owned(),
    }
}

fn passing(text: &str) -> Outcome {
    Outcome::passing(text)
}

#[test]
fn a_registered_service_and_its_check_start_out_of_sync() {
    let mut state = state();
    let effects = register(&mut state, r#"{"Name":"web","Check":{"TTL":"5s"}}"#);
    assert_eq!(effects, [watch("service:web")]);
    assert!(!state.service("web").unwrap().mark.in_sync());
    assert!(!state.in_sync());
}

#[test]
fn registering_again_keeps_the_status_of_a_check() {
    let mut state = state();
    register(
        &mut state,
        r#"{"Name":"web","Check":{"TTL":"5s","Status":"passing"}}"#,
    );
    state.update_check("service:web", &Outcome::new(Status::Warning, "meh"));
    let effects = register(
        &mut state,
        r#"{"Name":"web","Check":{"TTL":"6s","Status":"passing"}}"#,
    );
    assert_eq!(effects, [watch("service:web")], "the check starts anew");
    let check = &state.check("service:web").unwrap().check;
    assert_eq!(
        (check.status, check.output.as_str()),
        (Status::Warning, "meh")
    );
}

#[test]
fn checks_that_a_registration_leaves_out_stay_unless_replaced() {
    let mut state = state();
    register(
        &mut state,
        r#"{"Name":"web","Check":{"TTL":"5s","CheckID":"a"}}"#,
    );
    let effects = register(
        &mut state,
        r#"{"Name":"web","Tags":["t"],"Check":{"TTL":"5s","CheckID":"b"}}"#,
    );
    assert_eq!(effects, [watch("b")], "a goes on undisturbed");
    assert_eq!(ids(&state), ["a", "b"]);
    assert_eq!(state.check("a").unwrap().check.service_tags, ["t"]);
    let replacing = service(r#"{"Name":"web","Check":{"TTL":"5s","CheckID":"c"}}"#);
    let change = state.plan_service(&replacing, Source::Api, true).unwrap();
    assert_eq!(
        state.commit(change),
        [unwatch("a"), unwatch("b"), watch("c")]
    );
    assert_eq!(ids(&state), ["c"]);
}

#[test]
fn a_service_goes_with_its_checks_and_its_sidecar() {
    let mut state = state();
    let json = r#"{"Name":"web","Port":80,"Check":{"TTL":"5s"},"Connect":{"SidecarService":{}}}"#;
    register(&mut state, json);
    register_check(&mut state, r#"{"Name":"own","TTL":"5s"}"#);
    assert_eq!(state.services().count(), 2);
    let change = state.plan_service_removal("web").unwrap();
    state.commit(change);
    assert_eq!(state.services().count(), 0);
    assert_eq!(ids(&state), ["own"]);
    assert_eq!(state.removed_services.len(), 2);
    assert!(
        state.removed_checks.is_empty(),
        "the catalog drops a service's checks with it"
    );
}

#[test]
fn a_service_named_like_a_sidecar_is_nobodys() {
    let mut state = state();
    register(&mut state, r#"{"Name":"web"}"#);
    register(&mut state, r#"{"Name":"web-sidecar-proxy"}"#);
    let change = state.plan_service_removal("web").unwrap();
    state.commit(change);
    assert!(state.service("web-sidecar-proxy").is_some());
}

#[test]
fn what_does_not_exist_is_not_found() {
    let state = state();
    let text = |result: Result<Change, LocalError>| match result {
        Err(LocalError::NotFound(text)) => text,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        text(state.plan_service_removal("x")),
        "Service {\"x\" {}} does not exist"
    );
    assert_eq!(
        text(state.plan_check_removal("x")),
        "CheckID \"x\" does not exist"
    );
    let Err(LocalError::NotFound(reason)) = state.plan_service_maintenance("x", true, "") else {
        panic!("must not be found")
    };
    assert_eq!(reason, "No service registered with ID \"x\"");
}

#[test]
fn checks_are_refused_in_consuls_order() {
    let state = state();
    let refusal = |json: &str| {
        state
            .plan_check(&check(json), Source::Api)
            .expect_err("refused")
    };
    assert_eq!(refusal(r#"{"ID":"x"}"#).to_string(), "Missing check name");
    let bad = refusal(r#"{"Name":"x","Status":"bad","TTL":"1s"}"#);
    assert_eq!(bad.to_string(), "Bad check status");
    let empty = refusal(r#"{"Name":"x"}"#);
    assert_eq!(
        empty.to_string(),
        "Invalid check: TTL must be > 0 for TTL checks"
    );
    assert!(matches!(empty, LocalError::Invalid(_)));
    let orphan = refusal(r#"{"Name":"x","TTL":"1s","ServiceID":"no"}"#);
    assert_eq!(orphan.to_string(), "ServiceID \"no\" does not exist");
    assert!(matches!(orphan, LocalError::Refused(_)));
}

#[test]
fn scripts_run_only_where_they_are_enabled() {
    for json in [
        r#"{"Name":"x","Args":["true"],"Interval":"10s"}"#,
        r#"{"Name":"x","DockerContainerID":"c","Args":["true"],"Interval":"10s"}"#,
    ] {
        runs_only_where_scripts_are_enabled(json);
    }
}

fn runs_only_where_scripts_are_enabled(json: &str) {
    let text = |settings: StateSettings, source| {
        let state = LocalState::new(NodeIdentity::default(), settings);
        state
            .plan_check(&check(json), source)
            .map_err(|err| err.to_string())
            .map(|_| ())
    };
    let none = StateSettings::default();
    let local = StateSettings {
        local_script_checks: true,
        ..none
    };
    let remote = StateSettings {
        remote_script_checks: true,
        ..none
    };
    let disabled = text(none, Source::Config).unwrap_err();
    assert!(
        disabled.starts_with("check \"x\": Scripts are disabled on this agent; to enable"),
        "{disabled}"
    );
    let disabled = text(local, Source::Api).unwrap_err();
    assert!(disabled.starts_with("Scripts are disabled on this agent from remote calls"));
    assert_eq!(text(local, Source::Config), Ok(()));
    assert_eq!(text(remote, Source::Api), Ok(()));
}

#[test]
fn results_change_status_at_once_and_output_later() {
    let mut state = state();
    register_check(&mut state, r#"{"Name":"t","TTL":"5s"}"#);
    let before = state.check("t").unwrap().mark.revision;
    assert_eq!(state.update_check("t", &passing("a")), CheckUpdate::Changed);
    let changed = state.check("t").unwrap().mark.revision;
    assert!(changed > before);
    assert_eq!(state.update_check("t", &passing("a")), CheckUpdate::Nothing);
    assert_eq!(
        state.update_check("t", &passing("b")),
        CheckUpdate::OutputDeferred
    );
    assert_eq!(state.check("t").unwrap().mark.revision, changed);
    assert_eq!(state.check("t").unwrap().check.output, "b");
    assert!(state.release_output("t"));
    assert!(state.check("t").unwrap().mark.revision > changed);
    assert!(!state.release_output("t"));
    assert_eq!(
        state.update_check("none", &passing("")),
        CheckUpdate::Nothing
    );
}

#[test]
fn discarded_output_is_never_kept() {
    let settings = StateSettings {
        discard_check_output: true,
        ..StateSettings::default()
    };
    let mut state = LocalState::new(NodeIdentity::default(), settings);
    register_check(&mut state, r#"{"Name":"t","TTL":"5s"}"#);
    state.update_check("t", &passing("secret"));
    assert_eq!(state.check("t").unwrap().check.output, "");
    assert_eq!(
        state.update_check("t", &passing("other")),
        CheckUpdate::Nothing
    );
}

#[test]
fn an_answer_to_an_older_form_does_not_confirm_a_newer_one() {
    let mut state = state();
    register(&mut state, r#"{"Name":"web"}"#);
    let old = state.service("web").unwrap().mark.revision;
    register(&mut state, r#"{"Name":"web","Port":1}"#);
    state.confirm_service("web", old);
    assert!(!state.service("web").unwrap().mark.in_sync());
    state.confirm_service("web", state.service("web").unwrap().mark.revision);
    assert!(state.service("web").unwrap().mark.in_sync());
}

#[test]
fn aliases_follow_what_they_mirror() {
    let mut state = state();
    register(
        &mut state,
        r#"{"Name":"web","Check":{"TTL":"5s","Name":"w"}}"#,
    );
    register_check(&mut state, r#"{"Name":"al","AliasService":"web"}"#);
    let text = "Aliased check \"w\" failing: ";
    assert_eq!(
        state.stale_aliases(),
        [("al".to_owned(), Outcome::critical(text))]
    );
    state.update_check("service:web", &passing("ok"));
    let good = Outcome::passing("All checks passing.");
    assert_eq!(state.stale_aliases(), [("al".to_owned(), good.clone())]);
    state.update_check("al", &good);
    assert_eq!(state.stale_aliases(), []);
    let change = state.plan_service_removal("web").unwrap();
    state.commit(change);
    let missing = Outcome::critical("Service web could not be found on node ");
    assert_eq!(state.stale_aliases(), [("al".to_owned(), missing)]);
}

#[test]
fn maintenance_comes_and_goes_once() {
    let mut state = state();
    register(&mut state, r#"{"Name":"web","Tags":["t"]}"#);
    let change = state
        .plan_service_maintenance("web", true, "why")
        .unwrap()
        .expect("new");
    assert_eq!(state.commit(change), [watch("_service_maintenance:web")]);
    let check = &state.check("_service_maintenance:web").unwrap().check;
    assert_eq!(
        [&check.name, &check.notes, &check.kind],
        ["Service Maintenance Mode", "why", "maintenance"]
    );
    assert_eq!(
        (check.service_name.as_str(), check.service_tags.len()),
        ("web", 1)
    );
    assert!(
        state
            .plan_service_maintenance("web", true, "again")
            .unwrap()
            .is_none()
    );
    let change = state
        .plan_service_maintenance("web", false, "")
        .unwrap()
        .expect("there");
    state.commit(change);
    assert!(
        state
            .plan_service_maintenance("web", false, "")
            .unwrap()
            .is_none()
    );
    let change = state.plan_node_maintenance(true, "").expect("new");
    state.commit(change);
    let notes = &state.check("_node_maintenance").unwrap().check.notes;
    assert!(notes.ends_with("no reason was provided. This is a default message."));
    assert!(state.plan_node_maintenance(true, "").is_none());
}

#[test]
fn a_reload_touches_only_what_changed() {
    let mut state = state();
    let web = r#"{"Name":"web","Port":80,"Check":{"TTL":"5s"},"Connect":{"SidecarService":{}}}"#;
    let db = r#"{"Name":"db","Check":{"TTL":"5s"}}"#;
    reload(&mut state, &[web, db], &[r#"{"Name":"disk","TTL":"9s"}"#]);
    state.update_check("service:web", &passing("ok"));
    let before = state.clone();
    assert_eq!(
        reload(&mut state, &[web, db], &[r#"{"Name":"disk","TTL":"9s"}"#]),
        []
    );
    assert_eq!(state.services, before.services);
    assert_eq!(state.checks, before.checks);
    let moved = r#"{"Name":"db","Port":5432,"Check":{"TTL":"5s"}}"#;
    assert_eq!(reload(&mut state, &[web, moved], &[]), [unwatch("disk")]);
    assert_eq!(state.service("db").unwrap().service.port, 5432);
    assert_eq!(state.service("web"), before.service("web"));
    assert_eq!(state.check("service:web"), before.check("service:web"));
    reload(&mut state, &[], &[]);
    assert_eq!((state.services().count(), state.checks().count()), (0, 0));
}

#[test]
fn a_reload_leaves_alone_what_came_over_http_and_files_win() {
    let mut state = state();
    register(&mut state, r#"{"Name":"api","Check":{"TTL":"5s"}}"#);
    register_check(&mut state, r#"{"Name":"mine","TTL":"5s"}"#);
    reload(&mut state, &[r#"{"Name":"web"}"#], &[]);
    register_check(
        &mut state,
        r#"{"Name":"extra","TTL":"5s","ServiceID":"web"}"#,
    );
    reload(&mut state, &[r#"{"Name":"web","Tags":["new"]}"#], &[]);
    assert_eq!(ids(&state), ["extra", "mine", "service:api"]);
    assert_eq!(state.check("extra").unwrap().check.service_tags, ["new"]);
    reload(&mut state, &[r#"{"Name":"api","Port":9}"#], &[]);
    assert_eq!(state.service("api").unwrap().source, Source::Config);
    assert_eq!(state.service("api").unwrap().service.port, 9);
    assert!(state.service("web").is_none());
}

#[test]
fn a_broken_reload_names_the_culprit_and_changes_nothing() {
    let mut state = state();
    reload(&mut state, &[r#"{"Name":"web"}"#], &[]);
    let files = FileDefinitions {
        services: vec![],
        checks: vec![check(r#"{"Name":"sick","Status":"bad"}"#)],
    };
    let text = state.plan_reload(&files).expect_err("refused").to_string();
    assert_eq!(text, "check \"sick\": Bad check status");
    assert!(state.service("web").is_some());
}

#[test]
fn catalog_tags_are_adopted_only_by_the_registration_they_were_compared_with() {
    let mut state = state();
    let json = r#"{"Name":"web","Tags":["a"],"EnableTagOverride":true,"Check":{"TTL":"5s"}}"#;
    register(&mut state, json);
    let revision = state.service("web").unwrap().mark.revision;
    let tags = ["b".to_owned()];
    state.adopt_tags("web", revision, &tags);
    assert_eq!(state.service("web").unwrap().service.tags, tags);
    assert_eq!(state.check("service:web").unwrap().check.service_tags, tags);
    register(&mut state, json);
    state.adopt_tags("web", revision, &tags);
    assert_eq!(state.service("web").unwrap().service.tags, ["a"]);
}

#[test]
fn the_agents_forms_are_consuls() {
    let mut state = state();
    register(
        &mut state,
        r#"{"Name":"web","Port":80,"Check":{"TTL":"5s","Status":"warning"}}"#,
    );
    let shown = state.agent_service("web").unwrap();
    assert_eq!(shown.content_hash, "42af20636cf48cf8");
    assert_eq!(
        (shown.datacenter.as_str(), shown.proxy, shown.connect),
        ("dc1", None, None)
    );
    assert!(state.agent_services()["web"].content_hash.is_empty());
    assert_eq!(state.agent_checks()["service:web"].status, Status::Warning);
    let health = state.service_health("web").unwrap();
    assert_eq!(
        (health.status.as_str(), health.checks.len()),
        ("warning", 1)
    );
    assert_eq!(state.health_by_name("web").len(), 1);
    assert!(state.health_by_name("none").is_empty() && state.service_health("none").is_none());
    assert!(state.agent_service("none").is_none());
}

#[test]
fn a_check_that_is_registered_again_keeps_its_outcome() {
    let mut state = state();
    register_check(&mut state, r#"{"ID":"c","Name":"c","TTL":"5s"}"#);
    state.update_check("c", &Outcome::new(Status::Warning, "so so"));
    register_check(
        &mut state,
        r#"{"ID":"c","Name":"renamed","TTL":"9s","Status":"passing"}"#,
    );
    let check = &state.check("c").expect("registered").check;
    assert_eq!(check.name, "renamed");
    assert_eq!(check.status, Status::Warning);
    assert_eq!(check.output, "so so");
}

#[test]
fn a_check_of_files_cannot_outlive_the_service_of_files() {
    let mut state = state();
    let of_web = r#"{"Name":"c","ServiceID":"web","TTL":"5s"}"#;
    reload(&mut state, &[r#"{"Name":"web"}"#], &[of_web]);
    let files = FileDefinitions {
        services: vec![],
        checks: vec![check(of_web)],
    };
    let text = state.plan_reload(&files).expect_err("refused").to_string();
    assert!(text.ends_with("ServiceID \"web\" does not exist"), "{text}");
    register(&mut state, r#"{"Name":"api"}"#);
    let of_api = r#"{"Name":"c","ServiceID":"api","TTL":"5s"}"#;
    reload(&mut state, &[], &[of_api]);
    assert_eq!(ids(&state), ["c"]);
    assert!(state.service("web").is_none());
}

#[test]
fn a_service_that_comes_back_without_a_check_still_loses_it_in_the_catalog() {
    let mut state = state();
    let with =
        |check: &str| format!(r#"{{"Name":"web","Check":{{"CheckID":"{check}","TTL":"5s"}}}}"#);
    register(&mut state, &with("old"));
    let change = state.plan_service_removal("web").expect("it is there");
    state.commit(change);
    assert!(state.removed_checks.is_empty());
    register(&mut state, &with("new"));
    assert!(state.removed_services.is_empty());
    assert!(state.removed_checks.contains_key("old"));
    register(&mut state, &with("old"));
    assert!(state.removed_checks.is_empty());
}
