//! Memberlist's messages as bytes: section 5 of the wire format.

use std::net::SocketAddr;

use bytes::Bytes;

use super::address::{decode_socket, write_ip};
use super::error::WireError;
use super::message::{
    Accusation, Ack, Alive, IndirectPing, META_MAX, Message, Nack, NodeName, NodeState, PeerState,
    Ping, Source, Versions,
};
use super::reader::{Reader, within};
use super::writer::Writer;

/// Type bytes of memberlist.
pub(super) mod kind {
    pub(in super::super) const PING: u8 = 0;
    pub(in super::super) const INDIRECT_PING: u8 = 1;
    pub(in super::super) const ACK: u8 = 2;
    pub(in super::super) const SUSPECT: u8 = 3;
    pub(in super::super) const ALIVE: u8 = 4;
    pub(in super::super) const DEAD: u8 = 5;
    pub(in super::super) const PUSH_PULL: u8 = 6;
    pub(in super::super) const COMPOUND: u8 = 7;
    pub(in super::super) const USER: u8 = 8;
    pub(in super::super) const COMPRESS: u8 = 9;
    pub(in super::super) const ENCRYPT: u8 = 10;
    pub(in super::super) const NACK: u8 = 11;
    pub(in super::super) const HAS_CRC: u8 = 12;
    pub(in super::super) const ERROR: u8 = 13;
    pub(in super::super) const HAS_LABEL: u8 = 244;
}

/// What a message of bounded fields takes at most, the names and payloads aside.
const FIXED: usize = 96;

impl Message {
    /// The type byte and the body, as a part of a packet.
    pub fn encode(&self) -> Bytes {
        match self {
            Self::Ping(ping) => encode_ping(ping),
            Self::IndirectPing(ping) => encode_indirect_ping(ping),
            Self::Ack(ack) => encode_ack(ack),
            Self::Suspect(accusation) => encode_accusation(kind::SUSPECT, accusation),
            Self::Alive(alive) => encode_alive(alive),
            Self::Dead(accusation) => encode_accusation(kind::DEAD, accusation),
            Self::User(user) => {
                let mut out = Writer::message(kind::USER, user.len());
                out.append(user);
                out.finish()
            }
            Self::Nack(nack) => {
                let mut out = Writer::message(kind::NACK, FIXED);
                out.map(1);
                out.text("SeqNo");
                out.unsigned(nack.seq_no.into());
                out.finish()
            }
        }
    }

    /// One message of a packet: the type byte and the body. Containers (compound, compressed, with CRC)
    /// are [`super::decode_packet`]'s. Bytes after the body are ignored, as peers do.
    ///
    /// # Errors
    /// When it is no message, or a field makes no sense.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let (&kind, body) = bytes.split_first().ok_or(WireError::Empty("message"))?;
        let reader = &mut Reader::new(body);
        match kind {
            kind::PING => decode_ping(reader).map(Self::Ping),
            kind::INDIRECT_PING => decode_indirect_ping(reader).map(Self::IndirectPing),
            kind::ACK => decode_ack(reader).map(Self::Ack),
            kind::SUSPECT => decode_accusation("suspect", reader).map(Self::Suspect),
            kind::ALIVE => decode_alive(reader).map(Self::Alive),
            kind::DEAD => decode_accusation("dead", reader).map(Self::Dead),
            kind::USER => Ok(Self::User(Bytes::copy_from_slice(body))),
            kind::NACK => decode_nack(reader).map(Self::Nack),
            kind => Err(WireError::UnknownType {
                what: "message",
                kind,
            }),
        }
    }
}

fn encode_ping(ping: &Ping) -> Bytes {
    let mut out = Writer::message(kind::PING, FIXED + ping.node.len());
    out.map(2 + source_fields(ping.source.as_ref()));
    out.text("Node");
    out.text(&ping.node);
    out.text("SeqNo");
    out.unsigned(ping.seq_no.into());
    write_source(&mut out, ping.source.as_ref());
    out.finish()
}

fn encode_indirect_ping(ping: &IndirectPing) -> Bytes {
    let mut out = Writer::message(kind::INDIRECT_PING, FIXED + 32 + ping.node.len());
    out.map(5 + source_fields(ping.source.as_ref()));
    out.text("Nack");
    out.boolean(ping.nack);
    out.text("Node");
    out.text(&ping.node);
    out.text("Port");
    out.unsigned(ping.target.port().into());
    out.text("SeqNo");
    out.unsigned(ping.seq_no.into());
    write_source(&mut out, ping.source.as_ref());
    out.text("Target");
    write_ip(&mut out, ping.target.ip());
    out.finish()
}

fn encode_ack(ack: &Ack) -> Bytes {
    let mut out = Writer::message(kind::ACK, FIXED + ack.payload.len());
    out.map(2);
    out.text("Payload");
    out.raw_or_nil(&ack.payload);
    out.text("SeqNo");
    out.unsigned(ack.seq_no.into());
    out.finish()
}

fn encode_accusation(kind: u8, accusation: &Accusation) -> Bytes {
    let names = accusation.node.len() + accusation.from.len();
    let mut out = Writer::message(kind, FIXED + names);
    out.map(3);
    out.text("From");
    out.text(&accusation.from);
    out.text("Incarnation");
    out.unsigned(accusation.incarnation.into());
    out.text("Node");
    out.text(&accusation.node);
    out.finish()
}

fn encode_alive(alive: &Alive) -> Bytes {
    let mut out = Writer::message(kind::ALIVE, FIXED + alive.node.len() + alive.meta.len());
    out.map(6);
    out.text("Addr");
    write_ip(&mut out, alive.address.ip());
    out.text("Incarnation");
    out.unsigned(alive.incarnation.into());
    out.text("Meta");
    out.raw_or_nil(&alive.meta);
    out.text("Node");
    out.text(&alive.node);
    out.text("Port");
    out.unsigned(alive.address.port().into());
    out.text("Vsn");
    out.raw(alive.versions.as_slice());
    out.finish()
}

/// A member of a push/pull: a map without a type byte.
pub(super) fn write_node_state(out: &mut Writer, node: &NodeState) {
    out.map(7);
    out.text("Addr");
    write_ip(out, node.address.ip());
    out.text("Incarnation");
    out.unsigned(node.incarnation.into());
    out.text("Meta");
    out.raw_or_nil(&node.meta);
    out.text("Name");
    out.text(&node.node);
    out.text("Port");
    out.unsigned(node.address.port().into());
    out.text("State");
    out.signed(node.state as i64);
    out.text("Vsn");
    out.raw(node.versions.as_slice());
}

/// How many of a source's fields are sent: those that are empty are not.
fn source_fields(source: Option<&Source>) -> usize {
    source.map_or(0, |source| {
        1 + usize::from(!source.node.is_empty()) + usize::from(source.address.port() != 0)
    })
}

fn write_source(out: &mut Writer, source: Option<&Source>) {
    let Some(source) = source else { return };
    out.text("SourceAddr");
    write_ip(out, source.address.ip());
    if !source.node.is_empty() {
        out.text("SourceNode");
        out.text(&source.node);
    }
    if source.address.port() != 0 {
        out.text("SourcePort");
        out.unsigned(source.address.port().into());
    }
}

/// Where an acknowledgement goes, while its fields come in.
#[derive(Default)]
struct SourceFields<'a> {
    address: &'a [u8],
    port: u16,
    node: &'a str,
}

impl SourceFields<'_> {
    /// Only both address and port make a source; anything else leaves the packet's own (section 6.1).
    fn source(&self) -> Result<Option<Source>, WireError> {
        if self.address.is_empty() || self.port == 0 {
            return Ok(None);
        }
        Ok(Some(Source {
            address: decode_socket(self.address, self.port)?,
            node: NodeName::from(self.node),
        }))
    }
}

/// A ping, from a packet or a stream.
pub(super) fn decode_ping(reader: &mut Reader<'_>) -> Result<Ping, WireError> {
    let (mut seq_no, mut node, mut source) = (0, "", SourceFields::default());
    reader
        .fields(|name, value| {
            match name {
                b"SeqNo" => seq_no = value.integer("SeqNo")?,
                b"Node" => node = value.name()?,
                b"SourceAddr" => source.address = value.raw()?,
                b"SourcePort" => source.port = value.integer("SourcePort")?,
                b"SourceNode" => source.node = value.name()?,
                _ => value.skip()?,
            }
            Ok(())
        })
        .and_then(|()| {
            Ok(Ping {
                seq_no,
                node: NodeName::from(node),
                source: source.source()?,
            })
        })
        .map_err(WireError::of("ping"))
}

fn decode_indirect_ping(reader: &mut Reader<'_>) -> Result<IndirectPing, WireError> {
    let (mut seq_no, mut node, mut source) = (0, "", SourceFields::default());
    let (mut target, mut port, mut nack): (&[u8], u16, bool) = (&[], 0, false);
    reader
        .fields(|name, value| {
            match name {
                b"SeqNo" => seq_no = value.integer("SeqNo")?,
                b"Target" => target = value.raw()?,
                b"Port" => port = value.integer("Port")?,
                b"Node" => node = value.name()?,
                b"Nack" => nack = value.boolean()?,
                b"SourceAddr" => source.address = value.raw()?,
                b"SourcePort" => source.port = value.integer("SourcePort")?,
                b"SourceNode" => source.node = value.name()?,
                _ => value.skip()?,
            }
            Ok(())
        })
        .and_then(|()| {
            Ok(IndirectPing {
                seq_no,
                target: decode_socket(target, port)?,
                node: NodeName::from(node),
                nack,
                source: source.source()?,
            })
        })
        .map_err(WireError::of("indirect ping"))
}

/// An acknowledgement, from a packet or a stream.
pub(super) fn decode_ack(reader: &mut Reader<'_>) -> Result<Ack, WireError> {
    let (mut seq_no, mut payload): (u32, &[u8]) = (0, &[]);
    reader
        .fields(|name, value| {
            match name {
                b"SeqNo" => seq_no = value.integer("SeqNo")?,
                b"Payload" => payload = value.raw()?,
                _ => value.skip()?,
            }
            Ok(())
        })
        .map_err(WireError::of("ack"))?;
    Ok(Ack {
        seq_no,
        payload: Bytes::copy_from_slice(payload),
    })
}

fn decode_nack(reader: &mut Reader<'_>) -> Result<Nack, WireError> {
    let mut seq_no = 0;
    reader
        .fields(|name, value| {
            match name {
                b"SeqNo" => seq_no = value.integer("SeqNo")?,
                _ => value.skip()?,
            }
            Ok(())
        })
        .map_err(WireError::of("nack"))?;
    Ok(Nack { seq_no })
}

fn decode_accusation(kind: &'static str, reader: &mut Reader<'_>) -> Result<Accusation, WireError> {
    let (mut incarnation, mut node, mut from) = (0, "", "");
    reader
        .fields(|name, value| {
            match name {
                b"Incarnation" => incarnation = value.integer("Incarnation")?,
                b"Node" => node = value.name()?,
                b"From" => from = value.name()?,
                _ => value.skip()?,
            }
            Ok(())
        })
        .map_err(WireError::of(kind))?;
    Ok(Accusation {
        incarnation,
        node: NodeName::from(node),
        from: NodeName::from(from),
    })
}

/// What is told of a member, by itself or by others, while its fields come in.
#[derive(Default)]
struct MemberFields<'a> {
    name: &'a str,
    address: &'a [u8],
    port: u16,
    meta: &'a [u8],
    incarnation: u32,
    state: i64,
    versions: &'a [u8],
}

impl<'a> MemberFields<'a> {
    /// `name_field` is what tells an alive message from a push/pull's member.
    fn read(reader: &mut Reader<'a>, name_field: &[u8]) -> Result<Self, WireError> {
        let mut fields = Self::default();
        reader.fields(|name, value| {
            match name {
                b"Addr" => fields.address = value.raw()?,
                b"Port" => fields.port = value.integer("Port")?,
                b"Meta" => fields.meta = value.raw()?,
                b"Incarnation" => fields.incarnation = value.integer("Incarnation")?,
                b"State" => fields.state = value.integer("State")?,
                b"Vsn" => fields.versions = value.raw()?,
                name if name == name_field => fields.name = value.name()?,
                _ => value.skip()?,
            }
            Ok(())
        })?;
        within("meta", fields.meta.len(), META_MAX)?;
        Ok(fields)
    }

    fn address(&self) -> Result<SocketAddr, WireError> {
        decode_socket(self.address, self.port)
    }
}

fn decode_alive(reader: &mut Reader<'_>) -> Result<Alive, WireError> {
    MemberFields::read(reader, b"Node")
        .and_then(|fields| {
            Ok(Alive {
                incarnation: fields.incarnation,
                node: NodeName::from(fields.name),
                address: fields.address()?,
                meta: Bytes::copy_from_slice(fields.meta),
                versions: Versions::from_slice(fields.versions),
            })
        })
        .map_err(WireError::of("alive"))
}

/// A member of a push/pull. Ends early with [`WireError::Truncated`], so that streams can wait for more.
pub(super) fn decode_node_state(reader: &mut Reader<'_>) -> Result<NodeState, WireError> {
    let fields = MemberFields::read(reader, b"Name")?;
    let state = match fields.state {
        0 => PeerState::Alive,
        1 => PeerState::Suspect,
        2 => PeerState::Dead,
        3 => PeerState::Left,
        _ => return Err(WireError::OutOfRange("State")),
    };
    Ok(NodeState {
        node: NodeName::from(fields.name),
        address: fields.address()?,
        meta: Bytes::copy_from_slice(fields.meta),
        incarnation: fields.incarnation,
        state,
        versions: Versions::from_slice(fields.versions),
    })
}
