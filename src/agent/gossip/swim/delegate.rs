//! What the failure detector asks of the layer above.

use std::time::Duration;

use bytes::Bytes;

use crate::agent::gossip::wire::PeerState;
use crate::model::mono::Mono;

use super::peer::Peer;

/// A change of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is alive, and was not known or dead or left before.
    Joined,
    /// It failed, or left: [`PeerState::Dead`] or [`PeerState::Left`].
    Gone(PeerState),
    /// Its address, metadata or versions are others.
    Updated,
}

/// The layer above: serf. Called synchronously, in the order of what happened.
pub trait Delegate {
    /// A member changed. Called for ourselves, too.
    fn changed(&mut self, now: Mono, change: Change, peer: &Peer);

    /// A message of the application, without memberlist's type byte.
    fn user_message(&mut self, now: Mono, message: Bytes);

    /// Messages of the application for one packet: each costs its length plus `overhead`, together at
    /// most `limit`. Being taken counts as being sent once. Without memberlist's type byte.
    fn broadcasts(&mut self, overhead: usize, limit: usize) -> Vec<Bytes>;

    /// Whether there is anything to gossip.
    fn has_broadcasts(&self) -> bool;

    /// The application's part of a push/pull.
    fn local_state(&mut self, join: bool) -> Bytes;

    /// The other side's part.
    fn merge_remote_state(&mut self, now: Mono, state: &[u8], join: bool);

    /// What our acknowledgements carry; at most 200 bytes.
    fn ack_payload(&mut self) -> Bytes;

    /// A direct probe was answered.
    fn ping_complete(&mut self, now: Mono, peer: &Peer, rtt: Duration, payload: &[u8]);

    /// Whether to listen to what a member says of itself. Asked for alive messages that are news; not asked about
    /// ourselves.
    fn accepts(&mut self, peer: &Peer) -> Result<(), String>;

    /// Whether to merge these members when they, or we, join.
    fn accepts_merge(&mut self, peers: &[Peer]) -> Result<(), String>;
}
