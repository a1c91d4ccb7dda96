//! What the application decides about members.

use std::time::Duration;

use super::member::Member;

/// Rules of the application on top of serf: who may be a member, how long one that failed is remembered.
/// Pure: it sees members and answers.
pub trait Policy: Send {
    /// Whether these members may be in one pool with us: asked for every alive message about another member
    /// (a list of one) and for the whole list when somebody joins. The text is logged and, for a join, told.
    ///
    /// # Errors
    /// With the reason.
    fn accepts(&mut self, members: &[Member]) -> Result<(), String>;

    /// How long this member, which failed or left, is remembered: `default` unless it says otherwise.
    fn reconnect_timeout(&self, member: &Member, default: Duration) -> Duration;
}

/// Takes everybody.
#[derive(Debug, Clone, Copy, Default)]
pub struct AnyMember;

impl Policy for AnyMember {
    fn accepts(&mut self, _: &[Member]) -> Result<(), String> {
        Ok(())
    }

    fn reconnect_timeout(&self, _: &Member, default: Duration) -> Duration {
        default
    }
}
