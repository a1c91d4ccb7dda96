//! The events that an agent remembers.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::event::UserEvent;

/// Events that are remembered; the oldest go first, as in Consul.
pub const RING: usize = 256;

/// The last [`RING`] events, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Ring {
    events: VecDeque<Arc<UserEvent>>,
}

impl Ring {
    /// Remembers an event.
    pub(super) fn push(&mut self, event: UserEvent) {
        if self.events.len() == RING {
            self.events.pop_front();
        }
        self.events.push_back(Arc::new(event));
    }

    /// All of them, oldest first.
    pub(super) fn list(&self) -> Vec<Arc<UserEvent>> {
        self.events.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_first() {
        let mut ring = Ring::default();
        for ltime in 0..=RING as u64 {
            ring.push(UserEvent {
                ltime,
                ..UserEvent::default()
            });
        }
        let times: Vec<u64> = ring.list().iter().map(|event| event.ltime).collect();
        assert_eq!(times.len(), RING);
        assert_eq!((times[0], times[RING - 1]), (1, RING as u64));
        assert!(times.is_sorted());
    }
}
