//! Reads of sessions. All answers carry the table's index, as in Consul; what wakes a waiting read is narrower.

use std::sync::Arc;

use crate::agent::store::state::fold;
use crate::agent::store::{Query, State, Topic, WatchSet};
use crate::model::access::{Requirement, Resource};
use crate::model::session::Session;

/// One session.
#[derive(Debug, Clone)]
pub struct SessionGet {
    /// The session's id, in either letter case.
    pub id: String,
}

impl Query for SessionGet {
    type Answer = Option<Arc<Session>>;
    const METHOD: &'static str = "Session.Get";

    fn run(&self, state: &State, watch: &mut WatchSet) -> (u64, Self::Answer) {
        watch.add(Topic::Session(fold(&self.id)));
        (state.indexes().sessions, state.session(&self.id).cloned())
    }
}

/// All sessions.
#[derive(Debug, Clone)]
pub struct SessionList;

impl Query for SessionList {
    type Answer = Vec<Arc<Session>>;
    const METHOD: &'static str = "Session.List";

    fn run(&self, state: &State, watch: &mut WatchSet) -> (u64, Self::Answer) {
        watch.add(Topic::Sessions);
        (
            state.indexes().sessions,
            state.sessions().cloned().collect(),
        )
    }
}

/// The sessions of a node.
#[derive(Debug, Clone)]
pub struct SessionsOfNode {
    /// The node's name.
    pub node: String,
}

impl Query for SessionsOfNode {
    type Answer = Vec<Arc<Session>>;
    const METHOD: &'static str = "Session.NodeSessions";

    fn requirement(&self) -> Requirement<'_> {
        Requirement::read(Resource::Session, self.node.as_bytes())
    }

    fn run(&self, state: &State, watch: &mut WatchSet) -> (u64, Self::Answer) {
        watch.add(Topic::SessionsOfNode(fold(&self.node)));
        (state.indexes().sessions, state.sessions_of_node(&self.node))
    }
}
