//! The replicated state: a function of the log, one file a table. Pure.
//!
//! [`State`] is cheap to clone (persistent maps); writers change a private copy with
//! [`State::apply`], readers run a [`Query`] on a published one.

mod catalog;
mod command;
mod indexes;
mod kv;
mod nodes;
mod prepared_queries;
mod queries;
mod restoration;
mod services;
mod sessions;
mod snapshot;
mod state;
mod topic;
mod txn;

#[cfg(test)]
mod tests;

pub use command::{
    AutopilotUpdate, Command, KvCommand, KvVerb, PreparedQueryCommand, Response, RestoreStep,
    SessionCommand,
};
pub use indexes::Indexes;
pub use queries::{
    Asker, AutopilotQuery, ChecksInState, ChecksOfNode, ChecksOfService, CoordinatesOfNodes,
    Execution, InstancesAt, KvGet, KvKeys, KvList, ListNodes, ListServices, NodeDump, NodeRecord,
    NodeWithServices, PreparedQueryExecute, PreparedQueryExecuteRemote, PreparedQueryExplain,
    PreparedQueryGet, PreparedQueryList, Query, ServiceDump, ServiceInstances, SessionGet,
    SessionList, SessionsOfNode, TxnRead,
};
pub use services::{Instance, Instances};
pub use sessions::{MAX_LOCK_DELAY, SessionChange, SessionTable};
pub use snapshot::SnapshotError;
pub use state::State;
pub use topic::{Topic, Touched, WatchSet};
pub use txn::vet as vet_txn;
