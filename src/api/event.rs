//! `/v1/event`

use bytes::Bytes;

use super::answer::Meta;
use super::client::Client;
use super::error::ApiError;
use super::options::QueryOptions;
use super::path;
use crate::model::event::UserEvent;

/// Which agents act on an event: regular expressions, empty for all.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// On the node's name.
    pub node: String,
    /// On ids of services.
    pub service: String,
    /// On tags of those services.
    pub tag: String,
}

impl Client {
    /// Sends an event to the datacenter.
    pub async fn event_fire(
        &self,
        name: &str,
        payload: Bytes,
        filter: &EventFilter,
        options: &QueryOptions,
    ) -> Result<UserEvent, ApiError> {
        let request = self
            .put(path::join("/v1/event/fire/", name.as_bytes())?)
            .options(options)
            .query_if_set("node", &filter.node)
            .query_if_set("service", &filter.service)
            .query_if_set("tag", &filter.tag)
            .body(payload);
        request.send_ok().await?.json().await
    }

    /// The agent's recent events, oldest first.
    pub async fn event_list(
        &self,
        name: &str,
        options: &QueryOptions,
    ) -> Result<(Vec<UserEvent>, Meta), ApiError> {
        let request = self
            .get("/v1/event/list")
            .options(options)
            .query_if_set("name", name);
        let answer = request.send_ok().await?;
        let meta = answer.meta();
        Ok((answer.json().await?, meta))
    }
}
