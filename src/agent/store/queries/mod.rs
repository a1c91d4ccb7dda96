//! Reads as values: each names the RPC method that it stands for and runs on a published state.

mod catalog;
mod dump;
mod health;
mod kv;
mod near;
mod operator;
mod prepared;
mod query;
mod sessions;

pub use catalog::{InstancesAt, ListNodes, ListServices, NodeWithServices};
pub use dump::{NodeDump, NodeRecord, ServiceDump};
pub use health::{ChecksInState, ChecksOfNode, ChecksOfService, ServiceInstances};
pub use kv::{KvGet, KvKeys, KvList, TxnRead};
pub use operator::{AutopilotQuery, CoordinatesOfNodes};
pub use prepared::{
    Asker, Execution, PreparedQueryExecute, PreparedQueryExecuteRemote, PreparedQueryExplain,
    PreparedQueryGet, PreparedQueryList,
};
pub use query::Query;
pub use sessions::{SessionGet, SessionList, SessionsOfNode};
