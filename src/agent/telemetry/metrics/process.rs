//! What the operating system says about this process.

use std::fs;

use tokio::runtime;

use super::cells::Gauge;
use super::registry::Metrics;

/// Numbers about this process, from /proc.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ProcessFacts {
    /// Memory of the process in RAM, in bytes.
    pub resident_bytes: u64,
    /// The part of it that belongs to no file: heap and stacks, in bytes.
    pub anonymous_bytes: u64,
    /// Operating system threads.
    pub threads: u64,
}

/// Reads the facts. Where there is no /proc they are 0.
pub fn process_facts() -> ProcessFacts {
    fs::read_to_string("/proc/self/status")
        .map(|text| parse(&text))
        .unwrap_or_default()
}

/// Reads lines such as `VmRSS: 52612 kB`.
fn parse(status: &str) -> ProcessFacts {
    let number = |key: &str| {
        status
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| *name == key)
            .and_then(|(_, rest)| rest.split_ascii_whitespace().next()?.parse::<u64>().ok())
            .unwrap_or(0)
    };
    ProcessFacts {
        resident_bytes: number("VmRSS") * 1024,
        anonymous_bytes: number("RssAnon") * 1024,
        threads: number("Threads"),
    }
}

/// The `runtime.*` gauges that have a meaning without Go's runtime. There is no garbage collector here:
/// its times are truly zero. `heap_objects`, `malloc_count` and `free_count` are not known and not shown.
#[derive(Debug)]
pub(super) struct ProcessGauges {
    runtime: Option<runtime::Handle>,
    alloc_bytes: Gauge,
    sys_bytes: Gauge,
    num_goroutines: Gauge,
    total_gc_pause_ns: Gauge,
    total_gc_runs: Gauge,
}

impl ProcessGauges {
    pub(super) fn new(metrics: &Metrics, runtime: Option<runtime::Handle>) -> Self {
        Self {
            runtime,
            alloc_bytes: metrics.gauge("runtime.alloc_bytes"),
            sys_bytes: metrics.gauge("runtime.sys_bytes"),
            num_goroutines: metrics.gauge("runtime.num_goroutines"),
            total_gc_pause_ns: metrics.gauge("runtime.total_gc_pause_ns"),
            total_gc_runs: metrics.gauge("runtime.total_gc_runs"),
        }
    }

    /// Sets the gauges. `num_goroutines` is the number of tasks, or of threads without a runtime.
    pub(super) fn gather(&self) {
        let facts = process_facts();
        let tasks = self
            .runtime
            .as_ref()
            .map(|runtime| runtime.metrics().num_alive_tasks() as u64);
        self.alloc_bytes.set_count(facts.anonymous_bytes);
        self.sys_bytes.set_count(facts.resident_bytes);
        self.num_goroutines
            .set_count(tasks.unwrap_or(facts.threads));
        self.total_gc_pause_ns.set(0.0);
        self.total_gc_runs.set(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_lines_are_read() {
        let facts = parse("Name:\tx\nVmRSS:\t   52612 kB\nRssAnon:\t    100 kB\nThreads:\t7\n");
        let expected = ProcessFacts {
            resident_bytes: 52612 * 1024,
            anonymous_bytes: 102_400,
            threads: 7,
        };
        assert_eq!(facts, expected);
        assert_eq!(parse("garbage\nVmRSS: many kB\n"), ProcessFacts::default());
    }
}
