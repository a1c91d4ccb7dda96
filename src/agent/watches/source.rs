//! Where watches get their data: the agent's own handles, so that no HTTP address is needed.

use std::sync::Arc;

use serde_json::Value;

use crate::agent::rpc::wire::RemoteQuery;
use crate::agent::rpc::{Consistency, QueryOptions, Rpc, RpcError};
use crate::agent::store::{
    ChecksInState, ChecksOfService, KvGet, KvList, ListNodes, ListServices, ServiceInstances,
};
use crate::agent::user_events::UserEvents;
use crate::model::access::{Requirement, Resource};
use crate::model::check::Status;
use crate::model::event::UserEvent;
use crate::model::kv::Key;
use crate::model::watch::{Plan, WatchDefinition};

/// A question of a watch.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// What, with which token, and where.
    pub watch: &'a WatchDefinition,
    /// The index to wait beyond; 0 for an answer at once.
    pub index: u64,
}

/// Answers what watches ask, as the API would.
pub trait Source: Send + Sync + 'static {
    /// The index and the JSON of the answer, once the index is past the one that was asked with, or after a
    /// long time.
    ///
    /// # Errors
    /// With what the log is to say.
    fn ask(&self, asked: Asked<'_>) -> impl Future<Output = Result<(u64, Value), String>> + Send;
}

/// The data of this agent and its servers.
#[derive(Clone)]
pub struct AgentSource {
    /// Everything replicated.
    pub rpc: Rpc,
    /// The agent's events.
    pub events: UserEvents,
    /// For watches without one.
    pub default_token: String,
}

impl Source for AgentSource {
    async fn ask(&self, asked: Asked<'_>) -> Result<(u64, Value), String> {
        self.answer(asked).await.map_err(|error| error.to_string())
    }
}

/// Why a watch has no answer.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error(transparent)]
    Rpc(#[from] RpcError),
    #[error("cannot encode the answer: {0}")]
    Encode(#[from] serde_json::Error),
}

impl AgentSource {
    async fn answer(&self, asked: Asked<'_>) -> Result<(u64, Value), AskError> {
        match asked.watch.plan.clone() {
            Plan::Key(key) => {
                let key = Key::from(key.as_str());
                let (index, found) = self.read(asked, &KvGet { key }).await?;
                // A list, or nothing, as the API answers.
                let pairs: Vec<Value> =
                    Some(found).filter(|it| !it.is_null()).into_iter().collect();
                Ok((index, pairs.into()))
            }
            Plan::KeyPrefix(prefix) => {
                let prefix = Key::from(prefix.as_str());
                self.read(asked, &KvList { prefix }).await
            }
            Plan::Services => self.read(asked, &ListServices::default()).await,
            Plan::Nodes => self.read(asked, &ListNodes::default()).await,
            Plan::Service {
                service,
                tags,
                passing,
            } => {
                let query = ServiceInstances {
                    service,
                    tags,
                    passing_only: passing,
                    with_checks: true,
                    ..ServiceInstances::default()
                };
                let options = self.options(asked);
                let (found, meta) = self.rpc.query(&options, &query).await?;
                let instances: Vec<_> = found.iter().collect();
                Ok((meta.index, serde_json::to_value(instances)?))
            }
            Plan::Checks { service, state } if service.is_empty() => {
                let status = Status::parse(&state);
                let query = ChecksInState {
                    status,
                    ..ChecksInState::default()
                };
                self.read(asked, &query).await
            }
            Plan::Checks { service, .. } => {
                let query = ChecksOfService {
                    service,
                    ..ChecksOfService::default()
                };
                self.read(asked, &query).await
            }
            Plan::Event(name) => self.events(asked, &name).await,
        }
    }

    async fn events(&self, asked: Asked<'_>, name: &str) -> Result<(u64, Value), AskError> {
        self.rpc.route(&asked.watch.datacenter)?;
        let token = self.token(asked);
        let wanted = |event: &UserEvent| {
            let requirement = Requirement::read(Resource::Event, event.name.as_bytes());
            (name.is_empty() || event.name == name)
                && self.rpc.authorize(&token, &requirement).is_ok()
        };
        let (events, index) = self.events.beyond(asked.index, wanted).await;
        let events: Vec<&UserEvent> = events.iter().map(Arc::as_ref).collect();
        Ok((index, serde_json::to_value(events)?))
    }

    async fn read<Q>(&self, asked: Asked<'_>, query: &Q) -> Result<(u64, Value), AskError>
    where
        Q: RemoteQuery,
        Q::Answer: serde::Serialize,
    {
        let (found, meta) = self.rpc.query(&self.options(asked), query).await?;
        Ok((meta.index, serde_json::to_value(found)?))
    }

    fn options(&self, asked: Asked<'_>) -> QueryOptions {
        QueryOptions {
            datacenter: asked.watch.datacenter.clone(),
            token: self.token(asked),
            consistency: if asked.watch.stale {
                Consistency::Stale
            } else {
                Consistency::Default
            },
            min_index: asked.index,
            ..QueryOptions::default()
        }
    }

    fn token(&self, asked: Asked<'_>) -> String {
        let own = &asked.watch.token;
        if own.is_empty() {
            self.default_token.clone()
        } else {
            own.clone()
        }
    }
}
