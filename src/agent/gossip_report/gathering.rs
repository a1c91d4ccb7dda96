//! The answers to one query, as they come in.

use std::collections::{HashMap, HashSet};

use crate::agent::gossip::serf::QueryReply;
use crate::agent::gossip::swim::MemberUnrest;
use crate::model::gossip::{GossipMember, GossipReport, GossipUnrest};
use crate::model::member::{Member, MemberStatus};

use super::payload;

/// The answers so far. Members beyond those of the start are not waited for.
#[derive(Debug)]
pub(super) struct Gathering {
    /// Alive members of whom nothing was heard yet.
    silent: HashSet<String>,
    /// Members that got the query and have not answered it.
    asked: HashSet<String>,
    reports: HashMap<String, GossipReport>,
    /// Answers that could not be read, for the log.
    unreadable: Vec<String>,
}

/// What is still to be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// Members that may not have got the query yet.
    Acknowledgements,
    /// Members that have it; those that know it answer at once.
    Answers,
    /// Everybody has answered.
    Nothing,
}

impl Gathering {
    /// Before anybody answered.
    pub(super) fn new(members: &[Member]) -> Self {
        let alive = members
            .iter()
            .filter(|member| member.member_status() == MemberStatus::Alive);
        Self {
            silent: alive.map(|member| member.name.clone()).collect(),
            asked: HashSet::new(),
            reports: HashMap::new(),
            unreadable: Vec::new(),
        }
    }

    /// Takes a reply in.
    pub(super) fn add(&mut self, reply: &QueryReply) {
        match reply {
            QueryReply::Ack(name) => {
                // Acknowledgements and answers may overtake each other.
                if self.silent.remove(&**name) {
                    self.asked.insert(name.to_string());
                }
            }
            QueryReply::Response { from, payload } => {
                self.silent.remove(&**from);
                self.asked.remove(&**from);
                match payload::decode(payload) {
                    Ok(report) => self.report(from, report),
                    Err(err) => self.unreadable.push(format!("{from}: {err}")),
                }
            }
        }
    }

    /// Takes in what a member says.
    pub(super) fn report(&mut self, member: &str, report: GossipReport) {
        self.silent.remove(member);
        self.reports.insert(member.to_owned(), report);
    }

    /// Whether waiting makes sense.
    pub(super) fn missing(&self) -> Missing {
        if !self.silent.is_empty() {
            Missing::Acknowledgements
        } else if !self.asked.is_empty() {
            Missing::Answers
        } else {
            Missing::Nothing
        }
    }

    /// Answers that could not be read.
    pub(super) fn unreadable(&self) -> &[String] {
        &self.unreadable
    }

    /// All members with what they said, and what this one saw of them.
    pub(super) fn finish(
        mut self,
        members: &[Member],
        unrest: Vec<MemberUnrest>,
    ) -> Vec<GossipMember> {
        let seen = unrest.into_iter().map(|one| {
            let unrest = GossipUnrest {
                suspect: one.suspect,
                suspicions: one.suspicions,
                flaps: one.flaps,
                settled_seconds: one.settled.map(|settled| settled.as_secs()),
            };
            (one.name, unrest)
        });
        let mut seen: HashMap<_, _> = seen.collect();
        let described = members.iter().map(|member| {
            let report = self.reports.remove(&member.name);
            GossipMember {
                name: member.name.clone(),
                addr: member.addr.clone(),
                port: member.port,
                status: member.member_status().as_str().to_owned(),
                unknown: report.is_none(),
                report,
                seen: seen.remove(member.name.as_str()),
            }
        });
        described.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, status: MemberStatus) -> Member {
        Member {
            name: name.to_owned(),
            addr: "10.0.0.1".to_owned(),
            port: 8301,
            status: status as i64,
            ..Member::default()
        }
    }

    fn ring() -> Vec<Member> {
        vec![
            member("a", MemberStatus::Alive),
            member("b", MemberStatus::Alive),
            member("c", MemberStatus::Failed),
        ]
    }

    fn answer(from: &str, health_score: u32) -> QueryReply {
        let report = GossipReport {
            health_score,
            ..GossipReport::default()
        };
        QueryReply::Response {
            from: from.into(),
            payload: payload::encode(&report).unwrap().into(),
        }
    }

    #[test]
    fn alive_members_are_waited_for() {
        let mut gathering = Gathering::new(&ring());
        assert_eq!(gathering.missing(), Missing::Acknowledgements);
        gathering.add(&QueryReply::Ack("a".into()));
        gathering.add(&answer("b", 3));
        gathering.add(&QueryReply::Ack("b".into()));
        assert_eq!(gathering.missing(), Missing::Answers);
        gathering.add(&answer("a", 1));
        assert_eq!(gathering.missing(), Missing::Nothing);
        let unrest = MemberUnrest {
            name: "c".into(),
            suspect: false,
            suspicions: 2,
            flaps: 1,
            settled: Some(std::time::Duration::from_secs(90)),
        };
        let found = gathering.finish(&ring(), vec![unrest]);
        let seen = found[2].seen.as_ref().unwrap();
        assert_eq!((seen.suspicions, seen.settled_seconds), (2, Some(90)));
        assert!(found[0].seen.is_none());
        let scores: Vec<_> = found
            .iter()
            .map(|member| member.report.as_ref().map(|report| report.health_score))
            .collect();
        assert_eq!(scores, [Some(1), Some(3), None]);
        assert_eq!(
            (found[2].status.as_str(), found[2].unknown),
            ("failed", true)
        );
        assert!(!found[0].unknown);
    }

    #[test]
    fn answers_that_cannot_be_read_are_unknown_and_named() {
        let mut gathering = Gathering::new(&ring());
        gathering.add(&QueryReply::Ack("stranger".into()));
        gathering.add(&answer("stranger", 1));
        gathering.add(&QueryReply::Ack("a".into()));
        gathering.add(&QueryReply::Response {
            from: "b".into(),
            payload: bytes::Bytes::from_static(b"\x09"),
        });
        assert_eq!(gathering.missing(), Missing::Answers);
        let text = "b: the answer has version 9, this agent reads version 1";
        assert_eq!(gathering.unreadable(), [text]);
        let found = gathering.finish(&ring(), Vec::new());
        assert_eq!(found.len(), 3);
        assert!(found.iter().all(|member| member.unknown));
    }
}
