//! Imports: every `crate::…` and `super::…` path of the code against the table of rooms.

use crate::rooms::{CLI_DOORS, ROOMS, Room, SIDEWAYS, family, room_of};
use crate::source::Source;

/// A path that the code of a file uses.
#[derive(Debug, PartialEq)]
struct Use {
    line: usize,
    path: Vec<String>,
}

/// Arrows that the house does not allow.
pub(crate) fn faults(sources: &[Source]) -> Vec<String> {
    faults_with(sources, SIDEWAYS)
}

fn faults_with(sources: &[Source], sideways: &[(&str, &str, &str)]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut used = vec![false; sideways.len()];
    for source in sources.iter().filter(|source| !source.is_test()) {
        let module = source.module();
        let Some(from) = room_of(&module) else {
            continue;
        };
        for Use { line, path } in uses(source) {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let Some(to) = room_of(&path) else { continue };
            let exception = sideways
                .iter()
                .position(|(left, right, _)| (*left, *right) == (from.path, to.path));
            if let Some(place) = exception {
                used[place] = true;
            } else if !allowed(&module, from, to) {
                let path = path.join("::");
                faults.push(format!(
                    "{}:{line}: {} may not use {path}",
                    source.path, from.path
                ));
            }
        }
    }
    for ((from, to, _), _) in sideways.iter().zip(used).filter(|(_, used)| !used) {
        faults.push(format!(
            "the exception {from} -> {to} is not needed any more"
        ));
    }
    faults
}

fn allowed(module: &[&str], from: &Room, to: &Room) -> bool {
    if from.path == to.path {
        return true;
    }
    if from.pure && !to.pure {
        return false;
    }
    if from.path == "cli" && (to.path.starts_with("agent") || family(to) == "tui") {
        let module = module.join("::");
        return CLI_DOORS.iter().any(|(door, room)| {
            let through = module
                .strip_prefix(door)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
            through && (to.path == *room || to.path.starts_with(&format!("{room}::")))
        });
    }
    // What an agent is made of knows nothing of those who talk to one, and the other way round.
    if family(from).starts_with("agent") && ["api", "output", "tui"].contains(&family(to).as_str())
    {
        return false;
    }
    if ["api", "output", "tui"].contains(&family(from).as_str()) && to.path.starts_with("agent") {
        return false;
    }
    to.level < from.level || family(from) == family(to) && to.level <= from.level
}

/// All paths that begin with `crate` or `super`, in `use` trees and in expressions.
fn uses(source: &Source) -> Vec<Use> {
    let mut uses = Vec::new();
    let code = &source.code;
    for root in ["crate::", "super::"] {
        for (at, _) in code.match_indices(root) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$')
                || code[..at].ends_with("super::")
            {
                continue;
            }
            let mut base: Vec<String> = Vec::new();
            let mut rest = &code[at..];
            if root == "crate::" {
                rest = &rest["crate::".len()..];
            } else {
                base = source
                    .module()
                    .iter()
                    .map(|part| (*part).to_owned())
                    .collect();
                while let Some(shorter) = rest.strip_prefix("super::") {
                    base.pop();
                    rest = shorter;
                }
            }
            let mut paths = Vec::new();
            tree(rest, &base, &mut paths);
            let line = source.line_of(at);
            uses.extend(paths.into_iter().map(|path| Use { line, path }));
        }
    }
    uses
}

/// Reads a use tree such as `a::{b, c::{d, e}}` and gives what follows it.
fn tree<'a>(text: &'a str, base: &[String], paths: &mut Vec<Vec<String>>) -> &'a str {
    let mut path = base.to_vec();
    let mut rest = text.trim_start();
    loop {
        if let Some(inner) = rest.strip_prefix('{') {
            rest = inner;
            loop {
                rest = rest.trim_start();
                if let Some(after) = rest.strip_prefix('}') {
                    return after;
                }
                let before = rest.len();
                rest = tree(rest, &path, paths).trim_start();
                rest = rest.strip_prefix(',').unwrap_or(rest);
                if rest.len() == before {
                    return rest;
                }
            }
        }
        let end = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        if end == 0 {
            // `*`, or the end of what is a path.
            paths.push(path);
            return rest.strip_prefix('*').unwrap_or(rest);
        }
        if &rest[..end] != "self" {
            path.push(rest[..end].to_owned());
        }
        rest = &rest[end..];
        let Some(after) = rest.strip_prefix("::") else {
            paths.push(path);
            // `a as b`
            let renamed = rest.trim_start().strip_prefix("as ");
            return renamed.map_or(rest, |name| {
                name.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_')
            });
        };
        rest = after.trim_start();
    }
}

#[cfg(test)]
fn found(path: &str, text: &str) -> usize {
    faults_with(&[Source::new(path, text)], &[]).len()
}

#[test]
fn use_trees_are_read() {
    let text = "use crate::agent::{self, store::{State, kv::Table as T}, raft::*};\nuse super::super::rpc::X;";
    let source = Source::new("src/agent/http/kv.rs", text);
    let paths: Vec<String> = uses(&source)
        .iter()
        .map(|found| found.path.join("::"))
        .collect();
    assert_eq!(
        paths,
        [
            "agent",
            "agent::store::State",
            "agent::store::kv::Table",
            "agent::raft",
            "agent::rpc::X"
        ]
    );
    assert_eq!(uses(&source)[4].line, 2);
}

#[test]
fn upward_and_sideways_arrows_are_found() {
    assert_eq!(found("src/model/kv.rs", "use crate::api::Client;"), 1);
    assert_eq!(
        found("src/agent/store/kv.rs", "use crate::agent::raft::Raft;"),
        1
    );
    assert_eq!(
        found(
            "src/agent/store/kv.rs",
            "use crate::agent::acl::Authorizer;"
        ),
        1
    );
    assert_eq!(
        found("src/agent/http/kv.rs", "use crate::agent::{dns, rpc};"),
        1
    );
    assert_eq!(
        found(
            "src/agent/http/kv.rs",
            "let x = crate::agent::leader::run();"
        ),
        1
    );
    assert_eq!(
        found("src/agent/store/kv.rs", "use super::super::rpc::Rpc;"),
        1
    );
    assert_eq!(found("src/agent/rpc/mod.rs", "use crate::api::Client;"), 1);
    assert_eq!(
        found("src/tui/app.rs", "use crate::agent::store::State;"),
        1
    );
}

#[test]
fn downward_arrows_are_fine() {
    assert_eq!(
        found(
            "src/agent/http/kv.rs",
            "use crate::agent::rpc::Rpc; use crate::model::kv::KvPair;"
        ),
        0
    );
    assert_eq!(
        found("src/agent/raft/apply.rs", "use crate::agent::store::State;"),
        0
    );
    assert_eq!(
        found("src/agent/start.rs", "use crate::agent::http::Server;"),
        0
    );
    assert_eq!(
        found(
            "src/cli/commands/kv.rs",
            "use crate::{api::Client, output::Table};"
        ),
        0
    );
}

#[test]
fn a_family_may_look_at_its_pure_rooms_but_not_back() {
    assert_eq!(
        found("src/agent/dns/server.rs", "use super::answer::Answer;"),
        0
    );
    assert_eq!(
        found("src/agent/dns/answer.rs", "use super::name::Name;"),
        0
    );
    assert_eq!(
        found("src/agent/dns/answer.rs", "use super::server::Server;"),
        1
    );
    assert_eq!(
        found(
            "src/agent/store/kv.rs",
            "use crate::agent::telemetry::Metrics;"
        ),
        1
    );
}

#[test]
fn the_command_line_has_its_doors() {
    assert_eq!(
        found("src/cli/commands/kv.rs", "use crate::agent::start;"),
        1
    );
    assert_eq!(
        found(
            "src/cli/commands/agent.rs",
            "use crate::agent::config::Config;"
        ),
        0
    );
    assert_eq!(
        found("src/cli/commands/agent_too.rs", "use crate::agent::start;"),
        1
    );
    assert_eq!(
        found(
            "src/cli/commands/validate.rs",
            "use crate::agent::store::State;"
        ),
        1
    );
}

#[test]
fn exceptions_count_and_unused_ones_are_found() {
    let sideways = [("agent::http", "agent::dns", "example")];
    let needed = [Source::new(
        "src/agent/http/a.rs",
        "use crate::agent::dns::X;",
    )];
    assert!(faults_with(&needed, &sideways).is_empty());
    let idle = [Source::new("src/agent/http/a.rs", "")];
    assert_eq!(faults_with(&idle, &sideways).len(), 1);
}

#[test]
fn every_exception_is_about_rooms_and_has_a_reason() {
    for (from, to, reason) in SIDEWAYS {
        for path in [from, to] {
            assert!(
                ROOMS.iter().any(|room| room.path == *path),
                "{path} is no room"
            );
        }
        assert!(reason.len() > 10, "{from} -> {to} needs a reason");
    }
}
