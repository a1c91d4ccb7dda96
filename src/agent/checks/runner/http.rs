//! HTTP checks: 2xx passes, 429 warns, everything else is critical.

use std::error::Error as _;
use std::io;
use std::sync::OnceLock;

use reqwest::header::{ACCEPT, CONNECTION, HeaderName, HeaderValue, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Method, Response, StatusCode, Url};

use super::net::{dial_error, lookup_error, lookup_failure};
use crate::agent::checks::outcome::Outcome;
use crate::agent::checks::output::TailBuffer;
use crate::agent::checks::spec::HttpProbe;
use crate::model::check::Status;

const CHECK_USER_AGENT: &str = "Consul Health Check";
const CHECK_ACCEPT: &str = "text/plain, text/*, */*";
/// Go's `http.Client` gives up after as many.
const MAX_REDIRECTS: usize = 10;

/// An HTTP check that is ready to run.
#[derive(Clone, Debug)]
pub struct HttpRunner {
    probe: HttpProbe,
    output_max_size: usize,
}

/// What makes two checks need different clients.
#[derive(Clone, Copy, Debug)]
struct ClientKind {
    follow_redirects: bool,
    skip_verify: bool,
    /// Proxies of the environment are not asked for loopback, as in Go.
    loopback: bool,
}

impl ClientKind {
    fn builder(self) -> ClientBuilder {
        let policy = if self.follow_redirects {
            Policy::limited(MAX_REDIRECTS)
        } else {
            Policy::none()
        };
        let builder = Client::builder()
            .redirect(policy)
            .pool_max_idle_per_host(0)
            .tls_danger_accept_invalid_certs(self.skip_verify);
        if self.loopback {
            builder.no_proxy()
        } else {
            builder
        }
    }

    /// Checks share clients: each one holds its own copy of the trusted certificates.
    fn shared(self) -> Result<Client, reqwest::Error> {
        static CLIENTS: [OnceLock<Client>; 8] = [const { OnceLock::new() }; 8];
        let bits = [self.follow_redirects, self.skip_verify, self.loopback];
        let slot = bits
            .iter()
            .fold(0, |slot, bit| slot * 2 + usize::from(*bit));
        if let Some(client) = CLIENTS[slot].get() {
            return Ok(client.clone());
        }
        let client = self.builder().build()?;
        Ok(CLIENTS[slot].get_or_init(|| client).clone())
    }
}

impl HttpRunner {
    pub fn new(probe: &HttpProbe, output_max_size: usize) -> Self {
        Self {
            probe: probe.clone(),
            output_max_size,
        }
    }

    pub(super) async fn run(&self) -> Outcome {
        let url = match parse_url(&self.probe) {
            Ok(url) => url,
            Err(text) => return Outcome::critical(text),
        };
        match tokio::time::timeout(self.probe.timeout, self.exchange(url)).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(text)) => Outcome::critical(text),
            Err(_elapsed) => {
                let cause =
                    "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
                Outcome::critical(failure(&self.probe, cause))
            }
        }
    }

    async fn exchange(&self, url: Url) -> Result<Outcome, String> {
        let (client, url, host) = self.client_for(url).await?;
        let method = Method::from_bytes(self.probe.method.as_bytes())
            .map_err(|_| format!("net/http: invalid method {:?}", self.probe.method))?;
        let mut request = client
            .request(method, url.clone())
            .header(CONNECTION, "close")
            .header(USER_AGENT, CHECK_USER_AGENT)
            .header(ACCEPT, CHECK_ACCEPT);
        if let Some(host) = host {
            request = request.header(reqwest::header::HOST, host);
        }
        let mut headers = reqwest::header::HeaderMap::new();
        for (name, values) in &self.probe.header {
            let bad = || failure(&self.probe, &format!("invalid header field {name:?}"));
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
            for value in values {
                headers.append(&name, HeaderValue::from_str(value).map_err(|_| bad())?);
            }
        }
        request = request.headers(headers);
        if !self.probe.body.is_empty() {
            request = request.body(self.probe.body.clone());
        }
        let response = request
            .send()
            .await
            .map_err(|err| failure(&self.probe, &cause_of(&err, &url)))?;
        Ok(self.outcome(response).await)
    }

    /// The client, the URL to ask and the `Host` to send where it differs from the URL's.
    ///
    /// A `TLSServerName` becomes the URL's host, which TLS verifies, while the connection goes to
    /// the addresses of the real host.
    async fn client_for(&self, mut url: Url) -> Result<(Client, Url, Option<String>), String> {
        let real_host = url.host_str().unwrap_or_default().to_owned();
        let kind = ClientKind {
            follow_redirects: self.probe.follow_redirects,
            skip_verify: self.probe.tls.skip_verify,
            loopback: is_loopback(&real_host),
        };
        let failed = |err: reqwest::Error| failure(&self.probe, &err.to_string());
        let server_name = self.probe.tls.server_name.as_str();
        if url.scheme() != "https" || server_name.is_empty() || server_name == real_host {
            return Ok((kind.shared().map_err(failed)?, url, None));
        }
        let port = url.port_or_known_default().unwrap_or(443);
        let bare = real_host.trim_start_matches('[').trim_end_matches(']');
        let found = tokio::net::lookup_host((bare, port)).await.map_err(|err| {
            let address = format!("{real_host}:{port}");
            failure(&self.probe, &lookup_failure(&address, &err))
        })?;
        let addresses: Vec<_> = found.collect();
        let host = url
            .port()
            .map_or_else(|| real_host.clone(), |port| format!("{real_host}:{port}"));
        url.set_host(Some(server_name))
            .map_err(|err| failure(&self.probe, &format!("TLS server name: {err}")))?;
        let client = kind
            .builder()
            .resolve_to_addrs(server_name, &addresses)
            .build();
        Ok((client.map_err(failed)?, url, Some(host)))
    }

    async fn outcome(&self, mut response: Response) -> Outcome {
        let code = response.status();
        let mut tail = TailBuffer::new(self.output_max_size);
        // A body that breaks off still has its status: Consul judges by that alone.
        while let Ok(Some(chunk)) = response.chunk().await {
            tail.push(&chunk);
        }
        let HttpProbe { method, url, .. } = &self.probe;
        let reason = code.canonical_reason().unwrap_or_default();
        let body = tail.into_text();
        let output = format!(
            "HTTP {method} {url}: {} {reason} Output: {body}",
            code.as_u16()
        );
        let status = match code {
            code if code.is_success() => Status::Passing,
            StatusCode::TOO_MANY_REQUESTS => Status::Warning,
            _ => Status::Critical,
        };
        Outcome::new(status, output)
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|ip| ip.is_loopback())
}

fn parse_url(probe: &HttpProbe) -> Result<Url, String> {
    let url = Url::parse(&probe.url).map_err(|err| match err.to_string().as_str() {
        "relative URL without a base" => {
            format!("parse {:?}: missing protocol scheme", probe.url)
        }
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

/// Go's `url.Error`: `Get "http://…": cause`.
fn failure(probe: &HttpProbe, cause: &str) -> String {
    let mut rest = probe.method.chars();
    let first = rest.next().map(String::from).unwrap_or_default();
    let rest = rest.as_str().to_ascii_lowercase();
    format!("{first}{rest} {:?}: {cause}", probe.url)
}

/// The innermost reason, in Go's words where clients know them.
fn cause_of(err: &reqwest::Error, url: &Url) -> String {
    if err.is_redirect() {
        return format!("stopped after {MAX_REDIRECTS} redirects");
    }
    let host = url.host_str().unwrap_or_default();
    let address = format!("{host}:{}", url.port_or_known_default().unwrap_or_default());
    let mut innermost = err.to_string();
    let mut source = err.source();
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<io::Error>()
            && io.raw_os_error().is_some()
        {
            return dial_error(&address, io);
        }
        innermost = cause.to_string();
        source = cause.source();
    }
    if innermost.starts_with("failed to lookup address") {
        return lookup_error(&address);
    }
    innermost
}

#[cfg(test)]
mod tests;
