//! The catalog as anti-entropy needs it.

use std::pin::Pin;

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
    /// Anything else: worth another try.
    #[error("{0}")]
    Failed(String),
}

/// Reads and writes of the catalog. Requests carry the node and the datacenter.
pub trait Catalog: Send + Sync + 'static {
    /// What the catalog has of a node.
    fn view<'a>(&'a self, node: &'a str, token: &'a str) -> CatalogFuture<'a, CatalogView>;

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
            _ => Self::Failed(err.to_string()),
        }
    }
}

impl Catalog for Rpc {
    fn view<'a>(&'a self, node: &'a str, token: &'a str) -> CatalogFuture<'a, CatalogView> {
        Box::pin(async move {
            let options = QueryOptions {
                token: token.to_owned(),
                ..QueryOptions::default()
            };
            let services = NodeWithServices {
                node: node.to_owned(),
            };
            let (found, _) = self.query(&options, &services).await?;
            let (checks, _) = self
                .query(
                    &options,
                    &ChecksOfNode {
                        node: node.to_owned(),
                    },
                )
                .await?;
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
            Ok(view)
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
