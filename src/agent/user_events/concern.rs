//! Whether an event is for this agent: its filters on the node, the services and their tags.

use crate::model::event::UserEvent;
use crate::model::regexp;

/// A service of this agent, as far as filters look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnService {
    /// The instance's id, on which the service filter looks.
    pub id: String,
    /// The instance's tags.
    pub tags: Vec<String>,
}

/// Tells what runs on this agent.
pub trait OwnServices: Send + Sync {
    /// The services as they are now.
    fn own_services(&self) -> Vec<OwnService>;
}

/// A filter that is no regular expression.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub(super) struct BadFilter {
    /// `node`, `service` or `tag`.
    pub(super) what: &'static str,
    /// The expression.
    pub(super) filter: String,
    /// What Go says of it.
    pub(super) reason: String,
}

fn compile(what: &'static str, filter: &str) -> Result<Option<regex::Regex>, BadFilter> {
    if filter.is_empty() {
        return Ok(None);
    }
    let compiled = regexp::compile(filter).map_err(|reason| BadFilter {
        what,
        filter: filter.to_owned(),
        reason,
    })?;
    Ok(Some(compiled))
}

/// Checks the filters of an event that is to be fired, in Consul's order.
///
/// # Errors
/// The first that is no regular expression.
pub(super) fn check(event: &UserEvent) -> Result<(), BadFilter> {
    compile("node", &event.node_filter)?;
    compile("service", &event.service_filter)?;
    compile("tag", &event.tag_filter)?;
    Ok(())
}

/// Whether the event is for the agent of this node. Expressions match anywhere in a text; a tag filter
/// without a service filter has no effect, as in Consul.
///
/// # Errors
/// When a filter that is needed for the answer is no regular expression.
pub(super) fn concerns(
    event: &UserEvent,
    node: &str,
    services: &dyn OwnServices,
) -> Result<bool, BadFilter> {
    if let Some(filter) = compile("node", &event.node_filter)?
        && !filter.is_match(node)
    {
        return Ok(false);
    }
    let Some(filter) = compile("service", &event.service_filter)? else {
        return Ok(true);
    };
    let tag = compile("tag", &event.tag_filter)?;
    Ok(services.own_services().iter().any(|service| {
        filter.is_match(&service.id)
            && tag
                .as_ref()
                .is_none_or(|tag| service.tags.iter().any(|own| tag.is_match(own)))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Running;

    impl OwnServices for Running {
        fn own_services(&self) -> Vec<OwnService> {
            let service = |id: &str, tags: &[&str]| OwnService {
                id: id.to_owned(),
                tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            };
            vec![service("web-id1", &["prod", "v1"]), service("other", &[])]
        }
    }

    fn with(node: &str, service: &str, tag: &str) -> UserEvent {
        UserEvent {
            node_filter: node.to_owned(),
            service_filter: service.to_owned(),
            tag_filter: tag.to_owned(),
            ..UserEvent::default()
        }
    }

    #[test]
    fn filters_choose_the_agents_that_consul_chooses() {
        for (node, service, tag, expected) in [
            ("", "", "", true),
            ("2", "", "", true),
            ("^p2$", "", "", true),
            ("p1", "", "", false),
            ("", "web-id1", "", true),
            ("", "webname", "", false),
            ("", "web", "", true),
            ("", "^web$", "", false),
            ("", "web", "^prod$", true),
            ("", "web", "pro", true),
            ("", "web", "beta", false),
            ("", "other", ".*", false),
            ("", "^consul$", "", false),
            ("p1", "web", "", false),
            ("", "", "nothing", true),
        ] {
            let found = concerns(&with(node, service, tag), "p2", &Running);
            assert_eq!(found, Ok(expected), "{node} {service} {tag}");
        }
    }

    #[test]
    fn bad_filters_are_named() {
        let reason = "error parsing regexp: missing closing ): `(`".to_owned();
        let bad = |what| {
            Err(BadFilter {
                what,
                filter: "(".to_owned(),
                reason: reason.clone(),
            })
        };
        assert_eq!(check(&with("(", "(", "(")), bad("node"));
        assert_eq!(check(&with("", "(", "(")), bad("service"));
        assert_eq!(check(&with("", "a", "(")), bad("tag"));
        assert_eq!(check(&with("a", "b", "c")), Ok(()));
        assert_eq!(
            concerns(&with("", "a", "("), "p2", &Running).map(|_| ()),
            bad("tag")
        );
    }
}
