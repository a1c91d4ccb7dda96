//! A running suspicion: Lifeguard shortens it with every member that confirms it.

use std::time::Duration;

use crate::agent::gossip::wire::NodeName;
use crate::model::mono::Mono;

use super::timing::suspicion_timeout;

/// Through poor health of our own a suspicion gets longer by this part of the longest one, at most.
const MAX_POSTPONED: f64 = 0.5;

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
    /// By how much it is longer because we were not well when it ran out.
    postponed: Duration,
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
            postponed: Duration::ZERO,
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

    /// Gives it more time; false when it had all that it may have. In pools that are too small for confirmations
    /// nobody else would find the failure out in our place: there it gets none.
    #[must_use]
    pub(super) fn postpone(&mut self, by: Duration) -> bool {
        let left = self
            .max
            .mul_f64(MAX_POSTPONED)
            .saturating_sub(self.postponed);
        if self.wanted == 0 || left.is_zero() {
            return false;
        }
        self.postponed += by.min(left);
        true
    }

    /// When it runs out, as things are.
    pub(super) fn deadline(&self) -> Mono {
        let timeout = suspicion_timeout(self.min, self.max, self.wanted, self.confirmations());
        self.since + timeout + self.postponed
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
    fn it_is_postponed_by_half_of_the_longest_one_at_most() {
        let mut suspicion = suspicion(2);
        for deadline in [30_000, 35_000, 37_000] {
            assert!(suspicion.postpone(Duration::from_secs(5)));
            assert_eq!(suspicion.deadline(), at(deadline));
        }
        assert!(!suspicion.postpone(Duration::from_secs(5)));
        assert_eq!(suspicion.deadline(), at(37_000));
        assert!(suspicion.confirm(&"second".into()));
        assert_eq!(suspicion.deadline(), at(24_381), "shorter all the same");
        assert!(!self::suspicion(0).postpone(Duration::from_secs(5)));
    }

    #[test]
    fn without_confirmations_to_wait_for_it_is_short() {
        let mut suspicion = suspicion(0);
        assert_eq!(suspicion.deadline(), at(5_000));
        assert!(!suspicion.confirm(&"second".into()));
        assert!(!suspicion.is_lonely());
    }
}
