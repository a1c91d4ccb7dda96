//! One request of a check that may be sent on, with Go's rules for what goes along. Pure.

use reqwest::header::{
    AUTHORIZATION, COOKIE, HOST, HeaderMap, HeaderValue, LOCATION, REFERER, WWW_AUTHENTICATE,
};
use reqwest::{Method, StatusCode, Url};

use super::failure::{failure_at, supported};
use crate::agent::checks::quote::go_quoted;
use crate::agent::checks::spec::HttpProbe;

/// What is asked next.
#[derive(Debug)]
pub(super) struct Hop {
    pub(super) url: Url,
    /// The URL as errors show it.
    pub(super) shown: String,
    pub(super) method: Method,
    pub(super) body: String,
    referer: Option<HeaderValue>,
    /// Whether the check's own `Host` is meant for another server.
    drops_host: bool,
    /// Whether the server is another than the check's: what authorizes is not for it.
    is_elsewhere: bool,
}

impl Hop {
    pub(super) fn first(probe: &HttpProbe, url: Url, method: Method) -> Self {
        Self {
            url,
            shown: probe.url.clone(),
            method,
            body: probe.body.clone(),
            referer: None,
            drops_host: false,
            is_elsewhere: false,
        }
    }

    /// Where a response sends the check; `None`: nowhere, it is the answer.
    ///
    /// # Errors
    /// Go's text for a redirect without a place, or to one where nobody can go.
    pub(super) fn next(
        self,
        probe: &HttpProbe,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Result<Option<Self>, String> {
        let location = location(headers);
        let keeps_body = match status.as_u16() {
            301..=303 => false,
            307 | 308 if !location.is_empty() => true,
            _ => return Ok(None),
        };
        let failed = |cause: &str| failure_at(&probe.method, &self.shown, cause);
        if location.is_empty() {
            let code = status.as_u16();
            return Err(failed(&format!("{code} response missing Location header")));
        }
        let url = self.url.join(&location).map_err(|err| {
            let place = go_quoted(&location);
            failed(&format!(
                "failed to parse Location header {place}: parse {place}: {err}"
            ))
        })?;
        supported(&url).map_err(|cause| failure_at(&probe.method, url.as_str(), &cause))?;
        let is_absolute = Url::parse(&location).is_ok();
        let same_host = url.host() == self.url.host()
            && url.port_or_known_default() == self.url.port_or_known_default();
        let stays = [Method::GET, Method::HEAD].contains(&self.method);
        Ok(Some(Self {
            shown: url.as_str().to_owned(),
            method: if keeps_body || stays {
                self.method
            } else {
                Method::GET
            },
            body: if keeps_body { self.body } else { String::new() },
            referer: referer(&self.url, &url),
            drops_host: self.drops_host || is_absolute,
            is_elsewhere: self.is_elsewhere || !same_host,
            url,
        }))
    }

    /// Takes away what is not for this server and says who sent the check.
    pub(super) fn adapt(&self, headers: &mut HeaderMap) {
        if self.drops_host {
            headers.remove(HOST);
        }
        if self.is_elsewhere {
            for name in [AUTHORIZATION, COOKIE, WWW_AUTHENTICATE] {
                headers.remove(name);
            }
        }
        if let Some(referer) = &self.referer {
            headers.entry(REFERER).or_insert_with(|| referer.clone());
        }
    }
}

/// The place that a response names.
pub(super) fn location(headers: &HeaderMap) -> String {
    let value = headers.get(LOCATION).map(HeaderValue::as_bytes);
    String::from_utf8_lossy(value.unwrap_or_default()).into_owned()
}

/// The URL before, without its password, unless it was a secret one and the next is not.
fn referer(from: &Url, to: &Url) -> Option<HeaderValue> {
    if from.scheme() == "https" && to.scheme() == "http" {
        return None;
    }
    let mut from = from.clone();
    // URLs with a host have a place for them.
    from.set_username("").ok()?;
    from.set_password(None).ok()?;
    HeaderValue::from_str(from.as_str()).ok()
}
