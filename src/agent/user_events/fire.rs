//! Firing events, and looking at those that came.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;
use uuid::Uuid;

use crate::agent::gossip::{GossipError, GossipHandle};
use crate::model::event::UserEvent;
use crate::model::kv::Blob;

use super::codec::{self, PREFIX};
use super::concern::{self, BadFilter};

/// Version of the format that is sent, and the highest that is understood.
pub(super) const VERSION: i64 = 1;

/// Why an event was not fired. The texts are Consul's.
#[derive(Debug, thiserror::Error)]
pub enum FireError {
    /// A tag filter says which of the matching services are meant.
    #[error("Cannot provide tag filter without service filter")]
    TagWithoutService,
    /// A filter is no regular expression.
    #[error("Invalid {what} filter: {reason}")]
    Filter {
        /// `node`, `service` or `tag`.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The event cannot be encoded.
    #[error("UserEvent encoding failed: {0}")]
    Encode(#[from] rmp_serde::encode::Error),
    /// The pool refused it: it is too large, or this agent is leaving.
    #[error("1 error occurred:\n\t* error broadcasting event to segment \"\": {0}\n\n")]
    Broadcast(#[from] GossipError),
}

impl From<BadFilter> for FireError {
    fn from(bad: BadFilter) -> Self {
        Self::Filter {
            what: bad.what,
            reason: bad.reason,
        }
    }
}

/// An event to be fired.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Firing {
    /// The event's name.
    pub name: String,
    /// What comes with it. Name and payload share serf's 512 bytes.
    pub payload: Bytes,
    /// On the node's name; empty for all.
    pub node_filter: String,
    /// On ids of services; empty for all.
    pub service_filter: String,
    /// On tags of those services; empty for all.
    pub tag_filter: String,
}

impl Firing {
    /// The event, after a look at its filters.
    ///
    /// # Errors
    /// When the filters cannot be used.
    pub fn into_event(self) -> Result<UserEvent, FireError> {
        if !self.tag_filter.is_empty() && self.service_filter.is_empty() {
            return Err(FireError::TagWithoutService);
        }
        let event = UserEvent {
            id: Uuid::new_v4().to_string(),
            name: self.name,
            payload: Blob(self.payload),
            node_filter: self.node_filter,
            service_filter: self.service_filter,
            tag_filter: self.tag_filter,
            version: VERSION,
            ltime: 0,
        };
        concern::check(&event)?;
        Ok(event)
    }
}

/// Fires events and shows those that came. Cheap to clone.
#[derive(Clone)]
pub struct UserEvents {
    pub(super) pool: GossipHandle,
    /// Written by the receiver alone: the events that are remembered, oldest first.
    pub(super) seen: watch::Receiver<Arc<Vec<Arc<UserEvent>>>>,
}

impl UserEvents {
    /// Sends an event to all agents of the datacenter, this one included.
    ///
    /// # Errors
    /// When it is too large, or the pool has ended.
    pub async fn fire(&self, event: &UserEvent) -> Result<(), FireError> {
        let payload = codec::encode(event)?;
        let name = format!("{PREFIX}{}", event.name);
        self.pool.user_event(&name, payload.into(), false).await?;
        Ok(())
    }

    /// The events that came, oldest first; the receiver is told of each new one.
    pub fn follow(&self) -> watch::Receiver<Arc<Vec<Arc<UserEvent>>>> {
        self.seen.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_checked_in_consuls_order() {
        let text = |node: &str, service: &str, tag: &str| {
            let firing = Firing {
                node_filter: node.to_owned(),
                service_filter: service.to_owned(),
                tag_filter: tag.to_owned(),
                ..Firing::default()
            };
            firing.into_event().unwrap_err().to_string()
        };
        let needs = "Cannot provide tag filter without service filter";
        assert_eq!(text("(", "", "a"), needs);
        let bad =
            |what| format!("Invalid {what} filter: error parsing regexp: missing closing ): `(`");
        assert_eq!(text("(", "(", "("), bad("node"));
        assert_eq!(text("", "(", "("), bad("service"));
        assert_eq!(text("", "a", "("), bad("tag"));
    }

    #[test]
    fn every_event_has_an_id_of_its_own() {
        let event = || Firing::default().into_event().unwrap();
        let (one, two) = (event(), event());
        assert_ne!(one.id, two.id);
        assert_eq!((one.version, one.ltime), (VERSION, 0));
    }
}
