//! Names: which zone a question is for, and what it asks of the catalog.
//!
//! The grammar is Consul's: the labels are read from the right, the first of `service`, `connect`,
//! `virtual`, `ingress`, `node`, `query` and `addr` says what is meant, what stands left of it is
//! the thing, what stands right of it is the datacenter.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::record::{MAX_NAME_BYTES, rtype};

/// The name of a question as lower-case dotted text, without the final dot.
///
/// Holds its text inline: making one allocates nothing.
#[derive(Clone)]
pub struct QueryName {
    text: [u8; MAX_NAME_BYTES],
    length: usize,
}

impl QueryName {
    /// From the uncompressed wire form, which ends at the root label. A byte that no name in the
    /// catalog can have (blank, control, beyond ASCII, a dot inside a label) becomes a NUL, so that
    /// the name is found in its zone but names nothing there.
    pub fn from_wire(wire: &[u8]) -> Self {
        let mut name = Self {
            text: [0; MAX_NAME_BYTES],
            length: 0,
        };
        let mut rest = wire;
        while let Some((&length, after)) = rest.split_first()
            && length != 0
            && let Some((label, next)) = after.split_at_checked(usize::from(length))
        {
            if name.length > 0 {
                name.push(b'.');
            }
            for byte in label {
                let plain = byte.is_ascii_graphic() && *byte != b'.';
                name.push(if plain { byte.to_ascii_lowercase() } else { 0 });
            }
            rest = next;
        }
        name
    }

    /// Takes one more byte; what is longer than any valid name is dropped.
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.text.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    /// The text: lower-case, labels separated by dots, empty for the root.
    pub fn as_str(&self) -> &str {
        // Only ASCII is ever pushed.
        std::str::from_utf8(&self.text[..self.length]).unwrap_or_default()
    }
}

impl std::fmt::Debug for QueryName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What stands left of `zone` in `name`, both lower-case and without a final dot; `None` when the
/// name is not in the zone. The root zone is the empty text and holds every name.
pub fn strip_zone<'n>(name: &'n str, zone: &str) -> Option<&'n str> {
    if zone.is_empty() {
        return Some(name);
    }
    let rest = name.strip_suffix(zone)?;
    if rest.is_empty() {
        return Some(rest);
    }
    rest.strip_suffix('.')
}

/// What a name in one of our zones asks for. Texts are lower-case slices of the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup<'n> {
    /// `<node>.node[.<dc>]`; the node's name may contain dots.
    Node {
        /// Name of the node.
        name: &'n str,
        /// Datacenter, if given.
        dc: Option<&'n str>,
    },
    /// `[<tag>.]<service>.service[.<dc>]` or `_<service>._<tag>[.service][.<dc>]` (RFC 2782).
    Service {
        /// Name of the service.
        name: &'n str,
        /// Tag that instances must have; it may contain dots.
        tag: Option<&'n str>,
        /// Datacenter, if given.
        dc: Option<&'n str>,
    },
    /// `<service>.connect[.<dc>]`: instances that speak the mesh's protocol.
    Connect {
        /// Name of the service behind the proxies.
        name: &'n str,
        /// Datacenter, if given.
        dc: Option<&'n str>,
    },
    /// `<service>.ingress[.<dc>]`: ingress gateways for the service.
    Ingress {
        /// Name of the service behind the gateways.
        name: &'n str,
        /// Datacenter, if given.
        dc: Option<&'n str>,
    },
    /// `<service>.virtual`: the virtual address of a service in the mesh.
    Virtual {
        /// Name of the service.
        name: &'n str,
    },
    /// `<name>.query[.<dc>]` or `_<name>._<protocol>.query[.<dc>]`: a prepared query.
    Query {
        /// Name or identifier of the query; it may contain dots.
        name: &'n str,
        /// Datacenter, if given.
        dc: Option<&'n str>,
    },
    /// `<hex>.addr`: the address that the label spells.
    Address(IpAddr),
    /// An `addr` name whose label has neither the length of an IPv4 nor of an IPv6 address: it
    /// exists, without records.
    NoAddress,
    /// Nothing of the above: the name does not exist.
    Invalid,
}

/// Reads what stands left of the zone. A question of type SRV may leave `service` out after a label
/// that starts with an underscore.
pub fn parse(text: &str, qtype: u16) -> Lookup<'_> {
    let mut end = text.len();
    while end > 0 {
        let start = text[..end].rfind('.').map_or(0, |dot| dot + 1);
        let label = &text[start..end];
        let left = text[..start].strip_suffix('.').unwrap_or_default();
        let right = text[end..].strip_prefix('.').unwrap_or_default();
        match label {
            "service" | "connect" | "virtual" | "ingress" | "node" | "query" | "addr" => {
                return by_kind(label, left, right);
            }
            _ if qtype == rtype::SRV && label.starts_with('_') => {
                return by_kind("service", &text[..end], right);
            }
            _ => {}
        }
        end = start.saturating_sub(1);
    }
    Lookup::Invalid
}

fn by_kind<'n>(kind: &str, left: &'n str, right: &'n str) -> Lookup<'n> {
    if left.is_empty() {
        return Lookup::Invalid;
    }
    if kind == "addr" {
        return address(left);
    }
    let Ok(dc) = datacenter(right) else {
        return Lookup::Invalid;
    };
    match kind {
        "service" => service(left, dc),
        "connect" => Lookup::Connect {
            name: last_label(left),
            dc,
        },
        "ingress" => Lookup::Ingress {
            name: last_label(left),
            dc,
        },
        "virtual" => Lookup::Virtual {
            name: last_label(left),
        },
        "node" => Lookup::Node { name: left, dc },
        "query" => query(left, dc),
        _ => Lookup::Invalid,
    }
}

/// What stands right of the kind names no datacenter.
struct NoDatacenter;

/// The datacenter, if one is given: a label, with or without `dc` behind it.
fn datacenter(right: &str) -> Result<Option<&str>, NoDatacenter> {
    match right.split_once('.') {
        None if right.is_empty() => Ok(None),
        None => Ok(Some(right)),
        Some((dc, "dc")) => Ok(Some(dc)),
        Some(_) => Err(NoDatacenter),
    }
}

fn last_label(text: &str) -> &str {
    text.rsplit_once('.').map_or(text, |(_, last)| last)
}

fn service<'n>(left: &'n str, dc: Option<&'n str>) -> Lookup<'n> {
    let (name, tag) = match left.rsplit_once('.') {
        Some((first, last)) => match (rfc2782(first), rfc2782(last)) {
            (Some(name), Some(tag)) => (name, if tag == "tcp" { "" } else { tag }),
            _ => (last, first),
        },
        None => (left, ""),
    };
    Lookup::Service {
        name,
        tag: (!tag.is_empty()).then_some(tag),
        dc,
    }
}

/// The text of a single label that starts with an underscore, without it.
fn rfc2782(label: &str) -> Option<&str> {
    label.strip_prefix('_').filter(|rest| !rest.contains('.'))
}

fn query<'n>(left: &'n str, dc: Option<&'n str>) -> Lookup<'n> {
    let name = match (left.strip_prefix('_'), left.rsplit_once('.')) {
        (Some(_), Some((before, protocol))) if protocol.starts_with('_') => &before[1..],
        _ => left,
    };
    Lookup::Query { name, dc }
}

fn address(label: &str) -> Lookup<'_> {
    if label.contains('.') {
        return Lookup::Invalid;
    }
    let ip = match label.len() / 2 {
        4 => hex::<4>(label).map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes))),
        16 => hex::<16>(label).map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes))),
        _ => return Lookup::NoAddress,
    };
    ip.map_or(Lookup::Invalid, Lookup::Address)
}

/// Exactly `N` bytes in hexadecimal.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests;
