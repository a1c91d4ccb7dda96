//! What can go wrong with this agent's services and checks.

use super::persist::PersistError;
use super::validate::InvalidService;
use crate::agent::checks::spec::InvalidCheck;

/// Letters of a definition's name that an error shows.
const NAME_SHOWN_MAX: usize = 128;

/// Displayed, an error is the body of the HTTP answer.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The request breaks a rule: 400.
    #[error("{0}")]
    Invalid(String),
    /// There is no such service or check: 404 where Consul answers so.
    #[error("{0}")]
    NotFound(String),
    /// The agent does not do that: 500, as Consul answers.
    #[error("{0}")]
    Refused(String),
    /// The change could not be made durable, so it was not made: 500.
    #[error(transparent)]
    Persist(#[from] PersistError),
    /// The agent is going down: 500.
    #[error("the agent is shutting down")]
    Stopped,
}

impl LocalError {
    /// Why a service of files is refused, as Consul says at its start.
    pub(super) fn of_service(name: &str, why: &InvalidService) -> Self {
        let name = shown(name);
        Self::Invalid(match why {
            InvalidService::NoName => {
                format!("Failed to register service {name:?}: Service name missing")
            }
            InvalidService::Check(why) => {
                format!("Failed to validate checks for service {name:?}: {why}")
            }
            InvalidService::Sidecar(why) => {
                format!("Failed to validate sidecar for service {name:?}: {why}")
            }
            why => format!("Failed to register service {name:?}: {why}"),
        })
    }

    /// Why a check of files is refused, as Consul says at its start.
    pub(super) fn of_check(name: &str, why: &dyn std::fmt::Display) -> Self {
        let name = shown(name);
        Self::Invalid(format!("Failed to register check '{name}': {why}"))
    }
}

fn shown(name: &str) -> String {
    name.chars().take(NAME_SHOWN_MAX).collect()
}

impl From<InvalidService> for LocalError {
    fn from(err: InvalidService) -> Self {
        match err {
            InvalidService::Sidecar(_) => Self::Refused(err.to_string()),
            _ => Self::Invalid(err.to_string()),
        }
    }
}

impl From<InvalidCheck> for LocalError {
    fn from(err: InvalidCheck) -> Self {
        Self::Invalid(InvalidService::Check(err).to_string())
    }
}
