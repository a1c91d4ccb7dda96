//! `http_config` and its neighbours: what applies to every endpoint.

use hyper::header::{HeaderName, HeaderValue};
use ipnet::IpNet;

/// `http_config` and its neighbours: what applies to every endpoint.
#[derive(Debug, Clone, Default)]
pub struct TransportSettings {
    /// Indents JSON without being asked (`-dev`).
    pub always_pretty: bool,
    /// `http_config.response_headers`.
    pub response_headers: ResponseHeaders,
    /// `http_config.block_endpoints`: prefixes of paths.
    pub block_endpoints: Vec<String>,
    /// `http_config.allow_write_http_from`; empty allows everybody.
    pub allow_write_http_from: Vec<IpNet>,
    /// `disable_http_unprintable_char_filter`.
    pub allow_unprintable: bool,
    /// `limits.http_max_conns_per_client`; 0 is no limit.
    pub max_connections_per_client: u32,
}

/// Headers that every answer carries.
#[derive(Debug, Clone, Default)]
pub struct ResponseHeaders(pub(super) Vec<(HeaderName, HeaderValue)>);

/// A configured header that HTTP does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?}: {value:?} is no HTTP header")]
pub struct InvalidHeader {
    name: String,
    value: String,
}

impl ResponseHeaders {
    /// Takes configured names and values.
    ///
    /// # Errors
    /// For the first that HTTP does not allow.
    pub fn parse<'a>(
        pairs: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) -> Result<Self, InvalidHeader> {
        let header = |(name, value): (&String, &String)| {
            let parsed = (name.parse::<HeaderName>().ok()).zip(value.parse::<HeaderValue>().ok());
            parsed.ok_or_else(|| InvalidHeader {
                name: name.clone(),
                value: value.clone(),
            })
        };
        pairs
            .into_iter()
            .map(header)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}
