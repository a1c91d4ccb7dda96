//! `/v1/consulctl/gossip`

use super::client::Client;
use super::error::{ApiError, ErrorClass};
use crate::model::gossip::GossipMember;

impl Client {
    /// What the members of the LAN pool say of their part in gossip; `None` when the agent does not
    /// know the endpoint, as those of HashiCorp do not.
    ///
    /// # Errors
    ///
    /// The agent cannot be reached, or refuses.
    pub async fn gossip_members(&self) -> Result<Option<Vec<GossipMember>>, ApiError> {
        match self.get("/v1/consulctl/gossip").send_ok().await {
            Ok(answer) => Ok(Some(answer.list().await?)),
            Err(error) if error.classify() == ErrorClass::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}
