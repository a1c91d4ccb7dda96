//! Addresses and connections, with Go's wording of errors, which dashboards and people search for.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::cause;
use super::lookup::lookup;

/// A connection, in plain text or over TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Splits `host:port` at its last colon; `None` without a port.
pub(super) fn host_and_port(address: &str) -> Option<(&str, &str)> {
    let (host, port) = address.rsplit_once(':')?;
    let bare_v6 = host.contains(':') && !host.starts_with('[');
    (!port.is_empty() && !bare_v6).then_some((host, port))
}

/// The host without the brackets of an IPv6 address.
pub(super) fn bare_host(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
}

/// The addresses that `host:port` stands for; never empty. `network` is `tcp` or `udp`.
///
/// # Errors
/// Go's text for an address without a port, with a bad one, or with an unknown host.
pub(super) async fn resolve(network: &str, address: &str) -> Result<Vec<SocketAddr>, String> {
    let Some((host, port)) = host_and_port(address) else {
        return Err(format!(
            "dial {network}: address {address}: missing port in address"
        ));
    };
    let number = parse_port(network, port)?;
    // Nothing before the colon is this machine, as in Go.
    let host = if host.is_empty() { "127.0.0.1" } else { host };
    let found = lookup(bare_host(host), number).await;
    let found = found.map_err(|err| lookup_failure(network, host, &err))?;
    if found.is_empty() {
        return Err(format!("dial {network}: lookup {host}: no such host"));
    }
    Ok(found)
}

fn parse_port(network: &str, port: &str) -> Result<u16, String> {
    port.parse().map_err(|_| {
        if port.bytes().all(|byte| byte.is_ascii_digit()) {
            format!("dial {network}: address {port}: invalid port")
        } else {
            format!("dial {network}: address {network}/{port}: unknown port")
        }
    })
}

/// Connects to the first address of a name that takes it; the first refusal is told, as Go tells it.
pub(super) async fn dial(address: &str) -> Result<TcpStream, String> {
    let mut first_error = None;
    for candidate in resolve("tcp", address).await? {
        match TcpStream::connect(candidate).await {
            Ok(open) => return Ok(open),
            Err(err) => {
                first_error.get_or_insert_with(|| dial_error(&candidate.to_string(), &err));
            }
        }
    }
    Err(first_error.unwrap_or_else(|| lookup_error(address)))
}

/// A name that could not be looked up: it stands for no address, or this agent could not ask.
fn lookup_failure(network: &str, host: &str, err: &io::Error) -> String {
    let reason = cause::shortage(err).unwrap_or_else(|| "no such host".to_owned());
    format!("dial {network}: lookup {host}: {reason}")
}

/// A name that stands for no address.
pub(super) fn lookup_error(address: &str) -> String {
    let host = host_and_port(address).map_or(address, |(host, _)| host);
    format!("dial tcp: lookup {host}: no such host")
}

/// A connection that did not open.
pub(super) fn dial_error(address: &str, err: &io::Error) -> String {
    format!("dial tcp {address}: {}", cause::of_dial(err))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lookup_that_could_not_be_made_is_not_an_unknown_name() {
        let full = io::Error::from(rustix::io::Errno::MFILE);
        let text = lookup_failure("tcp", "web", &full);
        let expected = "dial tcp: lookup web: too many open files: ";
        assert!(text.starts_with(expected), "{text}");
        let unknown = io::Error::other("failed to lookup address information");
        let text = lookup_failure("udp", "web", &unknown);
        assert_eq!(text, "dial udp: lookup web: no such host");
    }

    #[test]
    fn addresses_split_at_the_port() {
        assert_eq!(host_and_port("a:1"), Some(("a", "1")));
        assert_eq!(host_and_port("[::1]:80"), Some(("[::1]", "80")));
        assert_eq!(host_and_port("::1"), None);
        assert_eq!(host_and_port("a"), None);
        assert_eq!(host_and_port("a:"), None);
        assert_eq!((bare_host("[::1]"), bare_host("a")), ("::1", "a"));
    }

    #[tokio::test]
    async fn bad_addresses_are_told_in_gos_words() {
        for (address, text) in [
            ("h", "dial udp: address h: missing port in address"),
            ("", "dial udp: address : missing port in address"),
            ("h:zz", "dial udp: address udp/zz: unknown port"),
            ("h:-1", "dial udp: address udp/-1: unknown port"),
            ("h:99999", "dial udp: address 99999: invalid port"),
            (
                "nonesuch.invalid:1",
                "dial udp: lookup nonesuch.invalid: no such host",
            ),
        ] {
            assert_eq!(resolve("udp", address).await.unwrap_err(), text);
        }
        let odd = format!("{}\u{0}\u{1}:1", "x".repeat(65_536));
        assert!(resolve("udp", &odd).await.is_err());
    }

    #[tokio::test]
    async fn nothing_before_the_colon_is_this_machine() {
        let here: SocketAddr = "127.0.0.1:80".parse().unwrap();
        assert_eq!(resolve("tcp", ":80").await, Ok(vec![here]));
        let six: SocketAddr = "[::1]:80".parse().unwrap();
        assert_eq!(resolve("tcp", "[::1]:80").await, Ok(vec![six]));
    }
}
