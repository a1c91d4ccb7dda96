//! Who may do what.

use std::sync::Arc;

use crate::model::access::Requirement;

/// Why a token is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AclError {
    /// No such token. The text is Consul's.
    #[error("ACL not found")]
    NotFound,
}

/// Decides for one token.
pub trait Authorizer: Send + Sync {
    /// Whether the token gives this permission.
    fn allows(&self, requirement: &Requirement<'_>) -> bool;
}

/// Finds the authorizer of a token.
pub trait Resolver: Send + Sync {
    /// The authorizer of a token's secret; the empty one is anonymous.
    fn resolve(&self, token: &str) -> Result<Arc<dyn Authorizer>, AclError>;
}

/// ACLs are disabled: any token, known or not, may do all, as in Consul.
#[derive(Debug, Clone, Copy, Default)]
pub struct AllowAll;

impl Authorizer for AllowAll {
    fn allows(&self, _requirement: &Requirement<'_>) -> bool {
        true
    }
}

impl Resolver for AllowAll {
    fn resolve(&self, _token: &str) -> Result<Arc<dyn Authorizer>, AclError> {
        Ok(Arc::new(Self))
    }
}
