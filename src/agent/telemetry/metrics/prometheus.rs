//! Metrics since the start as Prometheus text (format 0.0.4). Pure: time is an argument.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::super::numbers::prometheus_number;
use super::aggregate::as_f64;
use super::series::{Reading, Readings, Series};

/// Percentiles are over the values of this many seconds.
const WINDOW_SECONDS: i64 = 10;
/// Single values a series keeps for percentiles; the oldest go first.
const WINDOW_LIMIT: usize = 4096;
/// The percentiles that Consul gives.
const QUANTILES: [(&str, f64); 3] = [("0.5", 0.5), ("0.9", 0.9), ("0.99", 0.99)];

/// What is exposed. Series that were silent for the retention time are forgotten, as in Consul.
#[derive(Debug)]
pub(super) struct Prometheus {
    retention_seconds: i64,
    series: BTreeMap<Arc<Series>, Entry>,
}

#[derive(Debug)]
struct Entry {
    updated: i64,
    value: Value,
}

#[derive(Debug)]
enum Value {
    Gauge(f32),
    Counter(f64),
    Summary {
        count: u64,
        sum: f64,
        window: VecDeque<(i64, f32)>,
    },
}

impl Prometheus {
    /// Nothing yet; series live for `retention` after their last change.
    pub(super) fn new(retention: Duration) -> Self {
        let retention_seconds = i64::try_from(retention.as_secs()).unwrap_or(i64::MAX);
        Self {
            retention_seconds,
            series: BTreeMap::new(),
        }
    }

    /// Adds what was measured until `now`, in Unix seconds.
    pub(super) fn absorb(&mut self, now: i64, readings: &Readings) {
        for (series, reading) in readings {
            let entry = self
                .series
                .entry(Arc::clone(series))
                .or_insert_with(|| Entry {
                    updated: now,
                    value: Value::empty(reading),
                });
            entry.updated = now;
            entry.value.absorb(now, reading);
        }
        let retention = self.retention_seconds;
        self.series
            .retain(|_, entry| now.saturating_sub(entry.updated) <= retention);
    }

    /// The text at `now`, in Unix seconds.
    pub(super) fn text(&self, now: i64) -> String {
        let mut families: BTreeMap<String, Vec<(&Series, &Entry)>> = BTreeMap::new();
        for (series, entry) in &self.series {
            families
                .entry(sanitize(&series.name))
                .or_default()
                .push((series, entry));
        }
        let mut out = String::new();
        for (name, members) in families {
            let Some((_, first)) = members.first() else {
                continue;
            };
            let kind = first.value.kind();
            // Writing to a String cannot fail, here and below.
            let _ = write!(out, "# HELP {name} {name}\n# TYPE {name} {kind}\n");
            for (series, entry) in members
                .iter()
                .filter(|(_, entry)| entry.value.kind() == kind)
            {
                entry.value.write(&name, &series.labels, now, &mut out);
            }
        }
        out
    }
}

impl Value {
    fn empty(reading: &Reading) -> Self {
        match reading {
            Reading::Gauge(_) => Self::Gauge(0.0),
            Reading::Counter(_) => Self::Counter(0.0),
            Reading::Sample(..) => Self::Summary {
                count: 0,
                sum: 0.0,
                window: VecDeque::new(),
            },
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Gauge(_) => "gauge",
            Self::Counter(_) => "counter",
            Self::Summary { .. } => "summary",
        }
    }

    fn absorb(&mut self, now: i64, reading: &Reading) {
        match (self, reading) {
            (Self::Gauge(value), Reading::Gauge(new)) => *value = *new,
            (Self::Counter(total), Reading::Counter(all)) => *total += all.sum,
            (Self::Summary { count, sum, window }, Reading::Sample(all, recent)) => {
                *count += all.count;
                *sum += all.sum;
                window.extend(recent.iter().map(|value| (now, *value)));
                let surplus = window.len().saturating_sub(WINDOW_LIMIT);
                window.drain(..surplus);
                while window
                    .front()
                    .is_some_and(|(at, _)| now - at >= WINDOW_SECONDS)
                {
                    window.pop_front();
                }
            }
            // One series is registered as one kind only.
            _ => {}
        }
    }

    fn write(&self, name: &str, labels: &[(String, String)], now: i64, out: &mut String) {
        match self {
            Self::Gauge(value) => line(out, name, labels, None, f64::from(*value)),
            Self::Counter(total) => line(out, name, labels, None, *total),
            Self::Summary { count, sum, window } => {
                let mut values: Vec<f32> = window
                    .iter()
                    .filter(|(at, _)| now - at < WINDOW_SECONDS)
                    .map(|(_, value)| *value)
                    .collect();
                values.sort_by(f32::total_cmp);
                for (text, quantile) in QUANTILES {
                    let value = percentile(&values, quantile);
                    line(out, name, labels, Some(text), value);
                }
                line(out, &format!("{name}_sum"), labels, None, *sum);
                line(out, &format!("{name}_count"), labels, None, as_f64(*count));
            }
        }
    }
}

/// The value below which a share of the sorted values lies; NaN without values, as Prometheus has it.
fn percentile(sorted: &[f32], share: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the rank lies between 1 and the length"
    )]
    let rank = (as_f64(sorted.len() as u64) * share).ceil() as usize;
    sorted
        .get(rank.saturating_sub(1))
        .map_or(f64::NAN, |value| f64::from(*value))
}

fn line(
    out: &mut String,
    name: &str,
    labels: &[(String, String)],
    quantile: Option<&str>,
    value: f64,
) {
    out.push_str(name);
    let mut pairs: Vec<(String, &str)> = labels
        .iter()
        .map(|(key, value)| (sanitize(key), value.as_str()))
        .collect();
    pairs.sort();
    pairs.extend(quantile.map(|quantile| ("quantile".to_owned(), quantile)));
    for (place, (key, value)) in pairs.iter().enumerate() {
        out.push(if place == 0 { '{' } else { ',' });
        out.push_str(key);
        out.push_str("=\"");
        for character in value.chars() {
            match character {
                '\\' => out.push_str("\\\\"),
                '"' => out.push_str("\\\""),
                '\n' => out.push_str("\\n"),
                _ => out.push(character),
            }
        }
        out.push('"');
    }
    if !pairs.is_empty() {
        out.push('}');
    }
    out.push(' ');
    out.push_str(&prometheus_number(value));
    out.push('\n');
}

/// A name in Prometheus' alphabet. Consul's sink replaces only some characters; the rest would make the
/// text unreadable.
fn sanitize(name: &str) -> String {
    let mut out: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' || c == ':' {
                c
            } else {
                '_'
            }
        })
        .collect();
    if out.starts_with(|c: char| c.is_ascii_digit()) {
        out.insert(0, '_');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::aggregate::Aggregate;
    use super::*;

    fn series(name: &str, labels: &[(&str, &str)]) -> Arc<Series> {
        Arc::new(Series {
            name: name.to_owned(),
            bare_name: name.to_owned(),
            labels: labels
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
        })
    }

    fn sampled(values: &[f32]) -> Reading {
        let mut all = Aggregate::default();
        for value in values {
            all.add(f64::from(*value));
        }
        Reading::Sample(all, values.to_vec())
    }

    #[test]
    fn the_text_is_consuls() {
        let mut prometheus = Prometheus::new(Duration::from_mins(1));
        let readings = vec![
            (
                series("consul.rpc.query", &[]),
                Reading::Counter(Aggregate::of_ones(8)),
            ),
            (
                series("consul.my-host.runtime.alloc_bytes", &[]),
                Reading::Gauge(6_384_016.0),
            ),
            (
                series("consul.fsm", &[("op", "a\"b")]),
                sampled(&[3.0, 1.0, 2.0, 4.0]),
            ),
        ];
        prometheus.absorb(100, &readings);
        prometheus.absorb(101, &vec![readings[0].clone()]);
        assert_eq!(
            prometheus.text(101),
            "# HELP consul_fsm consul_fsm\n\
             # TYPE consul_fsm summary\n\
             consul_fsm{op=\"a\\\"b\",quantile=\"0.5\"} 2\n\
             consul_fsm{op=\"a\\\"b\",quantile=\"0.9\"} 4\n\
             consul_fsm{op=\"a\\\"b\",quantile=\"0.99\"} 4\n\
             consul_fsm_sum{op=\"a\\\"b\"} 10\n\
             consul_fsm_count{op=\"a\\\"b\"} 4\n\
             # HELP consul_my_host_runtime_alloc_bytes consul_my_host_runtime_alloc_bytes\n\
             # TYPE consul_my_host_runtime_alloc_bytes gauge\n\
             consul_my_host_runtime_alloc_bytes 6.384016e+06\n\
             # HELP consul_rpc_query consul_rpc_query\n\
             # TYPE consul_rpc_query counter\n\
             consul_rpc_query 16\n"
        );
    }

    #[test]
    fn percentiles_are_of_the_last_seconds_and_silence_is_nan() {
        let mut prometheus = Prometheus::new(Duration::from_mins(1));
        prometheus.absorb(100, &vec![(series("a", &[]), sampled(&[1.0]))]);
        assert!(prometheus.text(109).contains("a{quantile=\"0.5\"} 1\n"));
        let text = prometheus.text(110);
        assert!(text.contains("a{quantile=\"0.5\"} NaN\n"), "{text}");
        assert!(text.contains("a_sum 1\na_count 1\n"), "{text}");
    }

    #[test]
    fn silent_series_are_forgotten() {
        let mut prometheus = Prometheus::new(Duration::from_mins(1));
        prometheus.absorb(100, &vec![(series("a", &[]), Reading::Gauge(1.0))]);
        prometheus.absorb(160, &Vec::new());
        assert!(!prometheus.text(160).is_empty());
        prometheus.absorb(161, &Vec::new());
        assert_eq!(prometheus.text(161), "");
    }

    #[test]
    fn one_name_has_one_kind() {
        let mut prometheus = Prometheus::new(Duration::from_mins(1));
        let counter = Reading::Counter(Aggregate::of_ones(1));
        prometheus.absorb(
            1,
            &vec![
                (series("a.b", &[]), Reading::Gauge(1.0)),
                (series("a-b", &[]), counter),
            ],
        );
        assert_eq!(prometheus.text(1).matches("# TYPE a_b").count(), 1);
    }
}
