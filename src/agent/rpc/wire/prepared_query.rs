//! `PreparedQuery`: searches that are stored under a name.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::dialect::DialectError;
use super::forward::RemoteQuery;
use super::health::instances;
use super::options::Nothing;
use crate::agent::store::{
    Asker, Execution, Instances, PreparedQueryCommand, PreparedQueryExecute,
    PreparedQueryExecuteRemote, PreparedQueryExplain, PreparedQueryGet, PreparedQueryList,
};
use crate::model::prepared_query::{NOT_FOUND, PreparedQuery, QueryDns};

/// Creates, changes or removes a prepared query; answers with its id.
pub const APPLY: &str = "PreparedQuery.Apply";

/// Consul's text for a new query that brings an id.
pub const ID_NOT_EMPTY: &str = "ID must be empty when creating a new prepared query";

/// The request of `PreparedQuery.Apply`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ApplyRequest {
    op: String,
    query: Option<PreparedQuery>,
}

impl ApplyRequest {
    /// A query without an id is a new one.
    pub(super) fn new(command: &PreparedQueryCommand) -> Self {
        let (op, query) = match command {
            PreparedQueryCommand::Set(query) if query.id.is_empty() => {
                ("create", PreparedQuery::clone(query))
            }
            PreparedQueryCommand::Set(query) => ("update", PreparedQuery::clone(query)),
            PreparedQueryCommand::Delete { id } => (
                "delete",
                PreparedQuery {
                    id: id.clone(),
                    ..PreparedQuery::default()
                },
            ),
        };
        Self {
            op: op.to_owned(),
            query: Some(query),
        }
    }

    /// The change that is meant; refused as the reference refuses what means none.
    pub(super) fn into_command(self) -> Result<PreparedQueryCommand, DialectError> {
        let query = self.query.unwrap_or_default();
        let refused = |why: String| Err(DialectError::Refused(why));
        match self.op.as_str() {
            "create" if !query.id.is_empty() => refused(ID_NOT_EMPTY.to_owned()),
            // Without an id it would be a new one.
            "update" | "delete" if query.id.is_empty() => refused(
                "Prepared Query lookup failed: failed prepared query lookup: index error: UUID must be 36 characters"
                    .to_owned(),
            ),
            "create" | "update" => Ok(PreparedQueryCommand::Set(Box::new(query))),
            "delete" => Ok(PreparedQueryCommand::Delete { id: query.id }),
            unknown => refused(format!("Unknown prepared query operation: {unknown}")),
        }
    }
}

/// The request of `PreparedQuery.Get`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SpecificRequest {
    #[serde(rename = "QueryID")]
    query_id: String,
}

/// The reply to `PreparedQuery.Get` and `PreparedQuery.List`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct QueriesReply {
    queries: Vec<Arc<PreparedQuery>>,
}

/// From where a query is run: the asker, or the agent that was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Source {
    datacenter: String,
    ip: String,
    node: String,
    segment: String,
}

/// The request of `PreparedQuery.Execute` and `PreparedQuery.Explain`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ExecuteRequest {
    agent: Source,
    connect: bool,
    limit: i64,
    #[serde(rename = "QueryIDOrName")]
    query_id_or_name: String,
    source: Source,
}

/// The request of `PreparedQuery.ExecuteRemote`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ExecuteRemoteRequest {
    connect: bool,
    limit: i64,
    query: Arc<PreparedQuery>,
}

/// The reply to `PreparedQuery.Execute` and `PreparedQuery.ExecuteRemote`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ExecuteReply {
    #[serde(rename = "DNS")]
    dns: QueryDns,
    datacenter: String,
    failovers: u64,
    #[serde(deserialize_with = "instances")]
    nodes: Instances,
    service: String,
}

/// The reply to `PreparedQuery.Explain`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ExplainReply {
    query: Arc<PreparedQuery>,
}

impl RemoteQuery for PreparedQueryGet {
    type Request = SpecificRequest;
    type Reply = QueriesReply;

    fn to_request(&self, _: &str) -> Result<SpecificRequest, DialectError> {
        Ok(SpecificRequest {
            query_id: self.id.clone(),
        })
    }

    fn from_request(request: SpecificRequest) -> Result<Self, DialectError> {
        Ok(Self {
            id: request.query_id,
        })
    }

    fn to_reply(found: Option<Arc<PreparedQuery>>) -> QueriesReply {
        QueriesReply {
            queries: found.into_iter().collect(),
        }
    }

    fn to_answer(&self, reply: QueriesReply) -> Result<Option<Arc<PreparedQuery>>, DialectError> {
        Ok(reply.queries.into_iter().next())
    }
}

impl RemoteQuery for PreparedQueryList {
    type Request = Nothing;
    type Reply = QueriesReply;

    fn to_request(&self, _: &str) -> Result<Nothing, DialectError> {
        Ok(Nothing {})
    }

    fn from_request(_: Nothing) -> Result<Self, DialectError> {
        Ok(Self)
    }

    fn to_reply(queries: Vec<Arc<PreparedQuery>>) -> QueriesReply {
        QueriesReply { queries }
    }

    fn to_answer(&self, reply: QueriesReply) -> Result<Vec<Arc<PreparedQuery>>, DialectError> {
        Ok(reply.queries)
    }
}

fn limit_of(limit: i64) -> usize {
    usize::try_from(limit).unwrap_or(0)
}

fn to_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

impl RemoteQuery for PreparedQueryExecute {
    type Request = ExecuteRequest;
    type Reply = ExecuteReply;

    fn to_request(&self, datacenter: &str) -> Result<ExecuteRequest, DialectError> {
        let asker = &self.asker;
        Ok(ExecuteRequest {
            agent: Source {
                datacenter: datacenter.to_owned(),
                node: asker.agent.clone(),
                ..Source::default()
            },
            connect: asker.connect,
            limit: to_limit(asker.limit),
            query_id_or_name: self.id_or_name.clone(),
            source: Source {
                datacenter: datacenter.to_owned(),
                ip: asker.ip.clone(),
                node: asker.near.clone(),
                ..Source::default()
            },
        })
    }

    fn from_request(request: ExecuteRequest) -> Result<Self, DialectError> {
        Ok(Self {
            id_or_name: request.query_id_or_name,
            asker: Asker {
                limit: limit_of(request.limit),
                connect: request.connect,
                near: request.source.node,
                ip: request.source.ip,
                agent: request.agent.node,
                seed: 0,
            },
        })
    }

    /// Whoever dispatches has told already what could not be run.
    fn to_reply(answer: Result<Option<Execution>, String>) -> ExecuteReply {
        let found = answer.ok().flatten().unwrap_or_default();
        PreparedQueryExecuteRemote::to_reply(found)
    }

    fn to_answer(
        &self,
        reply: ExecuteReply,
    ) -> Result<Result<Option<Execution>, String>, DialectError> {
        Ok(Ok(Some(execution(reply))))
    }
}

impl RemoteQuery for PreparedQueryExecuteRemote {
    type Request = ExecuteRemoteRequest;
    type Reply = ExecuteReply;

    fn to_request(&self, _: &str) -> Result<ExecuteRemoteRequest, DialectError> {
        Ok(ExecuteRemoteRequest {
            connect: self.asker.connect,
            limit: to_limit(self.asker.limit),
            query: Arc::clone(&self.query),
        })
    }

    fn from_request(request: ExecuteRemoteRequest) -> Result<Self, DialectError> {
        Ok(Self {
            query: request.query,
            asker: Asker {
                limit: limit_of(request.limit),
                connect: request.connect,
                ..Asker::default()
            },
        })
    }

    fn to_reply(found: Execution) -> ExecuteReply {
        ExecuteReply {
            dns: found.dns,
            datacenter: found.datacenter,
            failovers: found.failovers,
            nodes: found.nodes.into(),
            service: found.service,
        }
    }

    fn to_answer(&self, reply: ExecuteReply) -> Result<Execution, DialectError> {
        Ok(execution(reply))
    }
}

fn execution(reply: ExecuteReply) -> Execution {
    Execution {
        service: reply.service,
        nodes: reply.nodes.to_vec(),
        dns: reply.dns,
        datacenter: reply.datacenter,
        failovers: reply.failovers,
        query: None,
    }
}

impl RemoteQuery for PreparedQueryExplain {
    type Request = ExecuteRequest;
    type Reply = ExplainReply;

    fn to_request(&self, datacenter: &str) -> Result<ExecuteRequest, DialectError> {
        let asker = Asker::default();
        let id_or_name = self.id_or_name.clone();
        PreparedQueryExecute { id_or_name, asker }.to_request(datacenter)
    }

    fn from_request(request: ExecuteRequest) -> Result<Self, DialectError> {
        Ok(Self {
            id_or_name: request.query_id_or_name,
        })
    }

    /// Whoever dispatches has told already what is not there.
    fn to_reply(answer: Result<Option<Arc<PreparedQuery>>, String>) -> ExplainReply {
        ExplainReply {
            query: answer.ok().flatten().unwrap_or_default(),
        }
    }

    fn to_answer(
        &self,
        reply: ExplainReply,
    ) -> Result<Result<Option<Arc<PreparedQuery>>, String>, DialectError> {
        Ok(Ok(Some(reply.query)))
    }
}

/// What was found, or the text that says why not.
///
/// # Errors
/// In Consul's words.
pub fn found<T>(answer: Result<Option<T>, String>) -> Result<T, String> {
    answer?.ok_or_else(|| NOT_FOUND.to_owned())
}
