//! The wire format of memberlist and serf: bytes to values and back. Pure.

mod address;
mod cipher;
mod compress;
mod conflict;
mod coordinate;
mod error;
mod key_message;
mod keyring;
mod message;
mod message_codec;
mod packet;
mod reader;
mod security;
mod serf_codec;
mod serf_message;
mod serf_state;
mod stream;
mod stream_reader;
mod tags;
#[cfg(test)]
mod tests;
mod writer;

pub use cipher::NONCE_LEN;
pub use conflict::{decode_conflict_response, encode_conflict_response};
pub use coordinate::{decode_coordinate, encode_coordinate};
pub use error::WireError;
pub use key_message::{decode_key_request, encode_key_request};
pub use keyring::{Key, Keyring, KeyringError};
pub use message::{
    Accusation, Ack, Alive, IndirectPing, META_MAX, Message, NAME_MAX, NODES_MAX, Nack, NodeName,
    NodeState, PeerState, Ping, PushPull, Source, Versions,
};
pub use packet::{decode_packet, encode_packet};
pub use security::{LABEL_MAX, Security};
pub use serf_message::{
    EventsAt, Filter, JoinIntent, KeyResponse, LamportTime, LeaveIntent, QUERY_FLAG_ACK,
    QUERY_FLAG_NO_BROADCAST, QUERY_MAX, Query, QueryResponse, Relay, SerfMessage, SerfState, Tags,
    USER_EVENT_HARD_MAX, USER_EVENT_MAX, UserEvent,
};
pub use stream::{
    STREAM_MAX, STREAM_PART_MAX, StreamMessage, encode_error, encode_push_pull, encode_user,
};
pub use stream_reader::{Gate, StreamReader};
pub use tags::{decode_tags, encode_tags};
