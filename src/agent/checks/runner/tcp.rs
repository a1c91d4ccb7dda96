//! TCP checks: a connection that opens passes.

use super::net::dial;
use super::tls::CheckTls;
use crate::agent::checks::outcome::Outcome;
use crate::agent::checks::spec::TcpProbe;

pub(super) async fn run(probe: &TcpProbe, tls: &CheckTls) -> Outcome {
    let address = probe.address.as_str();
    match tokio::time::timeout(probe.timeout, connect(probe, tls)).await {
        Ok(Ok(())) => Outcome::passing(format!("TCP connect {address}: Success")),
        Ok(Err(text)) => Outcome::critical(text),
        Err(_elapsed) => Outcome::critical(format!("dial tcp {address}: i/o timeout")),
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
