//! Checks as any agent tells them: one that is odd does not hide the others.

use std::sync::Arc;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::model::check::{HealthCheck, Status};
use crate::model::decode::{Options, from_value};

use super::check::Check;

/// A check of an answer. Consul takes any text for a status; one that nobody knows is a warning here, and the output
/// says what it was.
#[derive(Debug)]
pub struct LenientCheck(pub Arc<Check>);

impl<'de> Deserialize<'de> for LenientCheck {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Check::of(check(Value::deserialize(deserializer)?))))
    }
}

fn check(mut value: Value) -> HealthCheck {
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let said = text(&value, "Status");
    let is_known = said.is_empty() || Status::parse(&said).is_some();
    if !is_known {
        value["Status"] = Value::from(Status::Warning.as_str());
    }
    let mut check = match from_value::<HealthCheck>(value.clone(), Options::HTTP_LENIENT) {
        Ok(check) => check,
        Err(error) => HealthCheck {
            node: text(&value, "Node"),
            check_id: text(&value, "CheckID"),
            name: text(&value, "Name"),
            service_id: text(&value, "ServiceID"),
            service_name: text(&value, "ServiceName"),
            status: Status::Warning,
            output: format!("unreadable check: {error}"),
            ..HealthCheck::default()
        },
    };
    if !is_known {
        check.output = format!("unknown status {said:?}: {}", check.output);
    }
    check
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_odd_check_hides_no_other() {
        let body = serde_json::json!([
            {"Node": "a", "CheckID": "1", "Status": "unknown", "Output": "x"},
            {"Node": "b", "CheckID": "2", "Status": "passing", "ServiceTags": null, "NewField": 1},
            {"Node": "c", "CheckID": "3", "Status": "critical", "CreateIndex": "many"},
            {"Node": "d", "CheckID": "4", "Status": ""},
            7,
        ]);
        let found: Vec<LenientCheck> = serde_json::from_value(body).unwrap();
        let told: Vec<_> = found
            .iter()
            .map(|LenientCheck(one)| (&*one.node, one.status, &*one.output))
            .collect();
        assert_eq!(
            told[0],
            ("a", Status::Warning, "unknown status \"unknown\": x")
        );
        assert_eq!(told[1], ("b", Status::Passing, ""));
        assert_eq!((told[2].0, told[2].1), ("c", Status::Warning));
        assert!(told[2].2.starts_with("unreadable check: "), "{}", told[2].2);
        assert_eq!(told[3], ("d", Status::Critical, ""));
        assert!(told[4].2.starts_with("unreadable check: "), "{}", told[4].2);
    }
}
