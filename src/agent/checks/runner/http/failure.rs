//! Requests that got no response, in Go's words.

use std::error::Error as _;
use std::io;

use reqwest::Url;

use crate::agent::checks::quote::go_quoted;
use crate::agent::checks::runner::cause;
use crate::agent::checks::runner::net::{dial_error, lookup_error};
use crate::agent::checks::runner::tls::tls_error;
use crate::agent::checks::spec::HttpProbe;

/// The URL to ask.
///
/// # Errors
/// Go's text for a URL that is none.
pub(super) fn parse_url(probe: &HttpProbe) -> Result<Url, String> {
    let shown = &probe.url;
    let unparsed = |reason: &str| format!("parse {}: {reason}", go_quoted(shown));
    if shown.bytes().any(|byte| byte.is_ascii_control()) {
        return Err(unparsed("net/url: invalid control character in URL"));
    }
    look_at_parts(probe)?;
    let url = Url::parse(shown).map_err(|err| match err.to_string().as_str() {
        "relative URL without a base" if shown.starts_with(':') => {
            unparsed("missing protocol scheme")
        }
        "relative URL without a base" => failure(probe, "unsupported protocol scheme \"\""),
        "invalid port number" => bad_port(probe),
        other => unparsed(other),
    })?;
    supported(&url).map_err(|cause| failure(probe, &cause))?;
    Ok(url)
}

/// What Go's client asks.
///
/// # Errors
/// The cause when it does not know the scheme.
pub(super) fn supported(url: &Url) -> Result<(), String> {
    match url.scheme() {
        "http" | "https" => Ok(()),
        scheme => Err(format!("unsupported protocol scheme {}", go_quoted(scheme))),
    }
}

/// What Go refuses and the parser of URLs would mend.
fn look_at_parts(probe: &HttpProbe) -> Result<(), String> {
    let Some((scheme, rest)) = probe.url.split_once(':') else {
        return Ok(());
    };
    if !["http", "https"]
        .iter()
        .any(|it| scheme.eq_ignore_ascii_case(it))
    {
        return Ok(());
    }
    let unparsed = |reason: &str| format!("parse {}: {reason}", go_quoted(&probe.url));
    let rest = rest.split('#').next().unwrap_or_default();
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = place.strip_prefix("//").unwrap_or_default();
    let (authority, path) = authority.split_at(authority.find('/').unwrap_or(authority.len()));
    if authority.is_empty() {
        let empty = if path.is_empty() { "//" } else { "" };
        let shown = probe.url.replacen(empty, "", 1);
        let cause = "http: no Host in request URL";
        return Err(failure_at(&probe.method, &shown, cause));
    }
    let host = authority.rsplit('@').next().unwrap_or_default();
    if host.contains(' ') {
        return Err(unparsed("invalid character \" \" in host name"));
    }
    if let Some(escape) = bad_escape(path) {
        let escape = go_quoted(escape);
        return Err(unparsed(&format!("invalid URL escape {escape}")));
    }
    // Go sends it as it is, and servers take the request for a broken one.
    if query.contains(' ') {
        let cause = "malformed HTTP request: a space in the URL's query; write it as %20";
        return Err(failure(probe, cause));
    }
    Ok(())
}

/// The first `%` that two hexadecimal digits do not follow, with what does.
fn bad_escape(path: &str) -> Option<&str> {
    path.match_indices('%')
        .map(|(at, _)| &path[at..])
        .find_map(|rest| {
            let digits = rest.bytes().skip(1).take(2);
            let is_good = digits.filter(u8::is_ascii_hexdigit).count() == 2;
            let end = rest
                .char_indices()
                .nth(3)
                .map_or(rest.len(), |(end, _)| end);
            (!is_good).then(|| &rest[..end])
        })
}

fn bad_port(probe: &HttpProbe) -> String {
    let after = probe.url.split_once("://").map_or("", |(_, it)| it);
    let authority = after.split(['/', '?', '#']).next().unwrap_or_default();
    let port = authority.rsplit(':').next().unwrap_or_default();
    if port.bytes().all(|byte| byte.is_ascii_digit()) {
        failure(probe, &format!("dial tcp: address {port}: invalid port"))
    } else {
        let (url, port) = (go_quoted(&probe.url), go_quoted(&format!(":{port}")));
        format!("parse {url}: invalid port {port} after host")
    }
}

/// Go's `url.Error`: `Get "http://…": cause`.
pub(super) fn failure(probe: &HttpProbe, cause: &str) -> String {
    failure_at(&probe.method, &probe.url, cause)
}

/// The same for another URL, to which the check was redirected.
pub(super) fn failure_at(method: &str, url: &str, cause: &str) -> String {
    let mut rest = method.chars();
    let first = rest.next().map(String::from).unwrap_or_default();
    let rest = rest.as_str().to_ascii_lowercase();
    format!("{first}{rest} {}: {cause}", go_quoted(url))
}

/// The innermost reason, in Go's words where clients know them.
pub(super) fn cause_of(err: &reqwest::Error, url: &Url) -> String {
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
