//! /proc/cpuinfo.

use std::fs;

use serde::Serialize;

use super::super::numbers::serialize_f64;

/// A logical processor, with the keys of gopsutil's `InfoStat`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are those of /proc/cpuinfo")]
pub struct CpuFacts {
    pub cpu: i32,
    pub vendor_id: String,
    pub family: String,
    pub model: String,
    pub stepping: i32,
    pub physical_id: String,
    pub core_id: String,
    /// Always 1: each entry is one logical processor.
    pub cores: i32,
    pub model_name: String,
    /// The greatest frequency when the kernel tells it, else the present one.
    #[serde(serialize_with = "serialize_f64")]
    pub mhz: f64,
    /// In KiB.
    pub cache_size: i32,
    pub flags: Vec<String>,
    pub microcode: String,
}

/// Reads one block of `key : value` lines a processor. `max_mhz` tells a processor's greatest frequency.
pub(super) fn parse(text: &str, max_mhz: impl Fn(i32) -> Option<f64>) -> Vec<CpuFacts> {
    let mut all: Vec<CpuFacts> = Vec::new();
    for line in text.lines() {
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        let (key, value) = (key.trim(), value.trim());
        if key == "processor" {
            let cpu = value.parse().unwrap_or(0);
            all.push(CpuFacts {
                cpu,
                cores: 1,
                ..CpuFacts::default()
            });
        }
        if let Some(facts) = all.last_mut() {
            note(facts, key, value);
        }
    }
    for facts in &mut all {
        if let Some(mhz) = max_mhz(facts.cpu) {
            facts.mhz = mhz;
        }
    }
    all
}

fn note(facts: &mut CpuFacts, key: &str, value: &str) {
    let text = || value.to_owned();
    match key {
        "vendor_id" | "vendorId" => facts.vendor_id = text(),
        "CPU implementer" => arm_vendor(value).clone_into(&mut facts.vendor_id),
        "cpu family" => facts.family = text(),
        "model" | "CPU part" => facts.model = text(),
        "model name" | "cpu" => facts.model_name = text(),
        "stepping" | "revision" | "CPU revision" => facts.stepping = value.parse().unwrap_or(0),
        "physical id" => facts.physical_id = text(),
        "core id" => facts.core_id = text(),
        "cpu MHz" | "clock" => {
            facts.mhz = value.trim_end_matches("MHz").parse().unwrap_or(0.0);
        }
        "cache size" => {
            facts.cache_size = value.trim_end_matches(" KB").parse().unwrap_or(0);
        }
        "flags" | "Features" => {
            facts.flags = value.split_ascii_whitespace().map(str::to_owned).collect();
        }
        "microcode" => facts.microcode = text(),
        _ => {}
    }
}

/// The usual makers of ARM processors.
fn arm_vendor(implementer: &str) -> &str {
    match implementer {
        "0x41" => "ARM",
        "0x51" => "Qualcomm",
        "0x61" => "Apple",
        "0xc0" => "Ampere",
        other => other,
    }
}

/// The greatest frequency of a processor in MHz, where the kernel scales frequencies.
pub(super) fn max_mhz(cpu: i32) -> Option<f64> {
    let path = format!("/sys/devices/system/cpu/cpu{cpu}/cpufreq/cpuinfo_max_freq");
    let khz: f64 = fs::read_to_string(path).ok()?.trim().parse().ok()?;
    Some(khz / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 207\n\
                       model name\t: Intel(R) Xeon(R): fast\nstepping\t: 2\ncpu MHz\t\t: 2299.998\n\
                       cache size\t: 266240 KB\nphysical id\t: 0\ncore id\t\t: 0\ncpu cores\t: 2\n\
                       flags\t\t: fpu vme\n\nprocessor\t: 1\ncore id : 1\nstepping : x\n";

    #[test]
    fn processors_are_read_one_by_one() {
        let all = parse(TWO, |cpu| (cpu == 1).then_some(3000.0));
        assert_eq!(all.len(), 2);
        let first = &all[0];
        assert_eq!(
            (first.vendor_id.as_str(), first.stepping, first.cores),
            ("GenuineIntel", 2, 1)
        );
        assert_eq!(first.model_name, "Intel(R) Xeon(R): fast");
        assert_eq!((first.cache_size, first.flags.len()), (266_240, 2));
        assert!((first.mhz - 2299.998).abs() < 1e-9 && (all[1].mhz - 3000.0).abs() < 1e-9);
        assert_eq!(
            (all[1].cpu, all[1].core_id.as_str(), all[1].stepping),
            (1, "1", 0)
        );
    }

    #[test]
    fn keys_are_gopsutils() {
        let json = serde_json::to_value(&parse(TWO, |_| None)[0]).expect("is written");
        let keys: Vec<&String> = json.as_object().expect("is an object").keys().collect();
        assert_eq!(
            keys,
            [
                "cpu",
                "vendorId",
                "family",
                "model",
                "stepping",
                "physicalId",
                "coreId",
                "cores",
                "modelName",
                "mhz",
                "cacheSize",
                "flags",
                "microcode"
            ]
        );
    }
}
