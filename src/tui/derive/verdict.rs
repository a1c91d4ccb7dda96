//! Good or bad, in one word: what `-check` ends with.

use serde::Serialize;

use super::picture::Picture;
use super::problems::Severity;
use crate::tui::snapshot::{ClusterSnapshot, Part};

/// The four words of Nagios; the order is that of its exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing is wrong.
    Ok,
    /// Working, with concerns.
    Warning,
    /// Something does not work.
    Critical,
    /// Nobody can tell.
    Unknown,
}

impl Verdict {
    /// The exit code.
    pub const fn exit_code(self) -> u8 {
        self as u8
    }

    /// The word as Nagios prints it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// The worst of all problems. Unknown when nothing critical can be seen, but not everything that decides can be seen
/// either, or what is seen may be old.
pub fn verdict(snapshot: &ClusterSnapshot, picture: &Picture) -> Verdict {
    let blind = snapshot.unreachable().is_some()
        || !knows(&snapshot.agent)
        || !knows(&snapshot.leader)
        || !knows(&snapshot.members)
        || !knows(&snapshot.health)
        || !knows(&snapshot.checks)
        || picture.check_counts.is_none()
        || snapshot.old().is_some();
    match picture
        .problems
        .iter()
        .map(|problem| problem.severity)
        .max()
    {
        Some(Severity::Critical) => Verdict::Critical,
        _ if blind => Verdict::Unknown,
        Some(Severity::Warning) => Verdict::Warning,
        Some(Severity::Note) | None => Verdict::Ok,
    }
}

/// Whether the newest question was answered.
fn knows<T>(part: &Part<T>) -> bool {
    part.value.is_some() && part.fault.is_none()
}
