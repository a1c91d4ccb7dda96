//! A job in the key/value store, from its session to its end.

use std::time::Duration;

use crate::api::{ApiError, Client, EventFilter, KvWrite, NewSession, QueryOptions};
use crate::cli::lock::SessionKeeper;
use crate::model::event::UserEvent;
use crate::model::remote_exec::{Call, EVENT, JOB, Job};

/// Why a job is not carried out. The texts are Consul's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JobError {
    /// A request failed.
    #[error("{what}: {source}")]
    Api {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: ApiError,
    },
    /// No server of another datacenter is known, to whose node the session could be bound.
    #[error("Failed to create session: Failed to find Consul server in remote datacenter")]
    NoServer,
    /// It cannot be written down.
    #[error("Failed to create job spec: {0}")]
    Spec(#[from] serde_json::Error),
    /// The key belongs to another session.
    #[error("Failed to create job file: the key is held by another session")]
    Held,
}

const CREATE_SESSION: &str = "Failed to create session";

/// Gives an API error its place in a sentence.
fn during(what: &'static str) -> impl FnOnce(ApiError) -> JobError {
    move |source| JobError::Api { what, source }
}

/// A job that agents may find; it goes when [`Self::end`] is called, or soon after its session is not renewed.
pub(crate) struct RunningJob {
    client: Client,
    options: QueryOptions,
    session: SessionKeeper,
    call: Call,
}

impl RunningJob {
    /// Makes the session that holds the job.
    ///
    /// In another datacenter than the agent's, `elsewhere`, it is bound to a server's node, as this agent's node is
    /// unknown there, and to no check of it.
    pub(crate) async fn begin(
        client: &Client,
        prefix: &str,
        elsewhere: Option<&str>,
        options: QueryOptions,
    ) -> Result<Self, JobError> {
        let mut session = NewSession {
            name: "Remote Exec".to_owned(),
            behavior: "delete".to_owned(),
            ..NewSession::default()
        };
        if let Some(from) = elsewhere {
            session.name = format!("Remote Exec via {from}");
            session.checks = Some(Vec::new());
            session.node = server_node(client, &options).await?;
        }
        let session = SessionKeeper::create(client, session, options.clone())
            .await
            .map_err(during(CREATE_SESSION))?;
        let call = Call {
            prefix: prefix.to_owned(),
            session: session.id().to_owned(),
        };
        Ok(Self {
            client: client.clone(),
            options,
            session,
            call,
        })
    }

    /// The session's id.
    pub(crate) fn session(&self) -> &str {
        self.session.id()
    }

    /// Stores what is to be done.
    pub(crate) async fn upload(&self, job: &Job) -> Result<(), JobError> {
        let write = KvWrite {
            key: self.call.key(&[JOB]).into_bytes(),
            value: serde_json::to_vec(job)?.into(),
            acquire: Some(self.session().to_owned()),
            ..KvWrite::default()
        };
        let stored = self.client.kv_put(write, &self.options).await;
        if stored.map_err(during("Failed to create job file"))? {
            Ok(())
        } else {
            Err(JobError::Held)
        }
    }

    /// Calls the agents that the filter means.
    pub(crate) async fn fire(&self, filter: &EventFilter) -> Result<UserEvent, JobError> {
        let payload = serde_json::to_vec(&self.call)?;
        let fired = self
            .client
            .event_fire(EVENT, payload.into(), filter, &self.options);
        fired.await.map_err(during("Failed to fire event"))
    }

    /// The keys beneath the job's, once the index is past `index` or after `wait`, and the index.
    pub(crate) async fn keys(
        &self,
        index: u64,
        wait: Duration,
    ) -> Result<(Vec<String>, u64), ApiError> {
        let options = QueryOptions {
            index,
            wait,
            ..self.options.clone()
        };
        let base = self.base();
        let (keys, meta) = self.client.kv_keys(base.as_bytes(), "", &options).await?;
        let tails = keys
            .iter()
            .filter_map(|key| key.strip_prefix(&base))
            .map(str::to_owned);
        Ok((tails.collect(), meta.index))
    }

    /// What a node wrote under one of these keys; nothing when it is gone.
    pub(crate) async fn value(&self, tail: &str) -> Result<Vec<u8>, ApiError> {
        let key = format!("{}{tail}", self.base());
        let (pair, _) = self.client.kv_get(key.as_bytes(), &self.options).await?;
        Ok(pair.map(|pair| pair.value.0.to_vec()).unwrap_or_default())
    }

    /// Removes the job and all that the nodes wrote.
    pub(crate) async fn end(self) -> Result<(), ApiError> {
        let base = self.base();
        // First the session: nodes that are still at it cannot write any more.
        let destroyed = self.session.destroy().await;
        let removed = self.client.kv_delete_tree(base.as_bytes(), &self.options);
        removed.await?;
        destroyed
    }

    fn base(&self) -> String {
        format!("{}/", self.call.key(&[]))
    }
}

/// The node of a healthy server of the datacenter that is asked.
async fn server_node(client: &Client, options: &QueryOptions) -> Result<String, JobError> {
    let found = client.health_service("consul", &[], true, options).await;
    let (servers, _) = found.map_err(during(CREATE_SESSION))?;
    let node = servers[0]["Node"]["Node"].as_str();
    node.map(str::to_owned).ok_or(JobError::NoServer)
}
