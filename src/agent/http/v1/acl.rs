//! `/v1/acl/*` while ACLs are off: every endpoint says so, as Consul does.

use std::sync::Arc;

use crate::agent::http::{Answer, Context, HttpError, Request};

/// Any ACL endpoint.
pub(super) async fn disabled(_context: Arc<Context>, _request: Request) -> Answer {
    Err(HttpError::AclDisabled)
}
