//! `/v1/agent/health/service/…`: the health of this agent's services as a status code.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{ACCEPT, HeaderName, HeaderValue};
use serde::Serialize;

use crate::agent::http::context::Context;
use crate::agent::http::error::HttpError;
use crate::agent::http::request::Request;
use crate::agent::http::response::Response;
use crate::agent::http::router::Answer;
use crate::agent::local::{AggregatedStatus, ServiceHealth};
use crate::model::access::{Requirement, Resource};
use crate::model::check::{HealthCheck, Status};
use crate::model::duration::GoDuration;
use crate::model::service::AgentService;

const REASON: HeaderName = HeaderName::from_static("x-consul-reason");
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain");

/// One service in the body.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ServiceInfo<'a> {
    aggregated_status: AggregatedStatus,
    service: Option<&'a AgentService>,
    checks: Option<Vec<CheckInfo<'a>>>,
}

/// A check in the form of Consul's API client, which these endpoints alone send: no type, an
/// empty definition with all of its fields, and `null` for no tags.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CheckInfo<'a> {
    node: &'a str,
    #[serde(rename = "CheckID")]
    check_id: &'a str,
    name: &'a str,
    status: Status,
    notes: &'a str,
    output: &'a str,
    #[serde(rename = "ServiceID")]
    service_id: &'a str,
    service_name: &'a str,
    service_tags: Option<&'a [String]>,
    #[serde(rename = "Type")]
    kind: &'static str,
    definition: EmptyDefinition,
    create_index: u64,
    modify_index: u64,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct EmptyDefinition {
    interval: GoDuration,
    timeout: GoDuration,
    deregister_critical_service_after: GoDuration,
    #[serde(rename = "HTTP")]
    http: &'static str,
    header: Option<BTreeMap<String, Vec<String>>>,
    method: &'static str,
    body: &'static str,
    #[serde(rename = "TLSSkipVerify")]
    tls_skip_verify: bool,
    #[serde(rename = "TCP")]
    tcp: &'static str,
}

impl<'a> CheckInfo<'a> {
    fn new(check: &'a HealthCheck) -> Self {
        Self {
            node: &check.node,
            check_id: &check.check_id,
            name: &check.name,
            status: check.status,
            notes: &check.notes,
            output: &check.output,
            service_id: &check.service_id,
            service_name: &check.service_name,
            service_tags: (!check.service_tags.is_empty()).then_some(&check.service_tags),
            kind: "",
            definition: EmptyDefinition::default(),
            create_index: 0,
            modify_index: 0,
        }
    }
}

impl<'a> ServiceInfo<'a> {
    fn new(health: &'a ServiceHealth) -> Self {
        Self {
            aggregated_status: health.status,
            service: Some(&health.service),
            checks: Some(health.checks.iter().map(CheckInfo::new).collect()),
        }
    }

    fn unknown() -> Self {
        Self {
            aggregated_status: AggregatedStatus::Critical,
            service: None,
            checks: None,
        }
    }
}

/// Whether the client wants the bare word: `?format=text`, or `Accept: text/plain`.
fn wants_text(request: &Request) -> bool {
    match request.params().get("format") {
        Some(format) if !format.is_empty() => format == "text",
        _ => request
            .headers()
            .get(ACCEPT)
            .is_some_and(|accept| accept == "text/plain"),
    }
}

fn may_read(context: &Context, request: &Request, name: &str) -> Result<(), HttpError> {
    let token = context.token_or_default(&request.token());
    let requirement = Requirement::read(Resource::Service, name.as_bytes());
    Ok(context.rpc.authorize(&token, &requirement)?)
}

/// The answer with its status and `X-Consul-Reason`.
fn with_reason(response: Response, status: StatusCode, reason: &str) -> Answer {
    let reason = HeaderValue::from_bytes(reason.as_bytes()).map_err(HttpError::failed)?;
    Ok(response.status(status).header(REASON, reason))
}

fn code(status: AggregatedStatus) -> Result<StatusCode, HttpError> {
    StatusCode::from_u16(status.http_status()).map_err(HttpError::failed)
}

fn text(reason: &str) -> Response {
    Response::bytes(PLAIN, Bytes::copy_from_slice(reason.as_bytes()))
}

/// `/v1/agent/health/service/id/<id>`.
pub(super) async fn by_id(context: Arc<Context>, request: Request) -> Answer {
    let id = request.rest_text();
    if id.is_empty() {
        return Err(HttpError::internal("Bad request: Missing serviceID"));
    }
    let Some(health) = context.local.state().service_health(&id) else {
        let reason = format!("ServiceId {id} not found");
        let body = if wants_text(&request) {
            request.json(&reason)?
        } else {
            request.json(&ServiceInfo::unknown())?
        };
        return with_reason(body, StatusCode::NOT_FOUND, &reason);
    };
    may_read(&context, &request, &health.service.service)?;
    let reason = health.status.as_str();
    let body = if wants_text(&request) {
        text(reason)
    } else {
        request.json(&ServiceInfo::new(&health))?
    };
    with_reason(body, code(health.status)?, reason)
}

/// `/v1/agent/health/service/name/<name>`: the worst instance decides.
pub(super) async fn by_name(context: Arc<Context>, request: Request) -> Answer {
    let name = request.rest_text();
    if name.is_empty() {
        return Err(HttpError::internal("Bad request: Missing service Name"));
    }
    may_read(&context, &request, &name)?;
    let found = context.local.state().health_by_name(&name);
    let (status, reason) = match found.iter().map(|health| health.status).max() {
        Some(worst) => (code(worst)?, worst.as_str().to_owned()),
        None => (
            StatusCode::NOT_FOUND,
            format!("ServiceName {name} Not Found"),
        ),
    };
    let body = if wants_text(&request) {
        text(&reason)
    } else {
        request.json(&found.iter().map(ServiceInfo::new).collect::<Vec<_>>())?
    };
    with_reason(body, status, &reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_service_is_null() {
        let body = serde_json::to_string(&ServiceInfo::unknown()).unwrap();
        assert_eq!(
            body,
            r#"{"AggregatedStatus":"critical","Service":null,"Checks":null}"#
        );
    }

    #[test]
    fn a_check_has_the_form_of_the_api_client() {
        let mut check = HealthCheck {
            check_id: "t1".to_owned(),
            ..HealthCheck::default()
        };
        let json = |check: &HealthCheck| serde_json::to_string(&CheckInfo::new(check)).unwrap();
        let expected = concat!(
            r#"{"Node":"","CheckID":"t1","Name":"","Status":"critical","Notes":"","Output":"","#,
            r#""ServiceID":"","ServiceName":"","ServiceTags":null,"Type":"","Definition":"#,
            r#"{"Interval":"0s","Timeout":"0s","DeregisterCriticalServiceAfter":"0s","HTTP":"","#,
            r#""Header":null,"Method":"","Body":"","TLSSkipVerify":false,"TCP":""},"#,
            r#""CreateIndex":0,"ModifyIndex":0}"#
        );
        assert_eq!(json(&check), expected);
        check.service_tags = vec!["web".to_owned()];
        assert!(json(&check).contains(r#""ServiceTags":["web"]"#));
    }
}
