//! What a watch asks for.

use super::params::{ParamError, Params};

/// Types that need certificates or hashes of the mesh; Consul's configuration refuses two of them, its
/// command all.
const MESH_TYPES: &[&str] = &["connect_roots", "connect_leaf", "agent_service"];

/// The states that checks can be asked for; nothing stands for any.
const STATES: [&str; 5] = ["", "any", "passing", "warning", "critical"];

/// A state that checks never have. Consul's client finds it when it asks, not before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Unsupported state: {0}")]
pub struct UnsupportedState(String);

/// What a watch asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// A key.
    Key(String),
    /// All keys that begin so.
    KeyPrefix(String),
    /// The names of all services.
    Services,
    /// All nodes.
    Nodes,
    /// The instances of a service.
    Service {
        /// Its name.
        service: String,
        /// Tags that an instance must have, all of them.
        tags: Vec<String>,
        /// Whether only instances count all of whose checks pass.
        passing: bool,
    },
    /// The checks of a service, or else those in a state.
    Checks {
        /// The service's name; empty for the state.
        service: String,
        /// The state; empty for any.
        state: String,
    },
    /// User events of this name; empty for all.
    Event(String),
}

impl Plan {
    /// Takes what the type `kind` has from the parameters.
    ///
    /// # Errors
    /// For an unknown type, and what is missing or of the wrong type.
    pub fn take(kind: &str, params: &mut Params) -> Result<Self, ParamError> {
        Ok(match kind {
            "key" => Self::Key(params.needed("key", "Must specify a single key to watch")?),
            "keyprefix" => {
                Self::KeyPrefix(params.needed("prefix", "Must specify a single prefix to watch")?)
            }
            "services" => Self::Services,
            "nodes" => Self::Nodes,
            "service" => Self::Service {
                service: params.needed("service", "Must specify a single service to watch")?,
                tags: params.texts("tag")?,
                passing: params.flag("passingonly")?,
            },
            "checks" => {
                let (service, state) = (params.text("service")?, params.text("state")?);
                if !service.is_empty() && !state.is_empty() {
                    return Err(ParamError::new("Cannot specify service and state"));
                }
                Self::Checks { service, state }
            }
            "event" => Self::Event(params.text("name")?),
            other => return Err(ParamError(format!("Unsupported watch type: {other}"))),
        })
    }

    /// Whether there is a question to ask; to look at before each one.
    ///
    /// # Errors
    /// For checks in a state that there is not.
    pub fn askable(&self) -> Result<(), UnsupportedState> {
        match self {
            Self::Checks { state, .. } if !STATES.contains(&state.as_str()) => {
                Err(UnsupportedState(state.clone()))
            }
            _ => Ok(()),
        }
    }

    /// The type's name.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Key(_) => "key",
            Self::KeyPrefix(_) => "keyprefix",
            Self::Services => "services",
            Self::Nodes => "nodes",
            Self::Service { .. } => "service",
            Self::Checks { .. } => "checks",
            Self::Event(_) => "event",
        }
    }

    /// Whether Consul knows this type for its mesh only.
    pub fn is_of_mesh(kind: &str) -> bool {
        MESH_TYPES.contains(&kind)
    }

    /// Whether a smaller index than the one before means that the servers were restored. Those of events
    /// are made from ids and have no order.
    pub fn is_ordered(&self) -> bool {
        !matches!(self, Self::Event(_))
    }
}

impl Params {
    /// Takes a text that must be there.
    fn needed(&mut self, name: &str, otherwise: &str) -> Result<String, ParamError> {
        let text = self.text(name)?;
        if text.is_empty() {
            return Err(ParamError::new(otherwise));
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn plan(kind: &str, params: Value) -> Result<Plan, String> {
        let Value::Object(params) = params else {
            panic!("an object")
        };
        let mut params = Params::new(params);
        let plan = Plan::take(kind, &mut params).map_err(|error| error.to_string())?;
        params.none_left().map_err(|error| error.to_string())?;
        Ok(plan)
    }

    #[test]
    fn each_type_takes_its_own_parameters_only() {
        assert_eq!(plan("key", json!({"key": "a"})), Ok(Plan::Key("a".into())));
        assert_eq!(plan("services", json!({})), Ok(Plan::Services));
        let service = json!({"service": "web", "tag": ["a", "b"], "passingonly": true});
        assert_eq!(
            plan("service", service),
            Ok(Plan::Service {
                service: "web".into(),
                tags: vec!["a".into(), "b".into()],
                passing: true
            })
        );
        let text = |kind, params| plan(kind, params).unwrap_err();
        assert_eq!(
            text("nonsense", json!({})),
            "Unsupported watch type: nonsense"
        );
        assert_eq!(text("key", json!({})), "Must specify a single key to watch");
        assert_eq!(
            text("key", json!({"key": "a", "prefix": "b", "name": "c"})),
            "Invalid parameters: [name prefix]"
        );
        assert_eq!(
            text("checks", json!({"service": "a", "state": "b"})),
            "Cannot specify service and state"
        );
        assert_eq!(
            text("nodes", json!({"tag": "t", "passingonly": true})),
            "Invalid parameters: [passingonly tag]"
        );
    }

    #[test]
    fn checks_are_asked_for_in_states_that_there_are() {
        let checks = |state: &str| plan("checks", json!({"state": state})).unwrap();
        let error = checks("bogus").askable().unwrap_err();
        assert_eq!(error.to_string(), "Unsupported state: bogus");
        for state in ["", "any", "passing", "warning", "critical"] {
            assert_eq!(checks(state).askable(), Ok(()), "{state}");
        }
        let of_service = plan("checks", json!({"service": "bogus"})).unwrap();
        assert_eq!(of_service.askable(), Ok(()));
    }

    #[test]
    fn indexes_of_events_have_no_order() {
        assert!(!Plan::Event(String::new()).is_ordered());
        assert!(Plan::Services.is_ordered());
        assert!(Plan::is_of_mesh("connect_leaf") && !Plan::is_of_mesh("key"));
    }
}
