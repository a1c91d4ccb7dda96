//! Opens connections to other servers, and tells of failures in Go's words: people search for those.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// Connects within `limit`. Where the agent is bound to one address (`source`), its connections come from there, as
/// Consul's do.
///
/// # Errors
/// In Go's words, addresses included.
pub(super) async fn dial(
    source: Option<IpAddr>,
    server: SocketAddr,
    limit: Duration,
) -> Result<TcpStream, String> {
    // A socket of one family cannot reach the other.
    let source = source.filter(|source| source.is_ipv4() == server.is_ipv4());
    let connecting = async {
        let Some(source) = source else {
            return TcpStream::connect(server).await;
        };
        let socket = if source.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        socket.bind(SocketAddr::new(source, 0))?;
        socket.connect(server).await
    };
    let outcome = timeout(limit, connecting).await;
    let outcome = outcome.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    outcome.map_err(|why| dial_text(source, server, &why))
}

/// What Go says of a connection that could not be opened.
fn dial_text(source: Option<IpAddr>, server: SocketAddr, why: &io::Error) -> String {
    let why = go_text(why);
    // The dialer's own clock is no system call.
    let call = if why == DEADLINE { "" } else { "connect: " };
    match source {
        Some(source) => {
            let source = SocketAddr::new(source, 0);
            format!("dial tcp {source}->{server}: {call}{why}")
        }
        None => format!("dial tcp {server}: {call}{why}"),
    }
}

/// What Go says when a deadline of the program is over.
const DEADLINE: &str = "i/o timeout";

/// An error of the system in Go's words, without the number that Rust adds.
pub(in crate::agent::rpc) fn go_text(error: &io::Error) -> String {
    use io::ErrorKind as Kind;
    let text = match error.kind() {
        Kind::ConnectionRefused => "connection refused",
        Kind::ConnectionReset => "connection reset by peer",
        Kind::ConnectionAborted => "software caused connection abort",
        Kind::BrokenPipe => "broken pipe",
        Kind::HostUnreachable => "no route to host",
        Kind::NetworkUnreachable => "network is unreachable",
        Kind::AddrInUse => "address already in use",
        Kind::AddrNotAvailable => "cannot assign requested address",
        Kind::UnexpectedEof => "unexpected EOF",
        Kind::StorageFull => "no space left on device",
        Kind::TimedOut if error.raw_os_error().is_some() => "connection timed out",
        Kind::TimedOut => DEADLINE,
        // The sentence itself may hold a colon.
        _ => return lower_first(&without_errno(&error.to_string())),
    };
    text.to_owned()
}

/// A text that may hold errors of the system, in lower case where Go has it so, without their numbers.
pub(in crate::agent::rpc) fn without_errno(text: &str) -> String {
    const MARK: &str = " (os error ";
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(MARK) {
        let Some((number, behind)) = after.split_once(')') else {
            break;
        };
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            clean.push_str(before);
            clean.push_str(MARK);
            rest = after;
            continue;
        }
        // The system's own sentence begins after the last colon.
        let begins = before.rfind(": ").map_or(0, |at| at + 2);
        clean.push_str(&before[..begins]);
        clean.push_str(&lower_first(&before[begins..]));
        rest = behind;
    }
    clean.push_str(rest);
    clean
}

fn lower_first(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_in_gos_words() {
        let server = "10.0.0.1:8300".parse().unwrap();
        let refused = io::Error::from_raw_os_error(111);
        let late = io::Error::from(io::ErrorKind::TimedOut);
        let here = Some(IpAddr::from([10, 0, 0, 2]));
        for (source, error, text) in [
            (
                here,
                &refused,
                "dial tcp 10.0.0.2:0->10.0.0.1:8300: connect: connection refused",
            ),
            (
                None,
                &refused,
                "dial tcp 10.0.0.1:8300: connect: connection refused",
            ),
            (None, &late, "dial tcp 10.0.0.1:8300: i/o timeout"),
        ] {
            assert_eq!(dial_text(source, server, error), text);
        }
    }

    #[test]
    fn numbers_of_the_system_are_for_nobody() {
        for number in 1..134 {
            let text = go_text(&io::Error::from_raw_os_error(number));
            assert!(!text.contains("os error"), "{text}");
            let first = text.chars().next().unwrap();
            assert!(!first.is_uppercase(), "{text}");
        }
        assert_eq!(
            without_errno("vote: 10.0.0.1: No route to host (os error 113); gone"),
            "vote: 10.0.0.1: no route to host; gone"
        );
        for text in ["", "a (os error x) b", "a (os error 1", "plain"] {
            assert_eq!(without_errno(text), text);
        }
    }

    #[tokio::test]
    async fn connections_come_from_the_agents_address() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let source = IpAddr::from([127, 0, 0, 9]);
        let limit = Duration::from_secs(10);
        let _open = dial(Some(source), at, limit).await.unwrap();
        assert_eq!(listener.accept().await.unwrap().1.ip(), source);
        drop(listener);
        let refused = dial(Some(source), at, limit).await.unwrap_err();
        assert_eq!(
            refused,
            format!("dial tcp 127.0.0.9:0->{at}: connect: connection refused")
        );
    }
}
