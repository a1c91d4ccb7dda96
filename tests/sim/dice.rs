//! The simulator's only source of chance: SplitMix64, written out so that a seed means the same run for as
//! long as the cores decide the same.

use std::time::Duration;

/// A seeded generator.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The same seed rolls the same numbers.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A generator that rolls independently of this one.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.roll())
    }

    /// Any number.
    pub(crate) const fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// From 0 to below `bound`, which must not be 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        assert!(bound > 0, "there is no number below 0");
        let scaled = u128::from(self.roll()) * bound as u128;
        usize::try_from(scaled >> 64).expect("it is below the bound")
    }

    /// From `low` to `high`, both included.
    pub(crate) fn within(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// From 0 to below 1.
    pub(crate) fn unit(&mut self) -> f64 {
        let bits = u32::try_from(self.roll() >> 32).expect("32 bits are left");
        f64::from(bits) / 4_294_967_296.0
    }

    /// Whether something happens that happens this often.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.unit() < probability
    }

    /// Evenly spread.
    pub(crate) fn span(&mut self, low: Duration, high: Duration) -> Duration {
        low + high.saturating_sub(low).mul_f64(self.unit())
    }

    /// Spread so that each doubling is as likely as the next one.
    pub(crate) fn log_span(&mut self, low: Duration, high: Duration) -> Duration {
        let (low, high) = (low.as_secs_f64(), high.as_secs_f64());
        Duration::from_secs_f64(low * (high / low).powf(self.unit()))
    }

    /// One of these; they must not be none.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// Fisher and Yates.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

#[test]
fn dice_repeat_and_spread() {
    let mut dice = Dice::new(7);
    let mut again = Dice::new(7);
    let mut seen = [0_u32; 6];
    for _ in 0..6000 {
        let n = dice.below(6);
        assert_eq!(n, again.below(6));
        seen[n] += 1;
    }
    assert!(seen.iter().all(|n| (850..1150).contains(n)), "{seen:?}");
    assert_ne!(dice.fork().roll(), dice.roll());
    let (low, high) = (Duration::from_secs(1), Duration::from_secs(32));
    for _ in 0..1000 {
        assert!((low..=high).contains(&dice.log_span(low, high)));
        assert!((low..=high).contains(&dice.span(low, high)));
    }
}
