//! Which permissions prepared queries ask for.

use std::sync::Arc;
use std::time::SystemTime;

use crate::agent::acl::{AclError, Authorizer, Resolver};
use crate::agent::raft::{
    DEFAULT_SNAPSHOT_THRESHOLD, DEFAULT_TRAILING_LOGS, NoTransport, Raft, RaftSettings,
};
use crate::agent::rpc::{QueryOptions, Rpc, RpcError, RpcSettings, WriteOptions};
use crate::agent::store::{
    Asker, PreparedQueryCommand, PreparedQueryExecute, PreparedQueryExplain, PreparedQueryGet,
};
use crate::agent::telemetry::metrics::Metrics;
use crate::model::access::{Requirement, Resource};
use crate::model::prepared_query::PreparedQuery;

/// Tokens say what they allow: `Query:Write:name Service:Read:name`.
struct Spelled;
struct Allowed(String);

impl Resolver for Spelled {
    fn resolve(&self, token: &str) -> Result<Arc<dyn Authorizer>, AclError> {
        Ok(Arc::new(Allowed(token.to_owned())))
    }
}

impl Authorizer for Allowed {
    fn allows(&self, requirement: &Requirement<'_>) -> bool {
        let name = String::from_utf8_lossy(requirement.name);
        let asked = format!(
            "{:?}:{:?}:{name}",
            requirement.resource, requirement.permission
        );
        requirement.resource == Resource::Open || self.0.split(' ').any(|given| given == asked)
    }
}

async fn start() -> Rpc {
    let (raft, _) = Raft::start(RaftSettings {
        dir: None,
        node_uuid: "11111111-2222-3333-4444-555555555555".to_owned(),
        address: "127.0.0.1:8300".to_owned(),
        raft_multiplier: 1,
        bootstrap: true,
        snapshot_threshold: DEFAULT_SNAPSHOT_THRESHOLD,
        trailing_logs: DEFAULT_TRAILING_LOGS,
        transport: Arc::new(NoTransport),
        clock: Arc::new(SystemTime::now),
        metrics: Metrics::default(),
    })
    .await
    .unwrap();
    let settings = RpcSettings::new("dc1", Arc::new(Spelled));
    Rpc::server(raft, settings, &Metrics::default()).0
}

fn query(id: &str, name: &str) -> PreparedQuery {
    let mut query = PreparedQuery {
        id: id.to_owned(),
        name: name.to_owned(),
        ..PreparedQuery::default()
    };
    query.service.service = "web".to_owned();
    query
}

async fn apply(rpc: &Rpc, token: &str, command: PreparedQueryCommand) -> Result<String, RpcError> {
    let options = WriteOptions {
        token: token.to_owned(),
        ..WriteOptions::default()
    };
    rpc.prepared_query_apply(&options, command).await
}

async fn set(rpc: &Rpc, token: &str, query: PreparedQuery) -> Result<String, RpcError> {
    apply(rpc, token, PreparedQueryCommand::Set(Box::new(query))).await
}

fn asking(token: &str) -> QueryOptions {
    QueryOptions {
        token: token.to_owned(),
        ..QueryOptions::default()
    }
}

#[track_caller]
fn assert_denied<T: std::fmt::Debug>(answer: &Result<T, RpcError>) {
    let denied = matches!(answer, Err(RpcError::PermissionDenied));
    assert!(denied, "{answer:?}");
}

#[tokio::test]
async fn changes_need_both_names() {
    let rpc = start().await;
    let (one, two) = ("Query:Write:one", "Query:Write:two");
    assert_denied(&set(&rpc, "Query:Read:one", query("", "one")).await);
    assert_denied(&set(&rpc, two, query("", "one")).await);
    let id = set(&rpc, one, query("", "one")).await.unwrap();
    assert_denied(&set(&rpc, one, query(&id, "two")).await);
    assert_denied(&set(&rpc, two, query(&id, "two")).await);
    let both = format!("{one} {two}");
    set(&rpc, &both, query(&id, "two")).await.unwrap();
    let delete = || PreparedQueryCommand::Delete { id: id.clone() };
    assert_denied(&apply(&rpc, one, delete()).await);
    apply(&rpc, two, delete()).await.unwrap();
    // A template without a name is one for all names.
    let mut all = query("", "");
    all.template.r#type = "name_prefix_match".to_owned();
    assert_denied(&set(&rpc, one, all.clone()).await);
    set(&rpc, "Query:Write:", all).await.unwrap();
}

#[tokio::test]
async fn looking_needs_the_name_and_running_the_service() {
    let rpc = start().await;
    let id = set(&rpc, "Query:Write:one", query("", "one"))
        .await
        .unwrap();
    let get = async |token: &str| {
        let query = PreparedQueryGet { id: id.clone() };
        rpc.query(&asking(token), &query).await
    };
    let explain = async |token: &str| {
        let id_or_name = id.clone();
        let query = PreparedQueryExplain { id_or_name };
        rpc.prepared_query_explain(&asking(token), &query).await
    };
    let execute = async |token: &str, name: &str| {
        let (id_or_name, asker) = (name.to_owned(), Asker::default());
        let query = PreparedQueryExecute { id_or_name, asker };
        rpc.prepared_query_execute(&asking(token), query).await
    };
    let (may_look, may_run) = ("Query:Read:one", "Service:Read:web");
    assert_denied(&get(may_run).await);
    assert_eq!(get(may_look).await.unwrap().0.unwrap().name, "one");
    assert_denied(&explain(may_run).await);
    assert_eq!(explain(may_look).await.unwrap().0.name, "one");
    assert_denied(&execute(may_look, "one").await);
    assert_eq!(execute(may_run, "one").await.unwrap().0.service, "web");
    // Its own token counts before the asker's, in both directions.
    let with_token = |name: &str, token: &str| PreparedQuery {
        token: token.to_owned(),
        ..query("", name)
    };
    let may_change = "Query:Write:lends Query:Write:takes";
    set(&rpc, may_change, with_token("lends", may_run))
        .await
        .unwrap();
    set(&rpc, may_change, with_token("takes", may_look))
        .await
        .unwrap();
    assert_eq!(execute("", "lends").await.unwrap().0.service, "web");
    assert_denied(&execute(may_run, "takes").await);
    // What is not there is not denied.
    let missing = execute("", "three").await.unwrap_err();
    assert!(missing.is_query_not_found(), "{missing}");
}
