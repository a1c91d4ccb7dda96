//! Prepared queries: changed through the leader, run by whoever answers.

use std::sync::Arc;

use crate::agent::store::{
    Command, Execution, PreparedQueryCommand, PreparedQueryExecute, PreparedQueryExecuteRemote,
    PreparedQueryExplain, Response,
};
use crate::model::access::{Requirement, Resource};
use crate::model::prepared_query::{PreparedQuery, failover_order};

use super::wire::prepared_query::found;
use super::{QueryMeta, QueryOptions, Rpc, RpcError, WriteOptions};

impl Rpc {
    /// Changes a prepared query (Consul's `PreparedQuery.Apply`); one without an id is a new one. Gives the id.
    ///
    /// # Errors
    /// As [`Rpc::write`].
    pub async fn prepared_query_apply(
        &self,
        options: &WriteOptions,
        command: PreparedQueryCommand,
    ) -> Result<String, RpcError> {
        let command = Command::PreparedQuery(command);
        match self.write(options, &Requirement::OPEN, command).await? {
            Response::Id(id) => Ok(id),
            other => Err(RpcError::Raft(format!(
                "a prepared query answered {other:?}"
            ))),
        }
    }

    /// Checks a change on the leader, and gives a new query its id.
    pub(super) fn admit_prepared_query(
        &self,
        token: &str,
        command: &mut PreparedQueryCommand,
    ) -> Result<(), RpcError> {
        if let PreparedQueryCommand::Set(query) = &*command {
            self.may_change(token, query)?;
        }
        let state = self.raft()?.state();
        let id = match &*command {
            PreparedQueryCommand::Set(query) => &query.id,
            PreparedQueryCommand::Delete { id } => id,
        };
        let is_new = matches!(&*command, PreparedQueryCommand::Set(query) if query.id.is_empty());
        if !is_new {
            let known = state
                .prepared_query(id)
                .map_err(|why| RpcError::Refused(format!("Prepared Query lookup failed: {why}")))?;
            let Some(known) = known else {
                let text = format!("Cannot modify non-existent prepared query: '{id}'");
                return Err(RpcError::Refused(text));
            };
            self.may_change(token, known)?;
        }
        let PreparedQueryCommand::Set(query) = command else {
            return Ok(());
        };
        query
            .check()
            .map_err(|why| RpcError::Refused(format!("Invalid prepared query: {why}")))?;
        if is_new {
            query.id = uuid::Uuid::new_v4().to_string();
        }
        Ok(())
    }

    fn may_change(&self, token: &str, query: &PreparedQuery) -> Result<(), RpcError> {
        query.guarded_name().map_or(Ok(()), |name| {
            self.authorize(token, &Requirement::write(Resource::Query, name.as_bytes()))
        })
    }

    /// Runs a prepared query (Consul's `PreparedQuery.Execute`). Never waits for a change.
    ///
    /// # Errors
    /// As [`Rpc::query`], and when there is no such query.
    pub async fn prepared_query_execute(
        &self,
        options: &QueryOptions,
        mut query: PreparedQueryExecute,
    ) -> Result<(Execution, QueryMeta), RpcError> {
        query.asker.seed = rand::random();
        let options = &without_waiting(options);
        let (answer, meta) = self.query(options, &query).await?;
        let mut answer = found(answer).map_err(RpcError::Refused)?;
        if answer.datacenter.is_empty() {
            self.datacenter().clone_into(&mut answer.datacenter);
        }
        if answer.failover().is_some() {
            self.fail_over(options, &query, &mut answer).await;
        }
        Ok((answer, unindexed(meta)))
    }

    /// Asks other datacenters one after the other until one has something.
    async fn fail_over(
        &self,
        options: &QueryOptions,
        asked: &PreparedQueryExecute,
        answer: &mut Execution,
    ) {
        let Some(query) = answer.query.clone() else {
            return;
        };
        let known = self.other_datacenters();
        let (order, unknown) = failover_order(&query.service.failover, &known);
        for datacenter in unknown {
            tracing::warn!(target: "agent.server.prepared_query", datacenter, "Skipping unknown datacenter in prepared query");
        }
        for datacenter in order {
            answer.failovers += 1;
            let remote = PreparedQueryExecuteRemote {
                query: Arc::clone(&query),
                asker: asked.asker.clone(),
            };
            let options = QueryOptions {
                datacenter: datacenter.to_owned(),
                ..options.clone()
            };
            match self.query(&options, &remote).await {
                Ok((found, _)) => {
                    answer.nodes = found.nodes;
                    answer.dns = found.dns;
                    datacenter.clone_into(&mut answer.datacenter);
                }
                Err(error) => {
                    tracing::warn!(target: "agent.server.prepared_query", datacenter, %error, "Failed querying for service in datacenter");
                }
            }
            if !answer.nodes.is_empty() {
                return;
            }
        }
    }

    /// The datacenters beside this one that can be asked, nearest first. None: requests for others have no path yet.
    #[expect(
        clippy::unused_self,
        reason = "federation will know them by this handle"
    )]
    const fn other_datacenters(&self) -> Vec<String> {
        Vec::new()
    }

    /// Tells which query a name means, with its texts filled (Consul's `PreparedQuery.Explain`). Never waits for a
    /// change.
    ///
    /// # Errors
    /// As [`Rpc::query`], and when there is no such query.
    pub async fn prepared_query_explain(
        &self,
        options: &QueryOptions,
        query: &PreparedQueryExplain,
    ) -> Result<(Arc<PreparedQuery>, QueryMeta), RpcError> {
        let (answer, meta) = self.query(&without_waiting(options), query).await?;
        let query = found(answer).map_err(RpcError::Refused)?;
        Ok((query, unindexed(meta)))
    }
}

/// There is nothing to wait for: Consul's answers have no index, either.
fn unindexed(meta: QueryMeta) -> QueryMeta {
    QueryMeta { index: 0, ..meta }
}

fn without_waiting(options: &QueryOptions) -> QueryOptions {
    QueryOptions {
        min_index: 0,
        ..options.clone()
    }
}
