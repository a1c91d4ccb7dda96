//! `Txn`: transactions.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::dialect::{DialectError, Kept};
use super::forward::RemoteQuery;
use super::options::encode_unindexed;
use crate::agent::rpc::options::QueryMeta;
use crate::agent::store::TxnRead;
use crate::model::check::HealthCheck;
use crate::model::kv::KvPair;
use crate::model::node::Node;
use crate::model::service::NodeService;
use crate::model::txn::{
    CheckTxnOp, KvTxnOp, NodeTxnOp, ServiceTxnOp, TxnError, TxnOp, TxnResponse, TxnResult,
};

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
    check: Option<Box<CheckTxnOp>>,
    #[serde(rename = "KV")]
    kv: Option<KvOp>,
    node: Option<Box<NodeTxnOp>>,
    service: Option<Box<ServiceOp>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct KvOp {
    verb: String,
    dir_ent: KvPair,
}

/// The service as the catalog has it, not as clients write it in JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ServiceOp {
    verb: String,
    node: String,
    service: NodeService,
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

impl From<ServiceTxnOp> for ServiceOp {
    fn from(op: ServiceTxnOp) -> Self {
        Self {
            verb: op.verb,
            node: op.node,
            service: op.service,
        }
    }
}

impl From<ServiceOp> for ServiceTxnOp {
    fn from(op: ServiceOp) -> Self {
        Self {
            verb: op.verb,
            node: op.node,
            service: op.service,
        }
    }
}

impl TxnRequest {
    /// The request for operations.
    pub fn new(ops: &[TxnOp]) -> Self {
        let ops = ops.iter().map(|op| WireOp {
            check: op.check.clone(),
            kv: op.kv.as_ref().map(KvOp::from),
            node: op.node.clone(),
            service: op.service.clone().map(|op| Box::new((*op).into())),
        });
        Self { ops: ops.collect() }
    }

    /// The operations of a request.
    pub fn into_ops(self) -> Vec<TxnOp> {
        let ops = self.ops.into_iter().map(|op| TxnOp {
            kv: op.kv.map(KvTxnOp::from),
            node: op.node,
            service: op.service.map(|op| Box::new((*op).into())),
            check: op.check,
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

/// A result: the one field that is set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct WireResult {
    check: Option<Arc<HealthCheck>>,
    #[serde(rename = "KV")]
    kv: Option<KvPair>,
    node: Option<Arc<Node>>,
    service: Option<Arc<NodeService>>,
}

impl From<TxnResult> for WireResult {
    fn from(result: TxnResult) -> Self {
        let mut wire = Self::default();
        match result {
            TxnResult::Kv(pair) => wire.kv = Some(pair),
            TxnResult::Node(node) => wire.node = Some(node),
            TxnResult::Service(service) => wire.service = Some(service),
            TxnResult::Check(check) => wire.check = Some(check),
        }
        wire
    }
}

impl TryFrom<WireResult> for TxnResult {
    type Error = DialectError;

    /// What is none of these is refused, not left out, for clients count results.
    fn try_from(wire: WireResult) -> Result<Self, DialectError> {
        let kv = wire.kv.map(Self::Kv);
        kv.or(wire.node.map(Self::Node))
            .or(wire.service.map(Self::Service))
            .or(wire.check.map(Self::Check))
            .ok_or_else(|| DialectError::Decode("a result of no known kind".to_owned()))
    }
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
        let results = response
            .results
            .map(|results| results.into_iter().map(WireResult::from).collect());
        Self { errors, results }
    }
}

impl TryFrom<TxnReply> for TxnResponse {
    type Error = DialectError;

    fn try_from(reply: TxnReply) -> Result<Self, DialectError> {
        let errors = reply.errors.map(|errors| {
            let errors = errors.into_iter().map(|error| TxnError {
                op_index: usize::try_from(error.op_index).unwrap_or(usize::MAX),
                what: error.what,
            });
            errors.collect()
        });
        let results = reply
            .results
            .map(|results| results.into_iter().map(TxnResult::try_from).collect());
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
        Ok(TxnRequest::new(&self.ops))
    }

    fn from_request(request: TxnRequest) -> Result<Self, DialectError> {
        Ok(Self {
            ops: request.into_ops(),
        })
    }

    fn to_reply(response: TxnResponse) -> TxnReply {
        response.into()
    }

    /// Clients print the metadata as they come.
    fn encode_reply(meta: &QueryMeta, answer: TxnResponse) -> Result<Vec<u8>, DialectError> {
        encode_unindexed(meta, &Self::to_reply(answer))
    }

    fn to_answer(&self, reply: TxnReply) -> Result<TxnResponse, DialectError> {
        TxnResponse::try_from(reply)
    }
}
