//! The wire format of memberlist and serf: bytes to values and back. Pure.

mod keyring;
mod message;
mod serf_message;

pub use keyring::{Key, Keyring};
pub use message::{
    Accusation, Ack, Alive, IndirectPing, META_MAX, Message, Nack, NodeName, NodeState, PeerState,
    Ping, PushPull, Source, Versions,
};
pub use serf_message::{
    EventsAt, Filter, JoinIntent, KeyResponse, LamportTime, LeaveIntent, QUERY_FLAG_ACK,
    QUERY_FLAG_NO_BROADCAST, QUERY_MAX, Query, QueryResponse, Relay, SerfMessage, SerfState, Tags,
    USER_EVENT_HARD_MAX, USER_EVENT_MAX, UserEvent,
};
