//! `/v1/operator/keyring` of an agent whose gossip is not encrypted: every member reports that, in
//! Consul's words.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use serde::Deserialize;

use crate::agent::gossip::GossipHandle;
use crate::agent::http::{Answer, Context, HttpError, JSON_BODY_MAX, Request, parse_bool};
use crate::model::decode;

/// Largest `relay-factor`.
const RELAY_FACTOR_MAX: i64 = 5;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
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
    check_relay_factor(&request)?;
    let local_only = check_local_only(&request, listing)?;
    let reason = if listing {
        "Keyring is empty (encryption not enabled)"
    } else {
        "No keyring to modify (encryption not enabled)"
    };
    let damage = STANDARD
        .decode(&key)
        .err()
        .map(|error| offset(&key, &error));
    let mut errors = Vec::new();
    if let Some(wan) = context.wan.as_ref().filter(|_| !local_only) {
        pool_errors(&mut errors, "WAN", wan, damage, reason);
    }
    let lan = format!("{} (LAN)", context.facts.datacenter);
    pool_errors(&mut errors, &lan, &context.lan, damage, reason);
    Err(HttpError::internal(list(&errors)))
}

/// What a pool answers: that the key is no base64, or every member's refusal.
fn pool_errors(
    errors: &mut Vec<String>,
    name: &str,
    pool: &GossipHandle,
    damage: Option<usize>,
    reason: &str,
) {
    if let Some(offset) = damage {
        errors.push(format!(
            "{name} error: illegal base64 data at input byte {offset}"
        ));
        return;
    }
    let members = pool.members();
    let count = members.len();
    errors.push(format!(
        "{name} error: {count}/{count} nodes reported failure"
    ));
    errors.extend(
        members
            .iter()
            .map(|member| format!("{}: {reason}", member.name)),
    );
}

/// Several errors as Consul lists them.
fn list(errors: &[String]) -> String {
    let noun = if errors.len() == 1 { "error" } else { "errors" };
    let lines = errors.join("\n\t* ");
    format!("{} {noun} occurred:\n\t* {lines}\n\n", errors.len())
}

/// Where Go finds the damage: at the byte itself, or at the start of an incomplete group of four.
fn offset(text: &str, error: &base64::DecodeError) -> usize {
    match error {
        base64::DecodeError::InvalidByte(at, _) => *at,
        _ => text.len() / 4 * 4,
    }
}

fn check_relay_factor(request: &Request) -> Result<(), HttpError> {
    let Some(text) = request.params().non_empty("relay-factor") else {
        return Ok(());
    };
    let factor: i64 = text.parse().map_err(|_| {
        HttpError::bad_request(format!(
            "Error parsing relay factor: strconv.Atoi: parsing {text:?}: invalid syntax"
        ))
    })?;
    if (0..=RELAY_FACTOR_MAX).contains(&factor) {
        return Ok(());
    }
    Err(HttpError::bad_request(format!(
        "Invalid relay-factor: Relay factor must be in range: [0, {RELAY_FACTOR_MAX}]"
    )))
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
    use super::*;

    #[test]
    fn errors_are_listed_as_consul_lists_them() {
        let two = ["a".to_owned(), "b".to_owned()];
        assert_eq!(list(&two), "2 errors occurred:\n\t* a\n\t* b\n\n");
        assert_eq!(list(&two[..1]), "1 error occurred:\n\t* a\n\n");
    }

    #[test]
    fn damage_is_where_go_finds_it() {
        for (key, at) in [("x", 0), ("YWJj!", 4), ("YWJjZ", 4)] {
            assert_eq!(offset(key, &STANDARD.decode(key).unwrap_err()), at, "{key}");
        }
    }
}
