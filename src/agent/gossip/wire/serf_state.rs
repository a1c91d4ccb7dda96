//! Serf's part of a push/pull as bytes: section 9.3 of the wire format.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::error::WireError;
use super::message::{NAME_MAX, NODES_MAX, NodeName};
use super::reader::Reader;
use super::serf_codec::kind;
use super::serf_message::{EventsAt, SerfState, USER_EVENT_HARD_MAX};
use super::writer::Writer;

/// Most slots of a peer's ring of events. Peers have 512 unless told otherwise.
const SLOTS_MAX: usize = 16 * 1024;

/// Most events in all slots of a peer's ring.
const EVENTS_MAX: usize = 64 * 1024;

impl SerfState {
    /// The type byte and the body.
    pub fn encode(&self) -> Bytes {
        let mut out = Writer::message(kind::PUSH_PULL, self.size_hint());
        out.map(6);
        out.text("EventLTime");
        out.unsigned(self.event_ltime);
        out.text("Events");
        out.array(self.events.len());
        for slot in &self.events {
            match slot {
                Some(events) => write_events(&mut out, events),
                None => out.nil(),
            }
        }
        out.text("LTime");
        out.unsigned(self.ltime);
        out.text("LeftMembers");
        out.array(self.left_members.len());
        for name in &self.left_members {
            out.text(name);
        }
        out.text("QueryLTime");
        out.unsigned(self.query_ltime);
        out.text("StatusLTimes");
        out.map(self.status_ltimes.len());
        for (name, ltime) in &self.status_ltimes {
            out.text(name);
            out.unsigned(*ltime);
        }
        out.finish()
    }

    /// What the other side of a push/pull sent. Empty slots are not kept, nor are members and events whose
    /// names we could not hold: one odd name must not keep a pool's state from us.
    ///
    /// # Errors
    /// When it is no such state, or larger than any pool's.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let (&kind, body) = bytes.split_first().ok_or(WireError::Empty("serf state"))?;
        if kind != kind::PUSH_PULL {
            return Err(WireError::UnknownType {
                what: "serf state",
                kind,
            });
        }
        decode_state(&mut Reader::new(body)).map_err(WireError::of("serf state"))
    }

    fn size_hint(&self) -> usize {
        let names = self.left_members.iter().chain(self.status_ltimes.keys());
        let names: usize = names.map(|name| name.len() + 8).sum();
        128 + self.events.len() + names
    }
}

fn write_events(out: &mut Writer, events: &EventsAt) {
    out.map(2);
    out.text("Events");
    out.array(events.events.len());
    for (name, payload) in &events.events {
        out.map(2);
        out.text("Name");
        out.text(name);
        out.text("Payload");
        out.raw_or_nil(payload);
    }
    out.text("LTime");
    out.unsigned(events.ltime);
}

fn decode_state(reader: &mut Reader<'_>) -> Result<SerfState, WireError> {
    let mut state = SerfState::default();
    reader.fields(|name, value| {
        match name {
            b"LTime" => state.ltime = value.integer("LTime")?,
            b"StatusLTimes" => state.status_ltimes = decode_ltimes(value)?,
            b"LeftMembers" => {
                state.left_members.clear();
                value.list("left members", NODES_MAX, |name| {
                    state.left_members.extend(held(name.raw()?));
                    Ok(())
                })?;
            }
            b"EventLTime" => state.event_ltime = value.integer("EventLTime")?,
            b"Events" => state.events = decode_slots(value)?,
            b"QueryLTime" => state.query_ltime = value.integer("QueryLTime")?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    Ok(state)
}

fn decode_ltimes(reader: &mut Reader<'_>) -> Result<BTreeMap<NodeName, u64>, WireError> {
    let size = reader.map()?;
    if size > NODES_MAX {
        return Err(WireError::TooLarge {
            what: "status times",
            size,
            limit: NODES_MAX,
        });
    }
    let mut ltimes = BTreeMap::new();
    for _ in 0..size {
        let name = held(reader.raw()?);
        let ltime = reader.integer("StatusLTimes")?;
        if let Some(name) = name {
            ltimes.insert(name, ltime);
        }
    }
    Ok(ltimes)
}

/// A member's name that is UTF-8 and not too long.
fn held(name: &[u8]) -> Option<NodeName> {
    let name = std::str::from_utf8(name).ok()?;
    (name.len() <= NAME_MAX).then(|| NodeName::from(name))
}

fn decode_slots(reader: &mut Reader<'_>) -> Result<Vec<Option<EventsAt>>, WireError> {
    let mut slots = Vec::new();
    let mut room = EVENTS_MAX;
    reader.list("event slots", SLOTS_MAX, |slot| {
        if !slot.nil()? {
            let events = decode_events(slot, room)?;
            room -= events.events.len();
            slots.push(Some(events));
        }
        Ok(())
    })?;
    Ok(slots)
}

fn decode_events(reader: &mut Reader<'_>, room: usize) -> Result<EventsAt, WireError> {
    let (mut ltime, mut events) = (0, Vec::new());
    reader.fields(|name, value| {
        match name {
            b"LTime" => ltime = value.integer("LTime")?,
            b"Events" => {
                events.clear();
                value.list("events", room, |event| {
                    events.extend(decode_event(event)?);
                    Ok(())
                })?;
            }
            _ => value.skip()?,
        }
        Ok(())
    })?;
    Ok(EventsAt { ltime, events })
}

/// `None` for an event whose name is not UTF-8, and for one that is too large.
fn decode_event(reader: &mut Reader<'_>) -> Result<Option<(String, Bytes)>, WireError> {
    let (mut event, mut payload): (&[u8], &[u8]) = (&[], &[]);
    reader.fields(|name, value| {
        match name {
            b"Name" => event = value.raw()?,
            b"Payload" => payload = value.raw()?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let fits = event.len() + payload.len() <= USER_EVENT_HARD_MAX;
    let event = std::str::from_utf8(event).ok().filter(|_| fits);
    Ok(event.map(|event| (event.to_owned(), Bytes::copy_from_slice(payload))))
}
