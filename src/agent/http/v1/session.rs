//! `/v1/session`: sessions, to which locks are bound.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::agent::http::{Answer, Context, HttpError, JSON_BODY_MAX, Meta, Request};
use crate::agent::rpc::QueryMeta;
use crate::agent::store::{SessionGet, SessionList, SessionsOfNode};
use crate::model::check::SERF_HEALTH;
use crate::model::decode::{self, Options};
use crate::model::duration::{GoDuration, parse_go_duration};
use crate::model::session::{ServiceCheck, Session, check_id, lookup_failed};

use super::read::{Read, ask, headers_of, refused, write_options};

/// The lock delay of sessions that name none.
const LOCK_DELAY: GoDuration = GoDuration::from_secs(15);
/// Lock delays below this, in nanoseconds, are meant in seconds, whether numbers or texts.
const SECONDS_BELOW: i64 = 1000;
const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// The body of a creation. What is given counts, null too: checks that are given as none are none.
#[derive(Debug, Deserialize)]
#[serde(rename = "Session", rename_all = "PascalCase", default)]
struct NewSession {
    name: String,
    node: Option<String>,
    lock_delay: Value,
    behavior: String,
    #[serde(rename = "TTL")]
    ttl: String,
    node_checks: Option<Vec<String>>,
    service_checks: Option<Vec<ServiceCheck>>,
    checks: Option<Vec<String>>,
}

impl Default for NewSession {
    fn default() -> Self {
        let serf_health = || Some(vec![SERF_HEALTH.to_owned()]);
        Self {
            name: String::new(),
            node: None,
            lock_delay: Value::Null,
            behavior: String::new(),
            ttl: String::new(),
            node_checks: serf_health(),
            service_checks: None,
            checks: serf_health(),
        }
    }
}

impl NewSession {
    fn into_session(self, own_node: &str) -> Result<Session, String> {
        let lock_delay = lock_delay(&self.lock_delay)?;
        let checks = self.checks.unwrap_or_default();
        let node_checks = self.node_checks.unwrap_or_default();
        // Either list given as empty takes the default of the other away, as in Consul.
        let (node_checks, checks) = if checks.is_empty() || node_checks.is_empty() {
            (Vec::new(), Vec::new())
        } else if checks == [SERF_HEALTH] {
            (node_checks, Vec::new())
        } else {
            (node_checks, checks)
        };
        Ok(Session {
            name: self.name,
            node: self.node.unwrap_or_else(|| own_node.to_owned()),
            lock_delay,
            behavior: self.behavior,
            ttl: self.ttl,
            node_checks,
            service_checks: self.service_checks,
            checks,
            ..Session::default()
        })
    }
}

/// A lock delay as Consul reads it: a text, or a number of nanoseconds; whatever else it is, it is none.
fn lock_delay(given: &Value) -> Result<GoDuration, String> {
    let nanos = match given {
        Value::Null => return Ok(LOCK_DELAY),
        Value::String(text) => parse_go_duration(text).map_err(|error| error.to_string())?,
        Value::Number(number) => whole(number),
        _ => 0,
    };
    Ok(GoDuration(if nanos < SECONDS_BELOW {
        nanos.saturating_mul(NANOS_PER_SECOND)
    } else {
        nanos
    }))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a float as large as this becomes the largest duration"
)]
fn whole(number: &serde_json::Number) -> i64 {
    let float = || number.as_f64().unwrap_or_default() as i64;
    number.as_i64().unwrap_or_else(float)
}

/// `/v1/session/create`.
pub(super) async fn create(context: Arc<Context>, mut request: Request) -> Answer {
    let body = request.take_body()?.read(JSON_BODY_MAX).await?;
    let undecodable = |why: String| HttpError::bad(format!("Request decode failed: {why}"));
    let wanted: NewSession = if body.is_empty() {
        NewSession::default()
    } else {
        decode::from_json_slice_with(&body, Options::HTTP_LENIENT)
            .map_err(|error| undecodable(error.to_string()))?
    };
    let session = wanted
        .into_session(&context.facts.node_name)
        .map_err(undecodable)?;
    let options = write_options(&context, &request);
    let id = context.rpc.session_create(&options, session).await?;
    request.json(&json!({ "ID": id }))
}

/// `/v1/session/destroy/<id>`: what is not there counts as destroyed.
pub(super) async fn destroy(context: Arc<Context>, request: Request) -> Answer {
    let id = request.required_rest("Missing session")?;
    let options = write_options(&context, &request);
    context.rpc.session_destroy(&options, &id).await?;
    request.json(&true)
}

/// `/v1/session/renew/<id>`.
pub(super) async fn renew(context: Arc<Context>, request: Request) -> Answer {
    let id = request.required_rest("Missing session")?;
    let options = write_options(&context, &request);
    let renewed = ask(&request, context.rpc.session_renew(&options, &id)).await?;
    let renewed =
        renewed.ok_or_else(|| HttpError::not_found(format!("Session id '{id}' not found")))?;
    request.json(&[renewed])
}

/// `/v1/session/info/<id>`.
pub(super) async fn info(context: Arc<Context>, request: Request) -> Answer {
    let read = Read::new(&context, &request)?;
    let id = request.required_rest("Missing session")?;
    let found = async {
        let datacenter = request.datacenter(&context.facts.datacenter);
        context.rpc.route(&datacenter)?;
        check_id(&id).map_err(|why| refused(&context, &request, lookup_failed(&why)))?;
        read.run(&SessionGet { id: id.to_string() }).await
    };
    let (found, meta) = found.await.map_err(with_headers)?;
    Ok(request.json(found.as_slice())?.meta(headers(meta)))
}

/// `/v1/session/node/<node>`.
pub(super) async fn of_node(context: Arc<Context>, request: Request) -> Answer {
    let read = Read::new(&context, &request)?;
    let node = request.required_rest("Missing node name")?.into_owned();
    let found = read.run(&SessionsOfNode { node }).await;
    let (found, meta) = found.map_err(with_headers)?;
    Ok(request.json(&found)?.meta(headers(meta)))
}

/// `/v1/session/list`.
pub(super) async fn list(context: Arc<Context>, request: Request) -> Answer {
    let found = Read::new(&context, &request)?.run(&SessionList).await;
    let (found, meta) = found.map_err(with_headers)?;
    Ok(request.json(&found)?.meta(headers(meta)))
}

fn with_headers(error: HttpError) -> HttpError {
    error.with_meta(Meta::default())
}

/// These answers do not say how they were made, as Consul's.
fn headers(meta: QueryMeta) -> Meta {
    Meta {
        consistency: None,
        ..headers_of(meta)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(body: &str) -> Session {
        let wanted: NewSession =
            decode::from_json_slice_with(body.as_bytes(), Options::HTTP_LENIENT).unwrap();
        wanted.into_session("here").unwrap()
    }

    #[test]
    fn lock_delays_are_read_as_consul_does() {
        let delay = |text: &str| lock_delay(&serde_json::from_str(text).unwrap()).map(|d| d.0);
        for (text, nanos) in [
            ("null", 15 * NANOS_PER_SECOND),
            ("5", 5 * NANOS_PER_SECOND),
            ("999", 999 * NANOS_PER_SECOND),
            ("1000", 1000),
            ("1.5", NANOS_PER_SECOND),
            ("1e10", 10 * NANOS_PER_SECOND),
            ("-1", -NANOS_PER_SECOND),
            ("1e300", i64::MAX),
            ("\"90s\"", 90 * NANOS_PER_SECOND),
            ("\"5ns\"", 5 * NANOS_PER_SECOND),
            ("true", 0),
            ("[]", 0),
        ] {
            assert_eq!(delay(text), Ok(nanos), "{text}");
        }
        assert_eq!(delay("\"x\"").unwrap_err(), "time: invalid duration \"x\"");
        let unit = "time: missing unit in duration \"5\"";
        assert_eq!(delay("\"5\"").unwrap_err(), unit);
    }

    #[test]
    fn checks_default_to_serfs() {
        for (body, node_checks, checks) in [
            ("{}", &["serfHealth"][..], &[][..]),
            (r#"{"Checks":["web"]}"#, &["serfHealth"], &["web"]),
            (r#"{"NodeChecks":["web"]}"#, &["web"], &[]),
            (
                r#"{"NodeChecks":["web"],"Checks":["sc"]}"#,
                &["web"],
                &["sc"],
            ),
            (r#"{"Checks":[]}"#, &[], &[]),
            (r#"{"Checks":null}"#, &[], &[]),
            (r#"{"NodeChecks":null}"#, &[], &[]),
            (r#"{"NodeChecks":[]}"#, &[], &[]),
        ] {
            let session = session(body);
            assert_eq!(session.node_checks, node_checks, "{body}");
            assert_eq!(session.checks, checks, "{body}");
        }
    }

    #[test]
    fn what_is_not_given_is_this_node() {
        let of = |body: &str| session(body).node;
        assert_eq!(of("{}"), "here");
        assert_eq!(of(r#"{"Node":null}"#), "here");
        assert_eq!(of(r#"{"Node":""}"#), "");
        assert_eq!(of(r#"{"node":"n2"}"#), "n2");
    }
}
