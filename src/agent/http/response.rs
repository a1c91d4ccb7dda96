//! What a handler answers.

use std::sync::Arc;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};

use super::body::ByteStream;
use super::params::ReadMode;
use super::render_cache::Rendered;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// What Go's content sniffing makes of Consul's short texts.
pub(super) const PLAIN_UTF8: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// What a query says about the state that it read: the `X-Consul-*` headers. The default is what
/// Consul sends with an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meta {
    /// `X-Consul-Index`; 0 is sent as 1, because clients must never block on 0.
    pub index: u64,
    /// `X-Consul-Knownleader`.
    pub known_leader: bool,
    /// `X-Consul-Lastcontact` in milliseconds.
    pub last_contact_ms: u64,
    /// `X-Consul-Effective-Consistency`, for the endpoints that send it.
    pub consistency: Option<ReadMode>,
}

/// The body of an answer.
pub(super) enum Payload {
    Bytes(Bytes),
    Rendered(Arc<Rendered>),
    Stream(ByteStream),
}

/// An answer.
pub struct Response {
    pub(super) status: StatusCode,
    pub(super) payload: Payload,
    pub(super) meta: Option<Meta>,
    pub(super) index_only: Option<u64>,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

impl Response {
    /// An answer without a body.
    pub fn empty(status: StatusCode) -> Self {
        Self::with_payload(status, Payload::Bytes(Bytes::new()))
    }

    fn with_payload(status: StatusCode, payload: Payload) -> Self {
        Self {
            status,
            payload,
            meta: None,
            index_only: None,
            headers: Vec::new(),
        }
    }

    /// 200 with JSON that is rendered already; see [`super::Request::json`] for a value.
    pub fn json_bytes(body: Bytes) -> Self {
        Self::with_payload(StatusCode::OK, Payload::Bytes(body)).header(CONTENT_TYPE, JSON)
    }

    /// 200 with JSON out of the render cache.
    pub fn json_rendered(body: Arc<Rendered>) -> Self {
        Self::with_payload(StatusCode::OK, Payload::Rendered(body)).header(CONTENT_TYPE, JSON)
    }

    /// A text as Consul writes it without a content type.
    pub fn text(status: StatusCode, text: impl Into<Bytes>) -> Self {
        let text = text.into();
        let empty = text.is_empty();
        let response = Self::with_payload(status, Payload::Bytes(text));
        if empty {
            response
        } else {
            response.header(CONTENT_TYPE, PLAIN_UTF8)
        }
    }

    /// 200 with bytes of a type.
    pub fn bytes(content_type: HeaderValue, body: Bytes) -> Self {
        Self::with_payload(StatusCode::OK, Payload::Bytes(body)).header(CONTENT_TYPE, content_type)
    }

    /// 200 with a body that is produced while it is sent.
    pub fn stream(content_type: Option<HeaderValue>, body: ByteStream) -> Self {
        let response = Self::with_payload(StatusCode::OK, Payload::Stream(body));
        match content_type {
            Some(content_type) => response.header(CONTENT_TYPE, content_type),
            None => response,
        }
    }

    /// The same answer with another status.
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The same answer with the headers of a query.
    pub fn meta(mut self, meta: Meta) -> Self {
        self.meta = Some(meta);
        self
    }

    /// The same answer with the headers of a query that has no index: a transaction that reads.
    pub fn meta_without_index(mut self, meta: &Meta) -> Self {
        let contact = HeaderValue::from(meta.last_contact_ms);
        let known = HeaderValue::from_static(if meta.known_leader { "true" } else { "false" });
        self.headers
            .push((HeaderName::from_static("x-consul-knownleader"), known));
        self.headers
            .push((HeaderName::from_static("x-consul-lastcontact"), contact));
        self
    }

    /// The same answer with `X-Consul-Index` alone (events, agent caches).
    pub fn index(mut self, index: u64) -> Self {
        self.index_only = Some(index);
        self
    }

    /// The same answer with one more header.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The status.
    pub fn code(&self) -> StatusCode {
        self.status
    }
}
