//! Addresses and connections, with Go's wording of errors, which dashboards and people search for.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::cause;
use super::lookup::lookup;

/// How long an address may stay silent before the next one is tried beside it, as in Go.
const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(300);

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

/// Connects to the address of a name that answers first; when none does, the failure of the first
/// address is told, as Go tells it.
pub(super) async fn dial(address: &str) -> Result<TcpStream, String> {
    let found = alternate(resolve("tcp", address).await?);
    let opened = race(found, |to| async move {
        let opened = TcpStream::connect(to).await;
        opened.map_err(|err| dial_error(&to.to_string(), &err))
    });
    let opened = opened.await;
    opened.unwrap_or_else(|| Err(lookup_error(address)))
}

/// Puts the families of addresses in turn, the first one's first: one of them may lead nowhere,
/// however many addresses it has.
fn alternate(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let count = found.len();
    let first_is_v4 = found.first().is_some_and(SocketAddr::is_ipv4);
    let (ours, others): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|address| address.is_ipv4() == first_is_v4);
    let (mut ours, mut others) = (ours.into_iter(), others.into_iter());
    (0..count)
        .flat_map(|_| [ours.next(), others.next()])
        .flatten()
        .collect()
}

/// The first success of `connect`, which begins with the next address when one fails or stays
/// silent; otherwise the failure of the first address; `None` without addresses.
async fn race<T, C>(
    addresses: Vec<SocketAddr>,
    connect: impl Fn(SocketAddr) -> C,
) -> Option<Result<T, String>>
where
    C: Future<Output = Result<T, String>>,
{
    let mut running = FuturesUnordered::new();
    let mut rest = addresses.into_iter().enumerate();
    let mut first_error = None;
    loop {
        if let Some((index, to)) = rest.next() {
            let connecting = connect(to);
            running.push(async move { (index, connecting.await) });
        }
        tokio::select! {
            biased;
            ended = running.next() => match ended {
                Some((_, Ok(open))) => return Some(Ok(open)),
                Some((0, Err(text))) => first_error = Some(text),
                Some((_, Err(_))) => {}
                None => return first_error.map(Err),
            },
            () = tokio::time::sleep(NEXT_ADDRESS_AFTER), if rest.len() > 0 => {}
        }
    }
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

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_address_does_not_hold_up_the_next() {
        let addresses = vec![address("[::1]:1"), address("127.0.0.1:1")];
        let begun = tokio::time::Instant::now();
        let answered = race(addresses, |to| async move {
            if to.is_ipv6() {
                std::future::pending::<()>().await;
            }
            Ok(to)
        });
        let limited = tokio::time::timeout(Duration::from_secs(10), answered).await;
        assert_eq!(limited, Ok(Some(Ok(address("127.0.0.1:1")))));
        assert_eq!(begun.elapsed(), NEXT_ADDRESS_AFTER);
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_addresss_failure_is_told_however_late() {
        let addresses = vec![address("127.0.0.1:1"), address("127.0.0.1:2")];
        let answered = race::<(), _>(addresses, |to| async move {
            let slowness = Duration::from_secs(u64::from(3 - to.port()));
            tokio::time::sleep(slowness).await;
            Err(to.to_string())
        });
        assert_eq!(answered.await, Some(Err("127.0.0.1:1".to_owned())));
        let begun = tokio::time::Instant::now();
        let addresses = vec![address("127.0.0.1:1"), address("127.0.0.1:2")];
        let answered = race(addresses, |to| async move {
            if to.port() == 1 {
                return Err("refused".to_owned());
            }
            Ok(to.port())
        });
        assert_eq!(answered.await, Some(Ok(2)));
        assert_eq!(
            begun.elapsed(),
            Duration::ZERO,
            "a failure is not waited for"
        );
    }

    #[test]
    fn families_take_turns() {
        let found = ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"];
        let expected = ["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"];
        assert_eq!(
            alternate(found.map(address).to_vec()),
            expected.map(address)
        );
    }
}
