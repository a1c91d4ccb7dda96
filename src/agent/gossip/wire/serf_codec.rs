//! Serf's messages as bytes: sections 9 to 9.2 of the wire format.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use super::address::{decode_socket, write_ip};
use super::error::WireError;
use super::message::NodeName;
use super::reader::{Reader, within};
use super::serf_message::{
    Filter, JoinIntent, LeaveIntent, Query, QueryResponse, Relay, SerfMessage, USER_EVENT_HARD_MAX,
    UserEvent,
};
use super::writer::Writer;

/// Type bytes of serf.
pub(super) mod kind {
    pub(in super::super) const LEAVE: u8 = 0;
    pub(in super::super) const JOIN: u8 = 1;
    pub(in super::super) const PUSH_PULL: u8 = 2;
    pub(in super::super) const USER_EVENT: u8 = 3;
    pub(in super::super) const QUERY: u8 = 4;
    pub(in super::super) const QUERY_RESPONSE: u8 = 5;
    pub(in super::super) const CONFLICT_RESPONSE: u8 = 6;
    pub(in super::super) const KEY_REQUEST: u8 = 7;
    pub(in super::super) const KEY_RESPONSE: u8 = 8;
    pub(in super::super) const RELAY: u8 = 9;
}

/// Kinds of a query's filters.
const FILTER_NODES: u8 = 0;
const FILTER_TAG: u8 = 1;

/// What a message of bounded fields takes at most, the names and payloads aside.
const FIXED: usize = 128;

/// Most filters of a query, and most names of a filter. A query is [`super::QUERY_MAX`] bytes at most; this
/// bounds one from a peer that was told otherwise.
const FILTERS_MAX: usize = USER_EVENT_HARD_MAX;

/// Largest query, response and relayed message that is listened to, in bytes. Members send
/// [`super::QUERY_MAX`]; this leaves room for one that was told otherwise.
const QUERY_HEARD_MAX: usize = 4 * 1024;

impl SerfMessage {
    /// Serf's type byte and the body: the content of a memberlist user message.
    pub fn encode(&self) -> Bytes {
        match self {
            Self::Leave(intent) => encode_leave(intent),
            Self::Join(intent) => encode_join(intent),
            Self::UserEvent(event) => encode_user_event(event),
            Self::Query(query) => encode_query(query),
            Self::QueryResponse(response) => encode_response(response),
            Self::Relay(relay) => encode_relay(relay),
        }
    }

    /// The content of a memberlist user message. Push/pull state, key and conflict messages are none.
    ///
    /// # Errors
    /// When it is no such message, a field makes no sense, or it is larger than any member sends: what is
    /// taken in is passed on to all.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let (&kind, body) = bytes
            .split_first()
            .ok_or(WireError::Empty("serf message"))?;
        if matches!(kind, kind::QUERY | kind::QUERY_RESPONSE | kind::RELAY) {
            within("query message", bytes.len(), QUERY_HEARD_MAX)?;
        }
        let reader = &mut Reader::new(body);
        match kind {
            kind::LEAVE => decode_leave(reader).map_err(WireError::of("leave")),
            kind::JOIN => decode_join(reader).map_err(WireError::of("join")),
            kind::USER_EVENT => decode_user_event(reader).map_err(WireError::of("user event")),
            kind::QUERY => decode_query(reader).map_err(WireError::of("query")),
            kind::QUERY_RESPONSE => {
                decode_response(reader).map_err(WireError::of("query response"))
            }
            kind::RELAY => decode_relay(reader).map_err(WireError::of("relay")),
            kind => Err(WireError::UnknownType {
                what: "serf message",
                kind,
            }),
        }
    }
}

impl Filter {
    /// The kind and the body, as queries list them.
    pub fn encode(&self) -> Bytes {
        match self {
            Self::Nodes(names) => {
                let size: usize = names.iter().map(|name| name.len() + 5).sum();
                let mut out = Writer::message(FILTER_NODES, size + 5);
                out.array(names.len());
                for name in names {
                    out.text(name);
                }
                out.finish()
            }
            Self::Tag { tag, expr } => {
                let mut out = Writer::message(FILTER_TAG, tag.len() + expr.len() + 24);
                out.map(2);
                out.text("Expr");
                out.text(expr);
                out.text("Tag");
                out.text(tag);
                out.finish()
            }
        }
    }

    /// One entry of a query's filters.
    ///
    /// # Errors
    /// When it is empty, of an unknown kind or malformed: the query is not for us then.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let (&kind, body) = bytes.split_first().ok_or(WireError::Empty("filter"))?;
        let mut reader = Reader::new(body);
        match kind {
            FILTER_NODES => {
                let mut names = Vec::new();
                reader
                    .list("node filter", FILTERS_MAX, |name| {
                        names.push(name.text()?.to_owned());
                        Ok(())
                    })
                    .map_err(WireError::of("node filter"))?;
                Ok(Self::Nodes(names))
            }
            FILTER_TAG => {
                let (mut tag, mut expr) = ("", "");
                reader
                    .fields(|name, value| {
                        match name {
                            b"Tag" => tag = value.text()?,
                            b"Expr" => expr = value.text()?,
                            _ => value.skip()?,
                        }
                        Ok(())
                    })
                    .map_err(WireError::of("tag filter"))?;
                Ok(Self::Tag {
                    tag: tag.to_owned(),
                    expr: expr.to_owned(),
                })
            }
            kind => Err(WireError::UnknownType {
                what: "filter",
                kind,
            }),
        }
    }
}

fn encode_leave(intent: &LeaveIntent) -> Bytes {
    let mut out = Writer::message(kind::LEAVE, FIXED + intent.node.len());
    out.map(3);
    out.text("LTime");
    out.unsigned(intent.ltime);
    out.text("Node");
    out.text(&intent.node);
    out.text("Prune");
    out.boolean(intent.prune);
    out.finish()
}

fn encode_join(intent: &JoinIntent) -> Bytes {
    let mut out = Writer::message(kind::JOIN, FIXED + intent.node.len());
    out.map(2);
    out.text("LTime");
    out.unsigned(intent.ltime);
    out.text("Node");
    out.text(&intent.node);
    out.finish()
}

fn encode_user_event(event: &UserEvent) -> Bytes {
    let size = FIXED + event.name.len() + event.payload.len();
    let mut out = Writer::message(kind::USER_EVENT, size);
    out.map(4);
    out.text("CC");
    out.boolean(event.coalesce);
    out.text("LTime");
    out.unsigned(event.ltime);
    out.text("Name");
    out.text(&event.name);
    out.text("Payload");
    out.raw_or_nil(&event.payload);
    out.finish()
}

fn encode_query(query: &Query) -> Bytes {
    let filters: usize = query.filters.iter().map(|filter| filter.len() + 5).sum();
    let names = query.name.len() + query.source_node.len();
    let mut out = Writer::message(
        kind::QUERY,
        2 * FIXED + names + filters + query.payload.len(),
    );
    out.map(11);
    out.text("Addr");
    write_ip(&mut out, query.address.ip());
    out.text("Filters");
    if query.filters.is_empty() {
        out.nil();
    } else {
        out.array(query.filters.len());
        for filter in &query.filters {
            out.raw(filter);
        }
    }
    out.text("Flags");
    out.unsigned(query.flags.into());
    out.text("ID");
    out.unsigned(query.id.into());
    out.text("LTime");
    out.unsigned(query.ltime);
    out.text("Name");
    out.text(&query.name);
    out.text("Payload");
    out.raw_or_nil(&query.payload);
    out.text("Port");
    out.unsigned(query.address.port().into());
    out.text("RelayFactor");
    out.unsigned(query.relay_factor.into());
    out.text("SourceNode");
    out.text(&query.source_node);
    out.text("Timeout");
    out.signed(i64::try_from(query.timeout.as_nanos()).unwrap_or(i64::MAX));
    out.finish()
}

fn encode_response(response: &QueryResponse) -> Bytes {
    let size = FIXED + response.from.len() + response.payload.len();
    let mut out = Writer::message(kind::QUERY_RESPONSE, size);
    out.map(5);
    out.text("Flags");
    out.unsigned(response.flags.into());
    out.text("From");
    out.text(&response.from);
    out.text("ID");
    out.unsigned(response.id.into());
    out.text("LTime");
    out.unsigned(response.ltime);
    out.text("Payload");
    out.raw_or_nil(&response.payload);
    out.finish()
}

fn encode_relay(relay: &Relay) -> Bytes {
    let size = FIXED + relay.to_node.len() + relay.message.len();
    let mut out = Writer::message(kind::RELAY, size);
    out.map(2);
    out.text("DestAddr");
    out.map(3);
    out.text("IP");
    write_ip(&mut out, relay.to.ip());
    out.text("Port");
    out.signed(relay.to.port().into());
    out.text("Zone");
    out.text("");
    out.text("DestName");
    out.text(&relay.to_node);
    out.append(&relay.message);
    out.finish()
}

fn decode_leave(reader: &mut Reader<'_>) -> Result<SerfMessage, WireError> {
    let (mut ltime, mut node, mut prune) = (0, "", false);
    reader.fields(|name, value| {
        match name {
            b"LTime" => ltime = value.integer("LTime")?,
            b"Node" => node = value.name()?,
            b"Prune" => prune = value.boolean()?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    Ok(SerfMessage::Leave(LeaveIntent {
        ltime,
        node: NodeName::from(node),
        prune,
    }))
}

fn decode_join(reader: &mut Reader<'_>) -> Result<SerfMessage, WireError> {
    let (mut ltime, mut node) = (0, "");
    reader.fields(|name, value| {
        match name {
            b"LTime" => ltime = value.integer("LTime")?,
            b"Node" => node = value.name()?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    Ok(SerfMessage::Join(JoinIntent {
        ltime,
        node: NodeName::from(node),
    }))
}

fn decode_user_event(reader: &mut Reader<'_>) -> Result<SerfMessage, WireError> {
    let (mut ltime, mut event, mut coalesce) = (0, "", false);
    let mut payload: &[u8] = &[];
    reader.fields(|name, value| {
        match name {
            b"LTime" => ltime = value.integer("LTime")?,
            b"Name" => event = value.text()?,
            b"Payload" => payload = value.raw()?,
            b"CC" => coalesce = value.boolean()?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let size = event.len() + payload.len();
    within("user event", size, USER_EVENT_HARD_MAX)?;
    Ok(SerfMessage::UserEvent(UserEvent {
        ltime,
        name: event.to_owned(),
        payload: Bytes::copy_from_slice(payload),
        coalesce,
    }))
}

fn decode_query(reader: &mut Reader<'_>) -> Result<SerfMessage, WireError> {
    let (mut ltime, mut id, mut flags, mut relay_factor, mut timeout) = (0, 0, 0, 0, 0_i64);
    let (mut address, mut port): (&[u8], u16) = (&[], 0);
    let (mut source_node, mut query) = ("", "");
    let mut payload: &[u8] = &[];
    let mut filters = Vec::new();
    reader.fields(|name, value| {
        match name {
            b"LTime" => ltime = value.integer("LTime")?,
            b"ID" => id = value.integer("ID")?,
            b"Addr" => address = value.raw()?,
            b"Port" => port = value.integer("Port")?,
            b"SourceNode" => source_node = value.name()?,
            b"Filters" => {
                filters.clear();
                value.list("filters", FILTERS_MAX, |filter| {
                    filters.push(Bytes::copy_from_slice(filter.raw()?));
                    Ok(())
                })?;
            }
            b"Flags" => flags = value.integer("Flags")?,
            b"RelayFactor" => relay_factor = value.integer("RelayFactor")?,
            b"Timeout" => timeout = value.integer("Timeout")?,
            b"Name" => query = value.text()?,
            b"Payload" => payload = value.raw()?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    Ok(SerfMessage::Query(Query {
        ltime,
        id,
        address: decode_socket(address, port)?,
        source_node: NodeName::from(source_node),
        filters,
        flags,
        relay_factor,
        timeout: Duration::from_nanos(u64::try_from(timeout).unwrap_or(0)),
        name: query.to_owned(),
        payload: Bytes::copy_from_slice(payload),
    }))
}

fn decode_response(reader: &mut Reader<'_>) -> Result<SerfMessage, WireError> {
    let (mut ltime, mut id, mut from, mut flags) = (0, 0, "", 0);
    let mut payload: &[u8] = &[];
    reader.fields(|name, value| {
        match name {
            b"LTime" => ltime = value.integer("LTime")?,
            b"ID" => id = value.integer("ID")?,
            b"From" => from = value.name()?,
            b"Flags" => flags = value.integer("Flags")?,
            b"Payload" => payload = value.raw()?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    Ok(SerfMessage::QueryResponse(QueryResponse {
        ltime,
        id,
        from: NodeName::from(from),
        flags,
        payload: Bytes::copy_from_slice(payload),
    }))
}

fn decode_relay(reader: &mut Reader<'_>) -> Result<SerfMessage, WireError> {
    let (mut to, mut to_node) = (None, "");
    reader.fields(|name, value| {
        match name {
            b"DestAddr" => to = Some(decode_destination(value)?),
            b"DestName" => to_node = value.name()?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let message = reader.rest();
    if message.is_empty() {
        return Err(WireError::Empty("relayed message"));
    }
    Ok(SerfMessage::Relay(Relay {
        to: to.ok_or(WireError::Missing("DestAddr"))?,
        to_node: NodeName::from(to_node),
        message: Bytes::copy_from_slice(message),
    }))
}

fn decode_destination(reader: &mut Reader<'_>) -> Result<SocketAddr, WireError> {
    let (mut ip, mut port): (&[u8], u16) = (&[], 0);
    reader.fields(|name, value| {
        match name {
            b"IP" => ip = value.raw()?,
            b"Port" => port = value.integer("Port")?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    decode_socket(ip, port)
}
