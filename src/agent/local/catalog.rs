//! The catalog as anti-entropy needs it.

use std::pin::Pin;
use std::time::Duration;

use super::diff::CatalogView;
use crate::agent::rpc::{QueryOptions, Rpc, RpcError, WriteOptions};
use crate::agent::store::{ChecksOfNode, NodeWithServices};
use crate::model::catalog::{DeregisterRequest, RegisterRequest};

/// A request to the catalog under way.
pub type CatalogFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, CatalogError>> + Send + 'a>>;

/// Why a request to the catalog failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// The token lacks the permission: trying again does not help.
    #[error("{0}")]
    Denied(String),
    /// The servers will not have it as it is: what else there is to send may still succeed.
    #[error("{0}")]
    Refused(String),
    /// Anything else: worth another try.
    #[error("{0}")]
    Failed(String),
}

/// The longest wait for a change of a node; then it is read anew.
const WATCH_WAIT: Duration = Duration::from_mins(1);

/// How far a node has been read: the indexes of its services and of its checks; zero: not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ViewIndex {
    pub services: u64,
    pub checks: u64,
}

/// Reads and writes of the catalog. Requests carry the node and the datacenter.
pub trait Catalog: Send + Sync + 'static {
    /// What the catalog has of a node.
    fn view<'a>(&'a self, node: &'a str, token: &'a str) -> CatalogFuture<'a, CatalogView>;

    /// What the catalog has of a node, once it differs from what was read at `seen`, or after a
    /// minute or so.
    fn watch_view<'a>(
        &'a self,
        node: &'a str,
        token: &'a str,
        seen: ViewIndex,
    ) -> CatalogFuture<'a, (CatalogView, ViewIndex)>;

    /// Consul's `Catalog.Register`.
    fn register<'a>(&'a self, request: RegisterRequest, token: &'a str) -> CatalogFuture<'a, ()>;

    /// Consul's `Catalog.Deregister`; what is not there counts as removed.
    fn deregister<'a>(
        &'a self,
        request: DeregisterRequest,
        token: &'a str,
    ) -> CatalogFuture<'a, ()>;
}

impl From<RpcError> for CatalogError {
    fn from(err: RpcError) -> Self {
        match err {
            denied if denied.is_denied() => Self::Denied(denied.to_string()),
            refused if refused.is_refused() => Self::Refused(refused.to_string()),
            _ => Self::Failed(err.to_string()),
        }
    }
}

impl Catalog for Rpc {
    fn view<'a>(&'a self, node: &'a str, token: &'a str) -> CatalogFuture<'a, CatalogView> {
        Box::pin(async move { Ok(read_view(self, node, token).await?.0) })
    }

    fn watch_view<'a>(
        &'a self,
        node: &'a str,
        token: &'a str,
        seen: ViewIndex,
    ) -> CatalogFuture<'a, (CatalogView, ViewIndex)> {
        Box::pin(async move {
            if seen != ViewIndex::default() {
                wait_for_change(self, node, token, seen).await?;
            }
            Ok(read_view(self, node, token).await?)
        })
    }

    fn register<'a>(&'a self, request: RegisterRequest, token: &'a str) -> CatalogFuture<'a, ()> {
        Box::pin(async move {
            let options = WriteOptions {
                token: token.to_owned(),
                ..WriteOptions::default()
            };
            Ok(Self::register(self, &options, request).await?)
        })
    }

    fn deregister<'a>(
        &'a self,
        request: DeregisterRequest,
        token: &'a str,
    ) -> CatalogFuture<'a, ()> {
        Box::pin(async move {
            let options = WriteOptions {
                token: token.to_owned(),
                ..WriteOptions::default()
            };
            Ok(Self::deregister(self, &options, request).await?)
        })
    }
}

async fn read_view(
    rpc: &Rpc,
    node: &str,
    token: &str,
) -> Result<(CatalogView, ViewIndex), RpcError> {
    let (services, checks) = questions(node);
    let options = QueryOptions {
        token: token.to_owned(),
        ..QueryOptions::default()
    };
    let (found, of_services) = rpc.query(&options, &services).await?;
    let (checks, of_checks) = rpc.query(&options, &checks).await?;
    let mut view = CatalogView::default();
    if let Some((node, services)) = found {
        view.node = Some((*node).clone());
        let by_id = services.iter().map(|it| (it.id.clone(), (**it).clone()));
        view.services = by_id.collect();
    }
    view.checks = checks
        .iter()
        .map(|it| (it.check_id.clone(), (**it).clone()))
        .collect();
    let index = ViewIndex {
        services: of_services.index,
        checks: of_checks.index,
    };
    Ok((view, index))
}

/// Waits for newer services or newer checks, whichever comes first.
async fn wait_for_change(
    rpc: &Rpc,
    node: &str,
    token: &str,
    seen: ViewIndex,
) -> Result<(), RpcError> {
    let (services, checks) = questions(node);
    let options = |min_index| QueryOptions {
        token: token.to_owned(),
        min_index,
        max_wait: WATCH_WAIT,
        ..QueryOptions::default()
    };
    let (newer_services, newer_checks) = (options(seen.services), options(seen.checks));
    tokio::select! {
        answer = rpc.query(&newer_services, &services) => answer.map(|_| ()),
        answer = rpc.query(&newer_checks, &checks) => answer.map(|_| ()),
    }
}

fn questions(node: &str) -> (NodeWithServices, ChecksOfNode) {
    let node = node.to_owned();
    (
        NodeWithServices { node: node.clone() },
        ChecksOfNode { node },
    )
}
