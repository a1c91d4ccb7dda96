//! Where this member is in the network: Vivaldi coordinates, section 11 of the wire format.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rand::{Rng, RngExt};

use crate::agent::gossip::wire::NodeName;
use crate::model::coordinate::Coordinate;

/// No confidence at all; errors are cut to it.
const ERROR_MAX: f64 = 1.5;
/// How much one measurement may change our error.
const ERROR_GAIN: f64 = 0.25;
/// How much one measurement may move us.
const POSITION_GAIN: f64 = 0.25;
/// Measurements that the adjustment averages over.
const ADJUSTMENT_WINDOW: usize = 20;
/// The lowest height.
const HEIGHT_MIN: f64 = 1e-5;
/// Measurements of one member of which the median counts.
const LATENCY_FILTER: usize = 3;
/// The larger, the weaker we are pulled to the origin.
const GRAVITY_RHO: f64 = 150.0;
/// What is as good as zero, in seconds.
const ZERO: f64 = 1e-6;
/// A longer round trip is no round trip.
const RTT_MAX: Duration = Duration::from_secs(10);

/// Why a measurement was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum CoordinateError {
    #[error("dimensions aren't compatible")]
    Dimensions,
    #[error("coordinate is invalid")]
    Invalid,
    #[error("round trip time of {0:?} is longer than {RTT_MAX:?}")]
    RoundTrip(Duration),
}

/// This member's coordinate, and what it was learnt from.
#[derive(Debug, Clone)]
pub(super) struct Position {
    own: Coordinate,
    origin: Coordinate,
    adjustments: [f64; ADJUSTMENT_WINDOW],
    next_adjustment: usize,
    /// The last measurements by member, oldest first.
    latencies: BTreeMap<NodeName, VecDeque<f64>>,
    /// The last coordinate that each member told.
    others: BTreeMap<NodeName, Coordinate>,
    resets: u64,
}

impl Position {
    pub(super) fn new() -> Self {
        Self {
            own: Coordinate::default(),
            origin: Coordinate::default(),
            adjustments: [0.0; ADJUSTMENT_WINDOW],
            next_adjustment: 0,
            latencies: BTreeMap::new(),
            others: BTreeMap::new(),
            resets: 0,
        }
    }

    /// Our coordinate.
    pub(super) const fn own(&self) -> &Coordinate {
        &self.own
    }

    /// What a member said last that it is at.
    pub(super) fn of(&self, node: &str) -> Option<&Coordinate> {
        self.others.get(node)
    }

    /// How often our coordinate became nonsense and was started over.
    pub(super) const fn resets(&self) -> u64 {
        self.resets
    }

    /// Drops all that is known of a member.
    pub(super) fn forget(&mut self, node: &str) {
        self.latencies.remove(node);
        self.others.remove(node);
    }

    /// Takes a round trip to `node`, which says it is at `other`. Returns how far we moved, in seconds.
    ///
    /// # Errors
    /// When the measurement cannot be used; nothing changes then.
    pub(super) fn update(
        &mut self,
        node: &NodeName,
        other: Coordinate,
        rtt: Duration,
        rng: &mut impl Rng,
    ) -> Result<f64, CoordinateError> {
        if other.vec.len() != self.own.vec.len() {
            return Err(CoordinateError::Dimensions);
        }
        if !is_finite(&other) {
            return Err(CoordinateError::Invalid);
        }
        if rtt > RTT_MAX {
            return Err(CoordinateError::RoundTrip(rtt));
        }
        let before = self.own.clone();
        let rtt = self.median_latency(node, rtt.as_secs_f64());
        self.measure(&other, rtt, rng);
        self.adjust(&other, rtt);
        self.gravitate(rng);
        if !is_finite(&self.own) {
            self.resets = self.resets.saturating_add(1);
            self.own = Coordinate::default();
        }
        self.others.insert(node.clone(), other);
        Ok(before.distance_to(&self.own).unwrap_or_default())
    }

    fn median_latency(&mut self, node: &NodeName, rtt: f64) -> f64 {
        let samples = self.latencies.entry(node.clone()).or_default();
        samples.push_back(rtt);
        if samples.len() > LATENCY_FILTER {
            samples.pop_front();
        }
        let mut sorted: Vec<f64> = samples.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }

    /// The Vivaldi step proper: the less sure we are, compared to the other one, the further we move.
    fn measure(&mut self, other: &Coordinate, rtt: f64, rng: &mut impl Rng) {
        let distance = self.own.distance_to(other).unwrap_or_default();
        let rtt = rtt.max(ZERO);
        let wrongness = (distance - rtt).abs() / rtt;
        let weight = self.own.error / (self.own.error + other.error).max(ZERO);
        let gain = ERROR_GAIN * weight;
        self.own.error = (gain * wrongness + self.own.error * (1.0 - gain)).min(ERROR_MAX);
        let force = POSITION_GAIN * weight * (rtt - distance);
        push(&mut self.own, force, other, rng);
    }

    fn adjust(&mut self, other: &Coordinate, rtt: f64) {
        self.adjustments[self.next_adjustment] = rtt - raw_distance(&self.own, other);
        self.next_adjustment = (self.next_adjustment + 1) % ADJUSTMENT_WINDOW;
        let sum: f64 = self.adjustments.iter().sum();
        #[expect(clippy::cast_precision_loss, reason = "a small constant")]
        let window = ADJUSTMENT_WINDOW as f64;
        self.own.adjustment = sum / (2.0 * window);
    }

    /// Keeps the pool as a whole from drifting away.
    fn gravitate(&mut self, rng: &mut impl Rng) {
        let distance = self.origin.distance_to(&self.own).unwrap_or_default();
        let pull = distance / GRAVITY_RHO;
        push(&mut self.own, -(pull * pull), &self.origin, rng);
    }
}

fn is_finite(coordinate: &Coordinate) -> bool {
    let rest = [coordinate.error, coordinate.adjustment, coordinate.height];
    coordinate.vec.iter().chain(&rest).all(|x| x.is_finite())
}

/// The distance without the adjustments, which must not learn from themselves.
fn raw_distance(a: &Coordinate, b: &Coordinate) -> f64 {
    magnitude(&difference(a, b)) + a.height + b.height
}

fn difference(a: &Coordinate, b: &Coordinate) -> Vec<f64> {
    a.vec.iter().zip(&b.vec).map(|(a, b)| a - b).collect()
}

fn magnitude(vec: &[f64]) -> f64 {
    vec.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// Moves `own` by `force` seconds away from `other`.
fn push(own: &mut Coordinate, force: f64, other: &Coordinate, rng: &mut impl Rng) {
    let mut direction = difference(own, other);
    let apart = magnitude(&direction);
    if apart <= ZERO {
        // On top of each other every direction is as good.
        direction.fill_with(|| rng.random::<f64>() - 0.5);
    }
    let length = magnitude(&direction);
    if length <= ZERO {
        direction.fill(0.0);
        direction[0] = 1.0;
    } else {
        for x in &mut direction {
            *x /= length;
        }
    }
    for (x, step) in own.vec.iter_mut().zip(direction) {
        *x += step * force;
    }
    if apart > ZERO {
        let height = (own.height + other.height) * force / apart + own.height;
        own.height = height.max(HEIGHT_MIN);
    }
}

#[cfg(test)]
mod tests;
