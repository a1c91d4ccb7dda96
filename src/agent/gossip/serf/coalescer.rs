//! Member events that are held back and told together.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::agent::gossip::wire::NodeName;
use crate::model::mono::Mono;

use super::io::MemberChange;
use super::member::Member;

/// Holds member events back: of each member only the last one is told, and only when it is another one than
/// was told before. Nothing is held for longer than the period.
#[derive(Debug)]
pub(super) struct Coalescer {
    period: Duration,
    quiescent: Duration,
    held: BTreeMap<NodeName, (MemberChange, Member)>,
    /// The last event that was told, by member.
    told: BTreeMap<NodeName, MemberChange>,
    /// When the first held event has waited for the period.
    period_ends: Option<Mono>,
    /// When nothing has happened for the quiescent time.
    quiet_at: Option<Mono>,
}

impl Coalescer {
    /// One that holds nothing back when `period` is zero; see [`Self::is_on`].
    pub(super) fn new(period: Duration, quiescent: Duration) -> Self {
        Self {
            period,
            quiescent,
            held: BTreeMap::new(),
            told: BTreeMap::new(),
            period_ends: None,
            quiet_at: None,
        }
    }

    /// Whether events are to be given to it at all.
    pub(super) const fn is_on(&self) -> bool {
        !self.period.is_zero()
    }

    /// Holds an event back.
    pub(super) fn hold(&mut self, now: Mono, change: MemberChange, member: Member) {
        self.held.insert(member.name.clone(), (change, member));
        self.period_ends.get_or_insert(now + self.period);
        if !self.quiescent.is_zero() {
            self.quiet_at = Some(now + self.quiescent);
        }
    }

    /// When to flush; `None` when nothing is held.
    pub(super) fn due(&self) -> Option<Mono> {
        [self.period_ends, self.quiet_at]
            .into_iter()
            .flatten()
            .min()
    }

    /// What is to be told now: members by change.
    pub(super) fn flush(&mut self) -> BTreeMap<MemberChange, Vec<Member>> {
        (self.period_ends, self.quiet_at) = (None, None);
        let mut events: BTreeMap<MemberChange, Vec<Member>> = BTreeMap::new();
        for (name, (change, member)) in std::mem::take(&mut self.held) {
            let told = self.told.get(&name).copied();
            if told == Some(change) && change != MemberChange::Update {
                continue;
            }
            if change == MemberChange::Reap {
                self.told.remove(&name);
            } else {
                self.told.insert(name, change);
            }
            events.entry(change).or_default().push(member);
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::MemberChange::{Failed, Join, Reap, Update};
    use super::*;
    use crate::agent::gossip::serf::tests::member;

    fn at(seconds: u64) -> Mono {
        Mono::from_origin(Duration::from_secs(seconds))
    }

    fn flushed(coalescer: &mut Coalescer) -> Vec<(MemberChange, Vec<String>)> {
        let names = |members: Vec<Member>| members.iter().map(|m| m.name.to_string()).collect();
        let events = coalescer.flush().into_iter();
        events
            .map(|(change, members)| (change, names(members)))
            .collect()
    }

    #[test]
    fn events_are_told_together_by_kind() {
        let mut coalescer = Coalescer::new(Duration::from_secs(3), Duration::from_secs(1));
        assert_eq!(coalescer.due(), None);
        coalescer.hold(at(0), MemberChange::Join, member("b"));
        coalescer.hold(at(0), MemberChange::Join, member("a"));
        coalescer.hold(at(0), MemberChange::Failed, member("c"));
        assert_eq!(coalescer.due(), Some(at(1)), "quiet for a second");
        for second in 1..=5 {
            coalescer.hold(at(second), MemberChange::Update, member("d"));
        }
        assert_eq!(coalescer.due(), Some(at(3)), "never longer than the period");
        let expected = [
            (MemberChange::Join, vec!["a".to_owned(), "b".to_owned()]),
            (MemberChange::Failed, vec!["c".to_owned()]),
            (MemberChange::Update, vec!["d".to_owned()]),
        ];
        assert_eq!(flushed(&mut coalescer), expected);
        assert_eq!(coalescer.due(), None);
        assert_eq!(flushed(&mut coalescer), []);
    }

    #[test]
    fn what_was_told_is_not_told_again() {
        let mut coalescer = Coalescer::new(Duration::from_secs(3), Duration::ZERO);
        let a = || vec!["a".to_owned()];
        let mut hear = |changes: &[MemberChange]| {
            for &change in changes {
                coalescer.hold(at(0), change, member("a"));
            }
            flushed(&mut coalescer)
        };
        assert_eq!(hear(&[Join]), [(Join, a())]);
        assert_eq!(hear(&[Failed, Join]), [], "it is as alive as before");
        assert_eq!(hear(&[Update]), [(Update, a())]);
        assert_eq!(hear(&[Update]), [(Update, a())]);
        assert_eq!(hear(&[Failed]), [(Failed, a())]);
        assert_eq!(hear(&[Reap]), [(Reap, a())]);
        assert_eq!(hear(&[Join]), [(Join, a())]);
    }
}
