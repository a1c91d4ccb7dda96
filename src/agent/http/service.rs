//! One request from its head to its answer: path, checks, handler, headers.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper::header::{
    ACCEPT_ENCODING, ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, EXPECT, HOST, HeaderMap,
    HeaderName, HeaderValue, LOCATION, VARY,
};
use hyper::{Method, StatusCode, Version};

use super::body::{OutBody, RequestBody};
use super::connections::RequestGuard;
use super::error::HttpError;
use super::listener::Peer;
use super::log::{self, RequestObserver, Sample};
use super::params::Params;
use super::path;
use super::render;
use super::render_cache::Rendered;
use super::request::{Closing, Request};
use super::response::{Meta, PLAIN_UTF8, Payload, Response};
use super::router::{Answer, Found, Route, Router};
use super::tenancy::refuse_namespace;
use super::transport_settings::TransportSettings;

/// Text of `/` when there is no web interface.
const ROOT_TEXT: &str = "Consul Agent";
/// Larger bodies are compressed on a thread of their own, so that other requests go on.
const GZIP_INLINE_MAX: usize = 256 * 1024;

const INDEX: HeaderName = HeaderName::from_static("x-consul-index");
const KNOWN_LEADER: HeaderName = HeaderName::from_static("x-consul-knownleader");
const LAST_CONTACT: HeaderName = HeaderName::from_static("x-consul-lastcontact");
const CONSISTENCY: HeaderName = HeaderName::from_static("x-consul-effective-consistency");

/// Go's words for 413, from an older specification than hyper's; scripts see them.
const TOO_LARGE_REASON: ReasonPhrase = ReasonPhrase::from_static(b"Request Entity Too Large");

/// What every connection of a server shares.
pub(super) struct Shared<C> {
    pub(super) settings: TransportSettings,
    pub(super) router: Router<C>,
    pub(super) context: Arc<C>,
    pub(super) observer: Arc<dyn RequestObserver>,
    pub(super) closing: Closing,
}

type HttpRequest = hyper::Request<Incoming>;
type HttpResponse = hyper::Response<OutBody>;

impl<C: Send + Sync + 'static> Shared<C> {
    /// Answers one request. Never fails: whatever happens becomes an answer.
    pub(super) async fn answer(
        self: Arc<Self>,
        peer: Peer,
        guard: RequestGuard,
        request: HttpRequest,
    ) -> Result<HttpResponse, Infallible> {
        if let Some(response) = refuse_malformed(&request) {
            return Ok(response);
        }
        let Ok(path) = path::decode(request.uri().path().as_bytes()) else {
            return Ok(malformed("400 Bad Request"));
        };
        if !self.settings.allow_unprintable && !path::is_printable(&path) {
            return Ok(plain(StatusCode::BAD_REQUEST, Bytes::new()));
        }
        let connect = request.method() == Method::CONNECT;
        if !connect && let Some(clean) = path::clean(&path) {
            return Ok(redirect(&request, &clean));
        }
        match self.router.find(&path) {
            Found::Route(route, rest_at) => {
                let decoded = match path {
                    std::borrow::Cow::Borrowed(_) => None,
                    std::borrow::Cow::Owned(path) => Some(path),
                };
                Ok(self
                    .endpoint(route, decoded, rest_at, peer, guard, request)
                    .await)
            }
            Found::AddSlash => {
                let mut with_slash = path.into_owned();
                with_slash.push(b'/');
                Ok(redirect(&request, &with_slash))
            }
            Found::Nothing if path.as_ref() == b"/" => Ok(plain(
                StatusCode::OK,
                Bytes::from_static(ROOT_TEXT.as_bytes()),
            )),
            Found::Nothing => Ok(plain(StatusCode::NOT_FOUND, Bytes::new())),
        }
    }

    async fn endpoint(
        &self,
        route: &Route<C>,
        decoded: Option<Vec<u8>>,
        rest_at: usize,
        peer: Peer,
        guard: RequestGuard,
        request: HttpRequest,
    ) -> HttpResponse {
        let started = Instant::now();
        let (head, body) = request.into_parts();
        let gzip = head
            .headers
            .get(ACCEPT_ENCODING)
            .and_then(|value| value.to_str().ok())
            .is_some_and(render::accepts_gzip);
        let method = head.method.clone();
        let uri = head.uri.clone();
        let version = head.version;
        let request = Request {
            method: head.method,
            uri: head.uri,
            decoded,
            rest_at,
            params: Params::default(),
            body: Some(RequestBody::new(body, &head.headers)),
            headers: head.headers,
            peer,
            always_pretty: self.settings.always_pretty,
            closing: self.closing.clone(),
        };
        let answer = self.check_and_call(route, request).await;
        if let Err(error) = &answer
            && error.is_logged()
        {
            log::failed(&method, &uri, peer, error);
        }
        let response = answer.unwrap_or_else(|error| error_response(&error, version));
        let response = self.finish(response, gzip, guard).await;
        let elapsed = started.elapsed();
        log::finished(&method, &uri, peer, elapsed);
        self.observer.request_finished(Sample {
            method: &method,
            endpoint: route.metric(),
            status: response.status(),
            elapsed,
        });
        response
    }

    /// Consul's order of checks: blocked, undecodable query, OPTIONS, method, write restriction.
    async fn check_and_call(&self, route: &Route<C>, mut request: Request) -> Answer {
        let path = request.path();
        let settings = &self.settings;
        if settings
            .block_endpoints
            .iter()
            .any(|prefix| path.starts_with(prefix.as_bytes()))
        {
            return Err(HttpError::Blocked);
        }
        if let Some(query) = request.uri.query() {
            request.params = Params::parse(query.as_bytes())?;
        }
        if request.method == Method::OPTIONS {
            let allow = HeaderValue::from_static(route.methods().allow());
            return Ok(Response::empty(StatusCode::OK).header(ALLOW, allow));
        }
        if !route.methods().contains(&request.method) {
            return Err(HttpError::MethodNotAllowed {
                method: request.method.to_string(),
                allow: route.methods().allow(),
            });
        }
        if !settings.allow_write_http_from.is_empty()
            && request.method != Method::GET
            && !self.may_write(request.peer)
        {
            return Err(HttpError::WriteRestricted);
        }
        refuse_namespace(&request)?;
        CatchPanic(route.call(self.context.clone(), request)).await
    }

    fn may_write(&self, peer: Peer) -> bool {
        peer.ip().is_some_and(|ip| {
            let mut allowed = self.settings.allow_write_http_from.iter();
            allowed.any(|network| network.contains(&ip))
        })
    }

    async fn finish(&self, response: Response, gzip: bool, guard: RequestGuard) -> HttpResponse {
        let (body, compressed) = encode(response.payload, gzip, guard).await;
        let mut out = hyper::Response::new(body);
        *out.status_mut() = response.status;
        if response.status == StatusCode::PAYLOAD_TOO_LARGE {
            out.extensions_mut().insert(TOO_LARGE_REASON);
        }
        let headers = out.headers_mut();
        headers.reserve(8);
        for (name, value) in &self.settings.response_headers.0 {
            headers.insert(name.clone(), value.clone());
        }
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        if compressed {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if let Some(meta) = response.meta {
            set_meta(headers, &meta);
        }
        if let Some(index) = response.index_only {
            headers.insert(INDEX, HeaderValue::from(index.max(1)));
        }
        for (name, value) in response.headers {
            headers.insert(name, value);
        }
        out
    }
}

async fn encode(payload: Payload, gzip: bool, guard: RequestGuard) -> (OutBody, bool) {
    let (body, compressed) = match payload {
        Payload::Bytes(plain) if gzip => compress(plain).await,
        Payload::Bytes(plain) => (plain, false),
        Payload::Rendered(body) if gzip => compress_rendered(body).await,
        Payload::Rendered(body) => (body.plain().clone(), false),
        Payload::Stream(stream) => return (OutBody::stream(stream, Some(guard)), false),
    };
    (OutBody::whole(body, Some(guard)), compressed)
}

/// The body compressed when that is worth it, and whether it is.
async fn compress(plain: Bytes) -> (Bytes, bool) {
    if plain.len() < render::GZIP_MIN_BYTES {
        return (plain, false);
    }
    let packed = if plain.len() <= GZIP_INLINE_MAX {
        render::gzip(&plain).ok()
    } else {
        let copy = plain.clone();
        tokio::task::spawn_blocking(move || render::gzip(&copy).ok())
            .await
            .ok()
            .flatten()
    };
    match packed {
        Some(packed) => (packed, true),
        None => (plain, false),
    }
}

/// As [`compress`]; a body that is compressed already is not compressed again.
async fn compress_rendered(body: Arc<Rendered>) -> (Bytes, bool) {
    let plain = body.plain().clone();
    let packed = if plain.len() <= GZIP_INLINE_MAX || body.is_gzip_ready() {
        body.gzip().cloned()
    } else {
        tokio::task::spawn_blocking(move || body.gzip().cloned())
            .await
            .ok()
            .flatten()
    };
    match packed {
        Some(packed) => (packed, true),
        None => (plain, false),
    }
}

fn set_meta(headers: &mut HeaderMap, meta: &Meta) {
    headers.insert(INDEX, HeaderValue::from(meta.index.max(1)));
    let known = if meta.known_leader { "true" } else { "false" };
    headers.insert(KNOWN_LEADER, HeaderValue::from_static(known));
    headers.insert(LAST_CONTACT, HeaderValue::from(meta.last_contact_ms));
    if let Some(mode) = meta.consistency {
        headers.insert(CONSISTENCY, HeaderValue::from_static(mode.as_str()));
    }
}

fn error_response(error: &HttpError, version: Version) -> Response {
    let mut response = Response::text(error.code(), error.text());
    response.meta = error.meta().cloned();
    if let HttpError::MethodNotAllowed { allow, .. } = error {
        response = response.header(ALLOW, HeaderValue::from_static(allow));
    }
    // What is left of a body that is too large is not worth reading.
    if error.code() == StatusCode::PAYLOAD_TOO_LARGE && version < Version::HTTP_2 {
        response = response.header(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Polls a handler; a panic becomes an answer instead of the end of the connection.
struct CatchPanic(Pin<Box<dyn Future<Output = Answer> + Send>>);

impl Future for CatchPanic {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        // The future is not polled again after a panic, so what it left half-done is never seen.
        let poll = AssertUnwindSafe(|| self.0.as_mut().poll(cx));
        catch_unwind(poll).unwrap_or_else(|_| {
            Poll::Ready(Err(HttpError::internal(
                "internal error: the request handler panicked; please report this with the agent's log",
            )))
        })
    }
}

/// Rules of HTTP/1.1 that hyper leaves to us, and `OPTIONS *`.
fn refuse_malformed(request: &HttpRequest) -> Option<HttpResponse> {
    if let Some(expected) = request.headers().get(EXPECT)
        && !expected.as_bytes().eq_ignore_ascii_case(b"100-continue")
    {
        let mut response = plain(StatusCode::EXPECTATION_FAILED, Bytes::new());
        if request.version() < Version::HTTP_2 {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        return Some(response);
    }
    if request.version() == Version::HTTP_11 {
        let mut hosts = request.headers().get_all(HOST).iter();
        match (hosts.next(), hosts.next()) {
            (Some(_), None) => {}
            (None, _) => {
                return Some(malformed("400 Bad Request: missing required Host header"));
            }
            (Some(_), Some(_)) => {
                return Some(malformed("400 Bad Request: too many Host headers"));
            }
        }
    }
    if request.uri().path() != "*" {
        return None;
    }
    Some(if request.method() == Method::OPTIONS {
        plain(StatusCode::OK, Bytes::new())
    } else {
        malformed("")
    })
}

fn malformed(text: &'static str) -> HttpResponse {
    let mut response = plain(StatusCode::BAD_REQUEST, Bytes::from_static(text.as_bytes()));
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// An answer outside of any endpoint: no `Vary`, no configured headers.
fn plain(status: StatusCode, text: Bytes) -> HttpResponse {
    let empty = text.is_empty();
    let mut response = hyper::Response::new(OutBody::whole(text, None));
    *response.status_mut() = status;
    if !empty {
        response.headers_mut().insert(CONTENT_TYPE, PLAIN_UTF8);
    }
    response
}

/// 301 to a decoded path with the query kept, in the words of Go's `http.Redirect`.
fn redirect(request: &HttpRequest, path: &[u8]) -> HttpResponse {
    let mut location = path::encode(path);
    if let Some(query) = request.uri().query() {
        location.push('?');
        for byte in query.bytes() {
            if byte.is_ascii() {
                location.push(char::from(byte));
            } else {
                path::push_escaped(&mut location, byte);
            }
        }
    }
    let body = if request.method() == Method::GET {
        format!(
            "<a href=\"{}\">Moved Permanently</a>.\n\n",
            escape_html(&location)
        )
    } else {
        String::new()
    };
    let mut response = hyper::Response::new(OutBody::whole(Bytes::from(body), None));
    *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    let headers = response.headers_mut();
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        );
    }
    if let Ok(location) = HeaderValue::from_str(&location) {
        headers.insert(LOCATION, location);
    }
    response
}

fn escape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    #[test]
    fn a_large_rendered_body_is_compressed_on_a_blocking_thread() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .max_blocking_threads(1)
            .build()
            .unwrap();
        runtime.block_on(async {
            let (release, released) = std::sync::mpsc::channel::<()>();
            let busy = tokio::task::spawn_blocking(move || released.recv());
            let body = Arc::new(Rendered::new(Bytes::from(vec![b'x'; GZIP_INLINE_MAX + 1])));
            let mut encoding = std::pin::pin!(compress_rendered(body.clone()));
            let waits = poll_fn(|cx| Poll::Ready(encoding.as_mut().poll(cx).is_pending())).await;
            assert!(waits && !body.is_gzip_ready(), "no blocking thread is free");
            release.send(()).unwrap();
            let (packed, compressed) = encoding.await;
            assert!(compressed && packed.len() < GZIP_INLINE_MAX);
            busy.await.unwrap().unwrap();
            assert!(body.is_gzip_ready());
        });
    }
}
