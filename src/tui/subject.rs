//! The parts of the picture, each with its question, and which of them a page needs.

use super::page::{Page, View};

/// The parts, each with its question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The agent itself.
    Agent,
    /// The members of the LAN pool.
    Members,
    /// All checks; may be waited for.
    Checks,
    /// All services; may be waited for.
    Services,
    /// The servers' health.
    Health,
    /// The raft configuration.
    Raft,
    /// Autopilot's thresholds.
    Autopilot,
    /// The leader.
    Leader,
    /// Changes of leader.
    Changes,
    /// What members say of gossip.
    Gossip,
    /// Network coordinates.
    Coordinates,
}

impl Subject {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Agent,
        Self::Members,
        Self::Checks,
        Self::Services,
        Self::Health,
        Self::Raft,
        Self::Autopilot,
        Self::Leader,
        Self::Changes,
        Self::Gossip,
        Self::Coordinates,
    ];

    /// The policy that lets a token read it; `None` where it takes none.
    pub const fn right(self) -> Option<&'static str> {
        match self {
            Self::Leader => None,
            Self::Agent => Some("agent_prefix \"\" { policy = \"read\" }"),
            Self::Members | Self::Gossip | Self::Coordinates => {
                Some("node_prefix \"\" { policy = \"read\" }")
            }
            Self::Checks => Some("node_prefix and service_prefix \"\" { policy = \"read\" }"),
            Self::Services => Some("service_prefix \"\" { policy = \"read\" }"),
            Self::Health | Self::Raft | Self::Autopilot | Self::Changes => {
                Some("operator = \"read\"")
            }
        }
    }
}

/// A set of parts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Subjects(u32);

impl Subjects {
    /// All of them.
    pub const ALL: Self = Self::of(&Subject::ALL);

    /// What the head shows, and what the journal must not miss. A list that did not change costs nothing.
    const ALWAYS: Self = Self::of(&[
        Subject::Agent,
        Subject::Members,
        Subject::Checks,
        Subject::Health,
        Subject::Raft,
        Subject::Autopilot,
        Subject::Leader,
        Subject::Changes,
        Subject::Gossip,
    ]);

    /// What a page needs; what nobody is told of only where it is seen. The palette completes names of services.
    pub const fn needed(page: &Page, palette: bool) -> Self {
        let needed = match page {
            Page::View(View::Overview | View::Members | View::Latency) | Page::Node(_) => {
                Self::ALWAYS.with(Subject::Coordinates)
            }
            Page::View(View::Services) | Page::Service(_) => Self::ALWAYS.with(Subject::Services),
            Page::View(View::Checks | View::Events | View::Raft | View::Kv | View::Logs)
            | Page::Check(..)
            | Page::Folder(_)
            | Page::Key(_)
            | Page::Line(_) => Self::ALWAYS,
        };
        if palette {
            needed.with(Subject::Services)
        } else {
            needed
        }
    }

    /// Those.
    pub const fn of(list: &[Subject]) -> Self {
        let mut found = Self(0);
        let mut place = 0;
        while place < list.len() {
            found = found.with(list[place]);
            place += 1;
        }
        found
    }

    /// The same and one more.
    #[must_use]
    pub const fn with(self, subject: Subject) -> Self {
        Self(self.0 | 1 << subject as u32)
    }

    /// Whether it is among them.
    pub const fn contains(self, subject: Subject) -> bool {
        self.0 & 1 << subject as u32 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_needed_where_it_is_seen() {
        let needs = |view, subject| Subjects::needed(&Page::View(view), false).contains(subject);
        for view in View::ALL {
            assert!(needs(view, Subject::Leader), "the head shows it");
            assert!(needs(view, Subject::Checks), "the journal tells of them");
            assert_eq!(needs(view, Subject::Services), view == View::Services);
        }
        assert!(!needs(View::Checks, Subject::Coordinates));
        let palette = Subjects::needed(&Page::View(View::Raft), true);
        assert!(palette.contains(Subject::Services));
    }

    #[test]
    fn a_set_has_what_was_put_into_it() {
        let set = Subjects::of(&[Subject::Agent]).with(Subject::Checks);
        let found = Subject::ALL
            .into_iter()
            .filter(|subject| set.contains(*subject));
        assert_eq!(found.collect::<Vec<_>>(), [Subject::Agent, Subject::Checks]);
        assert!(
            Subject::ALL
                .into_iter()
                .all(|one| Subjects::ALL.contains(one))
        );
    }
}
