//! The rules of sessions, one by one.

use std::time::Duration;

use super::*;
use crate::model::duration::GoDuration;
use crate::model::prepared_query::PreparedQuery;
use crate::model::session::{DELETE, ServiceCheck, Session};

const ID: &str = "11111111-1111-1111-1111-aaaaaaaaaaaa";
const OTHER: &str = "22222222-2222-2222-2222-222222222222";

fn session(change: impl FnOnce(&mut Session)) -> Command {
    let mut session = Session {
        id: ID.to_owned(),
        node: "n1".to_owned(),
        ..Session::default()
    };
    change(&mut session);
    Command::Session(SessionCommand::Create(Box::new(session)))
}

fn on_check(check: &str) -> Command {
    session(|s| s.node_checks = vec![check.to_owned()])
}

fn destroy(id: &str) -> Command {
    Command::Session(SessionCommand::Destroy { id: id.to_owned() })
}

fn deregistration(service_id: &str, check_id: &str) -> Command {
    Command::Deregister(DeregisterRequest {
        node: "n1".to_owned(),
        service_id: service_id.to_owned(),
        check_id: check_id.to_owned(),
        ..DeregisterRequest::default()
    })
}

/// A node with a service and its passing check.
fn log() -> Log {
    let mut log = Log::default();
    log.apply(&registration("n1", "web", Status::Passing));
    log
}

impl Log {
    fn lock(&mut self, key: &str, session: &str) -> Response {
        self.locking(KvVerb::Lock, key, session)
    }

    fn locking(&mut self, verb: KvVerb, key: &str, session: &str) -> Response {
        let pair = KvPair {
            key: Key::from(key),
            session: session.to_owned(),
            ..KvPair::default()
        };
        self.apply(&Command::Kv(KvCommand { verb, pair }))
    }

    fn lives(&self) -> bool {
        self.state.session(ID).is_some()
    }

    /// Creates the session, does something, and tells whether the session lives on.
    fn survives(session: &Command, change: &Command) -> bool {
        let mut log = log();
        assert_eq!(log.apply(session), Response::Id(ID.to_owned()));
        assert!(log.lives());
        log.apply(change);
        let index = log.state.indexes().sessions;
        assert_eq!(index, if log.lives() { 2 } else { 3 });
        log.lives()
    }
}

#[test]
fn a_session_needs_its_node_and_checks_that_are_well() {
    let mut log = Log::default();
    let refused = |text: &str| Response::Refused(text.to_owned());
    let missing = log.apply(&on_check("x"));
    assert_eq!(missing, refused("Missing node registration"));
    log.apply(&registration("n1", "web", Status::Critical));
    let missing = log.apply(&on_check("x"));
    assert_eq!(missing, refused("Missing check 'x' registration"));
    let of_service = session(|s| {
        s.service_checks = Some(vec![ServiceCheck {
            id: "Service:Web".to_owned(),
            ..ServiceCheck::default()
        }]);
    });
    let critical = "Check 'Service:Web' is in critical state";
    assert_eq!(log.apply(&of_service), refused(critical));
    log.apply(&registration("n1", "web", Status::Warning));
    assert_eq!(log.apply(&of_service), Response::Id(ID.to_owned()));
    assert!(matches!(log.apply(&of_service), Response::Refused(_)));
    assert_eq!(log.state.session(ID).unwrap().create_index, 6);
}

#[test]
fn a_session_ends_with_what_it_is_bound_to() {
    let web = "service:web";
    let critical = registration("n1", "web", Status::Critical);
    for (session, change, survives) in [
        (on_check(web), &critical, false),
        (on_check("SERVICE:web"), &critical, false),
        (session(|_| {}), &critical, true),
        (
            on_check(web),
            &registration("n1", "web", Status::Warning),
            true,
        ),
        (
            on_check(web),
            &registration("n2", "web", Status::Critical),
            true,
        ),
        (on_check(web), &deregistration("", web), false),
        (on_check(web), &deregistration("web", ""), false),
        (session(|_| {}), &deregistration("web", ""), true),
        (session(|_| {}), &deregistration("", ""), false),
        (session(|_| {}), &destroy(&ID.to_uppercase()), false),
        (session(|_| {}), &destroy(OTHER), true),
    ] {
        assert_eq!(
            Log::survives(&session, change),
            survives,
            "{session:?} {change:?}"
        );
    }
}

#[test]
fn a_renamed_node_loses_its_sessions() {
    let named = |node: &str| {
        Command::Register(Box::new(RegisterRequest {
            id: "u".to_owned(),
            node: node.to_owned(),
            ..RegisterRequest::default()
        }))
    };
    let mut log = Log::default();
    log.apply(&named("n1"));
    log.apply(&session(|_| {}));
    log.apply(&named("N1"));
    assert!(log.lives(), "another letter case is the same node");
    log.apply(&named("n2"));
    assert!(!log.lives());
}

#[test]
fn ending_releases_keys_and_keeps_their_lock_index() {
    let mut log = log();
    log.apply(&session(|s| s.lock_delay = GoDuration::from_secs(100)));
    log.kv(KvVerb::Set, "free", "x", 0);
    for key in ["a", "b", "given-back", "deleted"] {
        assert_eq!(log.lock(key, ID), Response::Bool(true));
    }
    log.locking(KvVerb::Unlock, "given-back", ID);
    log.kv(KvVerb::Delete, "deleted", "", 0);
    log.apply(&destroy(ID));
    for key in ["a", "b"] {
        let pair = log.state.kv(key.as_bytes()).unwrap();
        let seen = (&*pair.session, pair.lock_index, pair.modify_index);
        assert_eq!(seen, ("", 1, log.index));
        assert!(log.touches(&Topic::Kv(Key::from(key))));
    }
    // No longer than Consul's bound.
    let delays = ["a", "b"].map(|key| (Key::from(key), Duration::from_mins(1)));
    assert_eq!(log.touched.lock_delays(), delays);
    assert!(log.state.kv(b"given-back").unwrap().modify_index < log.index);
    assert!(log.touches(&Topic::Session(ID.into())));
    // Whoever is next has the next index.
    log.apply(&session(|s| s.id = OTHER.to_owned()));
    log.lock("a", OTHER);
    assert_eq!(log.state.kv(b"a").unwrap().lock_index, 2);
}

#[test]
fn ending_deletes_keys_where_that_is_the_behavior() {
    let mut log = log();
    log.apply(&session(|s| s.behavior = DELETE.to_owned()));
    log.lock("dir/a", ID);
    log.kv(KvVerb::Set, "dir/b", "x", 0);
    log.apply(&destroy(ID));
    assert!(log.state.kv(b"dir/a").is_none());
    let list = KvList {
        prefix: Key::from("dir/"),
    };
    assert_eq!(log.index_of(&list), log.index, "the deletion leaves a mark");
    assert!(log.touched.lock_delays().is_empty(), "without a lock delay");
}

#[test]
fn locks_need_a_session_that_there_is() {
    let mut log = log();
    log.apply(&session(|_| {}));
    let refused = |text: &str| Response::Refused(text.to_owned());
    for (id, text) in [
        ("", "missing session"),
        (
            "abc",
            "failed session lookup: index error: UUID must be 36 characters",
        ),
        (
            OTHER,
            "invalid session \"22222222-2222-2222-2222-222222222222\"",
        ),
    ] {
        assert_eq!(log.lock("a", id), refused(text));
    }
    let release = log.locking(KvVerb::Unlock, "a", "");
    assert_eq!(release, refused("missing session"));
    let release = log.locking(KvVerb::Unlock, "a", "abc");
    assert_eq!(release, Response::Bool(false));
}

#[test]
fn a_key_goes_with_a_session_in_either_letter_case() {
    let mut log = log();
    log.apply(&session(|_| {}));
    assert_eq!(log.lock("a", &ID.to_uppercase()), Response::Bool(true));
    log.apply(&destroy(ID));
    assert_eq!(log.state.kv(b"a").unwrap().session, "");
}

#[test]
fn a_table_tells_what_became_of_sessions() {
    let mut log = log();
    log.apply(&session(|_| {}));
    let before = log.state.session_table();
    log.apply(&session(|s| s.id = OTHER.to_owned()));
    log.apply(&destroy(ID));
    let after = log.state.session_table();
    let seen: Vec<(bool, &str)> = before
        .changes(&after)
        .map(|change| match change {
            SessionChange::Created(session) => (true, session.id.as_str()),
            SessionChange::Ended(session) => (false, session.id.as_str()),
        })
        .collect();
    assert_eq!(seen, [(false, ID), (true, OTHER)]);
}

#[test]
fn a_restored_archive_has_its_links() {
    let mut log = log();
    log.apply(&on_check("service:web"));
    log.lock("a", ID);
    let mut fresh = Log::default();
    fresh.kv(KvVerb::Set, "before", "x", 0);
    fresh.apply(&Command::Restore(log.state.to_snapshot()));
    fresh.apply(&registration("n1", "web", Status::Critical));
    assert!(!fresh.lives());
    assert_eq!(fresh.state.kv(b"a").unwrap().session, "");
}

#[test]
fn a_prepared_query_ends_with_its_session() {
    let mut log = log();
    log.apply(&session(|_| {}));
    let query = |n: u8, session: &str| {
        let mut query = PreparedQuery {
            id: format!("{n:0>8}-0000-0000-0000-000000000000"),
            name: format!("q{n}"),
            session: session.to_owned(),
            ..PreparedQuery::default()
        };
        query.service.service = "web".to_owned();
        Command::PreparedQuery(PreparedQueryCommand::Set(Box::new(query)))
    };
    for command in [query(1, &ID.to_uppercase()), query(2, "")] {
        assert!(matches!(log.apply(&command), Response::Id(_)));
    }
    log.apply(&destroy(ID));
    let found = |name| log.state.resolve_prepared_query(name).unwrap().is_some();
    assert!(!found("q1") && found("q2"));
    assert_eq!(log.state.indexes().prepared_queries, log.index);
}
