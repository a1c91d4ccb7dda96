//! The endpoints of `/v1`: [`table`](table::routes) lists them, each family has a file.

mod acl;
mod catalog;
mod health;
mod kv;
mod read;
mod table;
mod txn;

pub use table::routes;
