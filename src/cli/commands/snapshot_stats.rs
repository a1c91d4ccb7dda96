//! What a snapshot is made of: how many records of which type, and which keys take the room.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Serialize;

use crate::model::kv::Key;
use crate::model::snapshot_records::StateRecord;
use crate::output::tabulate_columns;

/// Below the headings and above the total.
const RULE: [&str; 3] = [" ----", "----", "----"];

/// Which keys are told apart, and how finely.
#[derive(Clone)]
pub(super) struct KeyDetails {
    /// Parts of a key, between slashes, that make its group.
    pub(super) depth: usize,
    /// What the keys begin with that count; empty for all of them.
    pub(super) filter: String,
}

/// What is counted while the records pass by.
pub(super) struct Stats {
    details: Option<KeyDetails>,
    kinds: HashMap<Cow<'static, str>, Sum>,
    keys: HashMap<String, Sum>,
}

#[derive(Default, Clone, Copy)]
struct Sum {
    bytes: u64,
    count: u64,
}

/// A row of the tables.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Row {
    name: String,
    sum: u64,
    count: u64,
}

/// Both tables, largest first.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tables {
    stats: Vec<Row>,
    /// `None` where keys were not asked for, or none counts.
    #[serde(rename = "StatsKV")]
    stats_kv: Option<Vec<Row>>,
    total_size: u64,
    #[serde(rename = "TotalSizeKV")]
    total_size_kv: u64,
}

impl Stats {
    pub(super) fn new(details: Option<KeyDetails>) -> Self {
        Self {
            details,
            kinds: HashMap::new(),
            keys: HashMap::new(),
        }
    }

    /// Counts a record.
    pub(super) fn count(&mut self, record: StateRecord) {
        if let (Some(details), Some(key)) = (&self.details, &record.key)
            && let Some(group) = details.group(key)
        {
            self.keys.entry(group).or_default().add(record.bytes);
        }
        self.kinds.entry(record.kind).or_default().add(record.bytes);
    }

    pub(super) fn tables(self) -> Tables {
        let stats = sorted(self.kinds);
        let keys = sorted(self.keys);
        Tables {
            total_size: stats.iter().map(|row| row.sum).sum(),
            total_size_kv: keys.iter().map(|row| row.sum).sum(),
            stats,
            stats_kv: Some(keys).filter(|keys| !keys.is_empty()),
        }
    }
}

impl KeyDetails {
    /// The beginning of a key that it is counted under.
    fn group(&self, key: &Key) -> Option<String> {
        let bytes = key.as_bytes();
        if !bytes.starts_with(self.filter.as_bytes()) {
            return None;
        }
        let parts: Vec<&[u8]> = bytes.split(|byte| *byte == b'/').take(self.depth).collect();
        Some(String::from_utf8_lossy(&parts.join(&b'/')).into_owned())
    }
}

impl Sum {
    fn add(&mut self, bytes: u64) {
        self.bytes += bytes;
        self.count += 1;
    }
}

impl Tables {
    /// The tables as text, without a newline at the end.
    pub(super) fn text(&self) -> String {
        let mut text = table("Type", &self.stats, self.total_size);
        if let Some(keys) = &self.stats_kv {
            text.push('\n');
            text.push_str(&table("Key Name", keys, self.total_size_kv));
        }
        text.truncate(text.trim_end().len());
        text
    }
}

fn table(heading: &str, rows: &[Row], total: u64) -> String {
    let mut cells = vec![
        [format!(" {heading}"), "Count".to_owned(), "Size".to_owned()],
        RULE.map(str::to_owned),
    ];
    cells.extend(rows.iter().map(|row| {
        let name = format!(" {}", row.name);
        [name, row.count.to_string(), size(row.sum)]
    }));
    cells.push(RULE.map(str::to_owned));
    cells.push([" Total".to_owned(), String::new(), size(total)]);
    tabulate_columns(&cells)
}

/// Largest first, then by name.
fn sorted<K: Into<String>>(sums: HashMap<K, Sum>) -> Vec<Row> {
    let mut rows: Vec<Row> = sums
        .into_iter()
        .map(|(name, Sum { bytes, count })| Row {
            name: name.into(),
            sum: bytes,
            count,
        })
        .collect();
    rows.sort_unstable_by(|a, b| b.sum.cmp(&a.sum).then_with(|| a.name.cmp(&b.name)));
    rows
}

/// Bytes for people: one digit behind the point, unless it is a zero.
#[expect(clippy::cast_precision_loss, reason = "one digit is shown")]
fn size(bytes: u64) -> String {
    let units = ["B", "KB", "MB", "GB", "TB"];
    if bytes == 0 {
        return "0".to_owned();
    }
    let unit = (bytes.ilog2() / 10).min(4);
    let value = format!("{:.1}", bytes as f64 / (1_u64 << (10 * unit)) as f64);
    let value = value.strip_suffix(".0").unwrap_or(&value);
    format!("{value}{}", units[unit as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: &'static str, bytes: u64, key: Option<&str>) -> StateRecord {
        StateRecord {
            kind: kind.into(),
            bytes,
            key: key.map(Key::from),
        }
    }

    fn counted(details: Option<KeyDetails>) -> Tables {
        let mut stats = Stats::new(details);
        for (key, bytes) in [("vault/core/a", 2000), ("vault/core/b/c", 1072), ("x", 5)] {
            stats.count(record("KVS", bytes, Some(key)));
        }
        stats.count(record("Register", 3077, None));
        stats.count(record("Autopilot", 199, None));
        stats.tables()
    }

    fn details(depth: usize, filter: &str) -> KeyDetails {
        let filter = filter.to_owned();
        KeyDetails { depth, filter }
    }

    /// What Consul 1.10 prints of such a snapshot.
    #[test]
    fn the_table_is_consuls() {
        let expected = " Type           Count      Size
 ----           ----       ----
 KVS            3          3KB
 Register       1          3KB
 Autopilot      1          199B
 ----           ----       ----
 Total                     6.2KB";
        assert_eq!(counted(None).text(), expected);
        let keys = "

 Key Name        Count      Size
 ----            ----       ----
 vault/core      2          3KB
 x               1          5B
 ----            ----       ----
 Total                      3KB";
        assert_eq!(
            counted(Some(details(2, ""))).text(),
            format!("{expected}{keys}")
        );
    }

    #[test]
    fn keys_are_told_apart_as_asked() {
        let names = |depth, filter| {
            let rows = counted(Some(details(depth, filter))).stats_kv;
            rows.map(|rows| {
                let names = rows.into_iter().map(|row| row.name);
                names.collect::<Vec<_>>()
            })
        };
        let some = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(names(0, ""), some(&[""]));
        assert_eq!(names(1, ""), some(&["vault", "x"]));
        assert_eq!(names(9, "v"), some(&["vault/core/a", "vault/core/b/c"]));
        assert_eq!(names(3, "vault/core/b"), some(&["vault/core/b"]));
        assert_eq!(names(2, "nothing"), None);
    }

    #[test]
    fn sizes_are_rounded() {
        let shown = [
            0,
            1,
            1023,
            1024,
            1536,
            1 << 20,
            (5 << 30) + (1 << 29),
            3 << 50,
        ]
        .map(size);
        let expected = ["0", "1B", "1023B", "1KB", "1.5KB", "1MB", "5.5GB", "3072TB"];
        assert_eq!(shown, expected);
    }
}
