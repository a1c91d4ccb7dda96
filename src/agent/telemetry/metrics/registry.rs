//! Registering metrics and reading them back.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::cells::{Counter, CounterCell, Gauge, GaugeCell, Sample, SampleCell};
use super::driver::Driver;
use super::filter::Filter;
use super::intervals::Intervals;
use super::process::prometheus_text;
use super::prometheus::Prometheus;
use super::push::Targets;
use super::series::{Readings, Series};
use super::summary::MetricsSummary;

/// Series that one agent may have; more are refused, with a line in the log.
pub const SERIES_LIMIT: usize = 8192;
/// Consul's `metrics_prefix`.
const DEFAULT_PREFIX: &str = "consul";

/// The configuration block `telemetry`.
#[derive(Debug, Clone)]
pub struct MetricsSettings {
    /// `metrics_prefix`; empty is none.
    pub prefix: String,
    /// The host's name for gauges. Consul puts it between prefix and name (`consul.<host>.runtime.…`) when
    /// any sink but the in-memory one is configured.
    pub hostname: String,
    /// `disable_hostname`.
    pub disable_hostname: bool,
    /// `prefix_filter` and `filter_default`.
    pub filter: Filter,
    /// `prometheus_retention_time`; zero switches Prometheus text off.
    pub prometheus_retention: Duration,
    /// Where metrics are pushed.
    pub targets: Targets,
}

impl Default for MetricsSettings {
    fn default() -> Self {
        Self {
            prefix: DEFAULT_PREFIX.to_owned(),
            hostname: String::new(),
            disable_hostname: false,
            filter: Filter::default(),
            prometheus_retention: Duration::ZERO,
            targets: Targets::default(),
        }
    }
}

/// Why metrics could not be started.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// The thread that closes intervals.
    #[error("cannot start the metrics thread")]
    Thread(#[source] io::Error),
}

/// The metrics of one agent. Clones are the same.
///
/// Names are given without the prefix, as `rpc.request`. Register once, keep the handle, record through it.
#[derive(Debug, Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: MetricsSettings,
    cells: Mutex<Cells>,
    /// Changed by reloads, read when readings are collected.
    filter: Mutex<Filter>,
    /// Changed when readings are collected, read by the two displays.
    core: Mutex<Core>,
    driver: Mutex<Option<Driver>>,
}

#[derive(Debug, Default)]
struct Cells {
    counters: HashMap<Arc<Series>, Arc<CounterCell>>,
    gauges: HashMap<Arc<Series>, Arc<GaugeCell>>,
    samples: HashMap<Arc<Series>, Arc<SampleCell>>,
    refused: bool,
}

#[derive(Debug)]
struct Core {
    intervals: Intervals,
    prometheus: Option<Prometheus>,
    /// When readings were collected last, in Unix seconds: they belong to the time since.
    collected: i64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic under these locks leaves numbers that are still numbers.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Default for Metrics {
    /// In-memory metrics without a thread: intervals close when they are displayed.
    fn default() -> Self {
        Self::detached(MetricsSettings::default())
    }
}

impl Metrics {
    /// Metrics without a thread: intervals close when they are displayed.
    pub fn detached(settings: MetricsSettings) -> Self {
        let now = Timestamp::now().as_second();
        let retention = settings.prometheus_retention;
        let core = Core {
            intervals: Intervals::new(now),
            prometheus: (!retention.is_zero()).then(|| Prometheus::new(retention)),
            collected: now,
        };
        Self {
            inner: Arc::new(Inner {
                filter: Mutex::new(settings.filter.clone()),
                settings,
                cells: Mutex::default(),
                core: Mutex::new(core),
                driver: Mutex::new(None),
            }),
        }
    }

    /// Starts the thread that closes intervals, gathers facts about the process and pushes. It runs until
    /// [`Metrics::stop`].
    pub fn run(&self) -> Result<(), MetricsError> {
        let targets = self.inner.settings.targets.clone();
        let driver = Driver::start(self, targets).map_err(MetricsError::Thread)?;
        *lock(&self.inner.driver) = Some(driver);
        Ok(())
    }

    /// Ends the thread.
    pub fn stop(&self) {
        let driver = lock(&self.inner.driver).take();
        drop(driver);
    }

    /// Changes `prefix_filter` and `filter_default`; handles go on.
    pub fn set_filter(&self, filter: Filter) {
        *lock(&self.inner.filter) = filter;
    }

    /// A counter.
    pub fn counter(&self, name: &str) -> Counter {
        self.counter_with(name, &[])
    }

    /// A counter with labels.
    pub fn counter_with(&self, name: &str, labels: &[(&str, &str)]) -> Counter {
        let series = self.series(name, labels, false);
        Counter(self.cell(series, |cells| &mut cells.counters, CounterCell::default))
    }

    /// A gauge.
    pub fn gauge(&self, name: &str) -> Gauge {
        self.gauge_with(name, &[])
    }

    /// A gauge with labels.
    pub fn gauge_with(&self, name: &str, labels: &[(&str, &str)]) -> Gauge {
        let series = self.series(name, labels, true);
        Gauge(self.cell(series, |cells| &mut cells.gauges, GaugeCell::default))
    }

    /// A sample.
    pub fn sample(&self, name: &str) -> Sample {
        self.sample_with(name, &[])
    }

    /// A sample with labels.
    pub fn sample_with(&self, name: &str, labels: &[(&str, &str)]) -> Sample {
        let series = self.series(name, labels, false);
        let keep_recent = self.has_sinks();
        Sample(self.cell(
            series,
            |cells| &mut cells.samples,
            || SampleCell::new(keep_recent),
        ))
    }

    /// Whether `/v1/agent/metrics?format=prometheus` has an answer.
    pub fn has_prometheus(&self) -> bool {
        !self.inner.settings.prometheus_retention.is_zero()
    }

    /// The newest complete interval, as `/v1/agent/metrics` shows it.
    pub fn display(&self) -> MetricsSummary {
        self.display_at(Timestamp::now().as_second())
    }

    /// Prometheus text of the metrics and of the process, when it is switched on.
    pub fn prometheus(&self) -> Option<String> {
        let text = self.prometheus_at(Timestamp::now().as_second())?;
        Some(text + &prometheus_text())
    }

    pub(super) fn display_at(&self, now: i64) -> MetricsSummary {
        self.collect(now);
        let core = lock(&self.inner.core);
        core.intervals
            .latest_complete()
            .map(MetricsSummary::of)
            .unwrap_or_default()
    }

    pub(super) fn prometheus_at(&self, now: i64) -> Option<String> {
        self.collect(now);
        let core = lock(&self.inner.core);
        core.prometheus
            .as_ref()
            .map(|prometheus| prometheus.text(now))
    }

    /// Takes what was recorded since the last call into the interval of that time, and gives it.
    pub(super) fn collect(&self, now: i64) -> Readings {
        // Held over both steps, so that two collectors cannot swap their periods.
        let mut core = lock(&self.inner.core);
        let readings = self.drain();
        let since = std::mem::replace(&mut core.collected, now);
        core.intervals.absorb(since, &readings);
        // Opens the interval of now, so that the one before counts as complete.
        core.intervals.absorb(now, &Readings::new());
        if let Some(prometheus) = &mut core.prometheus {
            prometheus.absorb(now, &readings);
        }
        readings
    }

    /// What was recorded since the last call, without what the filter drops.
    fn drain(&self) -> Readings {
        let filter = lock(&self.inner.filter).clone();
        let cells = lock(&self.inner.cells);
        let counters = cells
            .counters
            .iter()
            .map(|(series, cell)| (series, cell.drain()));
        let gauges = cells
            .gauges
            .iter()
            .map(|(series, cell)| (series, cell.drain()));
        let samples = cells
            .samples
            .iter()
            .map(|(series, cell)| (series, cell.drain()));
        counters
            .chain(gauges)
            .chain(samples)
            .filter_map(|(series, reading)| Some((Arc::clone(series), reading?)))
            .filter(|(series, _)| filter.allows(&series.name))
            .collect()
    }

    /// Whether anything but the in-memory sink is configured.
    fn has_sinks(&self) -> bool {
        self.has_prometheus() || !self.inner.settings.targets.is_empty()
    }

    /// The full name. Spaces become underscores, as in go-metrics.
    fn series(&self, name: &str, labels: &[(&str, &str)], gauge: bool) -> Series {
        let settings = &self.inner.settings;
        let with_host = gauge
            && !settings.disable_hostname
            && !settings.hostname.is_empty()
            && self.has_sinks();
        let join = |parts: &[&str]| {
            let parts: Vec<&str> = parts
                .iter()
                .copied()
                .filter(|part| !part.is_empty())
                .collect();
            parts.join(".").replace(' ', "_")
        };
        let bare_name = join(&[&settings.prefix, name]);
        let name = if with_host {
            join(&[&settings.prefix, &settings.hostname, name])
        } else {
            bare_name.clone()
        };
        let labels = labels
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        Series {
            name,
            bare_name,
            labels,
        }
    }

    fn cell<C>(
        &self,
        series: Series,
        map: impl Fn(&mut Cells) -> &mut HashMap<Arc<Series>, Arc<C>>,
        new: impl FnOnce() -> C,
    ) -> Option<Arc<C>> {
        let mut cells = lock(&self.inner.cells);
        if let Some(cell) = map(&mut cells).get(&series) {
            return Some(Arc::clone(cell));
        }
        if cells.counters.len() + cells.gauges.len() + cells.samples.len() >= SERIES_LIMIT {
            let first = !std::mem::replace(&mut cells.refused, true);
            drop(cells);
            if first {
                tracing::warn!(
                    target: "agent.telemetry", name = series.name, limit = SERIES_LIMIT,
                    "too many metrics: new ones are not recorded"
                );
            }
            return None;
        }
        let cell = Arc::new(new());
        map(&mut cells).insert(Arc::new(series), Arc::clone(&cell));
        Some(cell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(summary: &MetricsSummary) -> Vec<&str> {
        summary
            .gauges
            .iter()
            .map(|gauge| gauge.name.as_str())
            .collect()
    }

    fn with(edit: impl FnOnce(&mut MetricsSettings)) -> Metrics {
        let mut settings = MetricsSettings {
            hostname: "my host".to_owned(),
            ..MetricsSettings::default()
        };
        edit(&mut settings);
        Metrics::detached(settings)
    }

    fn gauges_of(metrics: &Metrics) -> Vec<String> {
        metrics.gauge("runtime.alloc_bytes").set(1.0);
        metrics.gauge("raft.last_index").set(2.0);
        let now = Timestamp::now().as_second();
        names(&metrics.display_at(now + 10))
            .into_iter()
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn the_same_name_is_the_same_metric() {
        let metrics = Metrics::default();
        metrics.counter("rpc.request").incr();
        metrics.counter("rpc.request").incr();
        metrics.counter_with("rpc.request", &[("dc", "dc1")]).incr();
        let now = Timestamp::now().as_second();
        let shown = metrics.display_at(now + 10);
        let counts: Vec<u64> = shown.counters.iter().map(|counter| counter.count).collect();
        assert_eq!(counts, [2, 1]);
        assert_eq!(shown.counters[1].labels["dc"], "dc1");
    }

    #[test]
    fn gauges_carry_the_host_only_when_there_are_other_sinks() {
        let plain = ["consul.raft.last_index", "consul.runtime.alloc_bytes"];
        let hosted = [
            "consul.my_host.raft.last_index",
            "consul.my_host.runtime.alloc_bytes",
        ];
        assert_eq!(gauges_of(&with(|_| {})), plain);
        let retention = Duration::from_mins(1);
        assert_eq!(
            gauges_of(&with(|s| s.prometheus_retention = retention)),
            hosted
        );
        let disabled = with(|settings| {
            settings.prometheus_retention = retention;
            settings.disable_hostname = true;
        });
        assert_eq!(gauges_of(&disabled), plain);
    }

    #[test]
    fn a_new_filter_holds_for_old_handles() {
        let metrics = Metrics::default();
        let counter = metrics.counter("rpc.query");
        let now = Timestamp::now().as_second();
        let shown = |rules: &[&str], at| {
            metrics.set_filter(Filter::parse(rules, true).expect("is valid"));
            counter.incr();
            metrics.display_at(at).counters.len()
        };
        assert_eq!(shown(&[], now + 10), 1);
        assert_eq!(shown(&["-consul.rpc"], now + 20), 0);
        assert_eq!(shown(&[], now + 30), 1);
    }

    #[test]
    fn filtered_metrics_are_not_recorded() {
        let filter = Filter::parse(&["-consul.raft"], true).expect("is valid");
        assert_eq!(
            gauges_of(&with(|s| s.filter = filter)),
            ["consul.runtime.alloc_bytes"]
        );
    }

    #[test]
    fn another_prefix_or_none() {
        assert_eq!(
            gauges_of(&with(|s| s.prefix = String::new()))[0],
            "raft.last_index"
        );
        assert_eq!(
            gauges_of(&with(|s| s.prefix = "x".to_owned()))[0],
            "x.raft.last_index"
        );
    }

    #[test]
    fn series_are_bounded() {
        let metrics = Metrics::default();
        for number in 0..SERIES_LIMIT {
            assert!(metrics.counter(&number.to_string()).0.is_some());
        }
        assert!(metrics.counter("one more").0.is_none());
        assert!(metrics.counter("0").0.is_some(), "known ones go on");
    }

    #[test]
    fn prometheus_answers_only_when_it_is_on() {
        assert_eq!(Metrics::default().prometheus(), None);
        let metrics = with(|settings| settings.prometheus_retention = Duration::from_mins(1));
        metrics.counter("rpc.query").incr();
        let text = metrics.prometheus().expect("is on");
        assert!(text.contains("consul_rpc_query 1\n"), "{text}");
    }
}
