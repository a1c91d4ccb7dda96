//! The body of `/v1/agent/metrics`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::super::numbers::{serialize_f32, serialize_f64};
use super::aggregate::Aggregate;
use super::intervals::{INTERVAL_SECONDS, Interval};
use super::series::Series;

/// One interval of metrics in Consul's JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MetricsSummary {
    /// The beginning of the interval, as `2026-11-20 11:15:20 +0000 UTC`.
    pub timestamp: String,
    /// By name.
    pub gauges: Vec<GaugeValue>,
    /// Always empty: nothing in Consul emits points.
    pub points: Vec<()>,
    /// By name.
    pub counters: Vec<SampledValue>,
    /// By name.
    pub samples: Vec<SampledValue>,
}

/// The last value of a gauge.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GaugeValue {
    /// The full name.
    pub name: String,
    /// The value.
    #[serde(serialize_with = "serialize_f32")]
    pub value: f32,
    /// Label names and values.
    pub labels: BTreeMap<String, String>,
}

/// The statistics of a counter's increments or a sample's values.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SampledValue {
    /// The full name.
    pub name: String,
    /// How many.
    pub count: u64,
    /// The sum a second.
    #[serde(serialize_with = "serialize_f64")]
    pub rate: f64,
    /// The sum.
    #[serde(serialize_with = "serialize_f64")]
    pub sum: f64,
    /// The least.
    #[serde(serialize_with = "serialize_f64")]
    pub min: f64,
    /// The greatest.
    #[serde(serialize_with = "serialize_f64")]
    pub max: f64,
    /// The mean.
    #[serde(serialize_with = "serialize_f64")]
    pub mean: f64,
    /// The sample's standard deviation.
    #[serde(serialize_with = "serialize_f64")]
    pub stddev: f64,
    /// Label names and values.
    pub labels: BTreeMap<String, String>,
}

impl MetricsSummary {
    /// The summary of an interval.
    pub(super) fn of(interval: &Interval) -> Self {
        let start = Timestamp::from_second(interval.start).unwrap_or(Timestamp::UNIX_EPOCH);
        let gauge = |(series, value): (&std::sync::Arc<Series>, &f32)| GaugeValue {
            name: series.name.clone(),
            value: *value,
            labels: labels(series),
        };
        Self {
            timestamp: start.strftime("%Y-%m-%d %H:%M:%S +0000 UTC").to_string(),
            gauges: interval.gauges.iter().map(gauge).collect(),
            points: Vec::new(),
            counters: interval
                .counters
                .iter()
                .map(|(series, all)| sampled(series, all))
                .collect(),
            samples: interval
                .samples
                .iter()
                .map(|(series, all)| sampled(series, all))
                .collect(),
        }
    }
}

fn labels(series: &Series) -> BTreeMap<String, String> {
    series.labels.iter().cloned().collect()
}

fn sampled(series: &Series, all: &Aggregate) -> SampledValue {
    #[expect(clippy::cast_precision_loss, reason = "ten is exact")]
    let seconds = INTERVAL_SECONDS as f64;
    SampledValue {
        name: series.name.clone(),
        count: all.count,
        rate: all.sum / seconds,
        sum: all.sum,
        min: all.min,
        max: all.max,
        mean: all.mean(),
        stddev: all.stddev(),
        labels: labels(series),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::intervals::Intervals;
    use super::super::series::Reading;
    use super::*;

    #[test]
    fn the_json_is_consuls() {
        let series = |name: &str, labels: &[(&str, &str)]| {
            Arc::new(Series {
                name: name.to_owned(),
                bare_name: name.to_owned(),
                labels: labels
                    .iter()
                    .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                    .collect(),
            })
        };
        let mut sample = Aggregate::default();
        sample.add(f64::from(0.25_f32));
        sample.add(f64::from(0.75_f32));
        let readings = vec![
            (series("consul.raft.last_index", &[]), Reading::Gauge(12.0)),
            (
                series("consul.rpc.request", &[]),
                Reading::Counter(Aggregate::of_ones(5)),
            ),
            (
                series("consul.api.http", &[("method", "GET")]),
                Reading::Sample(sample, Vec::new()),
            ),
        ];
        let mut intervals = Intervals::new(1_795_173_325);
        intervals.absorb(1_795_173_325, &readings);
        let interval = intervals.latest_complete().expect("there is one");
        let json = serde_json::to_string(&MetricsSummary::of(interval)).expect("is written");
        assert_eq!(
            json,
            concat!(
                r#"{"Timestamp":"2026-11-20 11:15:20 +0000 UTC","#,
                r#""Gauges":[{"Name":"consul.raft.last_index","Value":12,"Labels":{}}],"Points":[],"#,
                r#""Counters":[{"Name":"consul.rpc.request","Count":5,"Rate":0.5,"Sum":5,"Min":1,"Max":1,"Mean":1,"Stddev":0,"Labels":{}}],"#,
                r#""Samples":[{"Name":"consul.api.http","Count":2,"Rate":0.1,"Sum":1,"Min":0.25,"Max":0.75,"Mean":0.5,"Stddev":0.3535533905932738,"Labels":{"method":"GET"}}]}"#,
            )
        );
    }
}
