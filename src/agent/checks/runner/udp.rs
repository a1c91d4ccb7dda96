//! UDP checks: an answer passes, and so does silence; a port that refuses is critical.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::UdpSocket;
use tokio::time::Instant;

use super::cause;
use super::lookup::{Late, QUEUED, within};
use super::net::resolve;
use crate::agent::checks::outcome::Outcome;
use crate::agent::checks::spec::UdpProbe;

pub(super) async fn run(probe: &UdpProbe) -> Outcome {
    // Nobody is obliged to answer a datagram: only the time limit can end the wait.
    let address = probe.address.as_str();
    match within(Instant::now() + probe.timeout, exchange(address)).await {
        Ok(Ok(())) | Err(Late::Talking) => {
            Outcome::passing(format!("UDP connect {address}: Success"))
        }
        Ok(Err(text)) => Outcome::critical(text),
        // Without an address nothing was sent.
        Err(Late::Queued) => Outcome::critical(format!("dial udp {address}: {QUEUED}")),
        Err(Late::Asking) => Outcome::critical(format!("dial udp {address}: i/o timeout")),
    }
}

/// Sends an empty datagram and waits for anything to come back.
async fn exchange(address: &str) -> Result<(), String> {
    let found = resolve("udp", address).await?;
    let peer = *found.first().expect("resolve gives an address at least");
    let dial = |err: std::io::Error| format!("dial udp {peer}: {}", cause::of_dial(&err));
    let any: SocketAddr = match peer {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).await.map_err(dial)?;
    socket.connect(peer).await.map_err(dial)?;
    let local = socket.local_addr().map_err(dial)?;
    let broken = |call: &str, err: &std::io::Error| {
        format!("{call} udp {local}->{peer}: {}", cause::of_call(call, err))
    };
    let sent = socket.send(&[]).await;
    sent.map_err(|err| broken("write", &err))?;
    // One byte is enough: the rest of the datagram is nobody's business.
    let got = socket.recv(&mut [0]).await;
    got.map_err(|err| broken("read", &err))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::agent::checks::runner::lookup::tests::all_turns;

    async fn check(address: &str, timeout: Duration) -> Outcome {
        let address = address.to_owned();
        run(&UdpProbe { address, timeout }).await
    }

    const LONG: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn an_answer_passes_at_once() {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap().to_string();
        let serving = tokio::spawn(async move {
            let mut bytes = [0; 16];
            let (size, peer) = server.recv_from(&mut bytes).await.unwrap();
            server.send_to(&[7; 2000], peer).await.unwrap();
            size
        });
        let success = Outcome::passing(format!("UDP connect {address}: Success"));
        assert_eq!(check(&address, LONG).await, success);
        assert_eq!(serving.await.unwrap(), 0, "an empty datagram is sent");
    }

    #[tokio::test]
    async fn silence_passes_after_the_timeout() {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap().to_string();
        let outcome = check(&address, Duration::from_millis(50)).await;
        let success = Outcome::passing(format!("UDP connect {address}: Success"));
        assert_eq!(outcome, success);
    }

    #[tokio::test]
    async fn a_name_that_is_not_looked_up_in_time_is_critical() {
        let turns = all_turns().await;
        let outcome = check("queued.invalid:1", Duration::from_millis(50)).await;
        drop(turns);
        let text = format!("dial udp queued.invalid:1: {QUEUED}");
        assert_eq!(outcome, Outcome::critical(text));
    }

    #[tokio::test]
    async fn a_closed_port_and_an_unknown_name_are_critical() {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap().to_string();
        drop(server);
        let outcome = check(&address, LONG).await;
        let (head, tail) = outcome.output.split_once("->").unwrap();
        assert!(head.starts_with("read udp 127.0.0.1:"), "{head}");
        assert_eq!(tail, format!("{address}: read: connection refused"));
        assert_eq!(outcome, Outcome::critical(outcome.output.clone()));
        let unknown = "dial udp: lookup nonesuch.invalid: no such host";
        assert_eq!(
            check("nonesuch.invalid:1", LONG).await,
            Outcome::critical(unknown)
        );
    }
}
