//! A running suspicion: Lifeguard shortens it with every member that confirms it.

use std::time::Duration;

use crate::agent::gossip::wire::NodeName;
use crate::model::mono::Mono;

use super::timing::suspicion_timeout;

/// A member is suspected; when nobody refutes it in time, it is dead.
#[derive(Debug, Clone)]
pub(super) struct Suspicion {
    /// Who said it first; its word does not count twice.
    first: NodeName,
    /// Others who said it, at most `wanted`.
    confirmed_by: Vec<NodeName>,
    wanted: u32,
    min: Duration,
    max: Duration,
    since: Mono,
}

impl Suspicion {
    pub(super) fn new(
        first: NodeName,
        wanted: u32,
        min: Duration,
        max: Duration,
        now: Mono,
    ) -> Self {
        Self {
            first,
            confirmed_by: Vec::new(),
            wanted,
            min,
            max,
            since: now,
        }
    }

    /// Takes a confirmation in; false when it is not needed or not new.
    #[must_use]
    pub(super) fn confirm(&mut self, from: &NodeName) -> bool {
        let enough = self.confirmations() >= self.wanted;
        if enough || *from == self.first || self.confirmed_by.contains(from) {
            return false;
        }
        self.confirmed_by.push(from.clone());
        true
    }

    /// How many others confirmed it.
    pub(super) fn confirmations(&self) -> u32 {
        u32::try_from(self.confirmed_by.len()).unwrap_or(u32::MAX)
    }

    /// Whether it ran out with fewer confirmations than a healthy network would have given.
    pub(super) fn is_lonely(&self) -> bool {
        self.confirmations() < self.wanted
    }

    /// When it runs out, as things are.
    pub(super) fn deadline(&self) -> Mono {
        self.since + suspicion_timeout(self.min, self.max, self.wanted, self.confirmations())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suspicion(wanted: u32) -> Suspicion {
        let (min, max) = (Duration::from_secs(4), Duration::from_secs(24));
        Suspicion::new("first".into(), wanted, min, max, at(1_000))
    }

    fn at(ms: u64) -> Mono {
        Mono::from_origin(Duration::from_millis(ms))
    }

    #[test]
    fn each_new_confirmation_shortens_it() {
        let mut suspicion = suspicion(2);
        assert_eq!(suspicion.deadline(), at(25_000));
        assert!(!suspicion.confirm(&"first".into()), "said it already");
        assert_eq!(suspicion.deadline(), at(25_000));
        assert!(suspicion.confirm(&"second".into()));
        assert_eq!(suspicion.deadline(), at(12_381));
        assert!(!suspicion.confirm(&"second".into()), "said it already");
        assert!(suspicion.is_lonely());
        assert!(suspicion.confirm(&"third".into()));
        assert_eq!(suspicion.deadline(), at(5_000));
        assert!(!suspicion.is_lonely());
        assert!(!suspicion.confirm(&"fourth".into()), "two are enough");
        assert_eq!(suspicion.confirmations(), 2);
    }

    #[test]
    fn without_confirmations_to_wait_for_it_is_short() {
        let mut suspicion = suspicion(0);
        assert_eq!(suspicion.deadline(), at(5_000));
        assert!(!suspicion.confirm(&"second".into()));
        assert!(!suspicion.is_lonely());
    }
}
