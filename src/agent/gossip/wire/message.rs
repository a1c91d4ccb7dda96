//! Messages of memberlist: section 5 of the wire format.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

/// A member's name; shared, because tables, queues and messages all hold it.
pub type NodeName = Arc<str>;

/// Longest name of a member that is listened to, in bytes. Consul's are 63 letters at most, those of the
/// WAN twice that.
pub const NAME_MAX: usize = 512;

/// Longest metadata of a member, in bytes.
pub const META_MAX: usize = 512;

/// Most members in one exchange of state.
pub const NODES_MAX: usize = 1_048_576;

/// Who asks, as pings tell it: acknowledgements go there, not to the packet's source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Where to answer.
    pub address: SocketAddr,
    /// The asking member; may be empty.
    pub node: NodeName,
}

/// "Are you there?"
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ping {
    /// Returned in the acknowledgement.
    pub seq_no: u32,
    /// Who is meant; empty for whoever is there.
    pub node: NodeName,
    /// Absent when the peer did not send both address and port.
    pub source: Option<Source>,
}

/// "Ask that one for me."
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndirectPing {
    /// Returned in the acknowledgement.
    pub seq_no: u32,
    /// Where to send the ping.
    pub target: SocketAddr,
    /// Who is meant.
    pub node: NodeName,
    /// Whether the asker wants to hear that the target did not answer.
    pub nack: bool,
    /// Who asks.
    pub source: Option<Source>,
}

/// "I am here", with the payload of the application (coordinates).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack {
    /// The ping's number.
    pub seq_no: u32,
    /// Empty for relayed and stream acknowledgements.
    pub payload: Bytes,
}

/// "That one does not answer me either."
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nack {
    /// The indirect ping's number.
    pub seq_no: u32,
}

/// Memberlist's and the delegate's protocol versions: min, max, current, twice. Old peers send fewer
/// than six; what is missing is zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Versions {
    bytes: [u8; 6],
    len: u8,
}

impl Versions {
    /// What Consul's agents say: memberlist 1 to 5 speaking 2, serf 2 to 5 speaking 4.
    pub const CONSUL: Self = Self {
        bytes: [1, 5, 2, 2, 5, 4],
        len: 6,
    };

    /// From what a peer sent; bytes past the sixth are ignored.
    pub fn from_slice(sent: &[u8]) -> Self {
        let mut bytes = [0; 6];
        let len = sent.len().min(bytes.len());
        bytes[..len].copy_from_slice(&sent[..len]);
        Self {
            bytes,
            len: u8::try_from(len).unwrap_or(6),
        }
    }

    /// As sent.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Whether all six are there.
    pub const fn is_complete(&self) -> bool {
        self.len == 6
    }

    /// Lowest memberlist protocol understood.
    pub const fn protocol_min(&self) -> u8 {
        self.bytes[0]
    }

    /// Highest memberlist protocol understood.
    pub const fn protocol_max(&self) -> u8 {
        self.bytes[1]
    }

    /// Memberlist protocol spoken.
    pub const fn protocol_cur(&self) -> u8 {
        self.bytes[2]
    }

    /// Lowest serf protocol understood.
    pub const fn delegate_min(&self) -> u8 {
        self.bytes[3]
    }

    /// Highest serf protocol understood.
    pub const fn delegate_max(&self) -> u8 {
        self.bytes[4]
    }

    /// Serf protocol spoken.
    pub const fn delegate_cur(&self) -> u8 {
        self.bytes[5]
    }
}

/// "This member is alive", with all that is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alive {
    /// Counted by the member itself.
    pub incarnation: u32,
    /// The member.
    pub node: NodeName,
    /// Where it gossips. IPv4-mapped IPv6 addresses are IPv4 here.
    pub address: SocketAddr,
    /// At most [`META_MAX`] bytes.
    pub meta: Bytes,
    /// What it speaks.
    pub versions: Versions,
}

/// The content of `suspect` and `dead`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accusation {
    /// The incarnation that is accused.
    pub incarnation: u32,
    /// Who is accused.
    pub node: NodeName,
    /// Who accuses; the accused itself when it leaves.
    pub from: NodeName,
}

/// One message of a packet, after unpacking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Type 0.
    Ping(Ping),
    /// Type 1.
    IndirectPing(IndirectPing),
    /// Type 2.
    Ack(Ack),
    /// Type 3.
    Suspect(Accusation),
    /// Type 4.
    Alive(Alive),
    /// Type 5.
    Dead(Accusation),
    /// Type 8: the application's, without the type byte.
    User(Bytes),
    /// Type 11.
    Nack(Nack),
}

/// What a member knows of another one, in the numbers of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PeerState {
    /// Answers.
    Alive = 0,
    /// May have failed.
    Suspect = 1,
    /// Failed.
    Dead = 2,
    /// Said that it left.
    Left = 3,
}

/// One member in a push/pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeState {
    /// The member.
    pub node: NodeName,
    /// Where it gossips. Port 0 means the receiver's own port.
    pub address: SocketAddr,
    /// At most [`META_MAX`] bytes.
    pub meta: Bytes,
    /// Counted by the member itself.
    pub incarnation: u32,
    /// What the sender thinks of it.
    pub state: PeerState,
    /// What it speaks.
    pub versions: Versions,
}

/// A whole push/pull, decoded (section 4).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushPull {
    /// Whether the dialer joins.
    pub join: bool,
    /// All members that the sender knows.
    pub nodes: Vec<NodeState>,
    /// The application's state.
    pub user_state: Bytes,
}
