//! What the handle asks.

use super::Driver;
use crate::agent::gossip::handle::Request;

impl Driver {
    /// Does what was asked, or begins to. Whoever asked may have given up: answers that nobody wants are
    /// dropped.
    pub(super) fn request(&mut self, request: Request) {
        let now = self.clock.now();
        match request {
            Request::Join { address, done } => self.join(address, done),
            Request::Leave { done } => {
                if self.state.left {
                    _ = done.send(());
                    return;
                }
                self.state.leaving.push(done);
                if !std::mem::replace(&mut self.state.leaves, true) {
                    self.state.unpublished = true;
                    self.serf.leave(now);
                }
            }
            Request::ForceLeave { node, prune, done } => {
                self.state.unpublished = true;
                _ = done.send(self.serf.force_leave(now, &node, prune));
            }
            Request::UserEvent {
                name,
                payload,
                coalesce,
                done,
            } => _ = done.send(self.serf.user_event(now, &name, payload, coalesce)),
            Request::Query {
                request,
                replies,
                done,
            } => {
                let asked = self.serf.query(now, request);
                if let Ok(key) = asked {
                    self.state.queries.insert(key, replies);
                }
                _ = done.send(asked);
            }
            Request::Respond { key, payload, done } => {
                _ = done.send(self.serf.respond(now, key, payload));
            }
            Request::SetTags { tags, done } => {
                self.state.unpublished = true;
                _ = done.send(self.serf.set_tags(now, tags));
            }
            Request::Stats { done } => _ = done.send(self.serf.stats()),
            Request::Unrest { done } => _ = done.send(self.serf.unrest(now)),
            Request::Coordinate { node, done } => {
                _ = done.send(match node {
                    Some(node) => self.serf.coordinate_of(&node),
                    None => self.serf.coordinate(),
                });
            }
        }
    }
}
