//! Writes of the store as calls to the leader.

use serde::{Deserialize, Serialize};

use super::catalog;
use super::coordinate::{self, UpdateRequest};
use super::decode::decode_reply;
use super::dialect::{DialectError, encode};
use super::kvs::{self, ApplyRequest};
use super::operator::{self, SetAutopilotRequest};
use super::options::{Nothing, decode_write, encode_write};
use super::prepared_query;
use super::session;
use super::txn::{self, TxnReply, TxnRequest};
use crate::agent::rpc::options::WriteOptions;
use crate::agent::store::{Command, Response, SessionCommand};
use crate::model::catalog::{DeregisterRequest, RegisterRequest};
use crate::model::check::HealthCheck;
use crate::model::node::StringMap;
use crate::model::service::NodeService;
use crate::model::txn::TxnResponse;

/// A call that writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteCall {
    /// The method.
    pub method: &'static str,
    /// The request.
    pub body: Vec<u8>,
}

/// A registration as it travels: the datacenter is among the options.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct WireRegister<'a> {
    address: &'a str,
    check: Option<&'a HealthCheck>,
    checks: &'a [HealthCheck],
    #[serde(rename = "ID")]
    id: &'a str,
    node: &'a str,
    node_meta: Option<&'a StringMap>,
    service: Option<&'a NodeService>,
    skip_node_update: bool,
    tagged_addresses: Option<&'a StringMap>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct WireDeregister {
    #[serde(rename = "CheckID")]
    check_id: String,
    node: String,
    #[serde(rename = "ServiceID")]
    service_id: String,
}

/// The call by which the leader is asked to write a command; `None` for commands that only leaders make. The options
/// must name the datacenter.
///
/// # Errors
/// When a part of the command has no form on the wire.
pub fn encode_command(
    options: &WriteOptions,
    command: &Command,
) -> Result<Option<WriteCall>, DialectError> {
    let (method, body) = match command {
        Command::Register(request) => {
            let wire = WireRegister {
                address: &request.address,
                check: request.check.as_ref(),
                checks: &request.checks,
                id: &request.id,
                node: &request.node,
                node_meta: request.node_meta.as_ref(),
                service: request.service.as_ref(),
                skip_node_update: request.skip_node_update,
                tagged_addresses: request.tagged_addresses.as_ref(),
            };
            (catalog::REGISTER, encode_write(options, &wire)?)
        }
        Command::Deregister(request) => {
            let wire = WireDeregister {
                check_id: request.check_id.clone(),
                node: request.node.clone(),
                service_id: request.service_id.clone(),
            };
            (catalog::DEREGISTER, encode_write(options, &wire)?)
        }
        Command::Kv(command) => (
            kvs::APPLY,
            encode_write(options, &ApplyRequest::new(command))?,
        ),
        Command::Txn(ops) => (txn::APPLY, encode_write(options, &TxnRequest::new(ops))?),
        Command::Autopilot(update) => (
            operator::AUTOPILOT_SET_CONFIGURATION,
            encode_write(options, &SetAutopilotRequest::new(update))?,
        ),
        Command::Session(command) => {
            let (verb, session) = command.into();
            let body = session::encode_apply(options, verb, &session)?;
            (session::APPLY, body)
        }
        Command::PreparedQuery(command) => (
            prepared_query::APPLY,
            encode_write(options, &prepared_query::ApplyRequest::new(command))?,
        ),
        Command::Coordinates(coordinates) => match &coordinates[..] {
            [one] => (
                coordinate::UPDATE,
                encode_write(options, &UpdateRequest::new(one))?,
            ),
            // Batches are the leader's own.
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    Ok(Some(WriteCall { method, body }))
}

/// The command that a call asks to write; `None` for a method that writes none.
///
/// # Errors
/// When the request is malformed, or refused before it is written, in Consul's words.
pub fn decode_command(
    method: &str,
    body: &[u8],
) -> Result<Option<(WriteOptions, Command)>, DialectError> {
    let (options, command) = match method {
        catalog::REGISTER => {
            let (options, request): (_, RegisterRequest) = decode_write(body)?;
            (options, Command::Register(Box::new(request)))
        }
        catalog::DEREGISTER => {
            let (options, request): (_, DeregisterRequest) = decode_write(body)?;
            (options, Command::Deregister(request))
        }
        kvs::APPLY => {
            let (options, request): (_, ApplyRequest) = decode_write(body)?;
            (options, Command::Kv(request.into_command()?))
        }
        txn::APPLY => {
            let (options, request): (_, TxnRequest) = decode_write(body)?;
            (options, Command::Txn(request.into_ops()))
        }
        operator::AUTOPILOT_SET_CONFIGURATION => {
            let (options, request): (_, SetAutopilotRequest) = decode_write(body)?;
            (options, Command::Autopilot(request.into_update()))
        }
        session::APPLY => {
            let (options, verb, session) = session::decode_apply(body)?;
            (options, Command::Session((verb, session).into()))
        }
        prepared_query::APPLY => {
            let (options, request): (_, prepared_query::ApplyRequest) = decode_write(body)?;
            (options, Command::PreparedQuery(request.into_command()?))
        }
        coordinate::UPDATE => {
            let (options, request): (_, UpdateRequest) = decode_write(body)?;
            (
                options,
                Command::Coordinates(vec![request.into_coordinate()?]),
            )
        }
        _ => return Ok(None),
    };
    Ok(Some((options, command)))
}

/// The reply for what a command answered.
///
/// # Errors
/// With the reason of a refusal, which the call answers with.
pub fn encode_response(method: &str, response: Response) -> Result<Vec<u8>, DialectError> {
    match response {
        Response::Refused(reason) => Err(DialectError::Refused(reason)),
        Response::Id(id) => encode(&id),
        Response::Txn(answer) => encode(&TxnReply::from(answer)),
        // What was destroyed has no id.
        Response::Done if method == session::APPLY => encode(""),
        Response::Bool(done) if answers_bool(method) => encode(&done),
        // The reference says false where there is nothing to tell.
        Response::Done if answers_bool(method) => encode(&false),
        Response::Bool(_) | Response::Done => encode(&Nothing {}),
    }
}

fn answers_bool(method: &str) -> bool {
    matches!(method, kvs::APPLY | operator::AUTOPILOT_SET_CONFIGURATION)
}

/// Reads the reply to the call that [`encode_command`] made of a command.
///
/// # Errors
/// When it is malformed.
pub fn decode_response(command: &Command, body: &[u8]) -> Result<Response, DialectError> {
    let conditional = match command {
        Command::Txn(_) => {
            let reply: TxnReply = decode_reply(body)?;
            return TxnResponse::try_from(reply).map(Response::Txn);
        }
        Command::Session(SessionCommand::Create(_)) => {
            return Ok(Response::Id(decode_reply(body)?));
        }
        Command::PreparedQuery(_) => return Ok(Response::Id(decode_reply(body)?)),
        Command::Kv(command) => kvs::is_conditional(command.verb),
        Command::Autopilot(update) => update.cas.is_some(),
        _ => false,
    };
    if conditional {
        Ok(Response::Bool(decode_reply(body)?))
    } else {
        Ok(Response::Done)
    }
}
