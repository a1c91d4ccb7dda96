//! The handle that the agent holds: start, levels, monitoring, flushing.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::feed::Subscription;
use super::file::{FileSettings, LogFile, OpenError};
use super::hub::Hub;
use super::level::Level;
use super::metrics::{Metrics, MetricsError, MetricsSettings};
use super::queue::Item;
use super::sink::{Console, Sink};
use super::subscriber::{self, AlreadyTaken};
use super::syslog::{Syslog, SyslogError, SyslogSettings};
use super::writer::Writer;

/// Longest wait of [`Telemetry::flush`] for an output that does not take what it is given.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);

/// Where log lines are printed besides files and syslog.
#[derive(Default)]
pub enum Output {
    /// Standard output.
    #[default]
    Stdout,
    /// Anything else, such as a buffer in a test.
    Writer(Box<dyn Write + Send>),
    /// Nowhere.
    Nowhere,
}

/// What the log and the metrics of an agent shall do.
pub struct TelemetrySettings {
    /// `-log-level`.
    pub level: Level,
    /// `-log-json`: JSON lines in every sink.
    pub json: bool,
    /// Where lines are printed.
    pub output: Output,
    /// Hold printed lines back until [`Telemetry::open_gate`]: Consul prints its banner first.
    pub gated: bool,
    /// `-log-file`.
    pub file: Option<FileSettings>,
    /// `-syslog`.
    pub syslog: Option<SyslogSettings>,
    /// The zone of the times in the lines; `None` is the system's.
    pub zone: Option<TimeZone>,
    /// `telemetry { … }`.
    pub metrics: MetricsSettings,
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self {
            level: Level::Info,
            json: false,
            output: Output::default(),
            gated: false,
            file: None,
            syslog: None,
            zone: None,
            metrics: MetricsSettings::default(),
        }
    }
}

/// Why the log could not be set up. Consul prints `Failed to setup logging: ` before the text.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The log file.
    #[error(transparent)]
    File(#[from] OpenError),
    /// The syslog.
    #[error(transparent)]
    Syslog(#[from] SyslogError),
    /// Another subscriber.
    #[error(transparent)]
    Taken(#[from] AlreadyTaken),
    /// The metrics.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// The writer's thread.
    #[error("cannot start the log writer")]
    Thread(#[source] io::Error),
}

/// Log and metrics of one agent. Clones are the same; the last one that goes writes what is pending.
#[derive(Clone)]
pub struct Telemetry {
    inner: Arc<Inner>,
}

struct Inner {
    hub: Arc<Hub>,
    metrics: Metrics,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Telemetry {
    /// Starts the writer and hears the process's events from now on.
    ///
    /// Blocks for up to a minute when a syslog is wanted and absent.
    pub fn init(settings: TelemetrySettings) -> Result<Self, TelemetryError> {
        let zone = settings.zone.unwrap_or_else(TimeZone::system);
        let mut out: Option<Box<dyn Write + Send>> = match settings.output {
            Output::Stdout => Some(Box::new(io::stdout())),
            Output::Writer(writer) => Some(writer),
            Output::Nowhere => None,
        };
        let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
        if let Some(syslog) = settings.syslog {
            let limit = syslog.retry_delay.saturating_mul(syslog.retries);
            let absent = |error: &io::Error| {
                if let Some(out) = &mut out {
                    let text = format!("==> No syslog yet, waiting up to {limit:?}: {error}");
                    // A terminal that is gone is noticed at the first line of the log.
                    drop(writeln!(out, "{text}").and_then(|()| out.flush()));
                }
            };
            sinks.push(Box::new(Syslog::open(syslog, zone.clone(), absent)?));
        }
        if let Some(file) = settings.file {
            sinks.push(Box::new(LogFile::open(file, Timestamp::now())?));
        }
        let console = out.map(|out| Console::new(out, settings.gated));
        let metrics = Metrics::detached(settings.metrics);
        let hub = Arc::new(Hub::new(settings.level));
        subscriber::attach(&hub)?;
        let writer = Writer::new(Arc::clone(&hub), console, sinks, zone, settings.json);
        let writer = std::thread::Builder::new()
            .name("log-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| {
                subscriber::detach(&hub);
                TelemetryError::Thread(error)
            })?;
        let writer = Mutex::new(Some(writer));
        let inner = Arc::new(Inner {
            hub,
            metrics,
            writer,
        });
        inner.metrics.run()?;
        Ok(Self { inner })
    }

    /// The level of the agent's own log.
    pub fn level(&self) -> Level {
        self.inner.hub.level()
    }

    /// Changes the level of the agent's own log; subscribers keep theirs.
    pub fn set_level(&self, level: Level) {
        self.inner.hub.set_level(level);
    }

    /// The log from now on, at a level of its own, as text or JSON lines.
    pub fn monitor(&self, level: Level, json: bool) -> Subscription {
        self.inner.hub.subscribe(level, json)
    }

    /// Prints a line that is no log line on standard output, in order with the log lines around it.
    pub fn say(&self, line: impl Into<String>) {
        self.inner.hub.queue.push(Item::Plain(line.into()));
    }

    /// Prints the log lines that were held back, and all that follow.
    pub fn open_gate(&self) {
        self.inner.hub.queue.push(Item::OpenGate);
    }

    /// Waits until everything said so far is written; false when an output is stuck. Blocks the thread.
    pub fn flush(&self) -> bool {
        self.inner.hub.queue.flush(FLUSH_LIMIT)
    }

    /// The metrics of this agent.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// Writes what is pending, opens the gate if it is closed, and ends subscriptions. Blocks the thread.
    pub fn shutdown(&self) {
        self.inner.stop();
    }
}

impl Inner {
    fn stop(&self) {
        subscriber::detach(&self.hub);
        self.metrics.stop();
        let writer = self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(writer) = writer else { return };
        self.hub.queue.close();
        // A stuck output must not keep the agent from ending.
        if self.hub.queue.wait_end(FLUSH_LIMIT) {
            // A writer that panicked has nothing more to give.
            let _ = writer.join();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop();
    }
}
