//! What a metric is called.

use std::cmp::Ordering;
use std::sync::Arc;

/// A metric's identity. The order is that of Consul's output: by name, then by labels.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Series {
    /// The full name with prefix, and with the host's name in it for gauges when that is wanted.
    pub(super) name: String,
    /// The full name without the host's name, for sinks that carry the host elsewhere.
    pub(super) bare_name: String,
    /// Names and values of labels, in the order given.
    pub(super) labels: Vec<(String, String)>,
}

impl PartialOrd for Series {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Series {
    fn cmp(&self, other: &Self) -> Ordering {
        (&self.name, &self.labels).cmp(&(&other.name, &other.labels))
    }
}

/// What a metric measured in a period.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reading {
    /// The last value set.
    Gauge(f32),
    /// The increments.
    Counter(super::Aggregate),
    /// The values, and the last of them one by one.
    Sample(super::Aggregate, Vec<f32>),
}

/// All that was measured in a period; metrics that were silent are absent.
pub(super) type Readings = Vec<(Arc<Series>, Reading)>;
