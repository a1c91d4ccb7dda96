//! Sessions: created and ended through the log, renewed by the leader's clock alone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::agent::raft::Raft;
use crate::agent::store::{Command, KvCommand, KvVerb, Response, SessionCommand, State};
use crate::model::access::{Requirement, Resource};
use crate::model::duration::{format_go_duration, parse_go_duration};
use crate::model::kv::Key;
use crate::model::session::{DELETE, RELEASE, Session, check_id, lookup_failed};
use crate::model::txn::{TxnError, TxnOp, TxnResponse};

use super::forward::{Errand, Left};
use super::wire::ReadOptions;
use super::wire::session::{RENEW, decode_sessions, encode_specific};
use super::{Consistency, QueryOptions, Rpc, RpcError, WriteOptions};

/// The longest time to live of a session: Consul's bound.
pub const MAX_SESSION_TTL: Duration = Duration::from_hours(24);
/// The shortest time to live where `session_ttl_min` names none: Consul's default.
pub const MIN_SESSION_TTL: Duration = Duration::from_secs(10);

/// A renewal on its way to the leader.
struct Renewal<'a> {
    options: &'a WriteOptions,
    id: &'a str,
}

impl Rpc {
    /// Creates a session (Consul's `Session.Apply`) and returns its id, which the leader chooses.
    ///
    /// # Errors
    /// As [`Rpc::write`]; refused where the session is bound to what there is not, or has odd settings.
    pub async fn session_create(
        &self,
        options: &WriteOptions,
        session: Session,
    ) -> Result<String, RpcError> {
        let command = SessionCommand::Create(Box::new(session));
        match self.write_session(options, command).await? {
            Response::Id(id) => Ok(id),
            other => Err(RpcError::Raft(format!("a new session answered {other:?}"))),
        }
    }

    /// Ends a session (Consul's `Session.Apply`); an unknown one counts as ended.
    ///
    /// # Errors
    /// As [`Rpc::write`]; refused where the id has not the form of one.
    pub async fn session_destroy(&self, options: &WriteOptions, id: &str) -> Result<(), RpcError> {
        let command = SessionCommand::Destroy { id: id.to_owned() };
        self.write_session(options, command).await.map(|_| ())
    }

    /// Begins a session's time to live anew (Consul's `Session.Renew`), and returns the session, if there is one.
    ///
    /// # Errors
    /// As [`Rpc::write`]; refused where the id has not the form of one.
    pub async fn session_renew(
        &self,
        options: &WriteOptions,
        id: &str,
    ) -> Result<Option<Arc<Session>>, RpcError> {
        self.route(&options.datacenter)?;
        self.carry(Renewal { options, id }).await
    }

    async fn write_session(
        &self,
        options: &WriteOptions,
        command: SessionCommand,
    ) -> Result<Response, RpcError> {
        let command = Command::Session(command);
        self.write(options, &Requirement::OPEN, command).await
    }

    /// Checks a change of a session on the leader, and completes it.
    pub(super) fn admit_session(
        &self,
        token: &str,
        command: &mut SessionCommand,
    ) -> Result<(), RpcError> {
        let state = self.raft()?.state();
        match command {
            SessionCommand::Create(session) => {
                let requirement = Requirement::write(Resource::Session, session.node.as_bytes());
                self.authorize(token, &requirement)?;
                let shortest = self.shared.settings.session_ttl_min;
                complete(session, shortest).map_err(RpcError::Refused)?;
                session.id = unused_id(&state);
                Ok(())
            }
            SessionCommand::Destroy { id } => {
                let session = look_up(&state, id)?;
                let node = session.as_ref().map_or("", |session| &session.node);
                let requirement = Requirement::write(Resource::Session, node.as_bytes());
                self.authorize(token, &requirement)
            }
        }
    }
}

/// The answer of a leader to a lock whose key is still closed after its last holder's session ended; `None` when nothing
/// is in the way.
pub(super) fn decline_lock(raft: &Raft, command: &Command) -> Option<Response> {
    match command {
        Command::Kv(KvCommand {
            verb: KvVerb::Lock,
            pair,
        }) => {
            let left = raft.lock_delay(&pair.key)?;
            note_rejection(&pair.key, left);
            Some(Response::Bool(false))
        }
        Command::Txn(ops) => {
            let closed = (ops.iter().enumerate()).filter_map(|(at, op)| closed(raft, at, op));
            let errors: Vec<TxnError> = closed.collect();
            let errors = Some(errors).filter(|errors| !errors.is_empty())?;
            Some(Response::Txn(TxnResponse {
                results: None,
                errors: Some(errors),
            }))
        }
        _ => None,
    }
}

/// Whether a command may take a lock.
pub(super) fn is_locking(command: &Command) -> bool {
    match command {
        Command::Kv(command) => command.verb == KvVerb::Lock,
        Command::Txn(ops) => ops
            .iter()
            .any(|op| op.kv.as_ref().is_some_and(|kv| kv.verb == "lock")),
        _ => false,
    }
}

fn closed(raft: &Raft, op_index: usize, op: &TxnOp) -> Option<TxnError> {
    let kv = op.kv.as_ref().filter(|kv| kv.verb == "lock")?;
    let left = raft.lock_delay(&kv.key)?;
    note_rejection(&kv.key, left);
    let what = format!("failed to lock key \"{}\" due to lock delay", kv.key);
    Some(TxnError { op_index, what })
}

fn note_rejection(key: &Key, left: Duration) {
    tracing::warn!(
        target: "agent.server.kvs", %key, expires_in = ?left,
        "Rejecting lock of key due to lock-delay"
    );
}

/// Checks a new session's settings, in Consul's order and words, and fills in the default.
fn complete(session: &mut Session, shortest: Duration) -> Result<(), String> {
    if session.node.is_empty() {
        return Err("Must provide Node".to_owned());
    }
    match session.behavior.as_str() {
        "" => RELEASE.clone_into(&mut session.behavior),
        RELEASE | DELETE => {}
        odd => return Err(format!("Invalid Behavior setting '{odd}'")),
    }
    if session.ttl.is_empty() {
        return Ok(());
    }
    let nanos = parse_go_duration(&session.ttl)
        .map_err(|why| format!("Session TTL '{}' invalid: {why}", session.ttl))?;
    let [least, most] = [shortest, MAX_SESSION_TTL].map(nanos_of);
    if nanos != 0 && !(least..=most).contains(&nanos) {
        let [least, most] = [least, most].map(format_go_duration);
        return Err(format!(
            "Invalid Session TTL '{nanos}', must be between [{least}={most}]"
        ));
    }
    Ok(())
}

fn nanos_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

fn unused_id(state: &State) -> String {
    loop {
        let id = Uuid::new_v4().to_string();
        if state.session(&id).is_none() {
            return id;
        }
    }
}

fn look_up(state: &State, id: &str) -> Result<Option<Arc<Session>>, RpcError> {
    check_id(id).map_err(|why| RpcError::Refused(lookup_failed(&why)))?;
    Ok(state.session(id).cloned())
}

impl Errand for Renewal<'_> {
    type Answer = Option<Arc<Session>>;

    /// Twice is as good as once.
    fn is_read(&self) -> bool {
        true
    }

    async fn ask(
        &self,
        rpc: &Rpc,
        server: SocketAddr,
        _: Left,
        limit: Duration,
    ) -> Result<Self::Answer, RpcError> {
        let query = QueryOptions {
            datacenter: rpc.datacenter().to_owned(),
            token: self.options.token.clone(),
            ..QueryOptions::default()
        };
        let options = ReadOptions {
            query,
            ..ReadOptions::default()
        };
        let request = encode_specific(&options, self.id)?;
        let pool = &rpc.shared.pool;
        let reply = pool.call(server, RENEW, &request, limit).await?;
        let (_, sessions) = decode_sessions(&reply)?;
        Ok(sessions.into_iter().next().map(Arc::new))
    }

    async fn here(&mut self, rpc: &Rpc, raft: &Raft, left: Left) -> Result<Self::Answer, RpcError> {
        let began = Instant::now();
        // Nobody else may have led meanwhile, whose clocks would know nothing of this.
        rpc.ready(raft, Consistency::Default, left.hold).await?;
        let session = look_up(&raft.state(), self.id)?;
        if let Some(session) = &session {
            let requirement = Requirement::write(Resource::Session, session.node.as_bytes());
            rpc.authorize(&self.options.token, &requirement)?;
            if !rpc.shared.session_clocks.renew(&session.id) {
                // It is being ended: a promise could not be kept.
                return Ok(None);
            }
            let time = &rpc.shared.metrics.session_renew;
            time.record_duration(began.elapsed());
        }
        Ok(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(change: impl FnOnce(&mut Session)) -> String {
        let mut session = Session {
            node: "n".to_owned(),
            ..Session::default()
        };
        change(&mut session);
        match complete(&mut session, MIN_SESSION_TTL) {
            Ok(()) => session.behavior,
            Err(why) => why,
        }
    }

    #[test]
    fn settings_are_checked_in_consuls_words() {
        assert_eq!(refusal(|_| {}), RELEASE);
        assert_eq!(refusal(|s| s.node.clear()), "Must provide Node");
        let odd = |behavior: &str, ttl: &str| {
            refusal(|s| {
                s.behavior = behavior.to_owned();
                s.ttl = ttl.to_owned();
            })
        };
        assert_eq!(odd("delete", "0s"), "delete");
        assert_eq!(odd("Delete", "z"), "Invalid Behavior setting 'Delete'");
        assert_eq!(
            odd("", "5"),
            "Session TTL '5' invalid: time: missing unit in duration \"5\""
        );
        for (ttl, nanos) in [
            ("9s", "9000000000"),
            ("-5s", "-5000000000"),
            ("25h", "90000000000000"),
        ] {
            let text = format!("Invalid Session TTL '{nanos}', must be between [10s=24h0m0s]");
            assert_eq!(odd("", ttl), text);
        }
        assert_eq!(odd("", "10s"), RELEASE);
        assert_eq!(odd("", "24h"), RELEASE);
    }
}
