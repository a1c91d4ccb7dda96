//! `Txn`: transactions.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::dialect::{DialectError, Kept};
use super::forward::RemoteQuery;
use crate::agent::store::TxnRead;
use crate::model::check::HealthCheck;
use crate::model::kv::KvPair;
use crate::model::node::Node;
use crate::model::service::NodeService;
use crate::model::txn::{KvTxnOp, TxnError, TxnOp, TxnResponse, TxnResult};

/// Runs a transaction that writes.
pub const APPLY: &str = "Txn.Apply";
/// Runs a transaction that only reads.
pub const READ: &str = "Txn.Read";

/// The request of both methods.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TxnRequest {
    ops: Vec<WireOp>,
}

/// An operation: the one field that is set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct WireOp {
    check: Option<CheckOp>,
    #[serde(rename = "KV")]
    kv: Option<KvOp>,
    node: Option<NodeOp>,
    service: Option<ServiceOp>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct KvOp {
    verb: String,
    dir_ent: KvPair,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct NodeOp {
    verb: String,
    node: Node,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ServiceOp {
    verb: String,
    node: String,
    service: NodeService,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct CheckOp {
    verb: String,
    check: HealthCheck,
}

impl From<&KvTxnOp> for KvOp {
    fn from(op: &KvTxnOp) -> Self {
        Self {
            verb: op.verb.clone(),
            dir_ent: KvPair {
                key: op.key.clone(),
                value: op.value.clone(),
                flags: op.flags,
                session: op.session.clone(),
                modify_index: op.index,
                ..KvPair::default()
            },
        }
    }
}

impl From<KvOp> for KvTxnOp {
    fn from(op: KvOp) -> Self {
        Self {
            verb: op.verb,
            key: op.dir_ent.key,
            value: op.dir_ent.value,
            flags: op.dir_ent.flags,
            index: op.dir_ent.modify_index,
            session: op.dir_ent.session,
        }
    }
}

/// The operations that the store keeps as they were given in JSON, whose durations are texts.
fn typed<T: DeserializeOwned>(given: Option<&Value>) -> Result<Option<T>, DialectError> {
    given
        .map(T::deserialize)
        .transpose()
        .map_err(|why| DialectError::Encode(why.to_string()))
}

fn given<T: Serialize>(typed: Option<T>) -> Result<Option<Value>, DialectError> {
    typed
        .map(serde_json::to_value)
        .transpose()
        .map_err(|why| DialectError::Decode(why.to_string()))
}

impl TxnRequest {
    /// The request for operations.
    ///
    /// # Errors
    /// When one cannot be understood.
    pub fn new(ops: &[TxnOp]) -> Result<Self, DialectError> {
        let ops = ops.iter().map(|op| {
            Ok(WireOp {
                check: typed(op.check.as_ref())?,
                kv: op.kv.as_ref().map(KvOp::from),
                node: typed(op.node.as_ref())?,
                service: typed(op.service.as_ref())?,
            })
        });
        Ok(Self {
            ops: ops.collect::<Result<_, DialectError>>()?,
        })
    }

    /// The operations of a request.
    ///
    /// # Errors
    /// When one cannot be understood.
    pub fn into_ops(self) -> Result<Vec<TxnOp>, DialectError> {
        let ops = self.ops.into_iter().map(|op| {
            Ok(TxnOp {
                kv: op.kv.map(KvTxnOp::from),
                node: given(op.node)?,
                service: given(op.service)?,
                check: given(op.check)?,
            })
        });
        ops.collect()
    }
}

/// The reply to both methods; that to `Txn.Read` has metadata, too.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TxnReply {
    errors: Option<Vec<WireError>>,
    #[serde(serialize_with = "keep_results")]
    results: Option<Vec<WireResult>>,
}

/// A transaction without results is told from one that failed.
#[expect(clippy::ref_option, reason = "serde passes a reference")]
fn keep_results<S: serde::Serializer>(
    results: &Option<Vec<WireResult>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    results.as_deref().map(Kept).serialize(serializer)
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct WireError {
    op_index: u64,
    what: String,
}

/// A result: the store has those of keys only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct WireResult {
    #[serde(rename = "KV")]
    kv: Option<KvPair>,
}

impl From<TxnResponse> for TxnReply {
    fn from(response: TxnResponse) -> Self {
        let errors = response.errors.map(|errors| {
            let errors = errors.into_iter().map(|error| WireError {
                op_index: u64::try_from(error.op_index).unwrap_or(u64::MAX),
                what: error.what,
            });
            errors.collect()
        });
        let results = response.results.map(|results| {
            let results = results.into_iter();
            results
                .map(|result| WireResult {
                    kv: Some(result.kv),
                })
                .collect()
        });
        Self { errors, results }
    }
}

impl TryFrom<TxnReply> for TxnResponse {
    type Error = DialectError;

    /// The store's answers have a place for results of keys only: others are refused, not left out, for clients
    /// count results.
    fn try_from(reply: TxnReply) -> Result<Self, DialectError> {
        let errors = reply.errors.map(|errors| {
            let errors = errors.into_iter().map(|error| TxnError {
                op_index: usize::try_from(error.op_index).unwrap_or(usize::MAX),
                what: error.what,
            });
            errors.collect()
        });
        let other = || DialectError::Decode("a result that is no key's".to_owned());
        let results = reply.results.map(|results| {
            let results = results.into_iter();
            let keys = results.map(|result| {
                Ok(TxnResult {
                    kv: result.kv.ok_or_else(other)?,
                })
            });
            keys.collect()
        });
        Ok(Self {
            results: results.transpose()?,
            errors,
        })
    }
}

impl RemoteQuery for TxnRead {
    type Request = TxnRequest;
    type Reply = TxnReply;

    fn to_request(&self, _: &str) -> Result<TxnRequest, DialectError> {
        TxnRequest::new(&self.ops)
    }

    fn from_request(request: TxnRequest) -> Result<Self, DialectError> {
        request.into_ops().map(|ops| Self { ops })
    }

    fn to_reply(response: TxnResponse) -> TxnReply {
        response.into()
    }

    fn to_answer(&self, reply: TxnReply) -> Result<TxnResponse, DialectError> {
        TxnResponse::try_from(reply)
    }
}
