//! What screen, text, line and JSON say of one snapshot; the JSON's schema; the pictures of the README.

use std::path::{Path, PathBuf};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use regex::Regex;
use serde_json::{Value, json};

use super::app::{App, Event};
use super::derive::bad_cluster::{NOW, bad_cluster, bad_picture};
use super::snapshot::{Fault, FaultKind, Update};
use super::theme::{ASCII, Glyphs, Palette, UNICODE};
use super::{ClusterSnapshot, Observations, Theme, Thresholds, derive, once, report, shot};

fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The bad cluster on a screen, after some keys.
fn screen(glyphs: &Glyphs, keys: &str, width: u16, height: u16) -> String {
    let (snapshot, seen) = bad_cluster();
    let theme = Theme {
        palette: Palette::Mono,
        glyphs: *glyphs,
    };
    let mut app = App::looking(snapshot, seen, &theme, Thresholds::default());
    app.prepare(NOW);
    for key in keys.chars() {
        let code = match key {
            '\n' => KeyCode::Enter,
            other => KeyCode::Char(other),
        };
        app.update(NOW, Event::Key(KeyEvent::new(code, KeyModifiers::NONE)));
        app.prepare(NOW);
    }
    shot::write(
        &shot::render(&mut app, NOW, (width, height)),
        shot::Format::Text,
    )
}

#[test]
fn gauges_have_the_same_numbers() {
    let (snapshot, picture) = bad_picture();
    let json = serde_json::to_value(report(&snapshot, &picture)).unwrap();
    let (_, verdict) = once::check(&snapshot, &picture);
    let gauges = once::prometheus(&picture, verdict);
    for gauge in [
        format!("consulctl_top_status {}\n", verdict.exit_code()),
        format!("consulctl_top_servers {}\n", json["servers"]["total"]),
    ] {
        assert!(gauges.contains(&gauge), "{gauge:?} in\n{gauges}");
    }
}

#[test]
fn screen_text_line_and_json_have_the_same_numbers() {
    let (snapshot, picture) = bad_picture();
    let json = serde_json::to_value(report(&snapshot, &picture)).unwrap();
    let screen = screen(&ASCII, "", 160, 48);
    let text = once::text(&snapshot, &picture, &ASCII, 160);
    let (line, verdict) = once::check(&snapshot, &picture);
    assert_eq!(json["verdict"], verdict.word().to_lowercase());
    let (servers, nodes, checks) = (&json["servers"], &json["nodes"], &json["checks"]);
    let number = |value: &Value| value.as_u64().unwrap();
    let sentences = [
        format!(
            "LEADER {} term {} for ",
            json["leader"]["name"].as_str().unwrap(),
            number(&json["leader"]["term"])
        ),
        format!(", {} changes in ", number(&json["leader"]["changes_24h"])),
        format!(
            "SERVERS {}/{}, tolerates {}",
            number(&servers["healthy"]),
            number(&servers["total"]),
            number(&servers["failures_tolerated"])
        ),
        format!(
            "NODES {} ok {} x {} left",
            number(&nodes["alive"]),
            number(&nodes["failed"]),
            number(&nodes["left"])
        ),
        format!(
            "CHECKS {} ok {} ! {} x",
            number(&checks["passing"]),
            number(&checks["warning"]),
            number(&checks["critical"])
        ),
    ];
    for sentence in &sentences {
        assert!(screen.contains(sentence), "{sentence:?} in\n{screen}");
        assert!(text.contains(sentence), "{sentence:?} in\n{text}");
    }
    for (name, value) in [
        ("servers", &servers["total"]),
        ("servers_healthy", &servers["healthy"]),
        ("failures_tolerated", &servers["failures_tolerated"]),
        ("lag_worst", &servers["lag_worst"]),
        ("nodes_alive", &nodes["alive"]),
        ("nodes_failed", &nodes["failed"]),
        ("checks_warning", &checks["warning"]),
        ("checks_critical", &checks["critical"]),
        ("leader_changes", &json["leader"]["changes_24h"]),
    ] {
        let said = format!(" {name}={}", number(value));
        assert!(
            format!("{line} ").contains(&format!("{said} ")),
            "{said:?} in {line}"
        );
    }
    for peer in servers["peers"].as_array().unwrap() {
        let index = number(&peer["last_index"]).to_string();
        assert!(screen.contains(&index) && text.contains(&index), "{index}");
    }
    let problems = json["problems"].as_array().unwrap();
    assert!(
        screen.contains(&format!("2 Problems  {},", problems.len())),
        "{screen}"
    );
    for problem in problems {
        for part in ["subject", "text"] {
            let part = problem[part].as_str().unwrap();
            assert!(screen.contains(part) && text.contains(part), "{part:?}");
        }
    }
}

/// A check of a value against the keywords that the schema uses; any other keyword is a fault.
fn faults(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    let fits = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => false,
    };
    for (keyword, wanted) in schema.as_object().unwrap() {
        let good = match keyword.as_str() {
            "$schema" | "title" | "description" => true,
            "type" => match wanted {
                Value::Array(kinds) => kinds.iter().any(|kind| fits(kind.as_str().unwrap())),
                kind => fits(kind.as_str().unwrap()),
            },
            "const" => value == wanted,
            "enum" => wanted.as_array().unwrap().contains(value),
            "minimum" => value.is_null() || value.as_f64() >= wanted.as_f64(),
            "pattern" => {
                let pattern = Regex::new(wanted.as_str().unwrap()).unwrap();
                value.as_str().is_none_or(|text| pattern.is_match(text))
            }
            "required" => {
                let names = wanted.as_array().unwrap();
                names
                    .iter()
                    .all(|name| value.get(name.as_str().unwrap()).is_some())
            }
            "additionalProperties" => {
                *wanted == json!(false)
                    && value.as_object().is_some_and(|all| {
                        all.keys()
                            .all(|name| schema["properties"].get(name).is_some())
                    })
            }
            "properties" => {
                for (name, inner) in wanted.as_object().unwrap() {
                    if let Some(value) = value.get(name) {
                        faults(inner, value, &format!("{path}.{name}"), found);
                    }
                }
                true
            }
            "items" => {
                for (place, item) in value.as_array().into_iter().flatten().enumerate() {
                    faults(wanted, item, &format!("{path}[{place}]"), found);
                }
                true
            }
            _ => false,
        };
        if !good {
            found.push(format!("{path}: {keyword} {wanted}, is {value}"));
        }
    }
}

fn against_schema(value: &Value) -> Vec<String> {
    let text = std::fs::read_to_string(file("docs/top.schema.json")).unwrap();
    let mut found = Vec::new();
    faults(&serde_json::from_str(&text).unwrap(), value, "", &mut found);
    found
}

/// A report of a cluster whose parts all fail in one way.
fn failing(kind: FaultKind) -> ClusterSnapshot {
    use super::fetch::{Subject, late};
    let mut snapshot = ClusterSnapshot::new("http://h:8500");
    for subject in Subject::ALL {
        snapshot = snapshot.with(late(subject), NOW);
    }
    let fault = Fault {
        kind,
        text: "no".to_owned(),
    };
    snapshot.with(Update::Agent(Err(fault)), NOW)
}

#[test]
fn reports_are_as_their_schema_says() {
    let (snapshot, picture) = bad_picture();
    let bad = serde_json::to_value(report(&snapshot, &picture)).unwrap();
    assert_eq!(against_schema(&bad), Vec::<String>::new());
    let empty = ClusterSnapshot::new("http://h:8500")
        .with(Update::Members(Ok(Vec::new())), NOW)
        .with(Update::Checks(Ok(Vec::new())), NOW)
        .with(Update::Services(Ok(std::collections::BTreeMap::new())), NOW)
        .with(Update::Leader(Ok(String::new())), NOW);
    let kinds = [
        FaultKind::Forbidden,
        FaultKind::Unreachable,
        FaultKind::Unsupported,
    ];
    let others = kinds
        .map(failing)
        .into_iter()
        .chain([empty, ClusterSnapshot::new("x")]);
    for snapshot in others {
        let mut seen = Observations::default();
        let picture = derive(NOW, &snapshot, &mut seen, &Thresholds::default());
        let value = serde_json::to_value(report(&snapshot, &picture)).unwrap();
        assert_eq!(against_schema(&value), Vec::<String>::new());
    }
    // It can tell.
    for (pointer, odd) in [
        ("/schema", json!("consulctl.top/2")),
        ("/at", json!("today")),
        ("/verdict", json!("fine")),
        ("/nodes/alive", json!(-1)),
        ("/servers/peers/0/voter", json!("yes")),
        ("/checks/failing/0", json!({"node": "n"})),
        ("/problems/0/colour", json!("red")),
    ] {
        let mut broken = bad.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        match broken.pointer_mut(parent).unwrap() {
            Value::Array(list) => list[name.parse::<usize>().unwrap()] = odd,
            other => other[name] = odd,
        }
        assert!(!against_schema(&broken).is_empty(), "{pointer}");
    }
}

/// `BLESS=1 cargo test --lib pictures_of_the_readme` draws them anew.
#[test]
fn pictures_of_the_readme_are_current() {
    let path = file("README.md");
    let mut text = std::fs::read_to_string(&path).unwrap();
    let before = text.clone();
    for (name, keys, width, height) in [("overview", "", 116, 30), ("check", "4\n", 80, 14)] {
        let (begin, end) = (
            format!("<!-- top {name} -->\n"),
            format!("<!-- end of {name} -->"),
        );
        let from = text.find(&begin).unwrap_or_else(|| panic!("no {begin}")) + begin.len();
        let to = from
            + text[from..]
                .find(&end)
                .unwrap_or_else(|| panic!("no {end}"));
        let picture = screen(&UNICODE, keys, width, height);
        text.replace_range(from..to, &format!("```text\n{picture}```\n"));
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    } else {
        assert!(
            text == before,
            "run BLESS=1 cargo test --lib pictures_of_the_readme"
        );
    }
}
