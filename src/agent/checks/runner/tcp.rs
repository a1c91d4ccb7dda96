//! TCP checks: a connection that opens passes.

use tokio::net::TcpStream;

use super::net::{dial_error, host_and_port, lookup_error, lookup_failure};
use crate::agent::checks::outcome::Outcome;
use crate::agent::checks::spec::TcpProbe;

pub(super) async fn run(probe: &TcpProbe) -> Outcome {
    let address = probe.address.as_str();
    if host_and_port(address).is_none() {
        return Outcome::critical(format!(
            "dial tcp: address {address}: missing port in address"
        ));
    }
    match tokio::time::timeout(probe.timeout, connect(address)).await {
        Ok(Ok(())) => Outcome::passing(format!("TCP connect {address}: Success")),
        Ok(Err(text)) => Outcome::critical(text),
        Err(_elapsed) => Outcome::critical(format!("dial tcp {address}: i/o timeout")),
    }
}

/// Tries every address that the name stands for; the first refusal is told, as Go tells it.
async fn connect(address: &str) -> Result<(), String> {
    let found = tokio::net::lookup_host(address)
        .await
        .map_err(|err| lookup_failure(address, &err))?;
    let mut first_error = None;
    for candidate in found {
        match TcpStream::connect(candidate).await {
            Ok(_open) => return Ok(()),
            Err(err) => {
                first_error.get_or_insert_with(|| dial_error(&candidate.to_string(), &err));
            }
        }
    }
    Err(first_error.unwrap_or_else(|| lookup_error(address)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::net::TcpListener;

    use super::*;

    async fn check(address: &str) -> Outcome {
        run(&TcpProbe {
            address: address.to_owned(),
            timeout: Duration::from_secs(10),
        })
        .await
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
