//! Names that the agent knows, for people who mistyped one. Scripts, whose output is no terminal, cost the agent
//! nothing.

use std::time::Duration;

use super::context::Context;
use super::suggest::did_you_mean;
use crate::api::{Client, QueryOptions};

/// How long a hint may take.
const BUDGET: Duration = Duration::from_millis(500);

/// What kind of name was mistyped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A member of the LAN pool.
    Member,
    /// A member of the WAN pool.
    WanMember,
    /// A node of the catalog.
    Node,
    /// A service of the catalog.
    Service,
    /// The id of one of the agent's own services.
    ServiceId,
    /// A key.
    Key,
}

/// `did you mean …?`, if the agent knows a name like this one and a person is there to read it.
pub(crate) async fn hint(
    context: &Context,
    client: &Client,
    kind: Kind,
    name: &str,
    options: &QueryOptions,
) -> Option<String> {
    if !(context.console.err_is_terminal() && context.console.out_is_terminal()) {
        return None;
    }
    let names = tokio::time::timeout(BUDGET, names(client, kind, name, options));
    let names = names.await.ok()??;
    did_you_mean(name, names.iter().map(String::as_str))
}

async fn names(
    client: &Client,
    kind: Kind,
    name: &str,
    options: &QueryOptions,
) -> Option<Vec<String>> {
    Some(match kind {
        Kind::Member | Kind::WanMember => {
            let members = client
                .agent_members(kind == Kind::WanMember, "_all")
                .await
                .ok()?;
            members.into_iter().map(|member| member.name).collect()
        }
        Kind::Node => {
            let query = crate::api::NodeQuery {
                options: options.clone(),
                ..crate::api::NodeQuery::default()
            };
            let nodes = client.catalog_nodes(&query).await.ok()?;
            nodes.into_iter().map(|node| node.node).collect()
        }
        Kind::Service => {
            let services = client.catalog_services(options).await.ok()?;
            services.into_keys().collect()
        }
        Kind::ServiceId => client.agent_services().await.ok()?.into_keys().collect(),
        Kind::Key => {
            // The neighbours in its folder.
            let folder = name.rfind('/').map_or("", |place| &name[..=place]);
            client
                .kv_keys(folder.as_bytes(), "/", options)
                .await
                .ok()?
                .0
        }
    })
}
