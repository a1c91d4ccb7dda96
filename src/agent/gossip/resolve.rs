//! Join addresses: `host`, `host:port`, `name/host:port`, IPv6 in brackets or without a port.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::handle::JoinError;
use super::wire::NodeName;

/// How long a name's resolution may take.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(30);
/// Addresses of one name that are joined; a name with more is joined at the first ones.
const ADDRESSES_MAX: usize = 512;

/// Where to join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    /// Who is expected there, when the address said so.
    pub(super) node: Option<NodeName>,
}

/// An address taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Parts<'a> {
    node: Option<&'a str>,
    host: &'a str,
    port: u16,
}

/// All places that an address means.
///
/// # Errors
/// When it is malformed or its name unknown.
pub(super) async fn resolve(address: &str, default_port: u16) -> Result<Vec<Target>, JoinError> {
    let unresolvable = |reason: String| JoinError::Unresolvable {
        address: address.to_owned(),
        reason,
    };
    let parts = split(address, default_port).map_err(unresolvable)?;
    let node: Option<NodeName> = parts.node.map(NodeName::from);
    let addresses = if let Ok(ip) = parts.host.parse::<IpAddr>() {
        vec![SocketAddr::new(ip.to_canonical(), parts.port)]
    } else {
        look_up(parts.host, parts.port)
            .await
            .map_err(unresolvable)?
    };
    let target = |address| Target {
        address,
        node: node.clone(),
    };
    Ok(addresses.into_iter().map(target).collect())
}

/// Takes an address apart; errors are in Go's words, which `consul join` shows.
fn split(address: &str, default_port: u16) -> Result<Parts<'_>, String> {
    let (node, rest) = match address.split_once('/') {
        Some(("", _)) => return Err("empty node name provided".to_owned()),
        Some((node, rest)) => (Some(node), rest),
        None => (None, address),
    };
    let (host, port) = split_port(rest)?;
    let port = match port {
        Some(text) => parse_port(text)?,
        None => default_port,
    };
    Ok(Parts { node, host, port })
}

/// Host and port; more than one colon outside of brackets is an IPv6 address without a port.
fn split_port(text: &str) -> Result<(&str, Option<&str>), String> {
    if let Some(inner) = text.strip_prefix('[') {
        let Some((host, rest)) = inner.split_once(']') else {
            return Err(format!("address {text}: missing ']' in address"));
        };
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(format!("address {text}: missing port in address")),
        };
    }
    match text.split_once(':') {
        Some((host, port)) if !port.contains(':') => Ok((host, Some(port))),
        _ => Ok((text, None)),
    }
}

fn parse_port(text: &str) -> Result<u16, String> {
    let wrong = |what| format!("strconv.ParseUint: parsing {text:?}: {what}");
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong("invalid syntax"));
    }
    text.parse().map_err(|_| wrong("value out of range"))
}

async fn look_up(host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    // Go knows from the look of some texts that they are no names and asks nobody.
    if host.is_empty() || host.contains(|c: char| c.is_ascii_whitespace()) {
        return Err(format!("lookup {host}: no such host"));
    }
    let asked = tokio::time::timeout(RESOLVE_TIMEOUT, tokio::net::lookup_host((host, port)));
    let found = match asked.await {
        Err(_) => return Err(format!("lookup {host}: i/o timeout")),
        Ok(Err(err)) => return Err(format!("lookup {host}: {}", reason(&err.to_string()))),
        Ok(Ok(found)) => found,
    };
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found.take(ADDRESSES_MAX) {
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(format!("lookup {host}: no such host"));
    }
    Ok(addresses)
}

/// What the C library says, in Go's words where scripts look for them.
fn reason(text: &str) -> String {
    let text = text
        .strip_prefix("failed to lookup address information: ")
        .unwrap_or(text);
    match text {
        "Name or service not known" | "No address associated with hostname" => {
            "no such host".to_owned()
        }
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(address: &str) -> (Option<&str>, &str, u16) {
        let parts = split(address, 8301).expect("is well formed");
        (parts.node, parts.host, parts.port)
    }

    #[test]
    fn addresses_are_taken_apart() {
        assert_eq!(parts("10.0.0.1"), (None, "10.0.0.1", 8301));
        assert_eq!(parts("10.0.0.1:1"), (None, "10.0.0.1", 1));
        assert_eq!(parts("web.example:53"), (None, "web.example", 53));
        assert_eq!(parts("::1"), (None, "::1", 8301));
        assert_eq!(parts("[::1]"), (None, "::1", 8301));
        assert_eq!(parts("[::1]:99"), (None, "::1", 99));
        assert_eq!(parts("n1.dc1/10.0.0.1"), (Some("n1.dc1"), "10.0.0.1", 8301));
        assert_eq!(parts("n1/[::1]:7"), (Some("n1"), "::1", 7));
        assert_eq!(parts("a b/10.0.0.1:7"), (Some("a b"), "10.0.0.1", 7));
    }

    #[test]
    fn malformed_addresses_are_refused_in_gos_words() {
        let error = |address| split(address, 1).expect_err("is malformed");
        assert_eq!(error("/10.0.0.1"), "empty node name provided");
        assert_eq!(
            error("10.0.0.1:abc"),
            "strconv.ParseUint: parsing \"abc\": invalid syntax"
        );
        assert_eq!(
            error("10.0.0.1:99999"),
            "strconv.ParseUint: parsing \"99999\": value out of range"
        );
        assert_eq!(
            error("h:"),
            "strconv.ParseUint: parsing \"\": invalid syntax"
        );
        assert!(error("[::1").contains("missing ']'"));
    }

    #[tokio::test]
    async fn names_and_literals_are_resolved() {
        let found = resolve("n/127.0.0.1:5", 1).await.unwrap();
        let wanted = Target {
            address: "127.0.0.1:5".parse().unwrap(),
            node: Some("n".into()),
        };
        assert_eq!(found, [wanted]);
        let found = resolve("localhost", 7).await.unwrap();
        assert!(found.iter().all(|target| target.address.ip().is_loopback()));
        assert!(found.iter().all(|target| target.address.port() == 7));
        let mapped = resolve("[::ffff:127.0.0.1]:5", 1).await.unwrap();
        assert_eq!(mapped[0].address, "127.0.0.1:5".parse().unwrap());
        for (address, text) in [
            ("", "Failed to resolve : lookup : no such host"),
            ("a b", "Failed to resolve a b: lookup a b: no such host"),
        ] {
            let error = resolve(address, 1).await.expect_err("is no name");
            assert_eq!(error.to_string(), text);
        }
    }
}
