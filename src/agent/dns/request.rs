//! What a client sent: header, question and EDNS of a packet, read without copying.
//!
//! Which packets are refused, and how, is what Consul's DNS library does: a response is ignored, an
//! operation other than QUERY and NOTIFY is "not implemented", anything that cannot be read is a
//! format error, and counts that lie past the end of the packet are forgiven.

use std::net::IpAddr;

use super::record::{MAX_LABEL_BYTES, MAX_NAME_BYTES, Rcode, rtype};

/// Bytes of the fixed header (RFC 1035, section 4.1.1).
pub const HEADER_BYTES: usize = 12;
/// Flag "this is a response".
pub const FLAG_QR: u16 = 0x8000;
/// Flag "authoritative".
pub const FLAG_AA: u16 = 0x0400;
/// Flag "truncated".
pub const FLAG_TC: u16 = 0x0200;
/// Flag "recursion desired".
pub const FLAG_RD: u16 = 0x0100;
/// Flag "recursion available".
pub const FLAG_RA: u16 = 0x0080;
/// Flag "checking disabled" (RFC 4035).
pub const FLAG_CD: u16 = 0x0010;
/// Where the operation stands in the flags.
pub const OPCODE_MASK: u16 = 0x7800;
const OPCODE_QUERY: u16 = 0;
const OPCODE_NOTIFY: u16 = 4 << 11;
/// EDNS option "client subnet" (RFC 7871).
const OPTION_SUBNET: u16 = 8;

/// The question of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question<'p> {
    /// The name in wire form, root label included, as the client spelled it.
    pub name: &'p [u8],
    /// What is asked for.
    pub qtype: u16,
    /// The class; answers are always of class IN, whatever was asked.
    pub qclass: u16,
}

/// The client subnet option (RFC 7871).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientSubnet<'p> {
    /// 1 for IPv4, 2 for IPv6.
    pub family: u16,
    /// Bits of the address that count.
    pub source_prefix: u8,
    /// The bytes that carry those bits.
    pub address: &'p [u8],
}

impl ClientSubnet<'_> {
    /// The address, with zeros behind what was sent; `None` where it is of no known family.
    pub fn ip(&self) -> Option<IpAddr> {
        fn padded<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
            let mut whole = [0; N];
            whole.get_mut(..bytes.len())?.copy_from_slice(bytes);
            Some(whole)
        }
        match self.family {
            1 => padded::<4>(self.address).map(IpAddr::from),
            2 => padded::<16>(self.address).map(IpAddr::from),
            _ => None,
        }
    }
}

/// EDNS of a packet (RFC 6891).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edns<'p> {
    /// Largest datagram that the client takes, as it says.
    pub udp_size: u16,
    /// Client subnet, if the client sent one.
    pub subnet: Option<ClientSubnet<'p>>,
}

/// A packet that can be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'p> {
    /// Identifier, to be echoed.
    pub id: u16,
    /// The flags as sent.
    pub flags: u16,
    /// The only question.
    pub question: Question<'p>,
    /// EDNS, if the client speaks it.
    pub edns: Option<Edns<'p>>,
}

impl Request<'_> {
    /// The flags of a reply, without what the answer adds.
    pub fn reply_flags(&self) -> u16 {
        let opcode = self.flags & OPCODE_MASK;
        let echoed = if opcode == OPCODE_QUERY {
            FLAG_RD | FLAG_CD
        } else {
            0
        };
        FLAG_QR | opcode | self.flags & echoed
    }
}

/// Why a packet is not answered as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejected {
    /// No reply at all: too short to carry an identifier and flags, or a response.
    Ignored,
    /// A bare reply of the 12 header bytes.
    Header(Rcode),
    /// A format error behind the question; the reply repeats the first so many bytes of the packet
    /// after the header.
    Question(usize),
}

impl Rejected {
    /// Appends the reply to `packet`, if there is one, to `out`.
    pub fn reply(self, packet: &[u8], out: &mut Vec<u8>) {
        let (rcode, question_bytes) = match self {
            Self::Ignored => return,
            Self::Header(rcode) => (rcode, 0),
            Self::Question(bytes) => (Rcode::FormErr, bytes),
        };
        let (Some(id), Some(flags)) = (u16_at(packet, 0), u16_at(packet, 2)) else {
            return;
        };
        // The bits between TC and the response code stay as they came, RA aside.
        let flags = flags & (OPCODE_MASK | FLAG_RD | FLAG_CD | 0x0020) | FLAG_QR;
        let question = &packet[HEADER_BYTES..HEADER_BYTES + question_bytes];
        out.extend_from_slice(&id.to_be_bytes());
        out.extend_from_slice(&(flags | rcode as u16).to_be_bytes());
        out.extend_from_slice(&u16::from(!question.is_empty()).to_be_bytes());
        out.extend_from_slice(&[0; 6]);
        out.extend_from_slice(question);
    }
}

/// Reads a packet. Never panics, whatever the bytes.
pub fn parse(packet: &[u8]) -> Result<Request<'_>, Rejected> {
    let header: &[u8; HEADER_BYTES] = packet.first_chunk().ok_or(Rejected::Ignored)?;
    let field = |n: usize| u16::from_be_bytes([header[2 * n], header[2 * n + 1]]);
    let flags = field(1);
    if flags & FLAG_QR != 0 {
        return Err(Rejected::Ignored);
    }
    if !matches!(flags & OPCODE_MASK, OPCODE_QUERY | OPCODE_NOTIFY) {
        return Err(Rejected::Header(Rcode::NotImp));
    }
    if field(2) != 1 || field(3) > 1 || field(4) > 1 || field(5) > 2 {
        return Err(Rejected::Header(Rcode::FormErr));
    }
    let (question, mut at) = read_question(packet).ok_or(Rejected::Header(Rcode::FormErr))?;
    let malformed = Rejected::Question(at - HEADER_BYTES);
    let mut edns = None;
    for _ in 0..field(3) + field(4) + field(5) {
        if at >= packet.len() {
            break;
        }
        let record = read_record(packet, at).ok_or(malformed)?;
        if record.rtype == rtype::OPT {
            edns = Some(Edns {
                udp_size: record.class,
                subnet: read_subnet(record.data).map_err(|Malformed| malformed)?,
            });
        }
        at = record.end;
    }
    Ok(Request {
        id: field(0),
        flags,
        question,
        edns,
    })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

/// The question and where it ends. A compression pointer in it is refused: nothing stands before it
/// that a pointer could mean.
fn read_question(packet: &[u8]) -> Option<(Question<'_>, usize)> {
    let mut at = HEADER_BYTES;
    loop {
        let length = usize::from(*packet.get(at)?);
        if length > MAX_LABEL_BYTES {
            return None;
        }
        at += 1 + length;
        if at - HEADER_BYTES > MAX_NAME_BYTES {
            return None;
        }
        if length == 0 {
            break;
        }
    }
    let question = Question {
        name: packet.get(HEADER_BYTES..at)?,
        qtype: u16_at(packet, at)?,
        qclass: u16_at(packet, at + 2)?,
    };
    Some((question, at + 4))
}

struct RawRecord<'p> {
    rtype: u16,
    class: u16,
    data: &'p [u8],
    end: usize,
}

/// A record of which only type, class and data matter; its owner is stepped over.
fn read_record(packet: &[u8], start: usize) -> Option<RawRecord<'_>> {
    let mut at = start;
    loop {
        let length = *packet.get(at)?;
        match length {
            0 => {
                at += 1;
                break;
            }
            1..=63 => at += 1 + usize::from(length),
            64..=191 => return None,
            192.. => {
                at += 2;
                break;
            }
        }
    }
    let data_at = at + 10;
    let end = data_at + usize::from(u16_at(packet, at + 8)?);
    Some(RawRecord {
        rtype: u16_at(packet, at)?,
        class: u16_at(packet, at + 2)?,
        data: packet.get(data_at..end)?,
        end,
    })
}

/// The options of an OPT record cannot be read.
struct Malformed;

/// The client subnet among the options of an OPT record, if there is one.
fn read_subnet(mut options: &[u8]) -> Result<Option<ClientSubnet<'_>>, Malformed> {
    let mut found = None;
    while !options.is_empty() {
        let (code, value, rest) = split_option(options).ok_or(Malformed)?;
        if code == OPTION_SUBNET && found.is_none() {
            found = Some(subnet(value).ok_or(Malformed)?);
        }
        options = rest;
    }
    Ok(found)
}

/// Code and value of the first option, and what follows it.
fn split_option(options: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let end = 4 + usize::from(u16_at(options, 2)?);
    let value = options.get(4..end)?;
    Some((u16_at(options, 0)?, value, &options[end..]))
}

fn subnet(value: &[u8]) -> Option<ClientSubnet<'_>> {
    let family = u16_at(value, 0)?;
    let source_prefix = *value.get(2)?;
    let address = value.get(4..)?;
    let width = match family {
        1 => 4,
        2 => 16,
        _ => return None,
    };
    let fits = address.len() <= width && usize::from(source_prefix) <= width * 8;
    fits.then_some(ClientSubnet {
        family,
        source_prefix,
        address,
    })
}

#[cfg(test)]
mod tests;
