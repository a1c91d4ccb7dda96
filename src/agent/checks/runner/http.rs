//! HTTP checks: 2xx passes, 429 warns, everything else is critical.

mod body;
mod failure;
mod hop;

use std::sync::OnceLock;

use hyper::ext::ReasonPhrase;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, RANGE,
    USER_AGENT,
};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Method, Response, StatusCode, Url};
use tokio::time::Instant;

use self::failure::{cause_of, failure, failure_at, parse_url};
use self::hop::{Hop, location};
use super::lookup::{ClientLookups, Late, QUEUED, within};
use super::net::{bare_host, resolve};
use super::tls::CheckTls;
use crate::agent::checks::outcome::Outcome;
use crate::agent::checks::quote::go_quoted;
use crate::agent::checks::spec::HttpProbe;
use crate::model::check::Status;

const CHECK_USER_AGENT: &str = "Consul Health Check";
const CHECK_ACCEPT: &str = "text/plain, text/*, */*";
/// Go's `http.Client` gives up when as many responses sent it on.
const MAX_REDIRECTS: usize = 10;

/// An HTTP check that is ready to run.
#[derive(Clone, Debug)]
pub struct HttpRunner {
    probe: HttpProbe,
    output_max_size: usize,
    tls: CheckTls,
}

/// The clients of all checks that differ in nothing but their requests.
#[derive(Debug, Default)]
pub(super) struct Clients([OnceLock<Client>; 4]);

/// What makes two checks need different clients.
#[derive(Clone, Copy, Debug)]
struct ClientKind {
    skip_verify: bool,
    /// Proxies of the environment are not asked for loopback, as in Go.
    loopback: bool,
}

impl ClientKind {
    fn builder(self, tls: &CheckTls) -> ClientBuilder {
        let builder = Client::builder()
            .redirect(Policy::none())
            .pool_max_idle_per_host(0)
            .http1_title_case_headers()
            .dns_resolver(ClientLookups)
            .tls_backend_preconfigured(tls.config(self.skip_verify, &["h2", "http/1.1"]));
        if self.loopback {
            builder.no_proxy()
        } else {
            builder
        }
    }

    /// Checks share clients: each one holds its own copy of the trusted certificates.
    fn shared(self, tls: &CheckTls) -> Result<Client, reqwest::Error> {
        let bits = [self.skip_verify, self.loopback];
        let slot = bits
            .iter()
            .fold(0, |slot, bit| slot * 2 + usize::from(*bit));
        let Clients(clients) = tls.clients();
        if let Some(client) = clients[slot].get() {
            return Ok(client.clone());
        }
        let client = self.builder(tls).build()?;
        Ok(clients[slot].get_or_init(|| client).clone())
    }
}

impl HttpRunner {
    pub fn new(probe: &HttpProbe, output_max_size: usize, tls: &CheckTls) -> Self {
        Self {
            probe: probe.clone(),
            output_max_size,
            tls: tls.clone(),
        }
    }

    pub(super) async fn run(&self) -> Outcome {
        let url = match parse_url(&self.probe) {
            Ok(url) => url,
            Err(text) => return Outcome::critical(text),
        };
        let deadline = Instant::now() + self.probe.timeout;
        match within(deadline, self.send(url)).await {
            // A body has what is left of the time: one without an end is judged by its status.
            Ok(Ok((response, unpacks))) => self.outcome(response, unpacks, deadline).await,
            Ok(Err(text)) => Outcome::critical(text),
            Err(Late::Queued) => {
                Outcome::critical(failure(&self.probe, &format!("dial tcp: {QUEUED}")))
            }
            Err(Late::Asking | Late::Talking) => {
                let cause =
                    "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
                Outcome::critical(failure(&self.probe, cause))
            }
        }
    }

    /// The last response up to its body, and whether the body is to be unpacked. Redirects are
    /// followed here and not by the client, whose errors would not tell where they led.
    async fn send(&self, url: Url) -> Result<(Response, bool), String> {
        let method = Method::from_bytes(self.probe.method.as_bytes())
            .map_err(|_| format!("net/http: invalid method {}", go_quoted(&self.probe.method)))?;
        let mut hop = Hop::first(&self.probe, url, method);
        let mut asked = 0;
        loop {
            let (response, unpacks) = self.ask(&hop).await?;
            asked += 1;
            if !self.probe.follow_redirects {
                return Ok((response, unpacks));
            }
            match hop.next(&self.probe, response.status(), response.headers())? {
                None => return Ok((response, unpacks)),
                Some(_) if asked == MAX_REDIRECTS => {
                    let cause = format!("stopped after {MAX_REDIRECTS} redirects");
                    let place = location(response.headers());
                    return Err(failure_at(&self.probe.method, &place, &cause));
                }
                Some(next) => hop = next,
            }
        }
    }

    async fn ask(&self, hop: &Hop) -> Result<(Response, bool), String> {
        let failed = |cause: String| failure_at(&self.probe.method, &hop.shown, &cause);
        let (client, url, host) = self.client_for(hop.url.clone()).await.map_err(failed)?;
        let mut headers = self.headers(&hop.method, &hop.body)?;
        hop.adapt(&mut headers);
        let unpacks = headers.contains_key(ACCEPT_ENCODING) && !self.has_header(&ACCEPT_ENCODING);
        let mut request = client
            .request(hop.method.clone(), url.clone())
            .headers(headers);
        if let Some(host) = host {
            request = request.header(reqwest::header::HOST, host);
        }
        if !hop.body.is_empty() {
            request = request.body(hop.body.clone());
        }
        let response = request.send().await;
        let response = response.map_err(|err| failed(cause_of(&err, &url)))?;
        Ok((response, unpacks))
    }

    fn has_header(&self, wanted: &HeaderName) -> bool {
        let mut names = self.probe.header.keys();
        names.any(|name| name.eq_ignore_ascii_case(wanted.as_str()))
    }

    /// Consul's headers, those that Go adds to every request, and the check's own above them.
    fn headers(&self, method: &Method, body: &str) -> Result<HeaderMap, String> {
        let mut headers = HeaderMap::new();
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        headers.insert(USER_AGENT, HeaderValue::from_static(CHECK_USER_AGENT));
        headers.insert(ACCEPT, HeaderValue::from_static(CHECK_ACCEPT));
        if *method != Method::HEAD && !self.has_header(&RANGE) {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        }
        // Servers may insist on a length where a body is usual.
        let bodily = [Method::POST, Method::PUT, Method::PATCH].contains(method);
        if bodily && body.is_empty() {
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        for (name, values) in &self.probe.header {
            let bad = || {
                failure(
                    &self.probe,
                    &format!("invalid header field {}", go_quoted(name)),
                )
            };
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
            headers.remove(&name);
            for value in values {
                headers.append(&name, HeaderValue::from_str(value).map_err(|_| bad())?);
            }
        }
        Ok(headers)
    }

    /// The client, the URL to ask and the `Host` to send where it differs from the URL's.
    ///
    /// A `TLSServerName` becomes the URL's host, which TLS verifies, while the connection goes to
    /// the addresses of the real host.
    ///
    /// # Errors
    /// The cause, as Go tells it.
    async fn client_for(&self, mut url: Url) -> Result<(Client, Url, Option<String>), String> {
        let real_host = url.host_str().unwrap_or_default().to_owned();
        let kind = ClientKind {
            skip_verify: self.probe.tls.skip_verify,
            loopback: is_loopback(&real_host),
        };
        let failed = |err: reqwest::Error| err.to_string();
        let server_name = self.tls.server_name(&self.probe.tls, &real_host);
        if url.scheme() != "https" || server_name == real_host {
            return Ok((kind.shared(&self.tls).map_err(failed)?, url, None));
        }
        let port = url.port_or_known_default().unwrap_or(443);
        let addresses = resolve("tcp", &format!("{real_host}:{port}")).await?;
        let host = url
            .port()
            .map_or_else(|| real_host.clone(), |port| format!("{real_host}:{port}"));
        url.set_host(Some(server_name))
            .map_err(|err| format!("TLS server name: {err}"))?;
        let client = kind
            .builder(&self.tls)
            .resolve_to_addrs(server_name, &addresses)
            .build();
        Ok((client.map_err(failed)?, url, Some(host)))
    }

    async fn outcome(&self, response: Response, unpacks: bool, deadline: Instant) -> Outcome {
        let code = response.status();
        let reason = reason_of(&response);
        let body = body::read(response, unpacks, self.output_max_size, deadline).await;
        let HttpProbe { method, url, .. } = &self.probe;
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

/// The server's own words for the status, which versions from 2 on do not have.
fn reason_of(response: &Response) -> String {
    let own = response.extensions().get::<ReasonPhrase>();
    own.map_or_else(
        || {
            response
                .status()
                .canonical_reason()
                .unwrap_or_default()
                .to_owned()
        },
        |own| String::from_utf8_lossy(own.as_bytes()).into_owned(),
    )
}

fn is_loopback(host: &str) -> bool {
    let address = bare_host(host).parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests;
