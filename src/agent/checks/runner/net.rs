//! Go's wording of network errors, which dashboards and people search for.

use std::io;

/// Splits `host:port` at its last colon; `None` without a port.
pub(super) fn host_and_port(address: &str) -> Option<(&str, &str)> {
    let (host, port) = address.rsplit_once(':')?;
    let bare_v6 = host.contains(':') && !host.starts_with('[');
    (!port.is_empty() && !bare_v6).then_some((host, port))
}

/// A name that stands for no address.
pub(super) fn lookup_error(address: &str) -> String {
    let host = host_and_port(address).map_or(address, |(host, _)| host);
    format!("dial tcp: lookup {host}: no such host")
}

/// A connection that did not open.
pub(super) fn dial_error(address: &str, err: &io::Error) -> String {
    let cause = match err.kind() {
        io::ErrorKind::ConnectionRefused => "connect: connection refused".to_owned(),
        io::ErrorKind::HostUnreachable => "connect: no route to host".to_owned(),
        io::ErrorKind::NetworkUnreachable => "connect: network is unreachable".to_owned(),
        io::ErrorKind::ConnectionReset => "connect: connection reset by peer".to_owned(),
        io::ErrorKind::TimedOut => "i/o timeout".to_owned(),
        _ => err.to_string(),
    };
    format!("dial tcp {address}: {cause}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_split_at_the_port() {
        assert_eq!(host_and_port("a:1"), Some(("a", "1")));
        assert_eq!(host_and_port("[::1]:80"), Some(("[::1]", "80")));
        assert_eq!(host_and_port("::1"), None);
        assert_eq!(host_and_port("a"), None);
        assert_eq!(host_and_port("a:"), None);
    }
}
