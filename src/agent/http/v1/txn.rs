//! `/v1/txn`: transactions.

use std::sync::Arc;

use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::agent::http::body::BodyError;
use crate::agent::http::context::Context;
use crate::agent::http::error::HttpError;
use crate::agent::http::request::Request;
use crate::agent::http::router::Answer;
use crate::agent::store::TxnRead;
use crate::model::decode;
use crate::model::txn::{MAX_TXN_OPS, TxnError, TxnOp, TxnResponse, TxnResult, TxnSubject};

use super::read::{Read, headers_of, write_options};

/// Where Consul's documentation explains the limit of a transaction's body; part of an error text.
const LIMIT_DOCUMENTATION: &str = "https://www.consul.io/docs/agent/options.html#txn_max_req_len";

/// The answer of a transaction that only read carries what other answers have in headers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ReadAnswer<'a> {
    #[serde(flatten)]
    answer: Shown<'a>,
    index: u64,
    /// In nanoseconds, as in Go.
    last_contact: u64,
    known_leader: bool,
    consistency_level: &'static str,
}

/// An answer as Consul prints it: here, and only here, tags that there are not are `null`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown<'a> {
    results: Option<Vec<ShownResult<'a>>>,
    errors: Option<&'a [TxnError]>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ShownResult<'a> {
    AsItIs(&'a TxnResult),
    WithoutTags(Value),
}

impl<'a> Shown<'a> {
    fn new(answer: &'a TxnResponse) -> Result<Self, HttpError> {
        let results = answer.results.as_ref().map(|results| {
            let shown: Result<Vec<_>, serde_json::Error> =
                results.iter().map(ShownResult::new).collect();
            shown
        });
        Ok(Self {
            results: results.transpose().map_err(HttpError::failed)?,
            errors: answer.errors.as_deref(),
        })
    }
}

impl<'a> ShownResult<'a> {
    fn new(result: &'a TxnResult) -> Result<Self, serde_json::Error> {
        let place = match result {
            TxnResult::Service(service) if service.tags.is_empty() => "/Service/Tags",
            TxnResult::Check(check) if check.service_tags.is_empty() => "/Check/ServiceTags",
            _ => return Ok(Self::AsItIs(result)),
        };
        let mut value = serde_json::to_value(result)?;
        if let Some(tags) = value.pointer_mut(place) {
            *tags = Value::Null;
        }
        Ok(Self::WithoutTags(value))
    }
}

/// The body, named as Consul names it in what it says of wrong ones.
#[derive(Deserialize)]
struct TxnOps(Vec<TxnOp>);

/// `/v1/txn`.
pub(super) async fn txn(context: Arc<Context>, mut request: Request) -> Answer {
    let limit = context.facts.txn_max_req_len;
    let body = request
        .take_body()?
        .read(limit)
        .await
        .map_err(|err| match err {
            BodyError::TooLarge { size, limit } => HttpError::status(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!(
                    "Request body({size} bytes) too large, max size: {limit} bytes. See {LIMIT_DOCUMENTATION}."
                ),
            ),
            other => HttpError::Body(other),
        })?;
    let TxnOps(mut ops) = decode::from_json_slice(&body)
        .map_err(|err| HttpError::bad(format!("Failed to parse body: {err}")))?;
    check_sizes(&ops, context.facts.kv_max_value_size)?;
    // Consul passes over operations that say nothing.
    ops.retain(|op| op.subject().is_some());
    for op in &mut ops {
        op.keep_subject();
        if let Some(op) = &mut op.node
            && op.node.datacenter.is_empty()
        {
            context.rpc.datacenter().clone_into(&mut op.node.datacenter);
        }
    }
    if !ops.iter().any(writes) {
        return read_only(&context, &request, ops).await;
    }
    let answer = context
        .rpc
        .txn_apply(&write_options(&context, &request), ops)
        .await?;
    let status = status_of(&answer);
    Ok(request.json(&Shown::new(&answer)?)?.status(status))
}

/// Whether an operation must go through the log. Verbs of keys that there are not are refused by the read path, those of
/// others by the write path, as in Consul: the answers differ in their form.
fn writes(op: &TxnOp) -> bool {
    let verb = match op.subject() {
        None => return false,
        Some(TxnSubject::Kv(op)) => {
            return [
                "set",
                "cas",
                "lock",
                "unlock",
                "delete",
                "delete-tree",
                "delete-cas",
            ]
            .contains(&op.verb.as_str());
        }
        Some(TxnSubject::Node(op)) => &op.verb,
        Some(TxnSubject::Service(op)) => &op.verb,
        Some(TxnSubject::Check(op)) => &op.verb,
    };
    verb != "get"
}

fn status_of(answer: &TxnResponse) -> StatusCode {
    if answer.errors.is_some() {
        StatusCode::CONFLICT
    } else {
        StatusCode::OK
    }
}

async fn read_only(context: &Context, request: &Request, ops: Vec<TxnOp>) -> Answer {
    let read = Read::new(context, request)?;
    let (answer, meta) = read.run(&TxnRead { ops }).await?;
    let body = ReadAnswer {
        answer: Shown::new(&answer)?,
        index: 0,
        last_contact: meta.last_contact_ms.saturating_mul(1_000_000),
        known_leader: meta.known_leader,
        consistency_level: "",
    };
    Ok(request
        .json(&body)?
        .status(status_of(&answer))
        .meta_without_index(&headers_of(meta)))
}

fn check_sizes(ops: &[TxnOp], value_limit: usize) -> Result<(), HttpError> {
    let too_large = |text: String| Err(HttpError::status(StatusCode::PAYLOAD_TOO_LARGE, text));
    if ops.len() > MAX_TXN_OPS {
        return too_large(format!(
            "Transaction contains too many operations ({} > {MAX_TXN_OPS})",
            ops.len()
        ));
    }
    for kv in ops.iter().filter_map(|op| op.kv.as_ref()) {
        if kv.value.0.len() > value_limit {
            return too_large(format!(
                "Value for key \"{}\" is too large ({} > {value_limit} bytes)",
                kv.key,
                kv.value.0.len()
            ));
        }
    }
    Ok(())
}
