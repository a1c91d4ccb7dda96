//! `/v1/operator/keyring`: the keys of both pools, in lock-step.

use std::sync::Arc;

use hyper::{Method, StatusCode};
use serde::Deserialize;

use crate::agent::gossip::{GossipError, GossipHandle, KeyOperation, KeyReport};
use crate::agent::http::{
    Answer, Context, HttpError, JSON_BODY_MAX, Request, Response, error_list, parse_bool,
};
use crate::model::access::{Requirement, Resource};
use crate::model::decode;
use crate::model::keyring::KeyringResponse;

/// Largest `relay-factor`.
const RELAY_FACTOR_MAX: u8 = 5;

/// The name is part of an error's text.
#[derive(Debug, Default, Deserialize)]
#[serde(rename = "keyringArgs", rename_all = "PascalCase", default)]
struct KeyringBody {
    key: String,
}

/// `/v1/operator/keyring`.
pub(super) async fn keyring(context: Arc<Context>, mut request: Request) -> Answer {
    let listing = *request.method() == Method::GET;
    let mut key = String::new();
    if !listing {
        let body = request.take_body()?.read(JSON_BODY_MAX).await?;
        let body: KeyringBody = decode::from_json_slice(&body)
            .map_err(|err| HttpError::bad_request(format!("Request decode failed: {err}")))?;
        key = body.key;
    }
    let relay_factor = relay_factor(&request)?;
    let local_only = check_local_only(&request, listing)?;
    let operation = match *request.method() {
        Method::POST => KeyOperation::Install(key),
        Method::PUT => KeyOperation::Use(key),
        Method::DELETE => KeyOperation::Remove(key),
        _ => KeyOperation::List,
    };
    may(&context, &request, listing)?;
    if !context.agent.config.server {
        let text = "keyring operations must run against a server node";
        return Err(HttpError::internal(text));
    }
    let ask = |pool: GossipHandle| {
        let operation = operation.clone();
        async move { pool.keyring(&operation, relay_factor).await }
    };
    // A server without a WAN pool has the LAN's keys alone.
    let (wan, lan) = match context.wan.clone().filter(|_| !local_only) {
        Some(wan) => {
            let (wan, lan) = tokio::join!(ask(wan), ask(context.lan.clone()));
            (Some(wan), lan)
        }
        None => (None, ask(context.lan.clone()).await),
    };
    let mut errors = Vec::new();
    let mut responses = Vec::new();
    for (is_wan, report) in wan.map(|wan| (true, wan)).into_iter().chain([(false, lan)]) {
        let pool = KeyringResponse {
            wan: is_wan,
            datacenter: context.facts.datacenter.clone(),
            ..KeyringResponse::default()
        };
        match merged(pool, report) {
            Ok(response) => responses.push(response),
            Err(found) => errors.extend(found),
        }
    }
    if !errors.is_empty() {
        return Err(HttpError::internal(error_list(&errors)));
    }
    if listing {
        return request.json(&responses);
    }
    Ok(Response::empty(StatusCode::OK))
}

fn may(context: &Context, request: &Request, listing: bool) -> Result<(), HttpError> {
    let token = context.token_or_default(&request.token());
    let requirement = if listing {
        Requirement::read(Resource::Keyring, &[])
    } else {
        Requirement::write(Resource::Keyring, &[])
    };
    Ok(context.rpc.authorize(&token, &requirement)?)
}

/// What the pool's members say, or what is wrong: one line for the pool, one for each member that said
/// why.
fn merged(
    pool: KeyringResponse,
    report: Result<KeyReport, GossipError>,
) -> Result<KeyringResponse, Vec<String>> {
    let name = pool.pool();
    let report = report.map_err(|err| vec![format!("{name} error: {err}")])?;
    let KeyReport {
        num_nodes,
        num_resp,
        num_err,
        ..
    } = report;
    let failed = if num_err > 0 {
        format!("{num_err}/{num_nodes} nodes reported failure")
    } else if num_resp != num_nodes {
        format!("{num_resp}/{num_nodes} nodes reported success")
    } else {
        return Ok(KeyringResponse {
            messages: report.messages,
            keys: report.keys,
            primary_keys: report.primary_keys,
            num_nodes,
            ..pool
        });
    };
    let reasons = report.messages.iter();
    let reasons = reasons.map(|(member, reason)| format!("{member}: {reason}"));
    Err(std::iter::once(format!("{name} error: {failed}"))
        .chain(reasons)
        .collect())
}

fn relay_factor(request: &Request) -> Result<u8, HttpError> {
    let Some(text) = request.params().non_empty("relay-factor") else {
        return Ok(0);
    };
    let factor: i64 = text.parse().map_err(|_| {
        HttpError::bad_request(format!(
            "Error parsing relay factor: strconv.Atoi: parsing {text:?}: invalid syntax"
        ))
    })?;
    u8::try_from(factor)
        .ok()
        .filter(|factor| *factor <= RELAY_FACTOR_MAX)
        .ok_or_else(|| {
            HttpError::bad_request(format!(
                "Invalid relay-factor: Relay factor must be in range: [0, {RELAY_FACTOR_MAX}]"
            ))
        })
}

fn check_local_only(request: &Request, listing: bool) -> Result<bool, HttpError> {
    let Some(text) = request.params().non_empty("local-only") else {
        return Ok(false);
    };
    let local_only = parse_bool(&text)
        .map_err(|err| HttpError::bad_request(format!("Error parsing local-only: {err}")))?;
    if local_only && !listing {
        return Err(HttpError::bad_request(
            "Invalid use of local-only: local-only can only be set for list requests",
        ));
    }
    Ok(local_only)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn report(num_nodes: usize, num_resp: usize, num_err: usize, said: &[&str]) -> KeyReport {
        KeyReport {
            messages: said
                .iter()
                .map(|member| ((*member).to_owned(), "no".to_owned()))
                .collect(),
            keys: BTreeMap::from([("k".to_owned(), num_resp)]),
            num_nodes,
            num_resp,
            num_err,
            ..KeyReport::default()
        }
    }

    fn lan() -> KeyringResponse {
        KeyringResponse {
            datacenter: "dc1".to_owned(),
            ..KeyringResponse::default()
        }
    }

    fn wan() -> KeyringResponse {
        KeyringResponse { wan: true, ..lan() }
    }

    #[test]
    fn a_pool_that_agrees_is_shown() {
        let found = merged(wan(), Ok(report(2, 2, 0, &["b"]))).unwrap();
        let text = serde_json::to_string(&found).unwrap();
        let expected = r#"{"WAN":true,"Datacenter":"dc1","Segment":"","Messages":{"b":"no"},"Keys":{"k":2},"PrimaryKeys":{},"NumNodes":2}"#;
        assert_eq!(text, expected);
        let silent = merged(lan(), Ok(report(1, 1, 0, &[]))).unwrap();
        assert!(!serde_json::to_string(&silent).unwrap().contains("Messages"));
    }

    #[test]
    fn refusals_and_silence_are_told_in_serfs_words() {
        let refused = merged(lan(), Ok(report(3, 3, 2, &["b", "a"]))).unwrap_err();
        let failure = "dc1 (LAN) error: 2/3 nodes reported failure";
        assert_eq!(refused, [failure, "a: no", "b: no"]);
        let silent = merged(wan(), Ok(report(3, 2, 0, &[]))).unwrap_err();
        assert_eq!(silent, ["WAN error: 2/3 nodes reported success"]);
        let damage = GossipError::BadKey("illegal base64 data at input byte 0".to_owned());
        let damaged = merged(wan(), Err(damage)).unwrap_err();
        assert_eq!(damaged, ["WAN error: illegal base64 data at input byte 0"]);
    }
}
