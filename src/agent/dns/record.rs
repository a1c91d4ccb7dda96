//! Resource records in compact form: names share their bytes, the question's name is never copied.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// Longest name in wire form, root label included (RFC 1035, section 2.3.4).
pub const MAX_NAME_BYTES: usize = 255;
/// Longest label (RFC 1035, section 2.3.4).
pub const MAX_LABEL_BYTES: usize = 63;
/// Longest character-string of a TXT record (RFC 1035, section 3.3).
const MAX_TEXT_BYTES: usize = 255;
/// Type, class, TTL and length of the data: what every record carries beside owner and data.
const FIXED_RECORD_BYTES: usize = 10;

/// Record and question types that the server tells apart (RFC 1035, 3596, 2782, 6891, 5936).
pub mod rtype {
    /// IPv4 address.
    pub const A: u16 = 1;
    /// Name server of a zone.
    pub const NS: u16 = 2;
    /// Alias.
    pub const CNAME: u16 = 5;
    /// Start of authority.
    pub const SOA: u16 = 6;
    /// Pointer, for reverse names.
    pub const PTR: u16 = 12;
    /// Text.
    pub const TXT: u16 = 16;
    /// IPv6 address.
    pub const AAAA: u16 = 28;
    /// Service location.
    pub const SRV: u16 = 33;
    /// EDNS pseudo-record.
    pub const OPT: u16 = 41;
    /// Zone transfer (question only).
    pub const AXFR: u16 = 252;
    /// Everything there is (question only).
    pub const ANY: u16 = 255;
}

/// Response codes (RFC 1035, section 4.1.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Rcode {
    /// Answered, maybe with no record.
    #[default]
    NoError = 0,
    /// The packet could not be understood.
    FormErr = 1,
    /// The answer could not be found out.
    ServFail = 2,
    /// The name does not exist.
    NxDomain = 3,
    /// The operation is not offered.
    NotImp = 4,
    /// The name is none of ours and there is no recursor.
    Refused = 5,
}

/// A name in uncompressed wire form, case kept. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DnsName(Arc<[u8]>);

impl DnsName {
    /// From dotted text, with or without the final dot. `None` when a label is empty or longer
    /// than 63 bytes, or the name longer than 255.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::from_parts(&[text])
    }

    /// From pieces of dotted text that follow each other, as `["web0", "node", "dc1", "consul."]`.
    /// Empty pieces are skipped.
    pub fn from_parts(parts: &[&str]) -> Option<Self> {
        let mut wire = [0_u8; MAX_NAME_BYTES];
        let mut end = 0;
        for part in parts {
            let part = part.strip_suffix('.').unwrap_or(part);
            if part.is_empty() {
                continue;
            }
            for label in part.split('.') {
                let length = u8::try_from(label.len()).ok()?;
                let room = wire.get_mut(end..end + 1 + label.len())?;
                if label.is_empty() || label.len() > MAX_LABEL_BYTES {
                    return None;
                }
                room[0] = length;
                room[1..].copy_from_slice(label.as_bytes());
                end += 1 + label.len();
            }
        }
        // The root label, a zero byte, is there already if it fits.
        wire.get(..=end).map(|wire| Self(Arc::from(wire)))
    }

    /// From bytes that are known to be a valid uncompressed wire name, root label included.
    pub fn from_wire(wire: &[u8]) -> Self {
        Self(Arc::from(wire))
    }

    /// The bytes on the wire, root label included.
    pub fn wire(&self) -> &[u8] {
        &self.0
    }

    /// Lower-case dotted text without the final dot; empty for the root. Bytes that are no UTF-8
    /// are replaced.
    pub fn to_lower_text(&self) -> String {
        let mut text = Vec::with_capacity(self.0.len());
        let mut at = 0;
        while let Some(&length) = self.0.get(at)
            && length != 0
        {
            if !text.is_empty() {
                text.push(b'.');
            }
            let label = &self.0[at + 1..at + 1 + usize::from(length)];
            text.extend(label.iter().map(u8::to_ascii_lowercase));
            at += 1 + usize::from(length);
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// Whose record it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// The name that was asked for, spelled as it was asked.
    Question,
    /// Another name.
    Name(DnsName),
}

/// The data of a record; the class is always IN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// IPv4 address.
    A(Ipv4Addr),
    /// IPv6 address.
    Aaaa(Ipv6Addr),
    /// Alias.
    Cname(DnsName),
    /// Name server.
    Ns(DnsName),
    /// Pointer.
    Ptr(DnsName),
    /// Service location; the priority is always 1.
    Srv {
        /// Share of the load.
        weight: u16,
        /// Port of the instance.
        port: u16,
        /// Host of the instance.
        target: DnsName,
    },
    /// Text; cut into strings of 255 bytes when it is encoded.
    Txt(Box<[u8]>),
    /// Start of authority.
    Soa(Box<Soa>),
    /// A record of a type that only a recursor knows, data uncompressed.
    Raw {
        /// Its type.
        rtype: u16,
        /// Its data.
        bytes: Box<[u8]>,
    },
}

/// The data of a SOA record (RFC 1035, section 3.3.13).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Soa {
    /// Primary name server.
    pub mname: DnsName,
    /// Mailbox of who is responsible.
    pub rname: DnsName,
    /// Unix time of the answer.
    pub serial: u32,
    /// Seconds.
    pub refresh: u32,
    /// Seconds.
    pub retry: u32,
    /// Seconds.
    pub expire: u32,
    /// Seconds; also for how long an absence may be cached.
    pub min_ttl: u32,
}

/// One resource record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Whose it is.
    pub owner: Owner,
    /// Seconds for which it may be cached.
    pub ttl: u32,
    /// What it says.
    pub data: Data,
}

impl Data {
    /// The record for an address.
    pub fn from_ip(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self::A(ip),
            IpAddr::V6(ip) => Self::Aaaa(ip),
        }
    }

    /// The number of the record's type.
    pub fn rtype(&self) -> u16 {
        match self {
            Self::A(_) => rtype::A,
            Self::Aaaa(_) => rtype::AAAA,
            Self::Cname(_) => rtype::CNAME,
            Self::Ns(_) => rtype::NS,
            Self::Ptr(_) => rtype::PTR,
            Self::Srv { .. } => rtype::SRV,
            Self::Txt(_) => rtype::TXT,
            Self::Soa(_) => rtype::SOA,
            Self::Raw { rtype, .. } => *rtype,
        }
    }

    /// Bytes of the data when no name in it is compressed.
    pub fn uncompressed_bytes(&self) -> usize {
        match self {
            Self::A(_) => 4,
            Self::Aaaa(_) => 16,
            Self::Cname(name) | Self::Ns(name) | Self::Ptr(name) => name.wire().len(),
            Self::Srv { target, .. } => 6 + target.wire().len(),
            Self::Txt(text) => text.len() + text.len().div_ceil(MAX_TEXT_BYTES).max(1),
            Self::Soa(soa) => soa.mname.wire().len() + soa.rname.wire().len() + 20,
            Self::Raw { bytes, .. } => bytes.len(),
        }
    }
}

impl Record {
    /// Bytes of the record without compression, for a question whose name has `question_bytes`.
    pub fn uncompressed_bytes(&self, question_bytes: usize) -> usize {
        let owner = match &self.owner {
            Owner::Question => question_bytes,
            Owner::Name(name) => name.wire().len(),
        };
        owner + FIXED_RECORD_BYTES + self.data.uncompressed_bytes()
    }

    /// Fewest bytes that the record can take in any packet: its owner a pointer, and of its data
    /// the part that no encoder compresses.
    pub fn least_bytes(&self) -> usize {
        let data = match &self.data {
            Data::Cname(_) | Data::Ns(_) | Data::Ptr(_) => 1,
            Data::Soa(_) => 22,
            data => data.uncompressed_bytes(),
        };
        2 + FIXED_RECORD_BYTES + data
    }
}

/// The character-strings of a TXT record.
pub fn text_chunks(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let empty: Option<&[u8]> = text.is_empty().then_some(&[]);
    text.chunks(MAX_TEXT_BYTES).chain(empty)
}
