//! Who keeps a name that two members claim: the pool is asked, and the majority decides.

use bytes::Bytes;

use crate::agent::gossip::wire::decode_conflict_response;
use crate::model::mono::Mono;

use super::super::io::{Notice, Output, QueryKey, QueryReply, QueryRequest};
use super::Core;

/// What the others said so far of who has our name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tally {
    /// Members that know somebody of this name.
    responses: usize,
    /// Those for which it is us.
    matching: usize,
}

impl Tally {
    /// More than half; where nobody answers, nobody is for us.
    const fn is_won(self) -> bool {
        self.matching > self.responses / 2
    }
}

/// The vote on our own name.
#[derive(Debug, Default)]
pub(in super::super) struct NameVote {
    running: Option<(QueryKey, Tally)>,
    /// How it ended, once we lost.
    lost: Option<Tally>,
}

impl NameVote {
    /// Whether this query is the one that asks for votes.
    fn is_asked_by(&self, query: QueryKey) -> bool {
        self.running.is_some_and(|(running, _)| running == query)
    }
}

impl Core {
    /// Somebody else claims our name: asks all others which of us they know, unless they are being asked or it
    /// is not to be resolved. `alive` is how many members there are.
    pub(in super::super) fn resolve_own_name(&mut self, now: Mono, alive: usize) {
        if !self.config.resolve_name_conflicts || self.vote.running.is_some() {
            return;
        }
        let request = QueryRequest {
            name: "_serf_conflict".to_owned(),
            payload: Bytes::copy_from_slice(self.name.as_bytes()),
            ..QueryRequest::default()
        };
        match self.ask(now, request, alive) {
            Ok(query) => {
                let (responses, matching) = (0, 0);
                let tally = Tally {
                    responses,
                    matching,
                };
                self.vote.running = Some((query, tally));
            }
            Err(error) => self.ignored("name conflict", error.to_string()),
        }
    }

    /// A query of ours was answered: a vote is counted, everything else is told.
    pub(super) fn replied(&mut self, key: QueryKey, reply: QueryReply) {
        let running = self.vote.running.as_mut();
        let Some((_, tally)) = running.filter(|(query, _)| *query == key) else {
            self.outputs.push_back(Output::QueryReply { key, reply });
            return;
        };
        let QueryReply::Response { payload, .. } = reply else {
            return;
        };
        match decode_conflict_response(&payload) {
            Ok(Some(member)) => {
                tally.responses += 1;
                let is_us = member.port == self.address.port()
                    && member.addr.parse() == Ok(self.address.ip());
                tally.matching += usize::from(is_us);
            }
            // Whoever knows nobody of this name cannot tell.
            Ok(None) => {}
            Err(error) => self.ignored("query response", error.to_string()),
        }
    }

    /// A query of ours is over: the vote is decided, everything else is told.
    pub(super) fn query_over(&mut self, key: QueryKey) {
        if !self.vote.is_asked_by(key) {
            self.outputs.push_back(Output::QueryDone { key });
            return;
        }
        let Some((_, tally)) = self.vote.running.take() else {
            return;
        };
        if tally.is_won() {
            let Tally {
                matching,
                responses,
            } = tally;
            self.notice(Notice::NameKept {
                matching,
                responses,
            });
        } else if !self.leaving {
            // Whoever leaves gives the name up anyway.
            self.vote.lost = Some(tally);
        }
    }

    /// Whether the vote on our name was lost just now, and what is then to be told last.
    pub(in super::super) fn take_lost_name(&mut self) -> Option<Output> {
        let Tally {
            matching,
            responses,
        } = self.vote.lost.take()?;
        Some(Output::ConflictLost {
            matching,
            responses,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_half_of_the_answers_win() {
        let table = [
            (0, 0, false),
            (0, 1, false),
            (1, 1, true),
            (1, 2, false),
            (2, 2, true),
            (1, 3, false),
            (2, 3, true),
            (2, 4, false),
            (3, 4, true),
        ];
        for (matching, responses, won) in table {
            let tally = Tally {
                responses,
                matching,
            };
            assert_eq!(tally.is_won(), won, "{matching} / {responses}");
        }
    }
}
