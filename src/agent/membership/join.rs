//! Joining other agents, with Consul's log lines.

use std::fmt;

use tracing::{info, warn};

use crate::agent::gossip::{GossipHandle, JoinError};

use super::pool_kind::PoolKind;

/// Why no address could be joined: one reason for each, in Consul's form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct JoinErrors(pub Vec<JoinError>);

impl fmt::Display for JoinErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count: usize = self.0.iter().map(JoinError::count).sum();
        let noun = if count == 1 { "error" } else { "errors" };
        write!(f, "{count} {noun} occurred:")?;
        for reason in &self.0 {
            write!(f, "\n\t* {reason}")?;
        }
        write!(f, "\n\n")
    }
}

/// Joins the members at these addresses, one after the other. Returns how many answered.
///
/// # Errors
/// When none did.
pub async fn join(
    pool: &GossipHandle,
    kind: PoolKind,
    addresses: &[String],
) -> Result<usize, JoinErrors> {
    let list = format!("[{}]", addresses.join(", "));
    match kind {
        PoolKind::Lan => info!(target: "agent", lan_addresses = list, "(LAN) joining"),
        PoolKind::Wan => info!(target: "agent", wan_addresses = list, "(WAN) joining"),
    }
    let (mut joined, mut errors) = (0, Vec::new());
    for address in addresses {
        match pool.join(address).await {
            Ok(count) => joined += count,
            Err(err) => errors.push(err),
        }
    }
    let label = kind.label();
    if joined == 0 && !errors.is_empty() {
        let error = JoinErrors(errors);
        warn!(target: "agent", number_of_nodes = 0, %error, "({label}) couldn't join");
        return Err(error);
    }
    info!(target: "agent", number_of_nodes = joined, "({label}) joined");
    Ok(joined)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::member::Member;

    #[test]
    fn reasons_are_listed_as_consul_lists_them() {
        let one = JoinErrors(vec![JoinError::Stopped]);
        let line = "\n\t* Serf can't Join after Leave or Shutdown";
        assert_eq!(one.to_string(), format!("1 error occurred:{line}\n\n"));
        let two = JoinErrors(vec![JoinError::Stopped; 2]);
        let expected = format!("2 errors occurred:{line}{line}\n\n");
        assert_eq!(two.to_string(), expected);
    }

    #[tokio::test]
    async fn every_address_has_its_reason() {
        let pool = GossipHandle::detached(Member::default());
        let addresses = ["a".to_owned(), "b".to_owned()];
        let errors = join(&pool, PoolKind::Lan, &addresses).await.unwrap_err();
        assert_eq!(errors.0.len(), 2);
        assert_eq!(join(&pool, PoolKind::Lan, &[]).await, Ok(0));
    }
}
