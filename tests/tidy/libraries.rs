//! Libraries that only one room may know, so that changing them stays a matter of that room.

use crate::source::Source;

/// A crate's name in code, and the module paths that may use it.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("openraft", &["agent::raft"]),
    ("sqlx", &["agent::raft"]),
    ("hyper", &["agent::http", "agent::checks"]),
    ("hyper_util", &["agent::http", "agent::checks"]),
    ("http_body_util", &["agent::http", "agent::checks"]),
    ("h2", &["agent::checks"]),
    ("rustls", &["agent::checks"]),
    ("tokio_rustls", &["agent::checks"]),
    ("rustls_platform_verifier", &["agent::checks"]),
    ("reqwest", &["api", "agent::checks", "agent::watches"]),
    ("hickory_proto", &["agent::dns"]),
    ("tracing_subscriber", &["agent::telemetry"]),
    ("clap", &["cli", "agent::config"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("indicatif", &["output"]),
    ("ratatui", &["tui"]),
    ("crossterm", &["tui"]),
];

/// Uses outside the rooms.
pub(crate) fn faults(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| !source.is_test()) {
        let module = source.module().join("::");
        for (library, rooms) in LIBRARIES {
            let at_home = rooms.iter().any(|room| {
                module
                    .strip_prefix(room)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
            });
            if at_home {
                continue;
            }
            for (at, _) in source.code.match_indices(&format!("{library}::")) {
                let before = source.code[..at].chars().next_back();
                // `crate::hyper::` and `my_hyper::` are something else.
                if !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                    let line = source.line_of(at);
                    faults.push(format!(
                        "{}:{line}: {library} outside {rooms:?}",
                        source.path
                    ));
                }
            }
        }
    }
    faults
}

#[test]
fn a_library_outside_its_room_is_found() {
    for (library, rooms) in LIBRARIES {
        let text = format!("use {library}::Thing;\n");
        assert_eq!(
            faults(&[Source::new("src/model/kv.rs", &text)]).len(),
            1,
            "{library}"
        );
        let home = format!("src/{}/x.rs", rooms[0].replace("::", "/"));
        assert_eq!(faults(&[Source::new(&home, &text)]).len(), 0, "{library}");
    }
}

#[test]
fn a_path_of_ours_with_the_same_name_is_fine() {
    let text = "use crate::hyper::X; let y = my_hyper::f(); // hyper::Z\n";
    assert!(faults(&[Source::new("src/model/kv.rs", text)]).is_empty());
}
