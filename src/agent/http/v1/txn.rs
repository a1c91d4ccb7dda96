//! `/v1/txn`: transactions.

use std::sync::Arc;

use hyper::StatusCode;
use serde::{Deserialize, Serialize};

use crate::agent::http::body::BodyError;
use crate::agent::http::context::Context;
use crate::agent::http::error::HttpError;
use crate::agent::http::request::Request;
use crate::agent::http::router::Answer;
use crate::agent::store::TxnRead;
use crate::model::decode;
use crate::model::txn::{MAX_TXN_OPS, TxnOp, TxnResponse};

use super::read::{Read, headers_of, write_options};

/// Where Consul's documentation explains the limit of a transaction's body; part of an error text.
const LIMIT_DOCUMENTATION: &str = "https://www.consul.io/docs/agent/options.html#txn_max_req_len";

/// The answer of a transaction that only read carries what other answers have in headers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ReadAnswer<'a> {
    #[serde(flatten)]
    answer: &'a TxnResponse,
    index: u64,
    last_contact: u64,
    known_leader: bool,
    consistency_level: &'static str,
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
    if ops
        .iter()
        .any(|op| op.node.is_some() || op.service.is_some() || op.check.is_some())
    {
        return Err(HttpError::not_built(
            "transactions on nodes, services and checks",
        ));
    }
    // Consul passes over operations that say nothing.
    ops.retain(|op| op.kv.is_some());
    if ops.iter().all(|op| {
        op.kv
            .as_ref()
            .is_none_or(|kv| kv.is_read() || !is_known(&kv.verb))
    }) {
        return read_only(&context, &request, ops).await;
    }
    let answer = context
        .rpc
        .txn_apply(&write_options(&context, &request), ops)
        .await?;
    let status = status_of(&answer);
    Ok(request.json(&answer)?.status(status))
}

/// Consul lets the read path refuse verbs that it does not know.
fn is_known(verb: &str) -> bool {
    [
        "set",
        "cas",
        "lock",
        "unlock",
        "delete",
        "delete-tree",
        "delete-cas",
    ]
    .contains(&verb)
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
        answer: &answer,
        index: 0,
        last_contact: meta.last_contact_ms,
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
