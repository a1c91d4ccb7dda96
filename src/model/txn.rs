//! Transactions: `/v1/txn`.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::check::HealthCheck;
use super::kv::{Blob, Key, KvPair};
use super::node::{Node, StringMap};
use super::service::{Connect, NodeService, Proxy, ServiceAddresses, Weights};

/// Most operations in a transaction, as in Consul.
pub const MAX_TXN_OPS: usize = 128;

/// A key/value operation of a transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct KvTxnOp {
    /// `set`, `cas`, `lock`, `unlock`, `get`, `get-tree`, `check-index`, …
    pub verb: String,
    /// The key, or the prefix of the tree verbs.
    pub key: Key,
    /// The value to write.
    pub value: Blob,
    /// Flags to write.
    pub flags: u64,
    /// The index that `cas`, `delete-cas` and `check-index` expect.
    pub index: u64,
    /// The session of `lock`, `unlock` and `check-session`.
    pub session: String,
}

impl KvTxnOp {
    /// Whether the verb changes nothing, so that the operation may be answered from a snapshot.
    pub fn is_read(&self) -> bool {
        matches!(
            self.verb.as_str(),
            "get" | "get-tree" | "check-index" | "check-session" | "check-not-exists"
        )
    }
}

/// What an operation does with a node, a service or a check; the same five verbs for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatalogVerb {
    /// Shows it.
    Get,
    /// Writes it.
    Set,
    /// Writes it if its index is the expected one; 0 expects that it is not there.
    Cas,
    /// Removes it.
    Delete,
    /// Removes it if its index is the expected one.
    DeleteCas,
}

impl CatalogVerb {
    /// Reads a verb; `None` when there is no such.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "get" => Self::Get,
            "set" => Self::Set,
            "cas" => Self::Cas,
            "delete" => Self::Delete,
            "delete-cas" => Self::DeleteCas,
            _ => return None,
        })
    }
}

/// An operation on a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodeTxnOp {
    /// One of [`CatalogVerb`].
    pub verb: String,
    /// The node; `ModifyIndex` is the index that `cas` and `delete-cas` expect. `get` finds it by its UUID, where one
    /// is given, or else by name.
    pub node: Node,
}

/// An operation on a service instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ServiceTxnOp {
    /// One of [`CatalogVerb`].
    pub verb: String,
    /// The node's name.
    pub node: String,
    /// The instance, found by its id; `ModifyIndex` as in [`NodeTxnOp`].
    #[serde(deserialize_with = "as_clients_write_it")]
    pub service: NodeService,
}

/// An operation on a check.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CheckTxnOp {
    /// One of [`CatalogVerb`].
    pub verb: String,
    /// The check, found by its node and id; `ModifyIndex` as in [`NodeTxnOp`].
    pub check: HealthCheck,
}

/// An operation of a transaction. Where several fields are set, the first one counts, as in Consul.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TxnOp {
    /// A key/value operation.
    #[serde(rename = "KV", skip_serializing_if = "Option::is_none")]
    pub kv: Option<KvTxnOp>,
    /// A node operation.
    #[serde(
        rename = "Node",
        skip_serializing_if = "Option::is_none",
        deserialize_with = "given_or_recorded"
    )]
    pub node: Option<Box<NodeTxnOp>>,
    /// A service operation.
    #[serde(
        rename = "Service",
        skip_serializing_if = "Option::is_none",
        deserialize_with = "given_or_recorded"
    )]
    pub service: Option<Box<ServiceTxnOp>>,
    /// A check operation.
    #[serde(
        rename = "Check",
        skip_serializing_if = "Option::is_none",
        deserialize_with = "given_or_recorded"
    )]
    pub check: Option<Box<CheckTxnOp>>,
}

/// The one thing that an operation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TxnSubject<'a> {
    /// A key.
    Kv(&'a KvTxnOp),
    /// A node.
    Node(&'a NodeTxnOp),
    /// A service instance.
    Service(&'a ServiceTxnOp),
    /// A check.
    Check(&'a CheckTxnOp),
}

impl TxnOp {
    /// What the operation is about: the first field that is set; `None` when it says nothing.
    pub fn subject(&self) -> Option<TxnSubject<'_>> {
        let kv = self.kv.as_ref().map(TxnSubject::Kv);
        kv.or_else(|| self.node.as_deref().map(TxnSubject::Node))
            .or_else(|| self.service.as_deref().map(TxnSubject::Service))
            .or_else(|| self.check.as_deref().map(TxnSubject::Check))
    }

    /// Forgets what does not count.
    pub fn keep_subject(&mut self) {
        if self.kv.is_some() {
            self.node = None;
        }
        if self.kv.is_some() || self.node.is_some() {
            self.service = None;
        }
        if self.kv.is_some() || self.node.is_some() || self.service.is_some() {
            self.check = None;
        }
    }
}

/// Requests have the operation as it is. Entries of the log may be of a time when this was kept as clients wrote it and
/// when every server passed over it: one that makes no sense is passed over still. What is written now always does.
fn given_or_recorded<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    if deserializer.is_human_readable() {
        return Option::deserialize(deserializer);
    }
    let recorded = Option::<Value>::deserialize(deserializer)?;
    Ok(recorded.and_then(|recorded| serde_json::from_value(recorded).ok()))
}

/// A service as Consul's clients write it in transactions: with what the agent adds when it shows one.
#[derive(Default, Deserialize)]
#[serde(rename = "AgentService", rename_all = "PascalCase", default)]
struct GivenService {
    kind: String,
    #[serde(rename = "ID")]
    id: String,
    service: String,
    tags: Vec<String>,
    meta: Option<StringMap>,
    port: i64,
    address: String,
    socket_path: String,
    tagged_addresses: Option<ServiceAddresses>,
    weights: Weights,
    enable_tag_override: bool,
    create_index: u64,
    modify_index: u64,
    #[serde(rename = "ContentHash")]
    _content_hash: String,
    proxy: Option<Proxy>,
    connect: Option<Connect>,
    #[serde(rename = "Datacenter")]
    _datacenter: String,
}

fn as_clients_write_it<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<NodeService, D::Error> {
    let given = GivenService::deserialize(deserializer)?;
    Ok(NodeService {
        kind: given.kind,
        id: given.id,
        service: given.service,
        tags: given.tags,
        address: given.address,
        tagged_addresses: given.tagged_addresses,
        meta: given.meta,
        port: given.port,
        socket_path: given.socket_path,
        weights: given.weights,
        enable_tag_override: given.enable_tag_override,
        proxy: given.proxy.unwrap_or_default(),
        connect: given.connect.unwrap_or_default(),
        create_index: given.create_index,
        modify_index: given.modify_index,
    })
}

/// A result of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TxnResult {
    /// The pair that was read or written; a written one without its value.
    #[serde(rename = "KV")]
    Kv(KvPair),
    /// The node that was read or written.
    Node(Arc<Node>),
    /// The instance that was read or written.
    Service(Arc<NodeService>),
    /// The check that was read or written.
    Check(Arc<HealthCheck>),
}

/// Why an operation failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TxnError {
    /// The operation's place in the transaction.
    pub op_index: usize,
    /// The reason, in Consul's words.
    pub what: String,
}

impl TxnResponse {
    /// A transaction of which nothing was done.
    pub const fn refused(errors: Vec<TxnError>) -> Self {
        Self {
            results: None,
            errors: Some(errors),
        }
    }
}

/// What a transaction gave: results, or the reasons why nothing was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TxnResponse {
    /// The results; `None` prints as `null` and means that the transaction failed.
    pub results: Option<Vec<TxnResult>>,
    /// The reasons; `None` prints as `null`.
    pub errors: Option<Vec<TxnError>>,
}
