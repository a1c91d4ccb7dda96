//! Waiting for events, as `/v1/event/list` and watches do.

use std::sync::Arc;

use crate::model::event::{UserEvent, index_of_id};

use super::fire::UserEvents;

/// The index of a list without events.
const NO_EVENT_INDEX: u64 = 1;

impl UserEvents {
    /// The remembered events that are wanted, oldest first, and their index, as soon as that is another than
    /// `seen`; at once when that is 0. Indexes have no order: each is made from the id of the last event.
    pub async fn beyond(
        &self,
        seen: u64,
        wanted: impl Fn(&UserEvent) -> bool,
    ) -> (Vec<Arc<UserEvent>>, u64) {
        let mut list = self.follow();
        loop {
            let all = Arc::clone(&list.borrow_and_update());
            let events: Vec<_> = all.iter().filter(|event| wanted(event)).cloned().collect();
            let last = events.last().and_then(|event| index_of_id(&event.id));
            let index = last.unwrap_or(NO_EVENT_INDEX);
            if seen == 0 || seen != index {
                return (events, index);
            }
            if list.changed().await.is_err() {
                // The agent ends: there will be no other event.
                std::future::pending::<()>().await;
            }
        }
    }
}
