//! Where an agent is: `host:port`, `http://…`, `https://…` or `unix:///path`.

use std::path::PathBuf;

/// Address that an agent has by default.
const DEFAULT_ADDRESS: &str = "127.0.0.1:8500";

/// An address that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The part before `://` is none of http, https and unix. Consul's text.
    #[error("Unknown protocol scheme: {0}")]
    Scheme(String),
    /// The rest is no host and port.
    #[error("invalid agent address \"{0}\": expected HOST:PORT")]
    Host(String),
}

/// Where an agent is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// Over TCP.
    Tcp {
        /// Whether TLS is spoken.
        tls: bool,
        /// Host and port, as given.
        authority: String,
        /// A path that stands before `/v1`, without a slash at its end; usually empty.
        prefix: String,
    },
    /// Over a unix socket.
    Unix(PathBuf),
}

impl Address {
    /// Reads an address; an empty text is the default. `tls` is what holds without a scheme.
    ///
    /// # Errors
    ///
    /// An unknown scheme, or a host that no URL can hold.
    pub fn parse(text: &str, tls: bool) -> Result<Self, AddressError> {
        let text = if text.is_empty() {
            DEFAULT_ADDRESS
        } else {
            text
        };
        let (tls, rest) = match text.split_once("://") {
            None => (tls, text),
            // Consul lets CONSUL_HTTP_SSL win over an explicit http://.
            Some(("http", rest)) => (tls, rest),
            Some(("https", rest)) => (true, rest),
            Some(("unix", path)) => return Ok(Self::Unix(PathBuf::from(path))),
            Some((scheme, _)) => return Err(AddressError::Scheme(scheme.to_owned())),
        };
        let (authority, prefix) = match rest.split_once('/') {
            Some((authority, prefix)) => (authority, prefix.trim_end_matches('/')),
            None => (rest, ""),
        };
        let prefix = if prefix.is_empty() {
            String::new()
        } else {
            format!("/{prefix}")
        };
        let address = Self::Tcp {
            tls,
            authority: authority.to_owned(),
            prefix,
        };
        match reqwest::Url::parse(&address.base()) {
            Ok(url) if url.has_host() => Ok(address),
            _ => Err(AddressError::Host(text.to_owned())),
        }
    }

    /// The address as a URL without a path, the way Go writes it in error messages.
    pub fn display_base(&self) -> String {
        match self {
            Self::Tcp {
                tls,
                authority,
                prefix,
            } => {
                // As Go shows it: a password is nobody's business.
                without_secrets(&url(*tls, authority, prefix))
            }
            Self::Unix(path) => {
                let path = path.to_string_lossy().replace('/', "%2F");
                format!("http://{path}")
            }
        }
    }

    /// The URL that requests start with.
    pub(super) fn base(&self) -> String {
        match self {
            Self::Tcp {
                tls,
                authority,
                prefix,
            } => url(*tls, authority, prefix),
            Self::Unix(_) => "http://127.0.0.1".to_owned(),
        }
    }

    /// Whether TLS is spoken.
    pub fn is_tls(&self) -> bool {
        matches!(self, Self::Tcp { tls: true, .. })
    }

    /// Whether the host is this machine, which no proxy may stand before.
    pub(super) fn is_local(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Tcp { .. } => match reqwest::Url::parse(&self.base()) {
                Ok(url) => url.host_str().is_some_and(|host| {
                    let bare = host.trim_start_matches('[').trim_end_matches(']');
                    host == "localhost"
                        || bare
                            .parse::<std::net::IpAddr>()
                            .is_ok_and(|ip| ip.is_loopback())
                }),
                Err(_) => false,
            },
        }
    }
}

/// An address as it may be shown: without the password in front of the host, and without a query, which may hold a token.
pub fn without_secrets(address: &str) -> String {
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), address),
    };
    let (rest, query) = match rest.split_once('?') {
        Some((rest, _)) => (rest, "?***"),
        None => (rest, ""),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let authority = match authority.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((name, _)) => format!("{name}:***@{host}"),
            None => authority.to_owned(),
        },
        None => authority.to_owned(),
    };
    format!("{scheme}{authority}{path}{query}")
}

fn url(tls: bool, authority: &str, prefix: &str) -> String {
    let scheme = if tls { "https" } else { "http" };
    format!("{scheme}://{authority}{prefix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &str, tls: bool) -> String {
        Address::parse(text, tls).unwrap().display_base()
    }

    #[test]
    fn every_form_that_consul_takes() {
        assert_eq!(base("", false), "http://127.0.0.1:8500");
        assert_eq!(base("10.0.0.1:80", false), "http://10.0.0.1:80");
        assert_eq!(base("10.0.0.1:80", true), "https://10.0.0.1:80");
        assert_eq!(base("http://a:1", true), "https://a:1");
        assert_eq!(base("https://[::1]:8501", false), "https://[::1]:8501");
        assert_eq!(base("http://proxy/consul/", false), "http://proxy/consul");
        assert_eq!(base("unix:///run/c.sock", false), "http://%2Frun%2Fc.sock");
        assert_eq!(base("http://user:pa:ss@h:1", false), "http://user:***@h:1");
        assert_eq!(base("http://user@h:1", false), "http://user@h:1");
        assert_eq!(base("h:1/?token=secret", false), "http://h:1/?***");
        assert_eq!(without_secrets("u:secret@h:1"), "u:***@h:1");
        assert_eq!(without_secrets("unix:///run/c.sock"), "unix:///run/c.sock");
    }

    #[test]
    fn what_is_no_address_is_an_error() {
        let scheme = Address::parse("foo://bar:1", false).unwrap_err();
        assert_eq!(scheme.to_string(), "Unknown protocol scheme: foo");
        assert!(Address::parse("-stale", false).is_ok());
        assert!(Address::parse("a b:1", false).is_err());
        assert!(Address::parse("http://", false).is_err());
    }

    #[test]
    fn local_addresses_are_known() {
        assert!(Address::parse("", false).unwrap().is_local());
        assert!(Address::parse("[::1]:1", false).unwrap().is_local());
        assert!(Address::parse("localhost:1", true).unwrap().is_local());
        assert!(!Address::parse("10.0.0.1:1", false).unwrap().is_local());
    }
}
