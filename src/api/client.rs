//! One agent, reached over HTTP.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::{Method, Url};

use super::address::Address;
use super::answer::Answer;
use super::error::ApiError;
use super::options::QueryOptions;
use super::settings::{Patience, Settings, SettingsError};
use super::tls;

/// Endpoints that are read, and take as long as they take.
const SLOW_PATHS: [&str; 3] = ["/v1/agent/monitor", "/v1/operator/keyring", "/v1/snapshot"];

/// How many redirections of a read are followed, as in Go.
const MAX_REDIRECTIONS: usize = 10;

/// An agent's API. Connections are kept and used again; clones share them.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    /// What request URLs start with.
    base: String,
    /// What URLs in messages start with.
    shown: String,
    /// What is dialled, in Go's words: `tcp 127.0.0.1:8500`, `unix /path`.
    target: String,
    token: Option<String>,
    basic_auth: Option<(String, String)>,
    namespace: Option<String>,
    datacenter: Option<String>,
    patience: Patience,
    trace: Option<fn(&str)>,
    /// What it was made of, for clients of other agents.
    settings: Settings,
}

impl Client {
    /// A client for the agent that `settings` name. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// Certificates that cannot be read or used.
    pub fn new(settings: &Settings) -> Result<Self, ApiError> {
        let address = &settings.address;
        let mut builder = reqwest::Client::builder()
            .tcp_nodelay(true)
            .redirect(reqwest::redirect::Policy::none());
        if let Some(bound) = settings.patience.connect {
            builder = builder.connect_timeout(bound);
        }
        if address.is_local() {
            builder = builder.no_proxy();
        }
        builder = tls::configure(builder, settings)?;
        let (mut base, target) = (address.base(), target(address));
        if let Address::Unix(path) = address {
            builder = builder.unix_socket(path.clone());
        }
        if let (Some(name), true) = (&settings.tls_server_name, address.is_tls()) {
            let (renamed, found) = under_name(address, name)?;
            builder = builder.resolve_to_addrs(name, &found);
            base = renamed;
        }
        let http = builder.build().map_err(|source| ApiError::Tls {
            what: "HTTP client".to_owned(),
            source,
        })?;
        Ok(Self {
            http,
            base,
            shown: address.display_base(),
            target,
            token: settings.token.clone(),
            basic_auth: settings.basic_auth.clone(),
            namespace: settings.namespace.clone(),
            datacenter: settings.datacenter.clone(),
            patience: settings.patience,
            trace: settings.trace,
            settings: settings.clone(),
        })
    }

    /// A client with the same settings for the agent at another address. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// The address, or certificates that cannot be read or used.
    pub fn elsewhere(&self, address: &str) -> Result<Self, ApiError> {
        Self::new(&Settings {
            address: Address::parse(address, false)?,
            ..self.settings.clone()
        })
    }

    /// The agent's address as people write it.
    pub fn address(&self) -> &str {
        &self.shown
    }

    /// The datacenter that is meant where a request names none.
    pub fn datacenter(&self) -> Option<&str> {
        self.datacenter.as_deref()
    }

    pub(super) fn get(&self, path: impl Into<String>) -> Request<'_> {
        Request::new(self, Method::GET, path.into())
    }

    pub(super) fn post(&self, path: impl Into<String>) -> Request<'_> {
        Request::new(self, Method::POST, path.into())
    }

    pub(super) fn put(&self, path: impl Into<String>) -> Request<'_> {
        Request::new(self, Method::PUT, path.into())
    }

    pub(super) fn delete(&self, path: impl Into<String>) -> Request<'_> {
        Request::new(self, Method::DELETE, path.into())
    }
}

/// What is dialled, for messages.
fn target(address: &Address) -> String {
    match address {
        Address::Unix(path) => format!("unix {}", path.display()),
        Address::Tcp { .. } => match Url::parse(&address.base()) {
            Ok(url) => format!(
                "tcp {}:{}",
                url.host_str().unwrap_or_default(),
                url.port_or_known_default().unwrap_or_default()
            ),
            Err(_) => "tcp".to_owned(),
        },
    }
}

/// The base URL with the certificate's name in place of the host, and the addresses that the host
/// really has: what `-tls-server-name` means.
fn under_name(address: &Address, name: &str) -> Result<(String, Vec<SocketAddr>), ApiError> {
    let unusable = || ApiError::TlsSettings(format!("invalid TLS server name \"{name}\""));
    let mut url = Url::parse(&address.base()).map_err(|_| unusable())?;
    let addresses = url.socket_addrs(|| None).or_else(|_| {
        let host = (url.host_str().unwrap_or_default().to_owned(), 443);
        host.to_socket_addrs().map(Iterator::collect)
    });
    let found = addresses.map_err(|_| {
        let host = url.host_str().unwrap_or_default();
        ApiError::TlsSettings(format!("dial tcp: lookup {host}: no such host"))
    })?;
    url.set_host(Some(name)).map_err(|_| unusable())?;
    Ok((url.as_str().trim_end_matches('/').to_owned(), found))
}

/// A request on its way.
pub(super) struct Request<'a> {
    client: &'a Client,
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    body: Option<reqwest::Body>,
    is_json: bool,
}

impl<'a> Request<'a> {
    fn new(client: &'a Client, method: Method, path: String) -> Self {
        Self {
            client,
            method,
            path,
            query: Vec::new(),
            body: None,
            is_json: false,
        }
    }

    /// Adds a parameter.
    pub(super) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// Adds a parameter unless its value is empty.
    pub(super) fn query_if_set(self, name: &'static str, value: &str) -> Self {
        if value.is_empty() {
            self
        } else {
            self.query(name, value)
        }
    }

    /// Adds the common parameters.
    pub(super) fn options(mut self, options: &QueryOptions) -> Self {
        self.query.extend(options.parameters());
        if let (true, Some(name)) = (options.datacenter.is_empty(), &self.client.datacenter) {
            return self.query_if_set("dc", &name.clone());
        }
        self
    }

    /// Sends bytes as they are.
    pub(super) fn body(mut self, body: impl Into<reqwest::Body>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sends JSON.
    pub(super) fn json(mut self, value: &impl serde::Serialize) -> Result<Self, ApiError> {
        let text = serde_json::to_vec(value).map_err(|error| ApiError::Decode {
            request: self.path.clone(),
            cause: error.to_string(),
            is_page: false,
        })?;
        self.is_json = true;
        Ok(self.body(Bytes::from(text)))
    }

    /// The request as Go's errors print it: `Get "http://127.0.0.1:8500/v1/kv/a?recurse="`.
    fn shown(&self) -> String {
        let name = self.method.as_str();
        let method = format!("{}{}", &name[..1], name[1..].to_ascii_lowercase());
        format!(
            "{method} \"{}{}\"",
            self.client.shown,
            self.path_and_query()
        )
    }

    fn path_and_query(&self) -> String {
        if self.query.is_empty() {
            return self.path.clone();
        }
        let mut pairs: Vec<_> = self.query.iter().collect();
        // Sorted by name only, so that repeated parameters keep their order, as in Go.
        pairs.sort_by_key(|(name, _)| *name);
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        format!("{}?{query}", self.path)
    }

    /// Sends the request and waits for the head of the answer, whatever its status.
    ///
    /// # Errors
    ///
    /// The agent cannot be reached.
    pub(super) async fn send(mut self) -> Result<Answer, ApiError> {
        let client = self.client;
        if let Some(namespace) = &client.namespace {
            self.query.push(("ns", namespace.clone()));
        }
        let (shown, timeout) = (self.shown(), self.timeout());
        let url = format!("{}{}", client.base, self.path_and_query());
        let body = self.body.take();
        let began = Instant::now();
        let sent = self.exchange(url, body);
        let sent = match timeout {
            Some(timeout) => tokio::time::timeout(timeout, sent).await,
            None => Ok(sent.await),
        };
        let result = match sent {
            Ok(Ok(response)) => {
                let target = client.target.clone();
                Ok(Answer::new(shown.clone(), target, response, timeout))
            }
            Ok(Err(error)) => Err(ApiError::transport(shown.clone(), &client.target, error)),
            Err(_) => Err(ApiError::Slow {
                request: shown.clone(),
                awaited: "Client.Timeout exceeded while awaiting headers",
            }),
        };
        if let Some(trace) = client.trace {
            trace(&traced(&shown, client.token.is_some(), began, &result));
        }
        result
    }

    /// Sends the request, and a read again to where the agent redirects it. A write is not repeated elsewhere: what Go makes
    /// of it is a read that changes nothing.
    async fn exchange(
        &self,
        mut url: String,
        mut body: Option<reqwest::Body>,
    ) -> reqwest::Result<reqwest::Response> {
        let client = self.client;
        let mut redirections = 0;
        loop {
            let mut request = client.http.request(self.method.clone(), &url);
            if let Some(token) = &client.token {
                request = request.header("X-Consul-Token", token);
            }
            if let Some((user, password)) = &client.basic_auth {
                request = request.basic_auth(user, Some(password));
            }
            if self.is_json {
                request = request.header("Content-Type", "application/json");
            }
            if let Some(body) = body.take() {
                request = request.body(body);
            }
            let response = request.send().await?;
            let next = (self.method == Method::GET && redirections < MAX_REDIRECTIONS)
                .then(|| redirection(&response))
                .flatten();
            match next {
                Some(next) => url = next,
                None => return Ok(response),
            }
            redirections += 1;
        }
    }

    /// How long the answer's beginning may take, and each of its parts; `None` for as long as it takes.
    fn timeout(&self) -> Option<Duration> {
        let waits = self.query.iter().any(|(name, _)| *name == "index")
            || SLOW_PATHS.iter().any(|path| self.path.starts_with(path));
        match self.method {
            _ if waits => None,
            Method::GET => self.client.patience.read,
            _ => self.client.patience.write,
        }
    }

    /// Sends the request and demands success.
    pub(super) async fn send_ok(self) -> Result<Answer, ApiError> {
        self.send().await?.ok().await
    }
}

/// Where an answer sends the reader: to the same host, for another one is not to have the token, and never out of TLS.
fn redirection(response: &reqwest::Response) -> Option<String> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get("Location")?.to_str().ok()?;
    let (here, mut next) = (response.url(), response.url().join(location).ok()?);
    let is_same =
        next.host() == here.host() && (next.scheme() == here.scheme() || next.scheme() == "https");
    // A password of the address is sent as a header.
    next.set_fragment(None);
    is_same.then(|| next.into())
}

/// A line about a request. A token is never part of it, only that there was one.
fn traced(
    shown: &str,
    has_token: bool,
    began: Instant,
    result: &Result<Answer, ApiError>,
) -> String {
    let took = began.elapsed().as_millis();
    let token = if has_token { ", token hidden" } else { "" };
    match result {
        Ok(answer) => {
            let (status, index) = (answer.status(), answer.meta().index);
            format!("api: {shown}: {status}, {took} ms, index {index}{token}")
        }
        Err(error) => format!("api: {error}, {took} ms{token}"),
    }
}

impl From<super::address::AddressError> for ApiError {
    fn from(error: super::address::AddressError) -> Self {
        Self::Settings(SettingsError::Address(error))
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::Overrides;
    use super::*;

    fn client(patience: Patience) -> Client {
        let mut settings = Settings::resolve(Overrides::default(), |_| None).unwrap();
        settings.patience = patience;
        Client::new(&settings).unwrap()
    }

    #[test]
    fn scripts_wait_as_long_as_it_takes_and_nobody_is_cut_off_while_waiting_for_a_change() {
        let script = client(Patience::SCRIPT);
        assert_eq!(script.get("/v1/kv/a").timeout(), None);
        let person = client(Patience::PERSON);
        assert_eq!(person.get("/v1/kv/a").timeout(), Patience::PERSON.read);
        assert_eq!(person.put("/v1/kv/a").timeout(), None);
        let second = Duration::from_secs(1);
        for client in [person, client(Patience::of(second))] {
            assert_eq!(client.get("/v1/kv/a").query("index", "1").timeout(), None);
            for path in SLOW_PATHS {
                assert_eq!(client.get(path).timeout(), None);
            }
        }
        assert_eq!(
            client(Patience::of(second)).put("/v1/kv/a").timeout(),
            Some(second)
        );
        assert_eq!(Patience::of(Duration::ZERO).read, None);
    }
}
