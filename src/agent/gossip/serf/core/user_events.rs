//! Events of the application: section 10 of the wire format.

use bytes::Bytes;

use crate::agent::gossip::wire::{LamportTime, SerfMessage, USER_EVENT_HARD_MAX, UserEvent};

use super::super::io::{Event, Output, RequestError};
use super::super::queues::Queue;
use super::super::recent_events::Novelty;
use super::Core;

impl Core {
    /// Fires an event at all members, this one included.
    pub(in super::super) fn fire(
        &mut self,
        name: &str,
        payload: Bytes,
        coalesce: bool,
    ) -> Result<LamportTime, RequestError> {
        let limit = self.config.user_event_size_limit;
        let size = name.len() + payload.len();
        if size > limit {
            return Err(RequestError::EventTooLarge { limit });
        }
        if size > USER_EVENT_HARD_MAX {
            let limit = USER_EVENT_HARD_MAX;
            return Err(RequestError::EventInsane { limit });
        }
        let event = UserEvent {
            ltime: self.event_clock.time(),
            name: name.to_owned(),
            payload,
            coalesce,
        };
        let message = SerfMessage::UserEvent(event.clone()).encode();
        let limit = limit.min(USER_EVENT_HARD_MAX);
        if message.len() > limit {
            return Err(RequestError::EncodedEventTooLarge { limit });
        }
        self.event_clock.increment();
        let ltime = event.ltime;
        self.user_event(event);
        self.gossip(Queue::Events, message);
        Ok(ltime)
    }

    /// An event was heard; true when it is to be passed on.
    pub(super) fn user_event(&mut self, event: UserEvent) -> bool {
        self.event_clock.witness(event.ltime);
        let clock = self.event_clock.time();
        let UserEvent {
            ltime,
            name,
            payload,
            coalesce,
        } = event;
        match self.recent_events.see(clock, ltime, &name, &payload) {
            Novelty::New => {}
            Novelty::Known => return false,
            Novelty::TooOld => {
                let reason =
                    format!("received old event {name} from time {ltime} (current: {clock})");
                self.ignored("event", reason);
                return false;
            }
            Novelty::Full => {
                let reason = format!("too many events to remember {name} from time {ltime}");
                self.ignored("event", reason);
                return false;
            }
        }
        let line = self.snapshot.event(ltime);
        self.record(line);
        self.outputs.push_back(Output::Event(Event::User {
            ltime,
            name,
            payload,
            coalesce,
        }));
        true
    }
}
