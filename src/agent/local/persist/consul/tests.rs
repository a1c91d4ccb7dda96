//! A data folder that Consul 1.8.7 left after registrations over HTTP.

use std::fs;
use std::path::Path;

use super::super::{Files, PersistError};
use crate::agent::local::entry::NodeIdentity;
use crate::agent::local::plan::FileDefinitions;
use crate::agent::local::restore::restore;
use crate::agent::local::state::{LocalState, StateSettings};
use crate::model::check::Status;

/// Before the TTL states of the folder expire, in milliseconds since the Unix epoch.
const NOW_MS: u64 = 1_795_212_600_000;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn consuls_folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let golden = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/local/consul-1.8.7"
    );
    copy(Path::new(golden), dir.path());
    dir
}

fn start(dir: &Path) -> LocalState {
    let node = NodeIdentity {
        name: "n1".to_owned(),
        ..NodeIdentity::default()
    };
    let mut state = LocalState::new(node, StateSettings::default());
    let files = Files::open(dir).unwrap();
    restore(
        &mut state,
        &FileDefinitions::default(),
        Some(&files),
        NOW_MS,
    )
    .unwrap();
    state
}

/// The files right in a folder, by name.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|it| it.unwrap());
    let files = entries.filter(|it| it.file_type().unwrap().is_file());
    files
        .map(|it| it.file_name().to_string_lossy().into_owned())
        .collect()
}

#[test]
fn every_registration_of_consuls_is_taken_over() {
    let dir = consuls_folder();
    let state = start(dir.path());
    let services = state.agent_services();
    let ids: Vec<&str> = services.keys().map(String::as_str).collect();
    assert_eq!(ids, ["px", "side", "side-sidecar-proxy", "web-1"]);
    let web = &services["web-1"];
    assert_eq!((web.service.as_str(), web.port), ("web", 8080));
    assert_eq!((web.weights.passing, web.weights.warning), (3, 2));
    assert_eq!(web.tags, ["a", "b"]);
    assert!(web.enable_tag_override);
    let lan = &web.tagged_addresses.as_ref().unwrap()["lan"];
    assert_eq!((lan.address.as_str(), lan.port), ("10.1.1.1", 81));
    let proxy = services["px"].proxy.as_ref().unwrap();
    assert_eq!(proxy.upstreams[0]["DestinationName"], "db");
    assert_eq!(proxy.upstreams[0]["LocalBindPort"], 1234);
    let sidecar = state.service("side-sidecar-proxy").unwrap();
    assert!(sidecar.sidecar && sidecar.token == "tok");
    assert!(state.service("web-1").unwrap().token.is_empty());

    let checks = state.agent_checks();
    let ids: Vec<&str> = checks.keys().map(String::as_str).collect();
    let expected = [
        "_node_maintenance",
        "_service_maintenance:web-1",
        "g",
        "node-tcp",
        "nt",
        "service:side-sidecar-proxy:1",
        "service:side-sidecar-proxy:2",
        "service:web-1:2",
        "web-ttl",
    ];
    assert_eq!(ids, expected);
    assert_eq!(checks["_node_maintenance"].notes, "why");
    assert_eq!(checks["_service_maintenance:web-1"].notes, "svc");
    for (id, status, output) in [
        ("nt", Status::Warning, "half"),
        ("web-ttl", Status::Passing, "fine"),
        ("node-tcp", Status::Critical, ""),
    ] {
        let check = &checks[id];
        assert_eq!(
            (check.status, check.output.as_str()),
            (status, output),
            "{id}"
        );
    }
    let definition = |id: &str| state.check(id).unwrap().definition.clone().unwrap();
    let http = definition("service:web-1:2");
    assert_eq!((http.method.as_str(), http.body.as_str()), ("POST", "b"));
    assert_eq!(http.header["X-A"], ["1", "2"]);
    assert_eq!(http.interval.to_string(), "10s");
    let after = http.deregister_critical_service_after;
    assert_eq!(after.to_string(), "1h30m0s");
    let tcp = definition("node-tcp");
    assert_eq!((tcp.success_before_passing, tcp.output_max_size), (2, 100));
    assert_eq!(definition("service:side-sidecar-proxy:1").token, "tok");
}

#[test]
fn the_files_are_rewritten_once_and_say_the_same_again() {
    let dir = consuls_folder();
    let first = start(dir.path());
    for (folder, count) in [("services", 4), ("checks", 9), ("checks/state", 2)] {
        let names = names(&dir.path().join(folder));
        assert_eq!(names.len(), count, "{folder}: {names:?}");
        assert!(names.iter().all(|it| it.len() == 64), "{folder}: {names:?}");
    }
    let second = start(dir.path());
    assert_eq!(first.agent_services(), second.agent_services());
    assert_eq!(first.agent_checks(), second.agent_checks());
}

#[test]
fn what_was_written_before_an_interrupted_take_over_wins() {
    let dir = consuls_folder();
    start(dir.path());
    // The old file is still there, with an older port.
    let old = r#"{"Token":"","Service":{"ID":"web-1","Service":"web","Port":1},"Source":"remote"}"#;
    let path = dir.path().join("services/a2e3a94e0befb3546bfea8a1cb24ac48");
    fs::write(&path, old).unwrap();
    assert_eq!(start(dir.path()).agent_services()["web-1"].port, 8080);
    assert!(!path.exists());
}

#[test]
fn what_only_looks_like_consuls_is_set_aside() -> Result<(), PersistError> {
    let name = "a2e3a94e0befb3546bfea8a1cb24ac48";
    for (folder, text) in [
        ("services", r#"{"Token":"","Source":"remote"}"#),
        ("services", r#"{"Token":"","Service":{"Tags":["a"]}}"#),
        ("services", r#"{"Token":"","Service":[]}"#),
        ("checks", r#"{"Check":{"CheckID":"a"},"ChkType":null}"#),
        ("checks", r#"{"Check":null,"ChkType":{}}"#),
        (
            "checks/state",
            r#"{"CheckID":"a","Status":"fine","Expires":1}"#,
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::open(dir.path())?;
        let folder = dir.path().join(folder);
        fs::write(folder.join(name), text).unwrap();
        let saved = files.load()?;
        assert!(saved.services.is_empty() && saved.checks.is_empty() && saved.ttls.is_empty());
        assert_eq!(names(&folder.join("set-aside")), [name], "{text}");
        assert!(names(&folder).is_empty());
    }
    Ok(())
}
