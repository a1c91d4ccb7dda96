//! The scripts in `tests/golden/dns`: lines that set a catalog up, questions behind `?`, and under
//! each question the answer. With `UPDATE_GOLDEN=1` the answers are written anew.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use hickory_proto::op::Message;
use hickory_proto::rr::Record as ProtoRecord;

use super::fixture::{Fixture, question};
use crate::agent::dns::truncate::Transport;

/// Plays the script, on a server or on a client agent; gives it back with the answers that were given.
fn play(script: &str, client: bool) -> String {
    let mut fixture = Fixture::default();
    fixture.client = client;
    let mut played = String::new();
    let mut lines = script.lines().peekable();
    while let Some(line) = lines.next() {
        writeln!(played, "{line}").unwrap();
        let Some(words) = line.strip_prefix("? ") else {
            fixture.line(line);
            continue;
        };
        while lines.next_if(|line| line.starts_with("  ")).is_some() {}
        let words: Vec<&str> = words.split_whitespace().collect();
        let transport = if words.contains(&"tcp") {
            Transport::Tcp
        } else {
            Transport::Udp
        };
        let edns = words
            .iter()
            .find_map(|word| word.strip_prefix("edns="))
            .map(|size| size.parse().unwrap());
        let packet = question(words[0], words[1], edns);
        let (message, size) = fixture.ask(&packet, transport, 7);
        // A subset that chance decides is shown by its number, once for many seeds.
        let counted = words.contains(&"count");
        if counted {
            for seed in 0..20 {
                assert_eq!(
                    shown(&fixture.ask(&packet, transport, seed).0, true),
                    shown(&message, true)
                );
            }
        }
        played.push_str(&shown(&message, counted));
        if words.contains(&"size") {
            writeln!(played, "  {size} bytes").unwrap();
        }
    }
    played
}

fn shown(message: &Message, counted: bool) -> String {
    let mut text = String::new();
    write!(text, "  {:?}", message.metadata.response_code).unwrap();
    for (set, flag) in [
        (message.metadata.authoritative, " aa"),
        (message.metadata.truncation, " tc"),
        (message.metadata.recursion_available, " ra"),
    ] {
        text.push_str(if set { flag } else { "" });
    }
    text.push('\n');
    for (section, records) in [
        ("answer", &message.answers),
        ("authority", &message.authorities),
        ("additional", &message.additionals),
    ] {
        if counted && !records.is_empty() {
            writeln!(text, "  {section}: {} records", records.len()).unwrap();
            continue;
        }
        // The order of instances is chance; that of everything else does not matter to clients.
        let mut rows: Vec<String> = records.iter().map(ProtoRecord::to_string).collect();
        rows.sort();
        for row in rows {
            writeln!(text, "  {section}: {row}").unwrap();
        }
    }
    text
}

fn golden(name: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/dns")
        .join(name);
    let script = fs::read_to_string(&path).unwrap();
    let played = play(&script, false);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &played).unwrap();
        return;
    }
    for (at, (given, expected)) in played.lines().zip(script.lines()).enumerate() {
        assert_eq!(given, expected, "{}:{}", path.display(), at + 1);
    }
    assert_eq!(played, script, "{}", path.display());
    assert_eq!(play(&script, true), script, "a client: {}", path.display());
}

#[test]
fn nodes() {
    golden("nodes.txt");
}

#[test]
fn services() {
    golden("services.txt");
}

#[test]
fn addresses() {
    golden("addresses.txt");
}

#[test]
fn aliases() {
    golden("aliases.txt");
}

#[test]
fn zones() {
    golden("zones.txt");
}

#[test]
fn limits() {
    golden("limits.txt");
}
