//! The request log, without secrets, and the hook for metrics.

use std::borrow::Cow;
use std::time::Duration;

use hyper::{Method, StatusCode, Uri};

use crate::model::duration::GoDuration;

use super::error::HttpError;
use super::listener::Peer;

/// What stands in the log instead of a secret.
const HIDDEN: &str = "<hidden>";
/// Endpoints of the legacy ACL system whose paths end in a token.
const TOKEN_PATHS: [&str; 4] = [
    "/v1/acl/info/",
    "/v1/acl/clone/",
    "/v1/acl/destroy/",
    "/v1/acl/update/",
];

/// One answered request, for metrics.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    /// The method.
    pub method: &'a Method,
    /// The endpoint in Consul's metric names: `v1.kv._`; the whole name of the sample is
    /// `consul.http.<method>.<endpoint>`.
    pub endpoint: &'a str,
    /// The status of the answer.
    pub status: StatusCode,
    /// From the request head to the answer's head.
    pub elapsed: Duration,
}

/// Whoever measures requests.
pub trait RequestObserver: Send + Sync {
    /// Called once for every request that reached an endpoint. Must not block.
    fn request_finished(&self, sample: Sample<'_>);
}

/// Measures nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoObserver;

impl RequestObserver for NoObserver {
    fn request_finished(&self, _sample: Sample<'_>) {}
}

/// Logs an answered request at debug level. When nobody listens this costs one check: the fields are
/// computed only for those who do.
pub(super) fn finished(method: &Method, uri: &Uri, peer: Peer, elapsed: Duration) {
    tracing::debug!(
        target: "agent.http",
        method = %method,
        url = %redact(uri),
        from = %peer,
        latency = %GoDuration::from(elapsed),
        "Request finished"
    );
}

/// Logs an error that a handler returned.
pub(super) fn failed(method: &Method, uri: &Uri, peer: Peer, error: &HttpError) {
    tracing::error!(
        target: "agent.http",
        method = %method,
        url = %redact(uri),
        from = %peer,
        error = %error,
        "Request error"
    );
}

/// The request target with every token hidden.
pub(super) fn redact(uri: &Uri) -> Cow<'_, str> {
    let target = uri.path_and_query().map_or("", |target| target.as_str());
    let path = uri.path();
    let secret_path = TOKEN_PATHS
        .iter()
        .find(|prefix| path.starts_with(**prefix) && path.len() > prefix.len());
    let query = uri.query().unwrap_or("");
    if secret_path.is_none() && !names_token(query) {
        return Cow::Borrowed(target);
    }
    let mut out = match secret_path {
        Some(prefix) => format!("{prefix}{HIDDEN}"),
        None => path.to_owned(),
    };
    let mut separator = '?';
    for piece in query.split(['&', ';']) {
        if piece.is_empty() {
            continue;
        }
        out.push(separator);
        separator = '&';
        match piece.split_once('=') {
            Some((name, _)) if is_token(name) => {
                out.push_str("token=");
                out.push_str(HIDDEN);
            }
            _ => out.push_str(piece),
        }
    }
    Cow::Owned(out)
}

fn names_token(query: &str) -> bool {
    query
        .split(['&', ';'])
        .any(|piece| is_token(piece.split_once('=').map_or(piece, |(name, _)| name)))
}

/// Whether a parameter name, perhaps with escapes, is `token`.
fn is_token(name: &str) -> bool {
    name == "token"
        || (name.contains('%')
            && super::path::decode(name.as_bytes()).is_ok_and(|name| name.as_ref() == b"token"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_never_reach_the_log() {
        for (target, logged) in [
            ("/v1/kv/a?index=1&wait=2s", "/v1/kv/a?index=1&wait=2s"),
            ("/v1/kv/a", "/v1/kv/a"),
            ("/v1/kv/a?token=secret", "/v1/kv/a?token=<hidden>"),
            (
                "/v1/kv/a?a=1&token=secret&b=2&token=other",
                "/v1/kv/a?a=1&token=<hidden>&b=2&token=<hidden>",
            ),
            ("/v1/kv/a?a=1;token=secret", "/v1/kv/a?a=1&token=<hidden>"),
            ("/v1/kv/a?%74oken=secret", "/v1/kv/a?token=<hidden>"),
            ("/v1/acl/info/secret", "/v1/acl/info/<hidden>"),
            ("/v1/acl/destroy/secret?a=b", "/v1/acl/destroy/<hidden>?a=b"),
        ] {
            assert_eq!(redact(&target.parse().unwrap()), logged, "{target}");
        }
    }
}
