//! Answers: status, Consul's headers, and the body as text, JSON or a stream.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Response;
use serde::de::DeserializeOwned;

use super::error::{ApiError, MAX_ERROR_BODY};
use crate::model::decode::{Options, Pieces, from_json_slice_with};

/// What Consul says about an answer in its headers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Meta {
    /// `X-Consul-Index`; 0 when absent.
    pub index: u64,
    /// `X-Consul-LastContact` in milliseconds.
    pub last_contact_ms: u64,
    /// `X-Consul-KnownLeader`.
    pub known_leader: bool,
}

/// Bytes of JSON above which a body is read on another thread.
const LARGE: usize = 64 << 10;

/// A list is decoded in pieces of so many bytes, or one element more.
const PIECE: usize = 32 << 10;

/// An answer whose body is not read yet.
pub struct Answer {
    request: String,
    target: String,
    response: Response,
    /// How long each part of the body may take; `None` for as long as it takes.
    patience: Option<Duration>,
}

impl Answer {
    pub(super) fn new(
        request: String,
        target: String,
        response: Response,
        patience: Option<Duration>,
    ) -> Self {
        Self {
            request,
            target,
            response,
            patience,
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// Consul's headers.
    pub fn meta(&self) -> Meta {
        let text = |name: &str| {
            let value = self.response.headers().get(name);
            value.and_then(|value| value.to_str().ok())
        };
        let number = |name: &str| text(name).and_then(|value| value.parse().ok());
        Meta {
            index: number("X-Consul-Index").unwrap_or_default(),
            last_contact_ms: number("X-Consul-LastContact").unwrap_or_default(),
            known_leader: text("X-Consul-KnownLeader") == Some("true"),
        }
    }

    /// Whether it is a web page, which no agent answers with to questions of the API.
    pub(super) fn is_page(&self) -> bool {
        let kind = self.response.headers().get("Content-Type");
        let kind = kind.and_then(|kind| kind.to_str().ok());
        kind.is_some_and(|kind| kind.starts_with("text/html"))
    }

    /// Length of the body, where the agent tells it.
    pub fn length(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// The answer itself if its status is 200.
    ///
    /// # Errors
    ///
    /// [`ApiError::Status`] with the body's text for any other status.
    pub async fn ok(self) -> Result<Self, ApiError> {
        if self.status() == 200 {
            return Ok(self);
        }
        Err(self.into_error().await)
    }

    /// The answer as an error, whatever its status.
    pub async fn into_error(mut self) -> ApiError {
        let mut body = Vec::new();
        loop {
            match self.chunk().await {
                Ok(Some(part)) if body.len() < MAX_ERROR_BODY => body.extend_from_slice(&part),
                Ok(_) => break,
                Err(error) => return error,
            }
        }
        ApiError::Status {
            status: self.status(),
            body: String::from_utf8_lossy(&body).into_owned(),
            request: self.request,
        }
    }

    /// The next part of the body; `None` at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ApiError> {
        let part = self.response.chunk();
        let part = match self.patience {
            Some(patience) => tokio::time::timeout(patience, part).await,
            None => Ok(part.await),
        };
        match part {
            Ok(part) => {
                part.map_err(|error| ApiError::transport(self.request.clone(), &self.target, error))
            }
            Err(_) => Err(ApiError::Slow {
                request: self.request.clone(),
                awaited: "Client.Timeout or context cancellation while reading body",
            }),
        }
    }

    /// The whole body.
    pub async fn bytes(mut self) -> Result<Bytes, ApiError> {
        let mut body = Vec::new();
        while let Some(part) = self.chunk().await? {
            body.extend_from_slice(&part);
        }
        Ok(body.into())
    }

    /// The body's first bytes, at most so many, and whether there are more.
    pub(super) async fn beginning(mut self, limit: usize) -> Result<(Vec<u8>, bool), ApiError> {
        let mut body = Vec::new();
        while let Some(part) = self.chunk().await? {
            if body.len() + part.len() > limit {
                body.extend_from_slice(&part[..limit - body.len()]);
                return Ok((body, true));
            }
            body.extend_from_slice(&part);
        }
        Ok((body, false))
    }

    /// The whole body as JSON.
    ///
    /// # Errors
    ///
    /// [`ApiError::Decode`] when it is none, or of another shape.
    pub async fn json<T: DeserializeOwned + Send + 'static>(self) -> Result<T, ApiError> {
        let (request, is_page) = (self.request.clone(), self.is_page());
        let body = self.bytes().await?;
        let length = body.len();
        let read = move || from_json_slice_with(&body, Options::HTTP_LENIENT);
        let found = if length > LARGE {
            // Reading it takes milliseconds in which keys and timers would wait.
            match tokio::task::spawn_blocking(read).await {
                Ok(found) => found,
                Err(ended) => std::panic::resume_unwind(ended.into_panic()),
            }
        } else {
            read()
        };
        found.map_err(|error| ApiError::Decode {
            request,
            cause: error.to_string(),
            is_page,
        })
    }

    /// The whole body as a JSON list of any length. It is decoded while it comes, some elements at a time: neither its
    /// text nor untyped values of all elements are there at once, and keys and timers wait for some elements at most.
    ///
    /// # Errors
    ///
    /// [`ApiError::Decode`] when it is none, or elements are of another shape.
    pub async fn list<T: DeserializeOwned + Send>(mut self) -> Result<Vec<T>, ApiError> {
        let mut pieces = Pieces::new(PIECE);
        let mut found: Vec<T> = Vec::new();
        while let Some(part) = self.chunk().await? {
            let mut rest = &part[..];
            while let Some(piece) = pieces.feed(&mut rest) {
                found.append(&mut self.decode(&piece)?);
                tokio::task::yield_now().await;
            }
        }
        found.append(&mut self.decode(&pieces.finish())?);
        found.shrink_to_fit();
        Ok(found)
    }

    fn decode<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, ApiError> {
        from_json_slice_with(body, Options::HTTP_LENIENT).map_err(|error| ApiError::Decode {
            request: self.request.clone(),
            cause: error.to_string(),
            is_page: self.is_page(),
        })
    }
}
