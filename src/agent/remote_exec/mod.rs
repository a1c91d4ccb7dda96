//! Remote execution, the agent's side: an event names a job in the key/value store; the agent says that it has taken
//! it, runs it, and leaves output and exit code beside it. Off unless `disable_remote_exec = false`.

mod desk;
mod executor;
mod output;
mod report;
mod run;
mod work;

pub use desk::{Desk, RpcDesk, WriteFailure};
pub use executor::{RemoteExec, WAITING};
