//! `/v1/operator/keyring`

use super::client::{Client, Request};
use super::error::ApiError;
use crate::model::keyring::KeyringResponse;

const KEYRING: &str = "/v1/operator/keyring";

/// What is done with a key (base64) on all members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyringChange {
    /// Make it known.
    Install(String),
    /// Encrypt with it from now on.
    Use(String),
    /// Forget it.
    Remove(String),
}

impl Client {
    /// The keys of all pools. `relay_factor` members carry each answer a second way; `local_only` leaves
    /// the WAN pool out.
    pub async fn keyring_list(
        &self,
        relay_factor: u8,
        local_only: bool,
    ) -> Result<Vec<KeyringResponse>, ApiError> {
        let mut request = relayed(self.get(KEYRING), relay_factor);
        if local_only {
            request = request.query("local-only", "true");
        }
        request.send_ok().await?.json().await
    }

    /// Changes the keys of all pools. An error tells which members refused.
    pub async fn keyring_change(
        &self,
        change: &KeyringChange,
        relay_factor: u8,
    ) -> Result<(), ApiError> {
        let (request, key) = match change {
            KeyringChange::Install(key) => (self.post(KEYRING), key),
            KeyringChange::Use(key) => (self.put(KEYRING), key),
            KeyringChange::Remove(key) => (self.delete(KEYRING), key),
        };
        let request = relayed(request, relay_factor).json(&serde_json::json!({ "Key": key }))?;
        request.send_ok().await.map(drop)
    }
}

fn relayed(request: Request<'_>, relay_factor: u8) -> Request<'_> {
    match relay_factor {
        0 => request,
        factor => request.query("relay-factor", factor.to_string()),
    }
}
