//! Prepared queries: names, sessions, templates, and what running one gives.

use std::sync::Arc;

use super::*;
use crate::model::prepared_query::PreparedQuery;
use crate::model::session::Session;

const IDS: [&str; 4] = [
    "11111111-0000-0000-0000-000000000000",
    "22222222-0000-0000-0000-000000000000",
    "aaaaaaaa-0000-0000-0000-000000000000",
    "bbbbbbbb-0000-0000-0000-000000000000",
];

fn query(id: usize, name: &str, service: &str) -> PreparedQuery {
    let mut query = PreparedQuery {
        id: IDS[id].to_owned(),
        name: name.to_owned(),
        ..PreparedQuery::default()
    };
    query.service.service = service.to_owned();
    query
}

fn template(id: usize, name: &str, service: &str) -> PreparedQuery {
    let mut query = query(id, name, service);
    query.template.r#type = "name_prefix_match".to_owned();
    query
}

impl Log {
    fn set(&mut self, query: PreparedQuery) -> Result<(), String> {
        let id = query.id.clone();
        let command = Command::PreparedQuery(PreparedQueryCommand::Set(Box::new(query)));
        match self.apply(&command) {
            Response::Id(found) if found == id => Ok(()),
            Response::Refused(why) => Err(why),
            other => panic!("{other:?}"),
        }
    }

    fn service_of(&self, name: &str) -> Option<String> {
        let found = self.state.resolve_prepared_query(name).unwrap()?;
        Some(found.service.service.clone())
    }

    fn place(&mut self, node: &str, tags: &[&str], status: Status) {
        let check = HealthCheck {
            node: node.to_owned(),
            check_id: format!("check-{node}"),
            service_id: "web".to_owned(),
            status,
            ..HealthCheck::default()
        };
        let request = RegisterRequest {
            node: node.to_owned(),
            address: format!("10.0.0.{}", self.index + 1),
            service: Some(NodeService {
                service: "web".to_owned(),
                id: "web".to_owned(),
                tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
                ..NodeService::default()
            }),
            check: Some(check),
            ..RegisterRequest::default()
        };
        let done = self.apply(&Command::Register(Box::new(request)));
        assert_eq!(done, Response::Done);
    }

    fn run_query(&self, query: PreparedQuery, asker: Asker) -> Vec<String> {
        let mut log = Self {
            state: self.state.clone(),
            index: self.index,
            ..Self::default()
        };
        log.set(query).unwrap();
        let id_or_name = "q".to_owned();
        let execute = PreparedQueryExecute { id_or_name, asker };
        let (_, found) = execute.run(&log.state, &mut WatchSet::default());
        let nodes = found.unwrap().unwrap().nodes;
        nodes.iter().map(|found| found.node.node.clone()).collect()
    }

    fn names(&self, query: PreparedQuery) -> Vec<String> {
        let mut names = self.run_query(query, Asker::default());
        names.sort();
        names
    }
}

#[test]
fn names_are_unique_whatever_their_case() {
    let mut log = Log::default();
    log.set(query(0, "one", "a")).unwrap();
    let taken = |name: &str| Err(format!("name '{name}' aliases an existing query name"));
    assert_eq!(log.set(query(1, "ONE", "a")), taken("ONE"));
    assert_eq!(log.set(template(1, "One", "a")), taken("One"));
    assert_eq!(
        log.set(query(1, IDS[0], "a")),
        Err(format!("name '{}' aliases an existing query ID", IDS[0]))
    );
    log.set(template(1, "", "a")).unwrap();
    assert_eq!(
        log.set(template(2, "", "a")),
        Err("a query template with an empty name already exists".to_owned())
    );
    assert_eq!(
        log.set(query(2, "x", "a")).and(log.set(template(3, "t", "${x.y}"))),
        Err("failed compiling template: Bad evaluation for '${x.y}' in Service.Service: 1:3: unknown variable accessed: x.y".to_owned())
    );
    // A new name frees the old one; the creation stays.
    log.set(query(0, "two", "b")).unwrap();
    log.set(query(3, "one", "c")).unwrap();
    let changed = log.state.prepared_query(IDS[0]).unwrap().unwrap();
    assert_eq!(changed.create_index, 1);
    assert!(changed.modify_index > changed.create_index);
    assert_eq!(log.service_of("One").as_deref(), Some("c"));
    assert_eq!(log.service_of(&IDS[0].to_uppercase()).as_deref(), Some("b"));
}

#[test]
fn an_id_counts_before_a_name_and_a_long_prefix_before_a_short_one() {
    let mut log = Log::default();
    assert_eq!(log.service_of("any"), None);
    log.set(template(0, "", "all-${name.full}")).unwrap();
    log.set(template(1, "geo", "geo${name.suffix}")).unwrap();
    log.set(template(2, "GEO-db", "db${name.suffix}")).unwrap();
    log.set(query(3, "geo-db-x", "fixed")).unwrap();
    for (name, service) in [
        ("any", "all-any"),
        ("Geo", "geoGeo"),
        ("geo", "geo"),
        ("geo-1", "geo-1"),
        ("GEO-db-1", "db-1"),
        ("geo-DB-x", "fixed"),
        ("é", "all-é"),
    ] {
        assert_eq!(log.service_of(name).as_deref(), Some(service), "{name}");
    }
    assert_eq!(log.service_of(""), None);
    assert!(log.state.resolve_prepared_query(IDS[0]).is_err());
    let delete = PreparedQueryCommand::Delete {
        id: IDS[2].to_owned(),
    };
    let deleted = log.apply(&Command::PreparedQuery(delete));
    assert_eq!(deleted, Response::Id(IDS[2].to_owned()));
    assert_eq!(log.service_of("geo-db-1").as_deref(), Some("geo-db-1"));
    assert_eq!(log.state.indexes().prepared_queries, log.index);
}

#[test]
fn a_query_goes_with_its_session() {
    let mut log = Log::default();
    let mut bound = query(0, "", "a");
    bound.session = "abc".to_owned();
    assert_eq!(
        log.set(bound.clone()),
        Err("invalid session: index error: UUID must be 36 characters".to_owned())
    );
    bound.session = IDS[3].to_owned();
    assert_eq!(
        log.set(bound.clone()),
        Err(format!("invalid session \"{}\"", IDS[3]))
    );
    let session = Arc::new(Session::default());
    log.state.sessions.insert(IDS[3].to_owned(), session);
    log.set(bound).unwrap();
    log.set(query(1, "free", "a")).unwrap();
    let (mut touched, index) = (Touched::default(), log.index + 1);
    log.state
        .drop_queries_of_session(index, IDS[3], &mut touched);
    let left: Vec<_> = log.state.prepared_queries().map(|q| &*q.name).collect();
    assert_eq!(left, ["free"]);
    assert!(touched.topics().eq([&Topic::PreparedQueries]));
    assert_eq!(log.state.indexes().prepared_queries, index);
}

#[test]
fn a_session_takes_only_what_is_bound_to_it_now() {
    let mut log = Log::default();
    for id in &IDS[2..] {
        let session = Arc::new(Session::default());
        log.state.sessions.insert((*id).to_owned(), session);
    }
    let bound = |id: usize, name: &str, session: &str| PreparedQuery {
        session: session.to_owned(),
        ..query(id, name, "a")
    };
    log.set(bound(0, "one", &IDS[2].to_uppercase())).unwrap();
    log.set(bound(1, "two", IDS[3])).unwrap();
    log.set(bound(2, "three", IDS[2])).unwrap();
    log.set(bound(3, "four", IDS[2])).unwrap();
    // One goes over to the other session, and one becomes free.
    log.set(bound(2, "three", IDS[3])).unwrap();
    log.set(query(3, "four", "a")).unwrap();
    let restored = State::from_snapshot(&log.state.to_snapshot()).unwrap();
    for mut state in [log.state, restored] {
        let mut drop = |session: &str| -> Vec<String> {
            state.drop_queries_of_session(9, session, &mut Touched::default());
            let left = state.prepared_queries();
            left.map(|query| query.name.clone()).collect()
        };
        assert_eq!(drop(IDS[2]), ["two", "three", "four"]);
        assert_eq!(drop(&IDS[3].to_uppercase()), ["four"]);
        assert_eq!(drop(""), ["four"]);
    }
}

#[test]
fn they_survive_snapshots_and_are_counted() {
    let mut log = Log::default();
    log.set(query(0, "one", "a")).unwrap();
    log.set(template(1, "geo", "geo${name.suffix}")).unwrap();
    let bytes = log.state.to_snapshot();
    let restored = State::from_snapshot(&bytes).unwrap();
    assert_eq!(restored.to_snapshot(), bytes);
    let found = restored.resolve_prepared_query("geo-1").unwrap().unwrap();
    assert_eq!(found.service.service, "geo-1");
    let mut parts = Vec::new();
    log.state
        .split(1, |part| {
            parts.push(part);
            Ok::<_, ()>(())
        })
        .unwrap();
    assert_eq!(parts.len(), 4);
    let mut counted = 0;
    crate::model::snapshot_records::walk_records(&*bytes, |record| {
        counted += usize::from(record.kind == "PreparedQuery");
    })
    .unwrap();
    assert_eq!(counted, 2);
}

#[test]
fn instances_are_chosen_by_health_and_tags() {
    let mut log = Log::default();
    log.place("n1", &["a", "B"], Status::Passing);
    log.place("n2", &["a"], Status::Warning);
    log.place("n3", &[], Status::Critical);
    let with = |change: fn(&mut PreparedQuery)| {
        let mut query = query(0, "q", "WEB");
        change(&mut query);
        log.names(query)
    };
    let list = |items: &[&str]| Some(items.iter().map(|item| (*item).to_owned()).collect());
    assert_eq!(with(|_| ()), ["n1", "n2"]);
    assert_eq!(with(|q| q.service.only_passing = true), ["n1"]);
    let tagged = |tags: &[&str]| {
        let mut query = query(0, "q", "web");
        query.service.tags = list(tags);
        log.names(query)
    };
    assert_eq!(tagged(&["A"]), ["n1", "n2"]);
    assert_eq!(tagged(&["!b"]), ["n2"]);
    assert_eq!(tagged(&["a", "!b"]), ["n2"]);
    assert!(tagged(&[""]).is_empty());
    assert_eq!(tagged(&["!"]), ["n1", "n2"]);
    let mut ignoring = query(0, "q", "web");
    ignoring.service.ignore_check_ids = list(&["check-n3", "check-n2"]);
    ignoring.service.only_passing = true;
    assert_eq!(log.names(ignoring), ["n1", "n2", "n3"]);
    assert!(with(|q| q.service.connect = true).is_empty());
    let unmet = |q: &mut PreparedQuery| {
        q.service.node_meta = Some([("os".to_owned(), "x".to_owned())].into());
    };
    assert!(with(unmet).is_empty());
}

#[test]
fn the_seed_orders_and_the_asked_node_comes_first() {
    let mut log = Log::default();
    for n in 1..=9 {
        log.place(&format!("n{n}"), &[], Status::Passing);
    }
    let ask = |asker: Asker| log.run_query(query(0, "q", "web"), asker);
    let seeded = |seed| {
        ask(Asker {
            seed,
            ..Asker::default()
        })
    };
    assert_eq!(seeded(1), seeded(1));
    assert_ne!(seeded(1), seeded(2));
    // Every instance comes first sometimes.
    let firsts: std::collections::BTreeSet<_> = (0..200).map(|s| seeded(s).remove(0)).collect();
    assert_eq!(firsts.len(), 9);
    let near = |near: &str, ip: &str| {
        let mut found = ask(Asker {
            near: near.to_owned(),
            agent: "n5".to_owned(),
            ip: ip.to_owned(),
            limit: 2,
            ..Asker::default()
        });
        assert_eq!(found.len(), 2);
        found.remove(0)
    };
    assert_eq!(near("N3", ""), "n3");
    assert_eq!(near("_agent", ""), "n5");
    assert_eq!(near("_ip", "10.0.0.7"), "n7");
}
