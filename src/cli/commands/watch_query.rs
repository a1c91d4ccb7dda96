//! How `watch` asks an agent.

use serde_json::{Value, json};

use crate::api::{ApiError, Client, Meta, QueryOptions};
use crate::model::watch::Plan;

/// Asks once; with an index in `options`, when something changed. The answer is that of the API.
pub(super) async fn ask(
    plan: &Plan,
    client: &Client,
    options: &QueryOptions,
) -> Result<(Value, Meta), ApiError> {
    Ok(match plan {
        Plan::Key(key) => {
            let (pair, meta) = client.kv_get(key.as_bytes(), options).await?;
            (json!(pair.as_slice()), meta)
        }
        Plan::KeyPrefix(prefix) => {
            let (pairs, meta) = client.kv_list(prefix.as_bytes(), options).await?;
            (json!(pairs), meta)
        }
        Plan::Services => client.catalog_services_raw(options).await?,
        Plan::Nodes => client.catalog_nodes_raw(options).await?,
        Plan::Service {
            service,
            tags,
            passing,
        } => {
            client
                .health_service(service, tags, *passing, options)
                .await?
        }
        Plan::Checks { service, .. } if !service.is_empty() => {
            client.health_checks(service, options).await?
        }
        Plan::Checks { state, .. } => {
            let state = if state.is_empty() { "any" } else { state };
            client.health_state(state, options).await?
        }
        Plan::Event(name) => {
            let (events, meta) = client.event_list(name, options).await?;
            (json!(events), meta)
        }
    })
}
