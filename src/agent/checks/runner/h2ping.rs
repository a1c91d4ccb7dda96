//! H2PING checks: a server that answers an HTTP/2 ping passes.

use h2::Ping;

use super::lookup::{Late, QUEUED, within};
use super::net::{Stream, dial};
use super::tls::CheckTls;
use crate::agent::checks::outcome::Outcome;
use crate::agent::checks::spec::H2PingProbe;

pub(super) async fn run(probe: &H2PingProbe, tls: &CheckTls) -> Outcome {
    let address = probe.address.as_str();
    let deadline = tokio::time::Instant::now() + probe.timeout;
    let undialled =
        |cause: &str| Outcome::critical(format!("Failed to dial to {address}: {cause}"));
    let stream = match within(deadline, connect(probe, tls)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(cause)) => return undialled(&cause),
        Err(Late::Queued) => return undialled(&format!("dial tcp {address}: {QUEUED}")),
        Err(_late) => return undialled(&format!("dial tcp {address}: i/o timeout")),
    };
    let unanswered = |cause: &str| Outcome::critical(format!("HTTP2 ping failed: {cause}"));
    match tokio::time::timeout_at(deadline, ping(stream)).await {
        Ok(Ok(())) => Outcome::passing("HTTP2 ping was successful"),
        Ok(Err(cause)) => unanswered(&cause),
        Err(_elapsed) => unanswered("context deadline exceeded"),
    }
}

async fn connect(probe: &H2PingProbe, tls: &CheckTls) -> Result<Box<dyn Stream>, String> {
    let stream = dial(&probe.address).await?;
    match &probe.tls {
        None => Ok(Box::new(stream)),
        Some(options) => {
            let opened = tls.connect(stream, &probe.address, options, &["h2"]);
            Ok(Box::new(opened.await?))
        }
    }
}

async fn ping(stream: Box<dyn Stream>) -> Result<(), String> {
    // The sender is kept: a connection without one says goodbye.
    let (_sender, mut connection) = h2::client::handshake(stream)
        .await
        .map_err(|err| err.to_string())?;
    let mut pings = connection
        .ping_pong()
        .ok_or_else(|| "the connection takes no pings".to_owned())?;
    tokio::select! {
        biased;
        pong = pings.ping(Ping::opaque()) => pong.map(drop).map_err(|err| err.to_string()),
        ended = connection => match ended {
            Ok(()) => Err("connection closed".to_owned()),
            Err(err) => Err(err.to_string()),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;
    use crate::agent::checks::runner::tls::tests::{acceptor, lent};
    use crate::agent::checks::spec::TlsOptions;

    async fn serve(stream: impl Stream + 'static) {
        let mut connection = h2::server::handshake(stream).await.unwrap();
        // Pings are answered while the connection waits for requests, until the client goes.
        while connection.accept().await.is_some() {}
    }

    fn probe(address: &str, tls: bool, timeout: Duration) -> H2PingProbe {
        H2PingProbe {
            address: address.to_owned(),
            tls: tls.then(TlsOptions::default),
            timeout,
        }
    }

    const LONG: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn a_server_that_answers_passes_with_and_without_tls() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let serving = tokio::spawn(async move {
            let (plain, _) = listener.accept().await.unwrap();
            serve(plain).await;
            let (over_tls, _) = listener.accept().await.unwrap();
            serve(acceptor(&["h2"], false).accept(over_tls).await.unwrap()).await;
        });
        let success = Outcome::passing("HTTP2 ping was successful");
        for tls in [false, true] {
            let outcome = run(&probe(&address, tls, LONG), &lent(false)).await;
            assert_eq!(outcome, success, "{tls}");
        }
        serving.await.unwrap();
        let refused =
            format!("Failed to dial to {address}: dial tcp {address}: connect: connection refused");
        let outcome = run(&probe(&address, false, LONG), &lent(false)).await;
        assert_eq!(outcome, Outcome::critical(refused));
    }

    #[tokio::test]
    async fn a_server_of_another_protocol_is_critical() {
        for answer in ["HTTP/1.1 400 Bad Request\r\n\r\n", "", "\0\0\u{1}garbage"] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap().to_string();
            let serving = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
            });
            let outcome = run(&probe(&address, false, LONG), &CheckTls::default()).await;
            serving.await.unwrap();
            assert!(
                outcome.output.starts_with("HTTP2 ping failed: "),
                "{answer:?}: {outcome:?}"
            );
            assert_eq!(outcome, Outcome::critical(outcome.output.clone()));
        }
    }

    #[tokio::test]
    async fn a_silent_server_runs_into_the_timeout() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let short = Duration::from_millis(50);
        let outcome = run(&probe(&address, false, short), &CheckTls::default()).await;
        let text = "HTTP2 ping failed: context deadline exceeded";
        assert_eq!(outcome, Outcome::critical(text));
        let outcome = run(&probe(&address, true, short), &lent(false)).await;
        let text = format!("Failed to dial to {address}: dial tcp {address}: i/o timeout");
        assert_eq!(outcome, Outcome::critical(text));
    }
}
