//! TCP checks: a connection that opens passes.

use tokio::time::Instant;

use super::lookup::{Late, QUEUED, within};
use super::net::dial;
use super::tls::CheckTls;
use crate::agent::checks::outcome::Outcome;
use crate::agent::checks::spec::TcpProbe;

pub(super) async fn run(probe: &TcpProbe, tls: &CheckTls) -> Outcome {
    let address = probe.address.as_str();
    match within(Instant::now() + probe.timeout, connect(probe, tls)).await {
        Ok(Ok(())) => Outcome::passing(format!("TCP connect {address}: Success")),
        Ok(Err(text)) => Outcome::critical(text),
        Err(Late::Queued) => Outcome::critical(format!("dial tcp {address}: {QUEUED}")),
        Err(_late) => Outcome::critical(format!("dial tcp {address}: i/o timeout")),
    }
}

async fn connect(probe: &TcpProbe, tls: &CheckTls) -> Result<(), String> {
    let stream = dial(&probe.address).await?;
    if let Some(options) = &probe.tls {
        tls.connect(stream, &probe.address, options, &[]).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::net::TcpListener;

    use super::*;
    use crate::agent::checks::runner::lookup::tests::all_turns;

    async fn check(address: &str) -> Outcome {
        let probe = TcpProbe {
            address: address.to_owned(),
            tls: None,
            timeout: Duration::from_secs(10),
        };
        run(&probe, &CheckTls::default()).await
    }

    #[tokio::test]
    async fn an_open_port_passes_and_a_closed_one_is_critical() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let success = Outcome::passing(format!("TCP connect {address}: Success"));
        assert_eq!(check(&address).await, success);
        drop(listener);
        let refused = format!("dial tcp {address}: connect: connection refused");
        assert_eq!(check(&address).await, Outcome::critical(refused));
    }

    #[tokio::test]
    async fn a_lookup_that_gets_no_turn_is_critical_and_says_so() {
        let turns = all_turns().await;
        let probe = TcpProbe {
            address: "queued.invalid:1".to_owned(),
            tls: None,
            timeout: Duration::from_millis(50),
        };
        let outcome = run(&probe, &CheckTls::default()).await;
        drop(turns);
        let text = format!("dial tcp queued.invalid:1: {QUEUED}");
        assert_eq!(outcome, Outcome::critical(text));
    }

    #[tokio::test]
    async fn bad_addresses_are_critical() {
        let missing = "dial tcp: address 127.0.0.1: missing port in address";
        assert_eq!(check("127.0.0.1").await, Outcome::critical(missing));
        let unknown = "dial tcp: lookup nonesuch.invalid: no such host";
        assert_eq!(
            check("nonesuch.invalid:1").await,
            Outcome::critical(unknown)
        );
    }
}
