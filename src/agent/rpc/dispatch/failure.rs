//! What clients see of what goes wrong.

use crate::agent::rpc::RpcError;
use crate::agent::rpc::net::CallFailure;
use crate::agent::rpc::wire::DialectError;

impl From<RpcError> for CallFailure {
    fn from(error: RpcError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<DialectError> for CallFailure {
    fn from(error: DialectError) -> Self {
        match error {
            DialectError::Refused(why) => Self::Failed(why),
            // The prefix of the protocol's own errors: it tells clients that the stream ends.
            unreadable @ DialectError::Decode(_) => Self::Unreadable(format!("rpc: {unreadable}")),
            unwritable @ DialectError::Encode(_) => Self::Failed(unwritable.to_string()),
        }
    }
}
