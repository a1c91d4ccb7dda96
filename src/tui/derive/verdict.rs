//! Good or bad, in one word: what `-check` ends with.

use serde::Serialize;

use super::picture::Picture;
use super::problems::Severity;
use crate::tui::snapshot::ClusterSnapshot;

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

/// The worst of all problems. Unknown when nothing is wrong as far as can be seen, but leader, members or checks cannot
/// be seen.
pub fn verdict(snapshot: &ClusterSnapshot, picture: &Picture) -> Verdict {
    let away = snapshot.leader.fault.is_some()
        || snapshot.members.fault.is_some()
        || snapshot.checks.fault.is_some();
    match picture
        .problems
        .iter()
        .map(|problem| problem.severity)
        .max()
    {
        Some(Severity::Critical) => Verdict::Critical,
        _ if away => Verdict::Unknown,
        Some(Severity::Warning) => Verdict::Warning,
        Some(Severity::Note) | None => Verdict::Ok,
    }
}
