//! The file system of a path.

use std::io;

use serde::Serialize;

use super::super::numbers::serialize_f64;
use super::memory::percent;

/// A file system's use in bytes, with the keys of gopsutil's `UsageStat`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DiskFacts {
    /// The path asked about.
    pub path: String,
    /// gopsutil's name of the file system; empty for a rare one.
    pub fstype: String,
    /// Its size.
    pub total: u64,
    /// What a user without privileges may still take.
    pub free: u64,
    /// What is taken.
    pub used: u64,
    /// `used` as a percentage of what a user could have at most.
    #[serde(serialize_with = "serialize_f64")]
    pub used_percent: f64,
    /// Files that fit.
    pub inodes_total: u64,
    /// Files there are.
    pub inodes_used: u64,
    /// Files that still fit.
    pub inodes_free: u64,
    /// `inodes_used` as a percentage of `inodes_total`.
    #[serde(serialize_with = "serialize_f64")]
    pub inodes_used_percent: f64,
}

/// The file system of `path`.
pub(super) fn of(path: &str) -> io::Result<DiskFacts> {
    let stat = rustix::fs::statvfs(path)?;
    let kind = rustix::fs::statfs(path)?.f_type;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    let (total, free) = (bytes(stat.f_blocks), bytes(stat.f_bavail));
    let used = bytes(stat.f_blocks.saturating_sub(stat.f_bfree));
    let inodes_used = stat.f_files.saturating_sub(stat.f_ffree);
    Ok(DiskFacts {
        path: path.to_owned(),
        fstype: name_of(kind).to_owned(),
        total,
        free,
        used,
        used_percent: percent(used, used + free),
        inodes_total: stat.f_files,
        inodes_used,
        inodes_free: stat.f_ffree,
        inodes_used_percent: percent(inodes_used, stat.f_files),
    })
}

/// The names that gopsutil gives to the numbers of linux/magic.h.
fn name_of(magic: i64) -> &'static str {
    match magic {
        0xEF53 => "ext2/ext3",
        0x5846_5342 => "xfs",
        0x9123_683E => "btrfs",
        0x0102_1994 => "tmpfs",
        0x794C_7630 => "overlayfs",
        0x2FC1_2FC1 => "zfs",
        0x6969 => "nfs",
        0x7371_7368 => "squashfs",
        0xF2F5_2010 => "f2fs",
        0x6165_676C => "pstorefs",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_has_a_size() {
        let facts = of("/").expect("is there");
        assert!(facts.total >= facts.used && facts.used_percent <= 100.0);
        assert_eq!(facts.path, "/");
    }

    #[test]
    fn a_missing_path_is_an_error() {
        assert!(of("/nonexistent/path").is_err());
    }
}
