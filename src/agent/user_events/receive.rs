//! Takes user events out of the pool's events.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, watch};
use tracing::{debug, error, info, warn};

use crate::agent::gossip::wire::LamportTime;
use crate::agent::gossip::{Event, GossipHandle};
use crate::model::event::UserEvent;
use crate::model::remote_exec;

use super::codec::{self, PREFIX};
use super::concern::{self, OwnServices};
use super::fire::{UserEvents, VERSION};
use super::ring::Ring;

/// Hears the pool's events from the moment on in which it is made; [`Self::run`] takes them in.
pub struct Receiver {
    events: broadcast::Receiver<Event>,
    node: String,
    ring: Ring,
    seen: watch::Sender<Arc<Vec<Arc<UserEvent>>>>,
    /// Who runs commands, if anybody does.
    remote_exec: Option<mpsc::Sender<UserEvent>>,
}

impl UserEvents {
    /// The handle, and the task that fills its list. `node` is what filters on nodes look at.
    pub fn new(pool: GossipHandle, node: impl Into<String>) -> (Self, Receiver) {
        let (seen, list) = watch::channel(Arc::default());
        let receiver = Receiver {
            events: pool.subscribe(),
            node: node.into(),
            ring: Ring::default(),
            seen,
            remote_exec: None,
        };
        (Self { pool, seen: list }, receiver)
    }
}

impl Receiver {
    /// Hands the events that ask agents to run a command over to `executor`; without one they are ignored.
    pub fn with_remote_exec(mut self, executor: Option<mpsc::Sender<UserEvent>>) -> Self {
        self.remote_exec = executor;
        self
    }

    /// Works until the pool ends. `services` are what filters on services look at.
    pub async fn run(mut self, services: impl OwnServices) {
        loop {
            match self.events.recv().await {
                Ok(Event::User {
                    ltime,
                    name,
                    payload,
                    ..
                }) => self.take(ltime, &name, &payload, &services),
                Ok(Event::Members(..) | Event::Query { .. }) => {}
                Err(RecvError::Lagged(lost)) => {
                    warn!(target: "agent", lost, "gossip events came faster than they were looked at; user events may be missing");
                }
                Err(RecvError::Closed) => return,
            }
        }
    }

    fn take(
        &mut self,
        ltime: LamportTime,
        name: &str,
        payload: &Bytes,
        services: &dyn OwnServices,
    ) {
        let Some(name) = name.strip_prefix(PREFIX) else {
            return;
        };
        debug!(target: "agent.server", event = name, "User event");
        let mut event = match codec::decode(payload) {
            Ok(event) => event,
            Err(err) => {
                error!(target: "agent", error = %err, "Failed to decode event");
                return;
            }
        };
        event.ltime = ltime;
        if !self.is_meant(&event, services) {
            return;
        }
        if event.name == remote_exec::EVENT {
            self.hand_over(event);
            return;
        }
        debug!(target: "agent", event_name = event.name, event_id = event.id, "new event");
        self.ring.push(event);
        self.seen.send_replace(Arc::new(self.ring.list()));
    }

    fn hand_over(&self, event: UserEvent) {
        let Some(executor) = &self.remote_exec else {
            info!(target: "agent", event_name = event.name, event_id = event.id, "ignoring remote exec event, disabled.");
            return;
        };
        if let Err(error) = executor.try_send(event) {
            warn!(target: "agent", %error, "remote exec event lost");
        }
    }

    fn is_meant(&self, event: &UserEvent, services: &dyn OwnServices) -> bool {
        if event.version > VERSION {
            warn!(target: "agent", version = event.version, event = event.name, "Event version may have unsupported features");
        }
        concern::concerns(event, &self.node, services).unwrap_or_else(|bad| {
            error!(
                target: "agent",
                filter = bad.filter,
                event = event.name,
                error = bad.reason,
                "Failed to parse {} filter for event", bad.what,
            );
            false
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::gossip::serf::QueryKey;
    use crate::agent::user_events::{Firing, OwnService, RING};
    use crate::model::member::Member;

    struct Nothing;

    impl OwnServices for Nothing {
        fn own_services(&self) -> Vec<OwnService> {
            Vec::new()
        }
    }

    struct Bench {
        events: UserEvents,
        sender: broadcast::Sender<Event>,
        receiver: Receiver,
    }

    fn bench(capacity: usize) -> Bench {
        let pool = GossipHandle::detached(Member::default());
        let (events, mut receiver) = UserEvents::new(pool, "n1");
        let (sender, heard) = broadcast::channel(capacity);
        receiver.events = heard;
        Bench {
            events,
            sender,
            receiver,
        }
    }

    fn user(ltime: LamportTime, name: &str, payload: impl Into<Bytes>) -> Event {
        Event::User {
            ltime,
            name: name.to_owned(),
            payload: payload.into(),
            coalesce: false,
        }
    }

    fn fired(ltime: LamportTime, firing: Firing) -> Event {
        let event = firing.into_event().unwrap();
        let name = format!("{PREFIX}{}", event.name);
        user(ltime, &name, codec::encode(&event).unwrap())
    }

    fn named(name: &str) -> Firing {
        Firing {
            name: name.to_owned(),
            ..Firing::default()
        }
    }

    /// Takes in what was sent; the names of the events that are remembered.
    async fn names(bench: Bench) -> Vec<String> {
        drop(bench.sender);
        bench.receiver.run(Nothing).await;
        let list = bench.events.follow().borrow().clone();
        list.iter().map(|event| event.name.clone()).collect()
    }

    #[tokio::test]
    async fn user_events_that_are_meant_are_remembered() {
        let bench = bench(16);
        let filtered = Firing {
            node_filter: "^other$".to_owned(),
            ..named("filtered")
        };
        for event in [
            fired(7, named("one")),
            user(8, "consul:new-leader", "n2"),
            user(9, "consul:event:bad", "xx"),
            user(9, "plain", "xx"),
            fired(10, filtered),
            fired(10, named(remote_exec::EVENT)),
            Event::Query {
                key: QueryKey { ltime: 1, id: 2 },
                name: "q".to_owned(),
                payload: Bytes::new(),
                source: "n2".into(),
            },
            fired(11, named("two")),
        ] {
            bench.sender.send(event).unwrap();
        }
        let mut list = bench.events.follow();
        assert_eq!(names(bench).await, ["one", "two"]);
        let times: Vec<u64> = list
            .borrow_and_update()
            .iter()
            .map(|event| event.ltime)
            .collect();
        assert_eq!(times, [7, 11]);
    }

    #[tokio::test]
    async fn calls_to_run_a_command_go_to_whoever_runs_them() {
        let mut bench = bench(16);
        let (sender, mut calls) = mpsc::channel(1);
        bench.receiver = bench.receiver.with_remote_exec(Some(sender));
        let elsewhere = Firing {
            node_filter: "^other$".to_owned(),
            ..named(remote_exec::EVENT)
        };
        for (ltime, event) in [
            (1, elsewhere),
            (2, named(remote_exec::EVENT)),
            (3, named("a")),
        ] {
            bench.sender.send(fired(ltime, event)).unwrap();
        }
        assert_eq!(names(bench).await, ["a"]);
        assert_eq!(calls.recv().await.unwrap().ltime, 2);
        assert_eq!(calls.recv().await, None);
    }

    #[tokio::test]
    async fn events_with_filters_that_cannot_be_read_are_left_out() {
        let bench = bench(16);
        let mut event = named("broken").into_event().unwrap();
        event.node_filter = "(".to_owned();
        let payload = codec::encode(&event).unwrap();
        bench
            .sender
            .send(user(1, "consul:event:broken", payload))
            .unwrap();
        event.node_filter = String::new();
        event.version = VERSION + 1;
        let payload = codec::encode(&event).unwrap();
        bench
            .sender
            .send(user(1, "consul:event:newer", payload))
            .unwrap();
        assert_eq!(names(bench).await, ["broken"]);
    }

    #[tokio::test]
    async fn a_slow_receiver_loses_the_oldest_and_goes_on() {
        let bench = bench(2);
        for ltime in 0..5 {
            bench
                .sender
                .send(fired(ltime, named(&ltime.to_string())))
                .unwrap();
        }
        assert_eq!(names(bench).await, ["3", "4"]);
    }

    #[tokio::test]
    async fn no_more_than_the_ring_holds_are_remembered() {
        let bench = bench(512);
        for ltime in 0..300 {
            bench.sender.send(fired(ltime, named("x"))).unwrap();
        }
        assert_eq!(names(bench).await.len(), RING);
    }
}
