//! Logs (files, syslog, monitor), metrics (in memory, Prometheus text, statsd) and facts about the host.

mod feed;
mod file;
mod handle;
pub mod host;
mod hub;
mod level;
pub mod metrics;
mod numbers;
mod queue;
mod record;
mod render;
mod sink;
mod stamp;
mod subscriber;
mod syslog;
mod writer;

#[cfg(test)]
mod tests;

pub use feed::{SUBSCRIPTION_LINES, Subscription};
pub use file::{DEFAULT_MAX_AGE, FileSettings, OpenError};
pub use handle::{Output, Telemetry, TelemetryError, TelemetrySettings};
pub use level::{Level, UnknownLevel, VALID_LEVELS};
pub use metrics::{Metrics, MetricsSettings};
pub use subscriber::AlreadyTaken;
pub use syslog::{Facility, SETUP_RETRIES, SETUP_RETRY_DELAY, SyslogError, SyslogSettings};
