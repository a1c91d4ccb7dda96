//! Rules, policies and the authorizer; allow-all until ACLs are enabled. Pure.

mod authorizer;

pub use authorizer::{AclError, AllowAll, Authorizer, Resolver};
