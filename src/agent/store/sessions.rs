//! Sessions: what they are bound to, and what ends with them.

use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use imbl::ordmap::DiffItem;
use imbl::{OrdMap, OrdSet};

use super::catalog::MISSING_NODE;
use super::command::{Response, SessionCommand};
use super::state::{State, fold};
use super::topic::{Topic, Touched};
use crate::model::check::Status;
use crate::model::kv::Key;
use crate::model::session::{Behavior, Session};

/// The longest time for which a key stays closed after its holder's session has ended: Consul's bound.
pub const MAX_LOCK_DELAY: Duration = Duration::from_mins(1);

/// Ways from what sessions are bound to, to the sessions, and from sessions to what they hold. All names and ids are
/// folded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SessionLinks {
    /// Node, session.
    of_node: OrdSet<(Arc<str>, Arc<str>)>,
    /// Node, check, session.
    of_check: OrdSet<(Arc<str>, Arc<str>, Arc<str>)>,
    /// Session, held key. The session is as the key has it, and may be unknown.
    held: OrdSet<(Arc<str>, Key)>,
}

/// The sessions of a state, to be compared with those of a later one.
#[derive(Debug, Clone, Default)]
pub struct SessionTable(OrdMap<String, Arc<Session>>);

/// What became of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionChange<'a> {
    /// It is new.
    Created(&'a Session),
    /// It has ended.
    Ended(&'a Session),
}

impl SessionTable {
    /// What is different in a later table. Passes over what the two share, so that the time depends on the changes.
    pub fn changes<'a>(&'a self, later: &'a Self) -> impl Iterator<Item = SessionChange<'a>> {
        let changes = self.0.diff(&later.0);
        changes.filter_map(|change| match change {
            DiffItem::Add(_, session) => Some(SessionChange::Created(session)),
            DiffItem::Remove(_, session) => Some(SessionChange::Ended(session)),
            // Sessions do not change; only a restored archive may have another with the same id.
            DiffItem::Update { .. } => None,
        })
    }
}

impl SessionLinks {
    /// Notes that a key goes from one session to another; an empty id is none.
    pub(super) fn hand_over(&mut self, key: &Key, from: &str, to: &str) {
        if from == to {
            return;
        }
        if !from.is_empty() {
            self.held.remove(&(fold(from), key.clone()));
        }
        if !to.is_empty() {
            self.held.insert((fold(to), key.clone()));
        }
    }

    /// Notes that no key is held any more.
    pub(super) fn let_go_of_all(&mut self) {
        self.held.clear();
    }

    /// Notes what a session is bound to.
    pub(super) fn bind(&mut self, session: &Session) {
        let (node, id) = (fold(&session.node), fold(&session.id));
        for check in session.check_ids() {
            let link = (Arc::clone(&node), fold(check), Arc::clone(&id));
            self.of_check.insert(link);
        }
        self.of_node.insert((node, id));
    }

    fn unbind(&mut self, session: &Session) {
        let (node, id) = (fold(&session.node), fold(&session.id));
        for check in session.check_ids() {
            let link = (Arc::clone(&node), fold(check), Arc::clone(&id));
            self.of_check.remove(&link);
        }
        self.of_node.remove(&(node, id));
    }

    fn of_node(&self, node: &Arc<str>) -> Vec<Arc<str>> {
        let from = (Arc::clone(node), Arc::default());
        self.of_node
            .range((Bound::Included(from), Bound::Unbounded))
            .take_while(move |(of, _)| of == node)
            .map(|(_, id)| Arc::clone(id))
            .collect()
    }

    fn of_check(&self, node: &Arc<str>, check: &Arc<str>) -> Vec<Arc<str>> {
        let from = (Arc::clone(node), Arc::clone(check), Arc::default());
        self.of_check
            .range((Bound::Included(from), Bound::Unbounded))
            .take_while(move |(of, bound, _)| of == node && bound == check)
            .map(|(_, _, id)| Arc::clone(id))
            .collect()
    }

    fn held_by(&self, id: &Arc<str>) -> Vec<Key> {
        let from = (Arc::clone(id), Key::default());
        self.held
            .range((Bound::Included(from), Bound::Unbounded))
            .take_while(move |(holder, _)| holder == id)
            .map(|(_, key)| key.clone())
            .collect()
    }
}

impl State {
    /// A session by id, in either letter case.
    pub fn session(&self, id: &str) -> Option<&Arc<Session>> {
        let folded = || self.sessions.get(&*fold(id));
        self.sessions.get(id).or_else(folded)
    }

    /// All sessions, in order of their ids.
    pub fn sessions(&self) -> impl Iterator<Item = &Arc<Session>> {
        self.sessions.values()
    }

    /// The sessions of a node, in order of their ids.
    pub fn sessions_of_node(&self, node: &str) -> Vec<Arc<Session>> {
        let ids = self.session_links.of_node(&fold(node));
        ids.iter()
            .filter_map(|id| self.session(id).cloned())
            .collect()
    }

    /// The sessions as a table of their own.
    pub fn session_table(&self) -> SessionTable {
        SessionTable(self.sessions.clone())
    }

    pub(super) fn apply_session(
        &mut self,
        index: u64,
        command: &SessionCommand,
        touched: &mut Touched,
    ) -> Response {
        match command {
            SessionCommand::Create(session) => self
                .create_session(index, session, touched)
                .map_or_else(Response::Refused, Response::Id),
            SessionCommand::Destroy { id } => {
                self.delete_session(index, id, touched);
                Response::Done
            }
        }
    }

    fn create_session(
        &mut self,
        index: u64,
        session: &Session,
        touched: &mut Touched,
    ) -> Result<String, String> {
        let entry = self.entry(&session.node).ok_or(MISSING_NODE)?;
        for id in session.check_ids() {
            match entry.checks.get(&*fold(id)) {
                None => return Err(format!("Missing check '{id}' registration")),
                Some(check) if check.status == Status::Critical => {
                    return Err(format!("Check '{id}' is in critical state"));
                }
                Some(_) => {}
            }
        }
        if self.session(&session.id).is_some() {
            return Err(format!("session {:?} exists already", session.id));
        }
        let session = Arc::new(Session {
            id: session.id.to_lowercase(),
            create_index: index,
            modify_index: index,
            ..session.clone()
        });
        self.session_links.bind(&session);
        self.touch_session(index, &session, touched);
        let id = session.id.clone();
        self.sessions.insert(id.clone(), session);
        Ok(id)
    }

    /// Ends a session with everything that is bound to it.
    pub(super) fn delete_session(&mut self, index: u64, id: &str, touched: &mut Touched) {
        let id = fold(id);
        let Some(session) = self.sessions.remove(&*id) else {
            return;
        };
        self.session_links.unbind(&session);
        self.touch_session(index, &session, touched);
        self.give_up_keys(index, &session, touched);
        self.drop_queries_of_session(index, &session.id, touched);
    }

    fn touch_session(&mut self, index: u64, session: &Session, touched: &mut Touched) {
        self.indexes.sessions = index;
        touched.add(Topic::Sessions);
        touched.add(Topic::Session(fold(&session.id)));
        touched.add(Topic::SessionsOfNode(fold(&session.node)));
    }

    /// Releases or deletes the keys that a session holds, and closes them for its lock delay.
    fn give_up_keys(&mut self, index: u64, session: &Session, touched: &mut Touched) {
        let delay = session.lock_delay.as_std().min(MAX_LOCK_DELAY);
        for key in self.session_links.held_by(&fold(&session.id)) {
            match session.behavior() {
                Behavior::Release => self.kv_release(index, &key, touched),
                Behavior::Delete => self.kv_delete(index, &key, touched),
            }
            if !delay.is_zero() {
                touched.delay_lock(key, delay);
            }
        }
    }

    /// Ends the sessions of a node that goes away; its name is folded.
    pub(super) fn end_sessions_of_node(
        &mut self,
        index: u64,
        node: &Arc<str>,
        touched: &mut Touched,
    ) {
        for id in self.session_links.of_node(node) {
            self.delete_session(index, &id, touched);
        }
    }

    /// Ends the sessions that are bound to a check which is critical or goes away; names are folded.
    pub(super) fn end_sessions_of_check(
        &mut self,
        index: u64,
        node: &Arc<str>,
        check: &Arc<str>,
        touched: &mut Touched,
    ) {
        for id in self.session_links.of_check(node, check) {
            self.delete_session(index, &id, touched);
        }
    }
}
