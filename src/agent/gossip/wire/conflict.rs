//! Who a member thinks has a contested name: section 9.5 of the wire format.

use std::net::IpAddr;

use bytes::Bytes;

use crate::model::member::Member;

use super::address::{decode_ip, write_ip};
use super::error::WireError;
use super::key_message::body_of;
use super::reader::Reader;
use super::serf_codec::kind;
use super::tags::read_tags;
use super::writer::Writer;

/// The answer to a conflict query: the member of that name, or that there is none.
pub fn encode_conflict_response(member: Option<&Member>) -> Bytes {
    let mut out = Writer::message(kind::CONFLICT_RESPONSE, 256);
    let Some(member) = member else {
        out.nil();
        return out.finish();
    };
    out.map(11);
    out.text("Addr");
    match member.addr.parse::<IpAddr>() {
        Ok(ip) => write_ip(&mut out, ip),
        Err(_) => out.nil(),
    }
    out.text("DelegateCur");
    out.unsigned(member.delegate_cur.into());
    out.text("DelegateMax");
    out.unsigned(member.delegate_max.into());
    out.text("DelegateMin");
    out.unsigned(member.delegate_min.into());
    out.text("Name");
    out.text(&member.name);
    out.text("Port");
    out.unsigned(member.port.into());
    out.text("ProtocolCur");
    out.unsigned(member.protocol_cur.into());
    out.text("ProtocolMax");
    out.unsigned(member.protocol_max.into());
    out.text("ProtocolMin");
    out.unsigned(member.protocol_min.into());
    out.text("Status");
    out.signed(member.status);
    out.text("Tags");
    out.map(member.tags.len());
    for (tag, value) in &member.tags {
        out.text(tag);
        out.text(value);
    }
    out.finish()
}

/// The answer to a conflict query: the member of that name, if the answering one knows it.
///
/// # Errors
/// When the payload is empty, or no answer to a conflict query.
pub fn decode_conflict_response(payload: &[u8]) -> Result<Option<Member>, WireError> {
    let body = body_of(kind::CONFLICT_RESPONSE, "conflict response", payload)?;
    decode_member(&mut Reader::new(body)).map_err(WireError::of("conflict response"))
}

fn decode_member(reader: &mut Reader<'_>) -> Result<Option<Member>, WireError> {
    if reader.nil()? {
        return Ok(None);
    }
    let mut member = Member::default();
    reader.fields(|name, value| {
        match name {
            b"Name" => value.text()?.clone_into(&mut member.name),
            b"Addr" => member.addr = decode_ip(value.raw()?)?.to_string(),
            b"Port" => member.port = value.integer("Port")?,
            b"Tags" => read_tags(value, &mut member.tags)?,
            b"Status" => member.status = value.integer("Status")?,
            b"ProtocolMin" => member.protocol_min = value.integer("ProtocolMin")?,
            b"ProtocolMax" => member.protocol_max = value.integer("ProtocolMax")?,
            b"ProtocolCur" => member.protocol_cur = value.integer("ProtocolCur")?,
            b"DelegateMin" => member.delegate_min = value.integer("DelegateMin")?,
            b"DelegateMax" => member.delegate_max = value.integer("DelegateMax")?,
            b"DelegateCur" => member.delegate_cur = value.integer("DelegateCur")?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    Ok(Some(member))
}
