//! `Session`: sessions, to which locks are bound.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::catalog::NodeRequest;
use super::dialect::DialectError;
use super::forward::RemoteQuery;
use super::options::{
    Nothing, ReadOptions, decode_answer, decode_read, decode_write, encode_answer, encode_read,
    encode_write,
};
use crate::agent::rpc::options::{QueryMeta, WriteOptions};
use crate::agent::store::{
    Query, SessionCommand, SessionGet, SessionList, SessionsOfNode, State, WatchSet,
};
use crate::model::duration::GoDuration;
use crate::model::session::{ServiceCheck, Session};

/// Creates or destroys a session; answers with its id, empty after destroying.
pub const APPLY: &str = "Session.Apply";
/// One session.
pub const GET: &str = "Session.Get";
/// All sessions.
pub const LIST: &str = "Session.List";
/// The sessions of a node.
pub const NODE_SESSIONS: &str = "Session.NodeSessions";
/// Renews a session's time to live; answers with it.
pub const RENEW: &str = "Session.Renew";

/// What `Session.Apply` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionVerb {
    /// Creates a session.
    Create,
    /// Destroys a session.
    Destroy,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ApplyRequest {
    op: String,
    session: WireSession,
}

/// A session as it travels.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct WireSession {
    behavior: String,
    /// All checks, from clients before 1.7.
    checks: Vec<String>,
    create_index: u64,
    #[serde(rename = "ID")]
    id: String,
    lock_delay: GoDuration,
    modify_index: u64,
    name: String,
    node: String,
    node_checks: Vec<String>,
    service_checks: Option<Vec<ServiceCheck>>,
    #[serde(rename = "TTL")]
    ttl: String,
}

impl From<&Session> for WireSession {
    fn from(session: &Session) -> Self {
        Self {
            behavior: session.behavior.clone(),
            checks: session.checks.clone(),
            create_index: session.create_index,
            id: session.id.clone(),
            lock_delay: session.lock_delay,
            modify_index: session.modify_index,
            name: session.name.clone(),
            node: session.node.clone(),
            node_checks: session.node_checks.clone(),
            service_checks: session.service_checks.clone(),
            ttl: session.ttl.clone(),
        }
    }
}

impl From<WireSession> for Session {
    fn from(wire: WireSession) -> Self {
        Self {
            id: wire.id,
            name: wire.name,
            node: wire.node,
            lock_delay: wire.lock_delay,
            behavior: wire.behavior,
            ttl: wire.ttl,
            node_checks: wire.node_checks,
            service_checks: wire.service_checks,
            checks: wire.checks,
            create_index: wire.create_index,
            modify_index: wire.modify_index,
        }
    }
}

/// The request of `Session.Apply`.
///
/// # Errors
/// When it cannot be written.
pub fn encode_apply(
    options: &WriteOptions,
    verb: SessionVerb,
    session: &Session,
) -> Result<Vec<u8>, DialectError> {
    let op = match verb {
        SessionVerb::Create => "create",
        SessionVerb::Destroy => "destroy",
    };
    let request = ApplyRequest {
        op: op.to_owned(),
        session: session.into(),
    };
    encode_write(options, &request)
}

/// Reads the request of `Session.Apply`.
///
/// # Errors
/// When it is malformed, or lacks what the operation needs, in Consul's words.
pub fn decode_apply(body: &[u8]) -> Result<(WriteOptions, SessionVerb, Session), DialectError> {
    let (options, request): (_, ApplyRequest) = decode_write(body)?;
    let refused = |why: String| Err(DialectError::Refused(why));
    let verb = match request.op.as_str() {
        "create" => SessionVerb::Create,
        "destroy" => SessionVerb::Destroy,
        unknown => return refused(format!("Invalid Session operation '{unknown}'")),
    };
    let session = &request.session;
    if verb == SessionVerb::Destroy && session.id.is_empty() {
        return refused("Must provide ID".to_owned());
    }
    if verb == SessionVerb::Create && session.node.is_empty() {
        return refused("Must provide Node".to_owned());
    }
    Ok((options, verb, request.session.into()))
}

/// The request of `Session.Get` and `Session.Renew`; clients before 1.7 have the older field only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SessionRequest {
    session: String,
    #[serde(rename = "SessionID")]
    session_id: String,
}

impl SessionRequest {
    fn new(id: &str) -> Self {
        Self {
            session: id.to_owned(),
            session_id: id.to_owned(),
        }
    }

    fn into_id(self) -> String {
        if self.session_id.is_empty() {
            self.session
        } else {
            self.session_id
        }
    }
}

/// The request of `Session.Get` and `Session.Renew`.
///
/// # Errors
/// Never with an id.
pub fn encode_specific(options: &ReadOptions, id: &str) -> Result<Vec<u8>, DialectError> {
    encode_read(options, &SessionRequest::new(id))
}

/// Reads the request of `Session.Get` and `Session.Renew`: the session's id, which may be empty.
///
/// # Errors
/// When it is malformed.
pub fn decode_specific(body: &[u8]) -> Result<(ReadOptions, String), DialectError> {
    let (options, request): (_, SessionRequest) = decode_read(body)?;
    Ok((options, request.into_id()))
}

/// The reply of all reads of sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SessionsReply {
    sessions: Vec<WireSession>,
}

/// The reply of all reads of sessions; none or one for a single one.
///
/// # Errors
/// When it cannot be written.
pub fn encode_sessions<'a>(
    meta: &QueryMeta,
    sessions: impl IntoIterator<Item = &'a Session>,
) -> Result<Vec<u8>, DialectError> {
    let sessions = sessions.into_iter().map(WireSession::from).collect();
    encode_answer(meta, &SessionsReply { sessions })
}

/// Reads the reply of all reads of sessions.
///
/// # Errors
/// When it is malformed.
pub fn decode_sessions(body: &[u8]) -> Result<(QueryMeta, Vec<Session>), DialectError> {
    let (meta, reply): (_, SessionsReply) = decode_answer(body)?;
    Ok((
        meta,
        reply.sessions.into_iter().map(Session::from).collect(),
    ))
}

impl From<&SessionCommand> for (SessionVerb, Session) {
    fn from(command: &SessionCommand) -> Self {
        match command {
            SessionCommand::Create(session) => (SessionVerb::Create, Session::clone(session)),
            SessionCommand::Destroy { id } => {
                let session = Session {
                    id: id.clone(),
                    ..Session::default()
                };
                (SessionVerb::Destroy, session)
            }
        }
    }
}

impl From<(SessionVerb, Session)> for SessionCommand {
    fn from((verb, session): (SessionVerb, Session)) -> Self {
        match verb {
            SessionVerb::Create => Self::Create(Box::new(session)),
            SessionVerb::Destroy => Self::Destroy { id: session.id },
        }
    }
}

fn to_reply<'a>(sessions: impl IntoIterator<Item = &'a Arc<Session>>) -> SessionsReply {
    let sessions = sessions.into_iter();
    SessionsReply {
        sessions: sessions
            .map(|session| WireSession::from(&**session))
            .collect(),
    }
}

fn from_reply(reply: SessionsReply) -> impl Iterator<Item = Arc<Session>> {
    let sessions = reply.sessions.into_iter();
    sessions.map(|session| Arc::new(Session::from(session)))
}

impl RemoteQuery for SessionGet {
    type Request = SessionRequest;
    type Reply = SessionsReply;

    fn to_request(&self, _: &str) -> Result<SessionRequest, DialectError> {
        Ok(SessionRequest::new(&self.id))
    }

    fn from_request(request: SessionRequest) -> Result<Self, DialectError> {
        Ok(Self {
            id: request.into_id(),
        })
    }

    fn to_reply(answer: Option<Arc<Session>>) -> SessionsReply {
        to_reply(&answer)
    }

    fn to_answer(&self, reply: SessionsReply) -> Result<Option<Arc<Session>>, DialectError> {
        Ok(from_reply(reply).next())
    }
}

impl RemoteQuery for SessionList {
    type Request = Nothing;
    type Reply = SessionsReply;

    fn to_request(&self, _: &str) -> Result<Nothing, DialectError> {
        Ok(Nothing {})
    }

    fn from_request(_: Nothing) -> Result<Self, DialectError> {
        Ok(Self)
    }

    fn to_reply(answer: Vec<Arc<Session>>) -> SessionsReply {
        to_reply(&answer)
    }

    fn to_answer(&self, reply: SessionsReply) -> Result<Vec<Arc<Session>>, DialectError> {
        Ok(from_reply(reply).collect())
    }
}

impl RemoteQuery for SessionsOfNode {
    type Request = NodeRequest;
    type Reply = SessionsReply;

    fn to_request(&self, _: &str) -> Result<NodeRequest, DialectError> {
        Ok(NodeRequest {
            node: self.node.clone(),
        })
    }

    fn from_request(request: NodeRequest) -> Result<Self, DialectError> {
        Ok(Self { node: request.node })
    }

    fn to_reply(answer: Vec<Arc<Session>>) -> SessionsReply {
        to_reply(&answer)
    }

    fn to_answer(&self, reply: SessionsReply) -> Result<Vec<Arc<Session>>, DialectError> {
        Ok(from_reply(reply).collect())
    }
}

/// No node has this name, so that it has no sessions either.
const NOBODY: &str = "consulctl: no node";

/// A read that finds nothing, with everything else that reads do: routing, consistency, waiting. For tables that
/// servers do not have yet. Its answer never changes, so that a blocking read waits for its whole time. To other servers
/// it asks for the sessions of a node that there is not.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReadNothing;

impl Query for ReadNothing {
    type Answer = ();
    const METHOD: &'static str = NODE_SESSIONS;

    fn run(&self, _: &State, _: &mut WatchSet) -> (u64, ()) {
        (0, ())
    }
}

impl RemoteQuery for ReadNothing {
    type Request = NodeRequest;
    type Reply = SessionsReply;

    fn to_request(&self, _: &str) -> Result<NodeRequest, DialectError> {
        Ok(NodeRequest {
            node: NOBODY.to_owned(),
        })
    }

    fn from_request(_: NodeRequest) -> Result<Self, DialectError> {
        Ok(Self)
    }

    fn to_reply((): ()) -> SessionsReply {
        SessionsReply::default()
    }

    fn to_answer(&self, _: SessionsReply) -> Result<(), DialectError> {
        Ok(())
    }
}
