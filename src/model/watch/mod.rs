//! Watches: what they ask for, what handles a change, and when there is one. The agent's watches and
//! `watch` share all of it.

mod definition;
mod form;
mod go_syntax;
mod handler;
mod params;
mod plan;
mod progress;

pub use definition::{WatchDefinition, WatchError};
pub use form::body;
pub use handler::{Handler, HttpHandler};
pub use params::{ParamError, Params};
pub use plan::{Plan, UnsupportedState};
pub use progress::Progress;
