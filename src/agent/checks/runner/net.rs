//! Go's wording of network errors, which dashboards and people search for.

use std::io;

use super::cause;

/// Splits `host:port` at its last colon; `None` without a port.
pub(super) fn host_and_port(address: &str) -> Option<(&str, &str)> {
    let (host, port) = address.rsplit_once(':')?;
    let bare_v6 = host.contains(':') && !host.starts_with('[');
    (!port.is_empty() && !bare_v6).then_some((host, port))
}

/// A name that could not be looked up: it stands for no address, or this agent could not ask.
pub(super) fn lookup_failure(address: &str, err: &io::Error) -> String {
    let Some(shortage) = cause::shortage(err) else {
        return lookup_error(address);
    };
    let host = host_and_port(address).map_or(address, |(host, _)| host);
    format!("dial tcp: lookup {host}: {shortage}")
}

/// A name that stands for no address.
pub(super) fn lookup_error(address: &str) -> String {
    let host = host_and_port(address).map_or(address, |(host, _)| host);
    format!("dial tcp: lookup {host}: no such host")
}

/// A connection that did not open.
pub(super) fn dial_error(address: &str, err: &io::Error) -> String {
    let cause = cause::of_dial(err);
    format!("dial tcp {address}: {cause}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lookup_that_could_not_be_made_is_not_an_unknown_name() {
        let full = io::Error::from(rustix::io::Errno::MFILE);
        let text = lookup_failure("web:80", &full);
        let expected = "dial tcp: lookup web: too many open files: ";
        assert!(text.starts_with(expected), "{text}");
        let unknown = io::Error::other("failed to lookup address information");
        assert_eq!(
            lookup_failure("web:80", &unknown),
            "dial tcp: lookup web: no such host"
        );
    }

    #[test]
    fn addresses_split_at_the_port() {
        assert_eq!(host_and_port("a:1"), Some(("a", "1")));
        assert_eq!(host_and_port("[::1]:80"), Some(("[::1]", "80")));
        assert_eq!(host_and_port("::1"), None);
        assert_eq!(host_and_port("a"), None);
        assert_eq!(host_and_port("a:"), None);
    }
}
