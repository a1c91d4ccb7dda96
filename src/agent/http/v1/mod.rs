//! The endpoints of `/v1`: [`table`](table::routes) lists them, each family has a file.

mod acl;
mod table;

pub use table::routes;
