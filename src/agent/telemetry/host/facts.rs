//! The body of `/v1/agent/host`, with the keys that gopsutil gives Consul.

use jiff::Timestamp;
use serde::Serialize;

use super::cpu::{self, CpuFacts};
use super::disk::{self, DiskFacts};
use super::memory::{self, MemoryFacts};
use super::system::{self, SystemFacts};

/// What is known about the machine. What could not be read is zero or empty.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct HostFacts {
    /// From /proc/meminfo.
    #[serde(rename = "Memory")]
    pub memory: MemoryFacts,
    /// From /proc/cpuinfo, one for each logical processor.
    #[serde(rename = "CPU")]
    pub cpu: Vec<CpuFacts>,
    /// Names and versions.
    #[serde(rename = "Host")]
    pub host: SystemFacts,
    /// The file system of `/`.
    #[serde(rename = "Disk")]
    pub disk: DiskFacts,
    /// When this was read, in Unix nanoseconds.
    #[serde(rename = "CollectionTime")]
    pub collection_time: i64,
    /// What could not be read; `null` when all could. Consul writes an empty object for each error, we
    /// write its text.
    #[serde(rename = "Errors")]
    pub errors: Option<Vec<String>>,
}

/// Reads everything. Blocks for some small files of /proc.
pub fn host_facts() -> HostFacts {
    let mut errors = Vec::new();
    let mut read = |path: &str| {
        std::fs::read_to_string(path).unwrap_or_else(|error| {
            errors.push(format!("{path}: {error}"));
            String::new()
        })
    };
    let memory = memory::parse(&read("/proc/meminfo"));
    let cpu = cpu::parse(&read("/proc/cpuinfo"), cpu::max_mhz);
    let host = system::gather();
    let disk = disk::of("/").unwrap_or_else(|error| {
        errors.push(format!("/: {error}"));
        DiskFacts::default()
    });
    HostFacts {
        memory,
        cpu,
        host,
        disk,
        collection_time: i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(0),
        errors: (!errors.is_empty()).then_some(errors),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_all_keys_in_consuls_order() {
        let facts = host_facts();
        let json = serde_json::to_value(&facts).expect("is written");
        let keys: Vec<&String> = json.as_object().expect("is an object").keys().collect();
        assert_eq!(
            keys,
            ["Memory", "CPU", "Host", "Disk", "CollectionTime", "Errors"]
        );
        assert!(json["Errors"].is_null(), "{json}");
        assert!(facts.memory.total > facts.memory.available);
        assert!(!facts.cpu.is_empty());
        assert!(facts.disk.total > 0 && facts.host.boot_time > 0);
    }
}
