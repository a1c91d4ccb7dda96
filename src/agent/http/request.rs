//! What a handler is given.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::{HeaderMap, Method, Uri};
use serde::Serialize;

use super::body::RequestBody;
use super::error::HttpError;
use super::listener::Peer;
use super::params::{self, Params, ReadDefaults, ReadParams};
use super::render;
use super::response::Response;

/// A request whose path and method an endpoint has accepted.
#[derive(Debug)]
pub struct Request {
    pub(super) method: Method,
    pub(super) uri: Uri,
    /// The decoded path when it differs from the one in `uri`.
    pub(super) decoded: Option<Vec<u8>>,
    /// Where the part after the endpoint's pattern begins.
    pub(super) rest_at: usize,
    pub(super) params: Params,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<RequestBody>,
    pub(super) peer: Peer,
    pub(super) always_pretty: bool,
    pub(super) closing: Closing,
}

/// Tells long answers that the server is about to stop. Shared by reference count: cloning the token
/// itself takes a lock.
pub(super) type Closing = Arc<tokio_util::sync::CancellationToken>;

impl Request {
    /// The method, one of those that the endpoint's line in the table allows.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The whole decoded path.
    pub fn path(&self) -> &[u8] {
        self.decoded
            .as_deref()
            .unwrap_or_else(|| self.uri.path().as_bytes())
    }

    /// The path after the endpoint's pattern: the key of `/v1/kv/<key>`. Any bytes.
    pub fn rest(&self) -> &[u8] {
        self.path().get(self.rest_at..).unwrap_or_default()
    }

    /// [`Self::rest`] as text; bytes that are no UTF-8 become U+FFFD.
    pub fn rest_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.rest())
    }

    /// [`Self::rest`] as text, or 400 with `missing` when it is empty.
    ///
    /// # Errors
    /// Status 400.
    pub fn required_rest(&self, missing: &'static str) -> Result<Cow<'_, str>, HttpError> {
        let rest = self.rest_text();
        if rest.is_empty() {
            Err(HttpError::bad(missing))
        } else {
            Ok(rest)
        }
    }

    /// The query parameters.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Who asks.
    pub fn peer(&self) -> Peer {
        self.peer
    }

    /// The address that counts as the client's: what the first proxy says, else whoever is connected. Empty where
    /// neither tells.
    pub fn source_ip(&self) -> String {
        let said = self.headers.get("x-forwarded-for");
        let first = said.and_then(|said| said.to_str().ok()?.split(',').next());
        let first = first.and_then(|first| first.trim().parse::<IpAddr>().ok());
        let ip = first.or_else(|| self.peer.ip());
        ip.map_or_else(String::new, |ip| ip.to_string())
    }

    /// The parameters that reads share, with Consul's errors.
    ///
    /// # Errors
    /// The first parameter that cannot be used.
    pub fn read_params(&self, defaults: ReadDefaults<'_>) -> Result<ReadParams, HttpError> {
        params::read_params(&self.params, &self.headers, self.path(), defaults)
            .map_err(HttpError::Param)
    }

    /// `?index` (0 when absent) and `?wait`, for blocking reads of what the agent itself knows.
    ///
    /// # Errors
    /// The first of them that cannot be used.
    pub fn blocking(&self) -> Result<(u64, Option<Duration>), HttpError> {
        params::blocking(&self.params).map_err(HttpError::Param)
    }

    /// `?dc`, or the agent's own datacenter.
    pub fn datacenter(&self, own: &str) -> String {
        params::datacenter(&self.params, own)
    }

    /// The token of the request, or an empty text.
    pub fn token(&self) -> String {
        params::token(&self.params, &self.headers)
    }

    /// The body; taken once.
    ///
    /// # Errors
    /// Status 500 when it was taken before, which is a defect of the handler.
    pub fn take_body(&mut self) -> Result<RequestBody, HttpError> {
        self.body
            .take()
            .ok_or_else(|| HttpError::internal("the request body was read twice"))
    }

    /// Whether JSON is indented: `?pretty`, or a development agent.
    pub fn pretty(&self) -> bool {
        self.always_pretty || self.params.has("pretty")
    }

    /// 200 with a value as JSON.
    ///
    /// # Errors
    /// Status 500 when the value refuses to be rendered.
    pub fn json<T: Serialize + ?Sized>(&self, value: &T) -> Result<Response, HttpError> {
        render::json(value, self.pretty())
            .map(Response::json_bytes)
            .map_err(HttpError::failed)
    }

    /// Resolves when the server stops: a long answer (a blocking query, the log monitor) should end.
    pub fn closing(&self) -> impl Future<Output = ()> + Send + 'static {
        let closing = self.closing.clone();
        async move { closing.cancelled().await }
    }
}
