//! What the operating system says about this process.

use std::fs;

use tokio::runtime;

use super::super::numbers::prometheus_number;
use super::aggregate::as_f64;
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

/// The kernel's unit of processor time in /proc, the same on all of Linux' architectures.
const TICKS_PER_SECOND: f64 = 100.0;

/// The `process_*` families that Prometheus' own libraries add, as text. What /proc does not tell is left out.
pub(super) fn prometheus_text() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let open = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count) as u64;
    families(
        &read("/proc/self/stat"),
        &read("/proc/stat"),
        &read("/proc/self/limits"),
        open,
    )
}

fn families(stat: &str, system: &str, limits: &str, open_fds: u64) -> String {
    // The name of the program, in brackets, may hold anything; numbers follow it. Field 3 is the first.
    let fields: Vec<&str> = stat
        .rsplit(") ")
        .next()
        .unwrap_or("")
        .split_whitespace()
        .collect();
    let field = |number: usize| {
        fields
            .get(number - 3)
            .and_then(|text| text.parse::<f64>().ok())
    };
    let boot = system
        .lines()
        .find_map(|line| line.strip_prefix("btime ")?.trim().parse::<f64>().ok());
    let limit = |name: &str| {
        let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<f64>().ok()
    };
    let cpu = field(14)
        .zip(field(15))
        .map(|(user, system)| (user + system) / TICKS_PER_SECOND);
    let start = boot
        .zip(field(22))
        .map(|(boot, ticks)| boot + ticks / TICKS_PER_SECOND);
    let resident = as_f64(process_facts().resident_bytes);
    let all = [
        (
            "cpu_seconds_total",
            "counter",
            "Total user and system CPU time spent in seconds.",
            cpu,
        ),
        (
            "max_fds",
            "gauge",
            "Maximum number of open file descriptors.",
            limit("Max open files"),
        ),
        (
            "open_fds",
            "gauge",
            "Number of open file descriptors.",
            Some(as_f64(open_fds)),
        ),
        (
            "resident_memory_bytes",
            "gauge",
            "Resident memory size in bytes.",
            Some(resident),
        ),
        (
            "start_time_seconds",
            "gauge",
            "Start time of the process since unix epoch in seconds.",
            start,
        ),
        (
            "virtual_memory_bytes",
            "gauge",
            "Virtual memory size in bytes.",
            field(23),
        ),
    ];
    all.into_iter().filter_map(family).collect()
}

/// One family of one number: its name, type, help and value.
fn family((name, kind, help, value): (&str, &str, &str, Option<f64>)) -> Option<String> {
    let value = prometheus_number(value?);
    Some(format!(
        "# HELP process_{name} {help}\n# TYPE process_{name} {kind}\nprocess_{name} {value}\n"
    ))
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

    #[test]
    fn process_families_are_those_of_prometheus_libraries() {
        let stat = "7 (a) b) R 1 7 7 0 -1 0 0 0 0 0 250 50 0 0 20 0 1 0 43100 3133440 418";
        let limits = "Limit  Soft\nMax open files            20000                20000  files\n";
        let text = families(stat, "cpu 1\nbtime 1000\n", limits, 9);
        for line in [
            "process_cpu_seconds_total 3\n",
            "process_max_fds 20000\n",
            "process_open_fds 9\n",
            "process_start_time_seconds 1431\n",
            "process_virtual_memory_bytes 3.13344e+06\n",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
        assert!(
            !families("", "", "", 0).contains("cpu_seconds"),
            "the unknown is left out"
        );
    }
}
