//! Which ids and names new registrations may have. Pure.
//!
//! Consul takes any text. Here those are refused that no tool can show or put into a path; what
//! an earlier version persisted under such an id still loads, and can be removed.

use super::validate::InvalidService;
use crate::model::check::CheckDefinition;
use crate::model::service::ServiceDefinition;

/// The longest id or name, in bytes.
const LENGTH_MAX: usize = 4096;

/// Looks at the ids and names of a service, its checks and its sidecar.
///
/// # Errors
/// [`InvalidService::Id`] for the first that is refused.
pub(super) fn service_names(definition: &ServiceDefinition) -> Result<(), InvalidService> {
    pair("service", &[&definition.id], &definition.name)?;
    for check in definition.check.iter().chain(&definition.checks) {
        check_names(check)?;
    }
    let connect = definition.connect.as_ref();
    match connect.and_then(|it| it.sidecar_service.as_deref()) {
        Some(sidecar) => service_names(sidecar),
        None => Ok(()),
    }
}

/// Looks at a check's ids and name.
///
/// # Errors
/// [`InvalidService::Id`] for the first that is refused.
pub(super) fn check_names(definition: &CheckDefinition) -> Result<(), InvalidService> {
    let ids = [definition.check_id.as_str(), &definition.id];
    pair("check", &ids, &definition.name)
}

/// A name is the id where there is none.
fn pair(noun: &'static str, ids: &[&str], name: &str) -> Result<(), InvalidService> {
    let refused = |what, reason| InvalidService::Id { noun, what, reason };
    for id in ids {
        acceptable(id).map_err(|reason| refused("ID", reason))?;
    }
    let named = ids.iter().any(|id| !id.is_empty());
    let what = if named { "name" } else { "ID" };
    acceptable(name).map_err(|reason| refused(what, reason))
}

fn acceptable(text: &str) -> Result<(), String> {
    let length = text.len();
    if length > LENGTH_MAX {
        return Err(format!(
            "it has {length} bytes and at most {LENGTH_MAX} are allowed; choose a shorter one"
        ));
    }
    if let Some(control) = text.chars().find(|it| it.is_control()) {
        let code = u32::from(control);
        return Err(format!(
            "{text:?} has the control character U+{code:04X}; leave it out"
        ));
    }
    if text.split('/').any(|segment| segment == "..") {
        return Err(format!(
            "{text:?} has the path segment \"..\"; choose one without it"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(json: &str) -> Result<(), String> {
        let definition: ServiceDefinition = serde_json::from_str(json).unwrap();
        service_names(&definition).map_err(|err| err.to_string())
    }

    #[test]
    fn ordinary_ids_are_taken() {
        for json in [
            r#"{"Name":"web"}"#,
            r#"{"ID":"_nomad-task-1/web..2/...","Name":"Wéb 世界"}"#,
            r#"{"Name":"web","Check":{"CheckID":"a:b/c","Name":"50% of 'it'","TTL":"1s"}}"#,
        ] {
            assert_eq!(service(json), Ok(()), "{json}");
        }
        let longest = "x".repeat(LENGTH_MAX);
        assert_eq!(service(&format!(r#"{{"Name":"{longest}"}}"#)), Ok(()));
    }

    #[test]
    fn refusals_say_what_and_what_to_do() {
        let path = r#"has the path segment ".."; choose one without it"#;
        let long = "x".repeat(LENGTH_MAX + 1);
        let too_long = "it has 4097 bytes and at most 4096 are allowed; choose a shorter one";
        let long_json = format!(r#"{{"Name":"{long}"}}"#);
        for (json, text) in [
            (
                r#"{"Name":"x/../y"}"#,
                format!(r#"Invalid service ID: "x/../y" {path}"#),
            ),
            (
                r#"{"ID":"..","Name":"x"}"#,
                format!(r#"Invalid service ID: ".." {path}"#),
            ),
            (
                r#"{"ID":"x","Name":"a/.."}"#,
                format!(r#"Invalid service name: "a/.." {path}"#),
            ),
            (
                r#"{"Name":"a\nb"}"#,
                r#"Invalid service ID: "a\nb" has the control character U+000A; leave it out"#
                    .to_owned(),
            ),
            (
                r#"{"Name":"x","Checks":[{"ID":"\u0000","TTL":"1s"}]}"#,
                r#"Invalid check ID: "\0" has the control character U+0000; leave it out"#
                    .to_owned(),
            ),
            (
                r#"{"Name":"x","Connect":{"SidecarService":{"Name":"\u0085"}}}"#,
                r#"Invalid service ID: "\u{85}" has the control character U+0085; leave it out"#
                    .to_owned(),
            ),
            (
                long_json.as_str(),
                format!("Invalid service ID: {too_long}"),
            ),
        ] {
            assert_eq!(service(json), Err(text), "{json}");
        }
    }
}
