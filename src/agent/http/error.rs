//! Everything that can go wrong with a request, and what the client is told.

use std::borrow::Cow;

use hyper::StatusCode;

use super::body::BodyError;
use super::params::ParamError;
use super::response::Meta;
use crate::agent::rpc::RpcError;

/// Where Consul's documentation explains the limit of key/value bodies; part of an error text.
const KV_LIMIT_DOCUMENTATION: &str =
    "https://www.consul.io/docs/agent/options.html#kv_max_value_size";

/// Why a request has no ordinary answer. Status and text are Consul's.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// An answer with a status and a text that the endpoint chose itself.
    #[error("{text}")]
    Status {
        /// The status.
        status: StatusCode,
        /// The body.
        text: Cow<'static, str>,
    },
    /// 400 whose text carries Consul's prefix `Bad request: `.
    #[error("Bad request: {0}")]
    BadRequest(Cow<'static, str>),
    /// 401: the endpoint needs ACLs and they are off.
    #[error("ACL support disabled")]
    AclDisabled,
    /// 403: the token may not do this.
    #[error("{0}")]
    Forbidden(Cow<'static, str>),
    /// 403: `http_config.block_endpoints`.
    #[error("Endpoint is blocked by agent configuration")]
    Blocked,
    /// 403: `http_config.allow_write_http_from`.
    #[error("Access is restricted")]
    WriteRestricted,
    /// 405 with `Allow`.
    #[error("method {method} not allowed")]
    MethodNotAllowed {
        /// The method of the request.
        method: String,
        /// The value of `Allow`.
        allow: &'static str,
    },
    /// 413 for a key/value body.
    #[error(
        "Request body({size} bytes) too large, max size: {limit} bytes. See {KV_LIMIT_DOCUMENTATION}."
    )]
    ValueTooLarge {
        /// Bytes announced or received.
        size: u64,
        /// `limits.kv_max_value_size`.
        limit: usize,
    },
    /// 429 without a text.
    #[error("RPC rate limit exceeded")]
    RateLimited,
    /// A shared parameter is wrong: 400, or 500 without a text for an undecodable query.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// The body could not be read.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// 500 with the text.
    #[error("{0}")]
    Internal(Cow<'static, str>),
    /// An error whose answer carries the headers of a query.
    #[error("{error}")]
    WithMeta {
        /// The error.
        #[source]
        error: Box<Self>,
        /// The headers.
        meta: Meta,
    },
}

/// Consul's statuses for what the servers answer.
impl From<RpcError> for HttpError {
    fn from(err: RpcError) -> Self {
        match err {
            RpcError::RateLimited => Self::RateLimited,
            denied if denied.is_denied() => Self::Forbidden(denied.to_string().into()),
            other => Self::failed(other),
        }
    }
}

/// Several errors as Consul lists them.
pub fn error_list(errors: &[String]) -> String {
    let noun = if errors.len() == 1 { "error" } else { "errors" };
    let lines = errors.join("\n\t* ");
    format!("{} {noun} occurred:\n\t* {lines}\n\n", errors.len())
}

impl HttpError {
    /// A status with a text.
    pub fn status(status: StatusCode, text: impl Into<Cow<'static, str>>) -> Self {
        Self::Status {
            status,
            text: text.into(),
        }
    }

    /// 400 with exactly this text.
    pub fn bad(text: impl Into<Cow<'static, str>>) -> Self {
        Self::status(StatusCode::BAD_REQUEST, text)
    }

    /// 400 with `Bad request: ` before the text, as Consul's newer endpoints answer.
    pub fn bad_request(text: impl Into<Cow<'static, str>>) -> Self {
        Self::BadRequest(text.into())
    }

    /// 404 with a text, which may be empty.
    pub fn not_found(text: impl Into<Cow<'static, str>>) -> Self {
        Self::status(StatusCode::NOT_FOUND, text)
    }

    /// 500 with a text.
    pub fn internal(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Internal(text.into())
    }

    /// 500 for an error whose text is the answer.
    pub fn failed(error: impl std::fmt::Display) -> Self {
        Self::Internal(error.to_string().into())
    }

    /// 501: Consul can do this and this build cannot. `what` names the capability.
    pub fn not_built(what: &str) -> Self {
        Self::status(
            StatusCode::NOT_IMPLEMENTED,
            format!("{what} are not supported by this version of consulctl"),
        )
    }

    /// The same error; its answer carries the headers of a query.
    pub fn with_meta(self, meta: Meta) -> Self {
        Self::WithMeta {
            error: Box::new(self),
            meta,
        }
    }

    /// The status of the answer.
    pub fn code(&self) -> StatusCode {
        match self {
            Self::Status { status, .. } => *status,
            Self::AclDisabled => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) | Self::Blocked | Self::WriteRestricted => StatusCode::FORBIDDEN,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::ValueTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Param(ParamError::Undecodable) | Self::Internal(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            Self::BadRequest(_) | Self::Param(_) => StatusCode::BAD_REQUEST,
            Self::Body(error) => match error {
                BodyError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
                BodyError::TimedOut => StatusCode::REQUEST_TIMEOUT,
                BodyError::Broken(_) => StatusCode::BAD_REQUEST,
            },
            Self::WithMeta { error, .. } => error.code(),
        }
    }

    /// The body of the answer.
    pub fn text(&self) -> String {
        match self {
            Self::RateLimited | Self::Param(ParamError::Undecodable) => String::new(),
            Self::Body(BodyError::TooLarge { limit, .. }) => {
                format!("Request body too large, max size: {limit} bytes")
            }
            other => other.to_string(),
        }
    }

    /// The query headers of the answer.
    pub fn meta(&self) -> Option<&Meta> {
        match self {
            Self::WithMeta { meta, .. } => Some(meta),
            _ => None,
        }
    }

    /// Whether the agent's log should have it: Consul logs what handlers return as an error, and not
    /// what they answer themselves.
    pub(super) fn is_logged(&self) -> bool {
        match self {
            Self::Status { status, .. } => status.is_server_error(),
            Self::ValueTooLarge { .. }
            | Self::AclDisabled
            | Self::Param(_)
            | Self::Blocked
            | Self::WriteRestricted => false,
            Self::WithMeta { error, .. } => error.is_logged(),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_consuls_status_and_text() {
        let too_large = BodyError::TooLarge { size: 9, limit: 5 };
        for (error, status, text) in [
            (HttpError::bad("Missing name"), 400, "Missing name"),
            (HttpError::bad_request("EOF"), 400, "Bad request: EOF"),
            (HttpError::AclDisabled, 401, "ACL support disabled"),
            (
                HttpError::Blocked,
                403,
                "Endpoint is blocked by agent configuration",
            ),
            (HttpError::WriteRestricted, 403, "Access is restricted"),
            (HttpError::not_found(""), 404, ""),
            (HttpError::RateLimited, 429, ""),
            (HttpError::Param(ParamError::Undecodable), 500, ""),
            (HttpError::Param(ParamError::Index), 400, "Invalid index"),
            (
                HttpError::internal("No cluster leader"),
                500,
                "No cluster leader",
            ),
            (
                HttpError::Body(too_large),
                413,
                "Request body too large, max size: 5 bytes",
            ),
            (
                HttpError::not_built("Intentions"),
                501,
                "Intentions are not supported by this version of consulctl",
            ),
            (
                HttpError::ValueTooLarge {
                    size: 600_000,
                    limit: 524_288,
                },
                413,
                "Request body(600000 bytes) too large, max size: 524288 bytes. See https://www.consul.io/docs/agent/options.html#kv_max_value_size.",
            ),
        ] {
            assert_eq!(
                (error.code().as_u16(), error.text().as_str()),
                (status, text)
            );
        }
    }

    #[test]
    fn errors_are_listed_as_consul_lists_them() {
        let two = ["a".to_owned(), "b".to_owned()];
        assert_eq!(error_list(&two), "2 errors occurred:\n\t* a\n\t* b\n\n");
        assert_eq!(error_list(&two[..1]), "1 error occurred:\n\t* a\n\n");
    }

    #[test]
    fn query_headers_travel_with_an_error() {
        let error = HttpError::internal("No path to datacenter").with_meta(Meta::default());
        assert_eq!(error.code(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(error.text(), "No path to datacenter");
        assert!(error.meta().is_some());
    }
}
