//! What happened since the dashboard started, newest first.

use std::collections::{BTreeMap, VecDeque};

use super::derive::{Identity, Picture, Problem, Severity};
use super::snapshot::Millis;

/// Events that are kept.
const MAX_EVENTS: usize = 500;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// When it was seen.
    pub at: Millis,
    /// How bad it is; `None` for what became good again.
    pub severity: Option<Severity>,
    /// What it is about.
    pub subject: String,
    /// What happened.
    pub text: String,
}

/// The events, newest first.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    /// The events.
    pub events: VecDeque<Happening>,
    /// How many there were, kept or not.
    pub count: u64,
}

impl Journal {
    /// Notes what is different. The first picture is no event.
    pub fn compare(&mut self, now: Millis, old: &Picture, new: &Picture) {
        if old.at == 0 {
            return;
        }
        let leader = |picture: &Picture| picture.leader.as_ref().map(|leader| leader.name.clone());
        if old.leader_known && leader(old) != leader(new) {
            let (severity, text) = match leader(new) {
                Some(name) => (Severity::Warning, format!("{name} leads")),
                None => (Severity::Critical, "no leader".to_owned()),
            };
            self.put(now, Some(severity), "cluster", text);
        }
        if old.problems == new.problems {
            return;
        }
        let (before, after) = (index(old), index(new));
        for (key, problem) in &after {
            // What was there at the first look did not happen just now.
            let fresh = problem.since.is_none_or(|since| !since.at_least);
            if fresh && !before.contains_key(key) {
                self.put(
                    now,
                    Some(problem.severity),
                    &problem.subject,
                    problem.text.clone(),
                );
            }
        }
        for (key, problem) in &before {
            if !after.contains_key(key) {
                let text = format!("over: {}", problem.text);
                self.put(now, None, &problem.subject, text);
            }
        }
    }

    /// Notes one event.
    pub fn put(&mut self, at: Millis, severity: Option<Severity>, subject: &str, text: String) {
        self.events.push_front(Happening {
            at,
            severity,
            subject: subject.to_owned(),
            text,
        });
        self.events.truncate(MAX_EVENTS);
        self.count += 1;
    }
}

fn index(picture: &Picture) -> BTreeMap<Identity, &Problem> {
    let list = picture.problems.iter();
    list.map(|one| (one.identity(), one)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::derive::bad_cluster::bad_picture;

    #[test]
    fn what_begins_and_what_ends_is_noted() {
        let (_, bad) = bad_picture();
        let mut good = bad.clone();
        good.problems.retain(|problem| problem.subject == "old-1");
        good.leader = None;
        let mut journal = Journal::default();
        journal.compare(9, &Picture::default(), &bad);
        assert!(journal.events.is_empty(), "the first picture is no event");
        journal.compare(9, &good, &bad);
        let texts: Vec<String> = journal
            .events
            .iter()
            .map(|it| format!("{} {}", it.subject, it.text))
            .collect();
        assert!(
            texts.contains(&"cluster srv-2 leads".to_owned()),
            "{texts:?}"
        );
        assert!(texts.contains(&"web-7 node failed".to_owned()), "{texts:?}");
        journal.compare(10, &bad, &good);
        assert!(
            journal
                .events
                .iter()
                .any(|it| it.text == "over: node failed" && it.severity.is_none())
        );
    }

    #[test]
    fn the_same_check_on_another_node_is_another_event() {
        let (_, bad) = bad_picture();
        let mut more = bad.clone();
        let found = bad.problems.iter().find(|one| one.check.is_some());
        let mut other = found.unwrap().clone();
        other.check = Some(("web-9".to_owned(), "http :8080".to_owned()));
        more.problems.push(other);
        let mut journal = Journal::default();
        journal.compare(9, &bad, &more);
        assert_eq!(journal.events.len(), 1);
        journal.compare(9, &more, &bad);
        assert_eq!(journal.events.len(), 2);
    }
}
