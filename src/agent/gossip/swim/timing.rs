//! Formulas that follow the size of the pool: section 7.2 of the wire format. Everywhere, `n` is the number
//! of known members, this one included.

use std::time::Duration;

/// Up to this many members the whole state is exchanged at the configured interval.
const PUSH_PULL_SCALE_FROM: usize = 32;

/// How often a broadcast is sent: `mult * ceil(log10(n + 1))`.
pub fn retransmit_limit(mult: u32, n: usize) -> u32 {
    mult.saturating_mul(ceil_log10(n.saturating_add(1)))
}

/// The shortest suspicion: `mult * max(1, log10(n)) * interval`, the logarithm cut to three decimals.
pub(super) fn suspicion_min(mult: u32, n: usize, interval: Duration) -> Duration {
    let scale = float(n).log10().max(1.0);
    let thousandths = Duration::from_secs_f64(scale).as_millis();
    let thousandths = u32::try_from(thousandths).unwrap_or(u32::MAX);
    interval
        .saturating_mul(mult)
        .saturating_mul(thousandths)
        .checked_div(1000)
        .unwrap_or_default()
}

/// Confirmations that make a suspicion as short as it gets; zero where there are too few members to give them.
pub(super) fn confirmations_wanted(mult: u32, n: usize) -> u32 {
    let wanted = mult.saturating_sub(2);
    let others = u32::try_from(n.saturating_sub(2)).unwrap_or(u32::MAX);
    if others < wanted { 0 } else { wanted }
}

/// How long a suspicion lasts in all, after `confirmed` of the `wanted` confirmations.
pub(super) fn suspicion_timeout(
    min: Duration,
    max: Duration,
    wanted: u32,
    confirmed: u32,
) -> Duration {
    if wanted == 0 {
        return min;
    }
    let share = (f64::from(confirmed) + 1.0).ln() / (f64::from(wanted) + 1.0).ln();
    let range = max.saturating_sub(min);
    let cut = Duration::try_from_secs_f64(range.as_secs_f64() * share.min(1.0)).unwrap_or(range);
    let millis = max.saturating_sub(cut).as_millis();
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)).max(min)
}

/// Between two exchanges of the whole state: longer in large pools, so that their load stays bearable.
pub(super) fn push_pull_interval(interval: Duration, n: usize) -> Duration {
    if n <= PUSH_PULL_SCALE_FROM {
        return interval;
    }
    let above = ceil_log2(n).saturating_sub(ceil_log2(PUSH_PULL_SCALE_FROM));
    interval.saturating_mul(above + 1)
}

/// `ceil(log10(n))`, and 0 for 0.
pub fn ceil_log10(n: usize) -> u32 {
    n.saturating_sub(1)
        .checked_ilog10()
        .map_or(0, |log| log + 1)
}

fn ceil_log2(n: usize) -> u32 {
    n.saturating_sub(1).checked_ilog2().map_or(0, |log| log + 1)
}

/// At least 1, so that it has a logarithm.
fn float(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX)).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn millis(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn check_values_of_a_lan_pool() {
        // Members, transmissions, shortest and longest suspicion, exchange of state.
        let table = [
            (1, 4, 4_000, 24_000, 30),
            (2, 4, 4_000, 24_000, 30),
            (9, 4, 4_000, 24_000, 30),
            (10, 8, 4_000, 24_000, 30),
            (32, 8, 6_020, 36_120, 30),
            (33, 8, 6_072, 36_432, 60),
            (64, 8, 7_224, 43_344, 60),
            (65, 8, 7_248, 43_488, 90),
            (99, 8, 7_980, 47_880, 90),
            (100, 12, 8_000, 48_000, 90),
            (1_000, 16, 12_000, 72_000, 180),
            (10_000, 20, 16_000, 96_000, 300),
        ];
        for (n, transmissions, min, max, exchange) in table {
            assert_eq!(retransmit_limit(4, n), transmissions, "n = {n}");
            let shortest = suspicion_min(4, n, SECOND);
            assert_eq!(
                (shortest, shortest * 6),
                (millis(min), millis(max)),
                "n = {n}"
            );
            let every = push_pull_interval(30 * SECOND, n);
            assert_eq!(every, exchange * SECOND, "n = {n}");
        }
    }

    #[test]
    fn check_values_of_suspicions() {
        let lan: Vec<_> = (0..=2)
            .map(|c| suspicion_timeout(4 * SECOND, 24 * SECOND, 2, c))
            .collect();
        assert_eq!(lan, [millis(24_000), millis(11_381), millis(4_000)]);
        let wan: Vec<_> = (0..=4)
            .map(|c| suspicion_timeout(30 * SECOND, 180 * SECOND, 4, c))
            .collect();
        let expected = [180_000, 115_398, 77_609, 50_797, 30_000];
        assert_eq!(wan, expected.map(millis));
    }

    #[test]
    fn few_members_want_no_confirmations() {
        assert_eq!(confirmations_wanted(4, 3), 0);
        assert_eq!(confirmations_wanted(4, 4), 2);
        assert_eq!(confirmations_wanted(6, 5), 0);
        assert_eq!(confirmations_wanted(6, 6), 4);
        assert_eq!(confirmations_wanted(1, 100), 0);
        assert_eq!(suspicion_timeout(SECOND, 6 * SECOND, 0, 0), SECOND);
    }

    #[test]
    fn extremes_saturate() {
        assert_eq!(ceil_log10(0), 0);
        assert_eq!(ceil_log10(1), 0);
        assert_eq!(ceil_log10(usize::MAX), 20);
        assert_eq!(retransmit_limit(u32::MAX, usize::MAX), u32::MAX);
        assert!(suspicion_min(u32::MAX, usize::MAX, Duration::MAX) > SECOND);
        assert!(push_pull_interval(Duration::MAX, usize::MAX) == Duration::MAX);
        assert_eq!(suspicion_timeout(SECOND, SECOND, 2, 9), SECOND);
    }
}
