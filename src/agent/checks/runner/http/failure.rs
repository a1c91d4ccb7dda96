//! Requests that got no response, in Go's words.

use std::error::Error as _;
use std::io;

use reqwest::Url;

use super::MAX_REDIRECTS;
use crate::agent::checks::runner::cause;
use crate::agent::checks::runner::net::{dial_error, lookup_error};
use crate::agent::checks::runner::tls::tls_error;
use crate::agent::checks::spec::HttpProbe;

/// The URL to ask.
///
/// # Errors
/// Go's text for a URL that is none.
pub(super) fn parse_url(probe: &HttpProbe) -> Result<Url, String> {
    let url = Url::parse(&probe.url).map_err(|err| match err.to_string().as_str() {
        "relative URL without a base" if probe.url.starts_with(':') => {
            format!("parse {:?}: missing protocol scheme", probe.url)
        }
        "relative URL without a base" => failure(probe, "unsupported protocol scheme \"\""),
        "invalid port number" => bad_port(probe),
        other => format!("parse {:?}: {other}", probe.url),
    })?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        scheme => Err(failure(
            probe,
            &format!("unsupported protocol scheme {scheme:?}"),
        )),
    }
}

fn bad_port(probe: &HttpProbe) -> String {
    let after = probe.url.split_once("://").map_or("", |(_, it)| it);
    let authority = after.split(['/', '?', '#']).next().unwrap_or_default();
    let port = authority.rsplit(':').next().unwrap_or_default();
    if port.bytes().all(|byte| byte.is_ascii_digit()) {
        failure(probe, &format!("dial tcp: address {port}: invalid port"))
    } else {
        let port = format!(":{port}");
        format!("parse {:?}: invalid port {port:?} after host", probe.url)
    }
}

/// Go's `url.Error`: `Get "http://…": cause`.
pub(super) fn failure(probe: &HttpProbe, cause: &str) -> String {
    failure_at(&probe.method, &probe.url, cause)
}

fn failure_at(method: &str, url: &str, cause: &str) -> String {
    let mut rest = method.chars();
    let first = rest.next().map(String::from).unwrap_or_default();
    let rest = rest.as_str().to_ascii_lowercase();
    format!("{first}{rest} {url:?}: {cause}")
}

/// A request to `url` that failed on the way; a redirect too many names the last URL.
pub(super) fn send_failure(probe: &HttpProbe, err: &reqwest::Error, url: &Url) -> String {
    if err.is_redirect() {
        let last = err.url().map_or(probe.url.as_str(), Url::as_str);
        let cause = format!("stopped after {MAX_REDIRECTS} redirects");
        return failure_at(&probe.method, last, &cause);
    }
    failure(probe, &cause_of(err, url))
}

/// The innermost reason, in Go's words where clients know them.
fn cause_of(err: &reqwest::Error, url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let address = format!("{host}:{}", url.port_or_known_default().unwrap_or_default());
    let mut innermost = err.to_string();
    let mut source = err.source();
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            if let Some(text) = tls_error(io) {
                return text;
            }
            if io.raw_os_error().is_some() && err.is_connect() {
                return dial_error(&address, io);
            }
            if io.raw_os_error().is_some() {
                return format!("read tcp {address}: {}", cause::of_call("read", io));
            }
        }
        if let Some(http) = cause.downcast_ref::<hyper::Error>() {
            if http.is_incomplete_message() {
                return "EOF".to_owned();
            }
            if http.is_parse() {
                let broken = "net/http: HTTP/1.x transport connection broken";
                return format!("{broken}: malformed HTTP response");
            }
        }
        innermost = cause.to_string();
        source = cause.source();
    }
    if innermost.starts_with("failed to lookup address") {
        return lookup_error(&address);
    }
    innermost
}
