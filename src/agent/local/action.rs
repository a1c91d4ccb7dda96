//! What the handle asks of the task that owns the state.

use std::time::Duration;

use tokio::sync::oneshot;

use super::entry::Source;
use super::error::LocalError;
use super::plan::FileDefinitions;
use super::sync::Confirmation;
use crate::agent::checks::outcome::Outcome;
use crate::model::check::CheckDefinition;
use crate::model::node::StringMap;
use crate::model::service::ServiceDefinition;

/// What the handle asks of the task.
#[derive(Debug)]
pub(super) enum Action {
    RegisterService {
        definition: Box<ServiceDefinition>,
        source: Source,
        replace_checks: bool,
    },
    DeregisterService {
        id: String,
    },
    RegisterCheck {
        definition: Box<CheckDefinition>,
        source: Source,
    },
    DeregisterCheck {
        id: String,
    },
    Heartbeat(Heartbeat),
    NodeMaintenance {
        enable: bool,
        reason: String,
    },
    ServiceMaintenance {
        id: String,
        enable: bool,
        reason: String,
    },
    Reload {
        files: Box<FileDefinitions>,
    },
    SetNodeMeta {
        meta: StringMap,
    },
    SetOutputRules {
        update_interval: Duration,
        discard: bool,
    },
    Confirm {
        confirmations: Vec<Confirmation>,
    },
}

/// The application reports on a TTL check.
#[derive(Debug)]
pub(super) struct Heartbeat {
    pub(super) check_id: String,
    pub(super) outcome: Outcome,
}

/// Where the result of an action goes.
pub(super) type Reply = oneshot::Sender<Result<(), LocalError>>;

/// An action and where its result goes.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) action: Action,
    pub(super) reply: Reply,
}
