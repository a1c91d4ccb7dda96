//! Metrics: cheap handles for hot paths, ten-second intervals in memory, Prometheus text, statsd.

mod aggregate;
mod cells;
mod driver;
mod filter;
mod intervals;
mod process;
mod prometheus;
mod push;
mod registry;
mod series;
mod summary;

pub use aggregate::Aggregate;
pub use cells::{Counter, Gauge, Sample};
pub use filter::{Filter, FilterError};
pub use process::{ProcessFacts, process_facts};
pub use push::Targets;
pub use registry::{Metrics, MetricsError, MetricsSettings, SERIES_LIMIT};
pub use summary::{GaugeValue, MetricsSummary, SampledValue};
