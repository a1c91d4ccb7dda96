//! Alias checks: the health of another service as one's own.

use crate::agent::checks::outcome::Outcome;
use crate::model::check::{HealthCheck, Status};

/// What an alias check mirrors.
#[derive(Clone, Copy, Debug)]
pub struct AliasTarget<'a> {
    /// The alias check itself: it never counts for its own health.
    pub check_id: &'a str,
    /// Only checks of this node count; empty: those of any.
    pub node: &'a str,
    /// The service; empty: only the node's own checks count.
    pub service_id: &'a str,
    /// Whether the service is registered, with or without checks.
    pub service_exists: bool,
}

/// The alias check's health from the checks of a node. Consul's checks.CheckAlias: node checks
/// count too, the first critical one decides, a warning yields to a later critical one.
pub fn alias_outcome<'a>(
    target: AliasTarget<'_>,
    checks: impl IntoIterator<Item = &'a HealthCheck>,
) -> Outcome {
    let mut outcome = Outcome::passing("No checks found.");
    let mut service_seen = false;
    for check in checks {
        let other_node = !target.node.is_empty() && !target.node.eq_ignore_ascii_case(&check.node);
        if other_node || check.check_id == target.check_id {
            continue;
        }
        let of_service = !check.service_id.is_empty() && check.service_id == target.service_id;
        if !check.service_id.is_empty() && !of_service {
            continue;
        }
        service_seen |= of_service;
        match check.status {
            Status::Critical | Status::Warning => {
                let output = format!("Aliased check {:?} failing: {}", check.name, check.output);
                outcome = Outcome::new(check.status, output);
                if check.status == Status::Critical {
                    break;
                }
            }
            Status::Passing if outcome.status == Status::Passing => {
                outcome = Outcome::passing("All checks passing.");
            }
            Status::Passing => {}
        }
    }
    let missing = !target.service_id.is_empty() && !service_seen && !target.service_exists;
    if missing {
        let AliasTarget {
            service_id, node, ..
        } = target;
        return Outcome::critical(format!(
            "Service {service_id} could not be found on node {node}"
        ));
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(id: &str, service_id: &str, status: Status) -> HealthCheck {
        HealthCheck {
            node: "n1".to_owned(),
            check_id: id.to_owned(),
            name: format!("name of {id}"),
            service_id: service_id.to_owned(),
            status,
            output: "said".to_owned(),
            ..HealthCheck::default()
        }
    }

    fn of_web(service_exists: bool, checks: &[HealthCheck]) -> Outcome {
        let target = AliasTarget {
            check_id: "alias",
            node: "",
            service_id: "web",
            service_exists,
        };
        alias_outcome(target, checks)
    }

    #[test]
    fn a_service_without_checks_passes_and_an_unknown_one_is_critical() {
        assert_eq!(of_web(true, &[]), Outcome::passing("No checks found."));
        let missing = "Service web could not be found on node ";
        assert_eq!(of_web(false, &[]), Outcome::critical(missing));
    }

    #[test]
    fn the_worst_check_of_service_and_node_decides() {
        let passing = check("a", "web", Status::Passing);
        let warning = check("b", "web", Status::Warning);
        let node = check("c", "", Status::Critical);
        let other = check("d", "db", Status::Critical);
        let healthy = [passing.clone(), other.clone()];
        assert_eq!(
            of_web(true, &healthy),
            Outcome::passing("All checks passing.")
        );
        let concerned = [warning.clone(), passing.clone(), other];
        let text = "Aliased check \"name of b\" failing: said";
        assert_eq!(
            of_web(true, &concerned),
            Outcome::new(Status::Warning, text)
        );
        let text = "Aliased check \"name of c\" failing: said";
        assert_eq!(
            of_web(true, &[warning, node, passing]),
            Outcome::critical(text)
        );
    }

    #[test]
    fn an_alias_does_not_mirror_itself() {
        let own = check("alias", "", Status::Critical);
        assert_eq!(of_web(true, &[own]), Outcome::passing("No checks found."));
    }

    #[test]
    fn other_nodes_do_not_count() {
        let target = AliasTarget {
            check_id: "alias",
            node: "N2",
            service_id: "",
            service_exists: false,
        };
        let mut far = check("a", "", Status::Critical);
        assert_eq!(
            alias_outcome(target, [&far]),
            Outcome::passing("No checks found.")
        );
        far.node = "n2".to_owned();
        assert_eq!(alias_outcome(target, [&far]).status, Status::Critical);
    }
}
