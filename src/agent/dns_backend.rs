//! Where DNS takes its answers from.

use crate::agent::dns::catalog::RemoteError;
use crate::agent::dns::{Backend, StoreView};
use crate::agent::rpc::Rpc;

/// This server's published state (nothing on a client), and no other datacenter as long as there is no federation.
pub(super) struct LocalCatalog {
    rpc: Rpc,
}

impl LocalCatalog {
    pub(super) fn new(rpc: Rpc) -> Self {
        Self { rpc }
    }
}

impl Backend for LocalCatalog {
    type Catalog = StoreView;

    fn local(&self) -> Option<StoreView> {
        self.rpc.stale_state().map(StoreView)
    }

    async fn remote(&self, _dc: &str) -> Result<StoreView, RemoteError> {
        // A client's servers would know the way: the name may exist.
        Err(self
            .local()
            .map_or(RemoteError::Unavailable, |_| RemoteError::NoPath))
    }
}
