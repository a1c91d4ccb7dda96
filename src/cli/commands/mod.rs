//! The commands, one verb a file.

pub(crate) mod autopilot_get_config;
pub(crate) mod autopilot_set_config;
pub(crate) mod catalog_datacenters;
pub(crate) mod catalog_nodes;
pub(crate) mod catalog_services;
pub(crate) mod event;
pub(crate) mod force_leave;
pub(crate) mod info;
pub(crate) mod join;
pub(crate) mod keygen;
pub(crate) mod kv_cas;
pub(crate) mod kv_delete;
pub(crate) mod kv_export;
pub(crate) mod kv_get;
pub(crate) mod kv_import;
pub(crate) mod kv_put;
pub(crate) mod leave;
pub(crate) mod maint;
pub(crate) mod members;
pub(crate) mod monitor;
mod print;
pub(crate) mod raft_list_peers;
pub(crate) mod raft_remove_peer;
mod regexp;
pub(crate) mod reload;
pub(crate) mod rtt;
pub(crate) mod services_deregister;
mod services_files;
pub(crate) mod services_register;
pub(crate) mod snapshot_inspect;
pub(crate) mod snapshot_restore;
pub(crate) mod snapshot_save;
pub(crate) mod version;
pub(crate) mod watch;
mod watch_plan;

use print::print_json;
