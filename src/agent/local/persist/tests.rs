//! What is written is read again, and what is damaged is set aside.

use super::save::{Step, carry_out, stage};
use super::*;
use crate::agent::local::entry::NodeIdentity;
use crate::agent::local::state::{Change, LocalState, StateSettings};

fn state() -> LocalState {
    let node = NodeIdentity {
        name: "n1".to_owned(),
        ..NodeIdentity::default()
    };
    LocalState::new(node, StateSettings::default())
}

fn web(source: Source) -> Change {
    let json = r#"{"Name":"web","Port":80,"Token":"tok","Check":{"TTL":"10s"}}"#;
    state()
        .plan_service(&serde_json::from_str(json).unwrap(), source, false)
        .unwrap()
}

#[test]
fn nobody_else_reads_definitions() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    Files::open(dir.path()).unwrap();
    for folder in ["services", "checks"] {
        let mode = fs::metadata(dir.path().join(folder)).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, PRIVATE_FOLDER);
    }
}

#[test]
fn what_was_saved_is_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::open(dir.path()).unwrap();
    files.save(&web(Source::Api)).unwrap();
    files
        .save_ttl(&SavedTtl::new("service:web", Status::Passing, "fine", 7))
        .unwrap();
    let saved = Files::open(dir.path()).unwrap().load().unwrap();
    let [service] = saved.services.as_slice() else {
        panic!("{saved:?}")
    };
    let SavedService {
        definition,
        sidecar,
        ..
    } = service;
    assert_eq!(
        (definition.name.as_str(), definition.port, *sidecar),
        ("web", 80, false)
    );
    assert_eq!(definition.token, "tok");
    let [check] = saved.checks.as_slice() else {
        panic!("{saved:?}")
    };
    let check = check.definition.as_ref().expect("a definition");
    assert_eq!(
        (check.id.as_str(), check.service_id.as_str()),
        ("service:web", "web")
    );
    assert_eq!(saved.ttls["service:web"].output, "fine");
}

#[test]
fn files_are_named_by_the_hash_of_the_id() {
    let dir = tempfile::tempdir().unwrap();
    Files::open(dir.path())
        .unwrap()
        .save(&web(Source::Api))
        .unwrap();
    let hash = "4b5e57f6eb2f42b9039b3d1e13929295f231749c510cbe341cd68036d9af97e2";
    assert!(dir.path().join("services").join(hash).is_file());
}

#[test]
fn removed_entries_and_those_of_configuration_files_leave_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::open(dir.path()).unwrap();
    files.save(&web(Source::Api)).unwrap();
    files.save(&web(Source::Config)).unwrap();
    let saved = files.load().unwrap();
    assert!(
        saved.services.is_empty() && saved.checks.is_empty(),
        "files win"
    );
    files.save(&web(Source::Api)).unwrap();
    files
        .save_ttl(&SavedTtl::new("service:web", Status::Passing, "", 7))
        .unwrap();
    let removed = |id: &str| vec![id.to_owned()];
    let gone = Change {
        removed_services: removed("web"),
        removed_checks: removed("service:web"),
        ..Change::default()
    };
    files.save(&gone).unwrap();
    files.save(&gone).unwrap();
    let saved = files.load().unwrap();
    assert!(saved.services.is_empty() && saved.checks.is_empty() && saved.ttls.is_empty());
}

#[test]
fn what_cannot_be_read_again_is_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::open(dir.path()).unwrap();
    let tagged = |length: usize| {
        let tag = "x".repeat(length);
        let json = format!(r#"{{"Name":"web","Tags":["{tag}"],"Check":{{"TTL":"10s"}}}}"#);
        let definition = serde_json::from_str(&json).unwrap();
        state()
            .plan_service(&definition, Source::Api, false)
            .unwrap()
    };
    let refused = files.save(&tagged(FILE_SIZE_MAX)).expect_err("too large");
    assert!(
        matches!(refused, PersistError::NotWritten { .. })
            && refused
                .to_string()
                .contains("the registration is too large"),
        "{refused}"
    );
    let saved = files.load().unwrap();
    assert!(saved.services.is_empty() && saved.checks.is_empty());
    files.save(&tagged(BODY_MAX)).unwrap();
    assert_eq!(files.load().unwrap().services.len(), 1);
}

#[test]
fn leftovers_of_an_interrupted_write_are_ignored_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::open(dir.path()).unwrap();
    let leftover = dir.path().join("checks").join("abc.tmp");
    fs::write(&leftover, "{\"Ver").unwrap();
    assert!(files.load().unwrap().checks.is_empty());
    assert!(!leftover.exists());
}

#[test]
fn an_old_file_stays_readable() {
    let text = r#"{"Version":1,"Sidecar":false,"Definition":{"Name":"web","Port":80}}"#;
    let saved: SavedService = serde_json::from_str(text).unwrap();
    assert_eq!(saved.definition.name, "web");
    assert_eq!(serde_json::to_string(&saved).unwrap(), text);
    let text = r#"{"Version":1,"Maintenance":{"ServiceID":"web","Reason":"why"}}"#;
    let saved: SavedCheck = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&saved).unwrap(), text);
}

/// The only thing that was set aside in a folder.
fn aside(folder: &Path) -> PathBuf {
    let found: Vec<_> = fs::read_dir(folder.join("set-aside"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let [one] = found.as_slice() else {
        panic!("{found:?}")
    };
    one.clone()
}

#[test]
fn a_damaged_file_is_set_aside_and_the_others_load() {
    let other = r#"{"Version":1,"Sidecar":false,"Definition":{"Name":"other"}}"#;
    let large = " ".repeat(FILE_SIZE_MAX + 1);
    let deep = "[".repeat(100_000);
    let damaged: [&[u8]; 9] = [
        b"{garbage",
        b"",
        b"\0\0\0\0",
        b"\xff\xfe{}",
        b"{\"Version\":1",
        b"{\"Version\":1,\"Sidecar\":false,\"Definition\":[]}",
        other.as_bytes(),
        large.as_bytes(),
        deep.as_bytes(),
    ];
    for content in damaged {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::open(dir.path()).unwrap();
        let services = dir.path().join("services");
        files.save(&web(Source::Api)).unwrap();
        let path = services.join(file_name("bad"));
        fs::write(&path, content).unwrap();
        let saved = files.load().unwrap();
        assert_eq!(saved.services.len(), 1);
        assert_eq!(saved.services[0].definition.name, "web");
        assert!(!path.exists());
        assert_eq!(fs::read(aside(&services)).unwrap(), content);
        assert_eq!(files.load().unwrap().services.len(), 1, "read once");
    }
}

#[test]
fn what_is_no_file_and_what_is_a_copy_are_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::open(dir.path()).unwrap();
    files.save(&web(Source::Api)).unwrap();
    let (services, checks) = (dir.path().join("services"), dir.path().join("checks"));
    fs::create_dir(services.join(file_name("api"))).unwrap();
    fs::create_dir(services.join("somebody's own")).unwrap();
    fs::copy(
        checks.join(file_name("service:web")),
        checks.join(file_name("copy")),
    )
    .unwrap();
    let saved = files.load().unwrap();
    assert_eq!((saved.services.len(), saved.checks.len()), (1, 1));
    assert!(aside(&services).is_dir() && aside(&checks).is_file());
    assert!(services.join("somebody's own").is_dir(), "left alone");
}

#[test]
fn a_check_file_of_nothing_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::open(dir.path()).unwrap();
    let checks = dir.path().join("checks");
    fs::write(checks.join(file_name("web")), r#"{"Version":1}"#).unwrap();
    assert!(files.load().unwrap().checks.is_empty());
    assert!(aside(&checks).is_file());
}

#[test]
fn what_is_set_aside_replaces_nothing_until_there_are_many() {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::open(dir.path()).unwrap();
    let services = dir.path().join("services");
    for round in 0..20 {
        fs::write(services.join(file_name("web")), format!("bad {round}")).unwrap();
        files.load().unwrap();
    }
    let kept: std::collections::BTreeSet<String> = fs::read_dir(services.join("set-aside"))
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    assert_eq!(kept.len(), 16);
    assert!(kept.contains("bad 0") && kept.contains("bad 14") && kept.contains("bad 19"));
}

#[test]
fn a_newer_versions_file_stays_and_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::open(dir.path()).unwrap();
    for folder in ["services", "checks", "checks/state"] {
        let path = dir.path().join(folder).join(file_name("web"));
        // Nothing but the version has to be as it is today.
        fs::write(&path, r#"{"Version":2,"Other":[]}"#).unwrap();
        let err = files.load().expect_err("a newer version");
        assert!(matches!(err, PersistError::Version { .. }) && path.exists());
        let text = err.to_string();
        assert!(text.contains(&path.display().to_string()), "{text}");
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_torn_ttl_state_is_set_aside_and_the_rest_is_loaded() {
    for torn in ["", "{\"Version\":1,\"Che", "\0\0\0\0"] {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::open(dir.path()).unwrap();
        files.save(&web(Source::Api)).unwrap();
        files
            .save_ttl(&SavedTtl::new("other", Status::Passing, "", 7))
            .unwrap();
        let folder = dir.path().join("checks").join("state");
        fs::write(folder.join(file_name("service:web")), torn).unwrap();
        let saved = files.load().unwrap();
        assert_eq!(saved.checks.len(), 1, "the check itself stays");
        assert_eq!(saved.ttls.keys().collect::<Vec<_>>(), ["other"]);
        assert!(aside(&folder).is_file());
    }
}

fn names(folder: &Path) -> Vec<String> {
    let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    fs::read_dir(folder).unwrap().map(name).collect()
}

#[test]
fn a_change_that_cannot_be_written_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::open(dir.path()).unwrap();
    let (services, checks) = (dir.path().join("services"), dir.path().join("checks"));
    fs::remove_dir_all(&checks).unwrap();
    files.save(&web(Source::Api)).expect_err("no folder");
    assert_eq!(names(&services), Vec::<String>::new());
    // The same with what was registered before: it stays as it was.
    let files = Files::open(dir.path()).unwrap();
    files.save(&web(Source::Api)).unwrap();
    let path = services.join(file_name("web"));
    let before = fs::read(&path).unwrap();
    fs::remove_dir_all(&checks).unwrap();
    let mut other = web(Source::Api);
    other.services[0].definition.port = 81;
    files.save(&other).expect_err("no folder");
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(names(&services), [file_name("web")]);
}

#[test]
fn a_crash_on_the_way_leaves_no_service_without_its_check() {
    let removed = |id: &str| vec![id.to_owned()];
    let gone = Change {
        removed_services: removed("web"),
        removed_checks: removed("service:web"),
        ..Change::default()
    };
    for (change, before) in [(web(Source::Api), false), (gone, true)] {
        let mut steps_in_all = 1;
        let mut done = 0;
        while done <= steps_in_all {
            let dir = tempfile::tempdir().unwrap();
            let files = Files::open(dir.path()).unwrap();
            if before {
                files.save(&web(Source::Api)).unwrap();
            }
            let mut steps = Vec::new();
            stage(files.files_of(&change).unwrap(), &mut steps).unwrap();
            steps_in_all = steps.len();
            carry_out(&steps[..done]).unwrap();
            let saved = files.load().unwrap();
            assert!(
                saved.services.is_empty() || saved.checks.len() == 1,
                "after {done} steps: {saved:?}"
            );
            done += 1;
        }
        assert_eq!(steps_in_all, 2);
    }
}

#[test]
fn steps_before_a_failed_one_are_undone() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);
    let step = |name: &str, staged: Option<&str>, previous: Option<&str>| Step {
        path: file(name),
        staged: staged.map(file),
        previous: previous.map(|text| text.as_bytes().to_vec()),
    };
    for (name, text) in [
        ("old", "1"),
        ("gone", "2"),
        ("old.new", "3"),
        ("new.new", "4"),
    ] {
        fs::write(file(name), text).unwrap();
    }
    let steps = [
        step("old", Some("old.new"), Some("1")),
        step("gone", None, Some("2")),
        step("new", Some("new.new"), None),
        step("failing", Some("not staged"), None),
    ];
    let err = carry_out(&steps).expect_err("the last step");
    assert!(err.to_string().contains("failing"), "{err}");
    let mut left = names(dir.path());
    left.sort();
    assert_eq!(left, ["gone", "old"]);
    assert_eq!(fs::read_to_string(file("old")).unwrap(), "1");
    assert_eq!(fs::read_to_string(file("gone")).unwrap(), "2");
}
