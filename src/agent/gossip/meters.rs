//! What a pool counts, under memberlist's and serf's names.

use std::collections::HashMap;

use crate::agent::telemetry::metrics::{Counter, Gauge, Metrics, Sample};

/// Names of events and queries that get a counter of their own; more are counted together only, so that
/// no peer can fill the registry.
const NAMED_COUNTERS: usize = 128;

/// Handles that are resolved once, so that a packet costs no look-up.
pub(super) struct Meters {
    metrics: Metrics,
    named: HashMap<String, Counter>,
    /// Bytes.
    pub(super) udp_sent: Counter,
    /// Bytes.
    pub(super) udp_received: Counter,
    pub(super) tcp_accept: Counter,
    pub(super) tcp_connect: Counter,
    /// Bytes.
    pub(super) tcp_sent: Counter,
    pub(super) push_pull: Sample,
    pub(super) msg_alive: Counter,
    pub(super) msg_suspect: Counter,
    pub(super) msg_dead: Counter,
    pub(super) health: Gauge,
    pub(super) degraded_probe: Counter,
    pub(super) degraded_timeout: Counter,
    pub(super) events: Counter,
    pub(super) queries: Counter,
    pub(super) member_join: Counter,
    pub(super) member_failed: Counter,
    pub(super) member_left: Counter,
    pub(super) member_update: Counter,
    pub(super) member_reap: Counter,
    pub(super) member_flap: Counter,
    pub(super) queue_intents: Sample,
    pub(super) queue_events: Sample,
    pub(super) queue_queries: Sample,
    /// Bytes.
    pub(super) msgs_received: Sample,
    /// Bytes.
    pub(super) msgs_sent: Sample,
    pub(super) coordinate_adjustment: Sample,
    pub(super) coordinate_rejected: Counter,
    pub(super) snapshot_append: Sample,
    pub(super) snapshot_compact: Sample,
}

impl Meters {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self {
            metrics: metrics.clone(),
            named: HashMap::new(),
            udp_sent: metrics.counter("memberlist.udp.sent"),
            udp_received: metrics.counter("memberlist.udp.received"),
            tcp_accept: metrics.counter("memberlist.tcp.accept"),
            tcp_connect: metrics.counter("memberlist.tcp.connect"),
            tcp_sent: metrics.counter("memberlist.tcp.sent"),
            push_pull: metrics.sample("memberlist.pushPullNode"),
            msg_alive: metrics.counter("memberlist.msg.alive"),
            msg_suspect: metrics.counter("memberlist.msg.suspect"),
            msg_dead: metrics.counter("memberlist.msg.dead"),
            health: metrics.gauge("memberlist.health.score"),
            degraded_probe: metrics.counter("memberlist.degraded.probe"),
            degraded_timeout: metrics.counter("memberlist.degraded.timeout"),
            events: metrics.counter("serf.events"),
            queries: metrics.counter("serf.queries"),
            member_join: metrics.counter("serf.member.join"),
            member_failed: metrics.counter("serf.member.failed"),
            member_left: metrics.counter("serf.member.left"),
            member_update: metrics.counter("serf.member.update"),
            member_reap: metrics.counter("serf.member.reap"),
            member_flap: metrics.counter("serf.member.flap"),
            queue_intents: metrics.sample("serf.queue.Intent"),
            queue_events: metrics.sample("serf.queue.Event"),
            queue_queries: metrics.sample("serf.queue.Query"),
            msgs_received: metrics.sample("serf.msgs.received"),
            msgs_sent: metrics.sample("serf.msgs.sent"),
            coordinate_adjustment: metrics.sample("serf.coordinate.adjustment-ms"),
            coordinate_rejected: metrics.counter("serf.coordinate.rejected"),
            snapshot_append: metrics.sample("serf.snapshot.appendLine"),
            snapshot_compact: metrics.sample("serf.snapshot.compact"),
        }
    }

    /// Counts a user event.
    pub(super) fn event(&mut self, name: &str) {
        self.events.incr();
        self.named("serf.events", name);
    }

    /// Counts a query.
    pub(super) fn query(&mut self, name: &str) {
        self.queries.incr();
        self.named("serf.queries", name);
    }

    fn named(&mut self, family: &str, name: &str) {
        let series = format!("{family}.{name}");
        if let Some(counter) = self.named.get(&series) {
            counter.incr();
        } else if self.named.len() < NAMED_COUNTERS {
            let counter = self.metrics.counter(&series);
            counter.incr();
            self.named.insert(series, counter);
        }
    }
}

/// A number of bytes or messages as metrics take it; exact up to 2^24.
#[expect(
    clippy::cast_precision_loss,
    reason = "metrics have 24 significant bits, as in Consul"
)]
pub(super) fn amount(count: usize) -> f32 {
    count as f32
}
