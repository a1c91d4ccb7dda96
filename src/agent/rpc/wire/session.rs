//! `Session`: sessions, to which locks are bound.

use serde::{Deserialize, Serialize};

use super::dialect::DialectError;
use super::forward::RemoteQuery;
use super::options::{
    Nothing, ReadOptions, decode_answer, decode_read, decode_write, encode_answer, encode_read,
    encode_write,
};
use crate::agent::rpc::options::{QueryMeta, WriteOptions};
use crate::agent::store::{Query, State, WatchSet};
use crate::model::duration::GoDuration;
use crate::model::session::Session;

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

/// A session as it travels: with the checks of old clients, and checks of services in a list of their own.
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
    service_checks: Vec<ServiceCheck>,
    #[serde(rename = "TTL")]
    ttl: String,
}

/// A check of a service that a session is bound to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ServiceCheck {
    #[serde(rename = "ID")]
    id: String,
    namespace: String,
}

impl From<&Session> for WireSession {
    fn from(session: &Session) -> Self {
        Self {
            behavior: session.behavior.clone(),
            checks: Vec::new(),
            create_index: session.create_index,
            id: session.id.clone(),
            lock_delay: session.lock_delay,
            modify_index: session.modify_index,
            name: session.name.clone(),
            node: session.node.clone(),
            node_checks: session.node_checks.clone(),
            service_checks: Vec::new(),
            ttl: session.ttl.clone(),
        }
    }
}

impl From<WireSession> for Session {
    /// Check ids are unique on a node, so that one list holds all three kinds.
    fn from(wire: WireSession) -> Self {
        let mut node_checks = wire.node_checks;
        let others = wire.service_checks.into_iter().map(|check| check.id);
        for id in wire.checks.into_iter().chain(others) {
            if !node_checks.contains(&id) {
                node_checks.push(id);
            }
        }
        Self {
            id: wire.id,
            name: wire.name,
            node: wire.node,
            lock_delay: wire.lock_delay,
            behavior: wire.behavior,
            ttl: wire.ttl,
            node_checks,
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
struct SessionRequest {
    session: String,
    #[serde(rename = "SessionID")]
    session_id: String,
}

/// The request of `Session.Get` and `Session.Renew`.
///
/// # Errors
/// Never with an id.
pub fn encode_specific(options: &ReadOptions, id: &str) -> Result<Vec<u8>, DialectError> {
    let request = SessionRequest {
        session: id.to_owned(),
        session_id: id.to_owned(),
    };
    encode_read(options, &request)
}

/// Reads the request of `Session.Get` and `Session.Renew`: the session's id, which may be empty.
///
/// # Errors
/// When it is malformed.
pub fn decode_specific(body: &[u8]) -> Result<(ReadOptions, String), DialectError> {
    let (options, request): (_, SessionRequest) = decode_read(body)?;
    let id = if request.session_id.is_empty() {
        request.session
    } else {
        request.session_id
    };
    Ok((options, id))
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct SessionsReply {
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

/// A read that finds nothing, with everything else that reads do: routing, consistency, waiting. For tables that
/// servers do not have yet. Its answer never changes, so that a blocking read waits for its whole time. To other servers
/// it is a list of sessions, which has to be empty.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReadNothing;

impl Query for ReadNothing {
    type Answer = ();
    const METHOD: &'static str = LIST;

    fn run(&self, _: &State, _: &mut WatchSet) -> (u64, ()) {
        (0, ())
    }
}

/// The reply of [`ReadNothing`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NothingReply {
    sessions: Vec<WireSession>,
}

impl RemoteQuery for ReadNothing {
    type Request = Nothing;
    type Reply = NothingReply;

    fn to_request(&self, _: &str) -> Result<Nothing, DialectError> {
        Ok(Nothing {})
    }

    fn from_request(_: Nothing) -> Result<Self, DialectError> {
        Ok(Self)
    }

    fn to_reply((): ()) -> NothingReply {
        NothingReply::default()
    }

    /// Servers of the reference may have what this version does not know: that is not nothing.
    fn to_answer(&self, reply: NothingReply) -> Result<(), DialectError> {
        if reply.sessions.is_empty() {
            return Ok(());
        }
        Err(DialectError::Refused(
            "the servers have sessions, which this version of consulctl cannot show".to_owned(),
        ))
    }
}
