//! Query parameters: Go's parsing rules, and the parameters that most endpoints share.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, CACHE_CONTROL};

use crate::model::duration::{DurationError, parse_go_duration};

use super::path::{hex_value, push_escaped};

/// Most parameters of one request; what comes after them is an error.
pub(super) const PARAMETERS_MAX: usize = 1000;

/// Why a query string or one of its shared parameters cannot be used. The texts are Consul's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParamError {
    /// Broken percent-encoding, or too many parameters.
    #[error("failed to decode the query string")]
    Undecodable,
    /// `?wait` is no duration.
    #[error("Invalid wait time")]
    Wait,
    /// `?index` is no number.
    #[error("Invalid index")]
    Index,
    /// `?max_stale` is no duration.
    #[error("Invalid max_stale value {0:?}")]
    MaxStale(String),
    /// `?stale` or `?max_stale` together with `?consistent`.
    #[error("Cannot specify ?stale with ?consistent, conflicting semantics.")]
    StaleAndConsistent,
    /// `?cached` together with `?consistent`.
    #[error("Cannot specify ?cached with ?consistent, conflicting semantics.")]
    CachedAndConsistent,
    /// A `Cache-Control` directive with a bad value.
    #[error("Invalid Cache-Control header.")]
    CacheControl,
}

/// The parameters of a request in the order in which they were written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params {
    /// All names and values, decoded, one after the other.
    text: Vec<u8>,
    pairs: Vec<(Range<usize>, Range<usize>)>,
}

impl Params {
    /// Decodes a query string as Go's `url.ParseQuery` did until Go 1.16: `&` and `;` separate, `+` is
    /// a space, a name without `=` has an empty value, empty pieces are skipped.
    ///
    /// # Errors
    /// [`ParamError::Undecodable`].
    pub fn parse(query: &[u8]) -> Result<Self, ParamError> {
        let mut params = Self::default();
        if query.is_empty() {
            return Ok(params);
        }
        params.text.reserve(query.len());
        for piece in query.split(|byte| matches!(byte, b'&' | b';')) {
            if piece.is_empty() {
                continue;
            }
            if params.pairs.len() == PARAMETERS_MAX {
                return Err(ParamError::Undecodable);
            }
            let equals = piece.iter().position(|byte| *byte == b'=');
            let (name, value) = match equals {
                Some(at) => (&piece[..at], &piece[at + 1..]),
                None => (piece, &[][..]),
            };
            let name = params.append(name)?;
            let value = params.append(value)?;
            params.pairs.push((name, value));
        }
        Ok(params)
    }

    fn append(&mut self, encoded: &[u8]) -> Result<Range<usize>, ParamError> {
        let start = self.text.len();
        let mut rest = encoded;
        while let [byte, tail @ ..] = rest {
            rest = tail;
            match byte {
                b'+' => self.text.push(b' '),
                b'%' => {
                    let [high, low, tail @ ..] = tail else {
                        return Err(ParamError::Undecodable);
                    };
                    let (Some(high), Some(low)) = (hex_value(*high), hex_value(*low)) else {
                        return Err(ParamError::Undecodable);
                    };
                    self.text.push(high << 4 | low);
                    rest = tail;
                }
                other => self.text.push(*other),
            }
        }
        Ok(start..self.text.len())
    }

    /// True when the parameter is there, with or without a value.
    pub fn has(&self, name: &str) -> bool {
        self.get_bytes(name).is_some()
    }

    /// The first value of a parameter as bytes.
    pub fn get_bytes(&self, name: &str) -> Option<&[u8]> {
        self.values(name).next()
    }

    /// The first value of a parameter; bytes that are no UTF-8 become U+FFFD.
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get_bytes(name).map(String::from_utf8_lossy)
    }

    /// The first value of a parameter unless it is empty: Consul takes `?dc=` for no `dc` at all.
    pub fn non_empty(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// Every value of a repeated parameter, in order.
    pub fn all(&self, name: &str) -> impl Iterator<Item = Cow<'_, str>> {
        self.values(name).map(String::from_utf8_lossy)
    }

    /// All parameters as Go's `url.Values.Encode` writes them: sorted by name.
    pub fn encode(&self) -> String {
        let mut pairs: Vec<(&[u8], &[u8])> = self.pairs().collect();
        pairs.sort_by_key(|(name, _)| *name);
        let mut text = String::new();
        for (name, value) in pairs {
            if !text.is_empty() {
                text.push('&');
            }
            escape_query(&mut text, name);
            text.push('=');
            escape_query(&mut text, value);
        }
        text
    }

    /// All names and values, as they were written.
    pub fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.pairs
            .iter()
            .map(|(name, value)| (&self.text[name.clone()], &self.text[value.clone()]))
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.pairs
            .iter()
            .filter(move |(found, _)| &self.text[found.clone()] == name.as_bytes())
            .map(|(_, value)| &self.text[value.clone()])
    }

    /// `?node-meta=key:value` (all must match): what stands before the first colon, and after it.
    pub fn node_meta(&self) -> BTreeMap<String, String> {
        self.all("node-meta")
            .map(|pair| match pair.split_once(':') {
                Some((key, value)) => (key.to_owned(), value.to_owned()),
                None => (pair.into_owned(), String::new()),
            })
            .collect()
    }

    /// A number parameter with the text of Go's `strconv.ParseUint` on failure, or `None` when the
    /// parameter is missing or empty.
    ///
    /// # Errors
    /// The text that Consul answers with.
    pub fn number(&self, name: &str) -> Result<Option<u64>, NumberError> {
        match self.get(name) {
            Some(text) if !text.is_empty() => parse_uint(&text).map(Some),
            _ => Ok(None),
        }
    }

    /// A duration parameter, or `None` when it is missing or empty.
    ///
    /// # Errors
    /// Go's text for what is wrong.
    pub fn duration_nanos(&self, name: &str) -> Result<Option<i64>, DurationError> {
        self.non_empty(name)
            .map(|text| parse_go_duration(&text))
            .transpose()
    }
}

/// Go's `url.QueryEscape`: letters, digits and `-_.~` stay, a space becomes `+`.
fn escape_query(out: &mut String, text: &[u8]) {
    for byte in text {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(*byte));
            }
            b' ' => out.push('+'),
            other => push_escaped(out, *other),
        }
    }
}

/// Why a number was refused, in the words of Go's `strconv`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Not a number.
    #[error("strconv.ParseUint: parsing {0:?}: invalid syntax")]
    Syntax(String),
    /// More than 64 bits.
    #[error("strconv.ParseUint: parsing {0:?}: value out of range")]
    Range(String),
}

/// Go's `strconv.ParseUint(text, 10, 64)`: digits only, not even a `+`.
///
/// # Errors
/// With Go's texts.
pub fn parse_uint(text: &str) -> Result<u64, NumberError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NumberError::Syntax(text.to_owned()));
    }
    text.parse()
        .map_err(|_| NumberError::Range(text.to_owned()))
}

/// Go's `strconv.ParseBool`.
///
/// # Errors
/// With Go's text.
pub fn parse_bool(text: &str) -> Result<bool, BoolError> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(BoolError(text.to_owned())),
    }
}

/// Text that is no boolean.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("strconv.ParseBool: parsing {0:?}: invalid syntax")]
pub struct BoolError(pub String);

/// Which state a read may see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReadMode {
    /// The leader, while its lease holds.
    #[default]
    Leader,
    /// Any server.
    Stale,
    /// The leader after a quorum has confirmed it.
    Consistent,
}

impl ReadMode {
    /// The value of `X-Consul-Effective-Consistency`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Leader => "leader",
            Self::Stale => "stale",
            Self::Consistent => "consistent",
        }
    }
}

/// The parameters that every read shares.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadParams {
    /// `?dc`, or the agent's datacenter.
    pub datacenter: String,
    /// The token, or an empty text.
    pub token: String,
    /// Which state may be read.
    pub mode: ReadMode,
    /// `?cached`.
    pub cached: bool,
    /// `Cache-Control: max-age`: how long servers may have been unable to confirm what `?cached` gives.
    pub max_age: Option<Duration>,
    /// `?max_stale`: answers older than this are asked again at the leader.
    pub max_stale: Option<Duration>,
    /// `?index`: wait until the result is newer; 0 never waits.
    pub index: u64,
    /// `?wait`: how long at most; `None` is the default.
    pub wait: Option<Duration>,
    /// `?filter`, empty when absent.
    pub filter: String,
}

/// What [`read_params`] takes from the agent's configuration.
#[derive(Debug, Clone, Copy)]
pub struct ReadDefaults<'a> {
    /// The agent's own datacenter.
    pub datacenter: &'a str,
    /// `discovery_max_stale`, for paths below `/v1/catalog` and `/v1/health`.
    pub discovery_max_stale: Duration,
}

/// Reads the shared parameters in Consul's order, so that the first error is Consul's.
///
/// # Errors
/// The first parameter that cannot be used.
pub(super) fn read_params(
    params: &Params,
    headers: &HeaderMap,
    path: &[u8],
    defaults: ReadDefaults<'_>,
) -> Result<ReadParams, ParamError> {
    let (mode, max_stale) = consistency(params, path, defaults)?;
    let max_age = max_age(headers)?;
    let (index, wait) = blocking(params)?;
    Ok(ReadParams {
        datacenter: datacenter(params, defaults.datacenter),
        token: token(params, headers),
        mode,
        cached: params.has("cached"),
        max_age,
        max_stale,
        index,
        wait,
        filter: params.get("filter").unwrap_or_default().into_owned(),
    })
}

/// `?index` and `?wait`: the index that the client has seen, 0 when none, and how long it wants to wait
/// for another.
///
/// # Errors
/// The first of them that cannot be used.
pub(super) fn blocking(params: &Params) -> Result<(u64, Option<Duration>), ParamError> {
    let wait = params
        .duration_nanos("wait")
        .map_err(|_| ParamError::Wait)?
        .and_then(positive_duration);
    let index = params
        .number("index")
        .map_err(|_| ParamError::Index)?
        .unwrap_or(0);
    Ok((index, wait))
}

fn consistency(
    params: &Params,
    path: &[u8],
    defaults: ReadDefaults<'_>,
) -> Result<(ReadMode, Option<Duration>), ParamError> {
    let consistent = params.has("consistent");
    let cached = params.has("cached");
    let mut stale = params.has("stale");
    let mut max_stale = params
        .duration_nanos("max_stale")
        .map_err(|_| {
            ParamError::MaxStale(params.get("max_stale").unwrap_or_default().into_owned())
        })?
        .and_then(positive_duration);
    stale |= max_stale.is_some();
    if !stale && !consistent && !cached && !params.has("leader") {
        let discovery = path.starts_with(b"/v1/catalog") || path.starts_with(b"/v1/health");
        if discovery && !defaults.discovery_max_stale.is_zero() {
            max_stale = Some(defaults.discovery_max_stale);
            stale = true;
        }
    }
    match (stale, consistent) {
        (true, true) => Err(ParamError::StaleAndConsistent),
        (false, true) if cached => Err(ParamError::CachedAndConsistent),
        (true, false) => Ok((ReadMode::Stale, max_stale)),
        (false, true) => Ok((ReadMode::Consistent, None)),
        (false, false) => Ok((ReadMode::Leader, None)),
    }
}

fn positive_duration(nanos: i64) -> Option<Duration> {
    u64::try_from(nanos)
        .ok()
        .filter(|nanos| *nanos > 0)
        .map(Duration::from_nanos)
}

/// `?dc`, or the agent's own datacenter.
pub(super) fn datacenter(params: &Params, own: &str) -> String {
    params
        .non_empty("dc")
        .map_or_else(|| own.to_owned(), Cow::into_owned)
}

/// The token of a request: `?token`, then `X-Consul-Token`, then `Authorization: Bearer`. Empty when
/// there is none; the caller falls back on the agent's default token.
pub(super) fn token(params: &Params, headers: &HeaderMap) -> String {
    if let Some(token) = params.non_empty("token") {
        return token.into_owned();
    }
    if let Some(token) = headers.get("x-consul-token")
        && !token.is_empty()
    {
        return String::from_utf8_lossy(token.as_bytes()).into_owned();
    }
    headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.trim().split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim().to_owned())
        .unwrap_or_default()
}

/// `max-age`, 0 for none as in Consul. The other directive that carries a number is checked, too; what the agent keeps
/// is served on errors anyway.
fn max_age(headers: &HeaderMap) -> Result<Option<Duration>, ParamError> {
    let Some(header) = headers.get(CACHE_CONTROL) else {
        return Ok(None);
    };
    let mut max_age = 0;
    let header = header.to_str().map_err(|_| ParamError::CacheControl)?;
    for directive in header.to_ascii_lowercase().split(',') {
        if let Some((name @ ("max-age" | "stale-if-error"), seconds)) =
            directive.trim().split_once('=')
        {
            let seconds = seconds.trim().parse::<u32>();
            let seconds = seconds.map_err(|_| ParamError::CacheControl)?;
            if name == "max-age" {
                max_age = seconds;
            }
        }
    }
    Ok((max_age > 0).then(|| Duration::from_secs(max_age.into())))
}

#[cfg(test)]
mod tests;
