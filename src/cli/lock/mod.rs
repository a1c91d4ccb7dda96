//! Locks and semaphores over sessions and keys, in the form that Consul's own clients use.

mod error;
mod held;
mod holders;
mod keeper;
mod mutex;
mod patience;
mod semaphore;

pub(crate) use held::{Cleanup, Lock};
pub(crate) use keeper::SessionKeeper;
pub(crate) use mutex::Mutex;
pub(crate) use patience::Patience;
pub(crate) use semaphore::Semaphore;
