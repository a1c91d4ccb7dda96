//! /proc/meminfo.

use serde::Serialize;

use super::super::numbers::serialize_f64;

/// Memory in bytes, with the keys of gopsutil's `VirtualMemoryStat`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are those of /proc/meminfo")]
pub struct MemoryFacts {
    pub total: u64,
    pub available: u64,
    /// Total without free memory, buffers and caches.
    pub used: u64,
    /// `used` as a percentage of `total`.
    #[serde(rename = "usedPercent", serialize_with = "serialize_f64")]
    pub used_percent: f64,
    pub free: u64,
    pub active: u64,
    pub inactive: u64,
    pub wired: u64,
    pub laundry: u64,
    pub buffers: u64,
    /// Page cache and reclaimable slabs.
    pub cached: u64,
    pub writeback: u64,
    pub dirty: u64,
    pub writebacktmp: u64,
    pub shared: u64,
    pub slab: u64,
    pub sreclaimable: u64,
    pub sunreclaim: u64,
    pub pagetables: u64,
    pub swapcached: u64,
    pub commitlimit: u64,
    pub committedas: u64,
    pub hightotal: u64,
    pub highfree: u64,
    pub lowtotal: u64,
    pub lowfree: u64,
    pub swaptotal: u64,
    pub swapfree: u64,
    pub mapped: u64,
    pub vmalloctotal: u64,
    pub vmallocused: u64,
    pub vmallocchunk: u64,
    /// A number of pages.
    pub hugepagestotal: u64,
    /// A number of pages.
    pub hugepagesfree: u64,
    pub hugepagesize: u64,
}

/// Reads lines such as `MemTotal:  24684092 kB`; numbers without a unit are counts.
pub(super) fn parse(text: &str) -> MemoryFacts {
    let mut facts = MemoryFacts::default();
    for line in text.lines() {
        let Some((key, rest)) = line.split_once(':') else {
            continue;
        };
        let mut words = rest.split_ascii_whitespace();
        let Some(number) = words.next().and_then(|word| word.parse::<u64>().ok()) else {
            continue;
        };
        let unit = if words.next() == Some("kB") { 1024 } else { 1 };
        if let Some(field) = field(&mut facts, key) {
            *field = number.saturating_mul(unit);
        }
    }
    facts.cached += facts.sreclaimable;
    let idle = facts.free + facts.buffers + facts.cached;
    facts.used = facts.total.saturating_sub(idle);
    facts.used_percent = percent(facts.used, facts.total);
    facts
}

fn field<'a>(facts: &'a mut MemoryFacts, key: &str) -> Option<&'a mut u64> {
    Some(match key {
        "MemTotal" => &mut facts.total,
        "MemAvailable" => &mut facts.available,
        "MemFree" => &mut facts.free,
        "Active" => &mut facts.active,
        "Inactive" => &mut facts.inactive,
        "Buffers" => &mut facts.buffers,
        "Cached" => &mut facts.cached,
        "Writeback" => &mut facts.writeback,
        "WritebackTmp" => &mut facts.writebacktmp,
        "Dirty" => &mut facts.dirty,
        "Shmem" => &mut facts.shared,
        "Slab" => &mut facts.slab,
        "SReclaimable" => &mut facts.sreclaimable,
        "SUnreclaim" => &mut facts.sunreclaim,
        "PageTables" => &mut facts.pagetables,
        "SwapCached" => &mut facts.swapcached,
        "CommitLimit" => &mut facts.commitlimit,
        "Committed_AS" => &mut facts.committedas,
        "HighTotal" => &mut facts.hightotal,
        "HighFree" => &mut facts.highfree,
        "LowTotal" => &mut facts.lowtotal,
        "LowFree" => &mut facts.lowfree,
        "SwapTotal" => &mut facts.swaptotal,
        "SwapFree" => &mut facts.swapfree,
        "Mapped" => &mut facts.mapped,
        "VmallocTotal" => &mut facts.vmalloctotal,
        "VmallocUsed" => &mut facts.vmallocused,
        "VmallocChunk" => &mut facts.vmallocchunk,
        "HugePages_Total" => &mut facts.hugepagestotal,
        "HugePages_Free" => &mut facts.hugepagesfree,
        "Hugepagesize" => &mut facts.hugepagesize,
        _ => return None,
    })
}

/// A share in percent; 0 of nothing.
#[expect(
    clippy::cast_precision_loss,
    reason = "a percentage needs no more than 53 bits"
)]
pub(super) fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64 * 100.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_gopsutils() {
        let facts = parse(
            "MemTotal:       1000 kB\nMemFree:         100 kB\nBuffers: 50 kB\nCached: 200 kB\n\
             SReclaimable: 150 kB\nActive(anon): 7 kB\nHugePages_Total:       3\ngarbage\nX: y\n",
        );
        assert_eq!((facts.cached, facts.used), (350 * 1024, 500 * 1024));
        assert!((facts.used_percent - 50.0).abs() < 1e-9);
        assert_eq!((facts.active, facts.hugepagestotal), (0, 3));
        assert_eq!(parse(""), MemoryFacts::default());
    }
}
