//! Complaints about datagrams: anybody can send what makes no sense, and must not fill the log with it.

use std::time::Duration;

use crate::model::mono::Mono;

/// Between two complaints of a kind.
const INTERVAL: Duration = Duration::from_secs(10);

/// What is complained about. One kind does not silence another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Complaint {
    /// A datagram could not be sent.
    NotSent,
    /// The socket could not be read.
    NotReceived,
    /// A datagram of another pool, or not encrypted with our keys.
    NotOpened,
    /// Bytes that are no message.
    NotDecoded,
    /// A compound that ends early, or holds too much.
    CutOff,
}

/// Kinds there are.
const KINDS: usize = Complaint::CutOff as usize + 1;

/// When which complaint was made.
#[derive(Debug, Default)]
pub(super) struct Complaints([Kind; KINDS]);

#[derive(Debug, Default)]
struct Kind {
    made_at: Option<Mono>,
    /// Those that were not made since.
    suppressed: u64,
}

impl Complaints {
    /// Whether to complain now, and then how many of the kind were not made since the last.
    pub(super) fn admit(&mut self, complaint: Complaint, now: Mono) -> Option<u64> {
        let kind = &mut self.0[complaint as usize];
        if kind.made_at.is_some_and(|at| now - at < INTERVAL) {
            kind.suppressed = kind.suppressed.saturating_add(1);
            return None;
        }
        kind.made_at = Some(now);
        Some(std::mem::take(&mut kind.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_told_once_in_a_while_with_what_was_not() {
        let mut complaints = Complaints::default();
        let at = |ms| Mono::from_origin(Duration::from_millis(ms));
        let mut admit = |kind, ms| complaints.admit(kind, at(ms));
        assert_eq!(admit(Complaint::NotOpened, 5), Some(0));
        assert_eq!(admit(Complaint::NotOpened, 6), None);
        assert_eq!(admit(Complaint::NotOpened, 10_004), None);
        assert_eq!(admit(Complaint::CutOff, 7000), Some(0), "another kind");
        assert_eq!(admit(Complaint::NotOpened, 10_005), Some(2));
        assert_eq!(admit(Complaint::NotOpened, 20_005), Some(0));
    }
}
