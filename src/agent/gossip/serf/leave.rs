//! Leaving gracefully: section 10 of the wire format.

use crate::agent::gossip::swim::{self, Ticket};
use crate::model::mono::Mono;

use super::config::Config;
use super::io::Output;
use super::machine::Serf;

/// How far a member's leaving is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It stays.
    Here,
    /// The others are told that it will leave.
    Intending { told: Ticket, until: Mono },
    /// The failure detector tells them that it leaves.
    Leaving { alone: bool, until: Mono },
    /// Word gets around; probes are still answered meanwhile.
    Propagating { until: Mono },
    /// It is gone.
    Left,
}

impl Phase {
    /// When the next phase begins at the latest.
    pub(super) const fn deadline(&self) -> Option<Mono> {
        match self {
            Self::Here | Self::Left => None,
            Self::Intending { until, .. }
            | Self::Leaving { until, .. }
            | Self::Propagating { until } => Some(*until),
        }
    }

    /// The failure detector has told all, or its time to do so is up.
    pub(super) fn swim_left(&mut self, now: Mono, config: &Config) {
        if let Self::Leaving { alone, .. } = *self {
            // Where nobody is, nobody needs time to hear of it. (Serf waits even then.)
            let until = if alone {
                now
            } else {
                now + config.leave_propagate_delay
            };
            *self = Self::Propagating { until };
        }
    }
}

impl Serf {
    /// Leaves gracefully; [`Output::Left`] ends it. Asking again changes nothing.
    pub fn leave(&mut self, now: Mono) {
        if self.phase != Phase::Here {
            return;
        }
        // Others that leave as well are there to be told, for a while.
        let alone = self.swim.alive_count() <= 1;
        match self.core.begin_leave(now, alone) {
            Some(told) => {
                let until = now + self.core.config().broadcast_timeout;
                self.phase = Phase::Intending { told, until };
            }
            None => self.leave_swim(now, true),
        }
        self.settle(now);
    }

    fn leave_swim(&mut self, now: Mono, alone: bool) {
        let until = now + self.core.config().broadcast_timeout;
        self.phase = Phase::Leaving { alone, until };
        self.swim.handle(now, swim::Input::Leave, &mut self.core);
    }

    /// Goes on with leaving when the phase is over; whether it was. [`Output::Left`] is the last output.
    pub(super) fn advance_leave(&mut self, now: Mono) -> bool {
        let finished = self.core.pop_finished();
        let is_late = self.phase.deadline().is_some_and(|until| until <= now);
        match self.phase {
            Phase::Intending { told, .. } if is_late || finished == Some(told) => {
                self.leave_swim(now, false);
            }
            Phase::Leaving { .. } if is_late => {
                self.phase.swim_left(now, self.core.config());
            }
            Phase::Propagating { .. } if is_late => {
                self.end(Output::Left);
            }
            _ => return false,
        }
        true
    }

    /// Ends at once when the vote on our name was lost; whether it was. [`Output::ConflictLost`] is the last
    /// output.
    pub(super) fn end_without_name(&mut self) -> bool {
        match self.core.take_lost_name() {
            Some(last) => self.end(last),
            None => return false,
        }
        true
    }

    fn end(&mut self, last: Output) {
        self.phase = Phase::Left;
        self.core.end_queries();
        self.gather();
        self.outputs.push_back(last);
    }
}
