//! What a watch asks for, and the parameters that its type takes.

use serde_json::{Value, json};

use crate::api::{ApiError, Client, Meta, QueryOptions};
use crate::model::event::{UserEvent, index_of_id};
use crate::model::kv::KvPair;

/// Why a watch cannot run. The texts are Consul's.
#[derive(Debug, thiserror::Error)]
pub(super) enum WatchError {
    #[error("Unsupported watch type: {0}")]
    Type(String),
    #[error("{0}")]
    Parameters(String),
    #[error(transparent)]
    Api(#[from] ApiError),
}

/// A watch that may run.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Plan {
    Key(String),
    KeyPrefix(String),
    Services,
    Nodes,
    Service {
        service: String,
        tags: Vec<String>,
        passing: bool,
    },
    Checks {
        service: String,
        state: String,
    },
    Event(String),
}

impl Plan {
    /// Checks the parameters of a type. Empty ones count as not given.
    pub(super) fn new(
        kind: &str,
        texts: &[(&'static str, &str)],
        tags: &[String],
        passing: Option<bool>,
    ) -> Result<Self, WatchError> {
        let mut given: Vec<(&'static str, String)> = texts
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        if !tags.is_empty() {
            given.push(("tag", String::new()));
        }
        if passing.is_some() {
            given.push(("passingonly", String::new()));
        }
        let mut take = |name: &str| {
            let place = given.iter().position(|(found, _)| *found == name);
            place.map(|place| given.remove(place).1).unwrap_or_default()
        };
        let refuse = |text: &str| Err(WatchError::Parameters(text.to_owned()));
        let plan = match kind {
            "key" => match take("key") {
                key if key.is_empty() => return refuse("Must specify a single key to watch"),
                key => Self::Key(key),
            },
            "keyprefix" => match take("prefix") {
                prefix if prefix.is_empty() => {
                    return refuse("Must specify a single prefix to watch");
                }
                prefix => Self::KeyPrefix(prefix),
            },
            "services" => Self::Services,
            "nodes" => Self::Nodes,
            "service" => {
                let service = take("service");
                take("tag");
                take("passingonly");
                if service.is_empty() {
                    return refuse("Must specify a single service to watch");
                }
                Self::Service {
                    service,
                    tags: tags.to_vec(),
                    passing: passing.unwrap_or_default(),
                }
            }
            "checks" => {
                let (service, state) = (take("service"), take("state"));
                if !service.is_empty() && !state.is_empty() {
                    return refuse("Cannot specify service and state");
                }
                Self::Checks { service, state }
            }
            "event" => Self::Event(take("name")),
            other => return Err(WatchError::Type(other.to_owned())),
        };
        if given.is_empty() {
            return Ok(plan);
        }
        let mut names: Vec<&str> = given.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        let text = format!("Invalid parameters: [{}]", names.join(" "));
        Err(WatchError::Parameters(text))
    }

    /// Asks once; with an index in `options`, when something changed.
    pub(super) async fn query(
        &self,
        client: &Client,
        options: &QueryOptions,
    ) -> Result<(Value, Meta), WatchError> {
        Ok(match self {
            Self::Key(key) => {
                let (pair, meta) = client.kv_get(key.as_bytes(), options).await?;
                (pair.as_ref().map_or(Value::Null, shown), meta)
            }
            Self::KeyPrefix(prefix) => {
                let (pairs, meta) = client.kv_list(prefix.as_bytes(), options).await?;
                let value = if pairs.is_empty() {
                    Value::Null
                } else {
                    pairs.iter().map(shown).collect()
                };
                (value, meta)
            }
            Self::Services => client.catalog_services_raw(options).await?,
            Self::Nodes => client.catalog_nodes_raw(options).await?,
            Self::Service {
                service,
                tags,
                passing,
            } => {
                client
                    .health_service(service, tags, *passing, options)
                    .await?
            }
            Self::Checks { service, .. } if !service.is_empty() => {
                client.health_checks(service, options).await?
            }
            Self::Checks { state, .. } => {
                let state = if state.is_empty() { "any" } else { state };
                client.health_state(state, options).await?
            }
            Self::Event(name) => {
                let (events, meta) = client.event_list(name, options).await?;
                (json!(since(&events, options.index)), meta)
            }
        })
    }

    /// Whether a smaller index than the one before means that the servers were restored. Those of events
    /// are made from ids and have no order.
    pub(super) fn is_ordered(&self) -> bool {
        !matches!(self, Self::Event(_))
    }
}

/// The events after the one that was the last when this index was seen; all when it is not there.
fn since(events: &[UserEvent], index: u64) -> &[UserEvent] {
    let seen = |event: &UserEvent| index != 0 && index_of_id(&event.id) == Some(index);
    match events.iter().position(seen) {
        Some(at) => &events[at + 1..],
        None => events,
    }
}

/// A pair with its fields in the order of Consul's client, which differs from the server's.
fn shown(pair: &KvPair) -> Value {
    json!({
        "Key": pair.key,
        "CreateIndex": pair.create_index,
        "ModifyIndex": pair.modify_index,
        "LockIndex": pair.lock_index,
        "Flags": pair.flags,
        "Value": pair.value,
        "Session": pair.session,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_new_events_are_shown() {
        let event = |id: &str| UserEvent {
            id: id.to_owned(),
            ..UserEvent::default()
        };
        let ids = [
            "6c032205-8803-4144-f99b-73d2e65c660a",
            "d8ee5f74-ef39-4c9b-7c00-ee0dbe1d276e",
            "264c163e-2dd0-b3cc-9ca3-3d94ebeca3b2",
        ];
        let events = ids.map(event);
        let index = |at: usize| index_of_id(ids[at]).unwrap();
        assert_eq!(since(&events, 0).len(), 3);
        assert_eq!(since(&events, 1).len(), 3);
        assert_eq!(since(&events, index(0)).len(), 2);
        assert_eq!(since(&events, index(2)).len(), 0);
        assert!(!Plan::Event(String::new()).is_ordered());
        assert!(Plan::Services.is_ordered());
    }

    fn plan(kind: &str, texts: &[(&'static str, &str)]) -> Result<Plan, String> {
        Plan::new(kind, texts, &[], None).map_err(|error| error.to_string())
    }

    #[test]
    fn each_type_takes_its_own_parameters_only() {
        assert_eq!(plan("key", &[("key", "a")]), Ok(Plan::Key("a".into())));
        assert_eq!(plan("services", &[("key", "")]), Ok(Plan::Services));
        let text = |kind, texts: &[(&'static str, &str)]| plan(kind, texts).unwrap_err();
        assert_eq!(text("nonsense", &[]), "Unsupported watch type: nonsense");
        assert_eq!(text("key", &[]), "Must specify a single key to watch");
        let both = [("key", "a"), ("prefix", "b"), ("name", "c")];
        assert_eq!(text("key", &both), "Invalid parameters: [name prefix]");
        let both = [("service", "a"), ("state", "b")];
        assert_eq!(text("checks", &both), "Cannot specify service and state");
        let tagged = Plan::new("nodes", &[], &["t".to_owned()], Some(true)).unwrap_err();
        assert_eq!(tagged.to_string(), "Invalid parameters: [passingonly tag]");
    }
}
