//! Opens connections to other servers.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::model::go_error;

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
    let why = go_error::text(why);
    // The dialer's own clock is no system call.
    let call = if why == go_error::TIMEOUT {
        ""
    } else {
        "connect: "
    };
    match source {
        Some(source) => {
            let source = SocketAddr::new(source, 0);
            format!("dial tcp {source}->{server}: {call}{why}")
        }
        None => format!("dial tcp {server}: {call}{why}"),
    }
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
