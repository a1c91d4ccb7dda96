//! Answers on the wire, with or without name compression (RFC 1035, section 4.1.4).
//!
//! Names are compressed where Consul's DNS library compresses them: owners and the names in NS,
//! CNAME, PTR and SOA data; the target of an SRV record stays whole (RFC 2782) but later names may
//! point to it. Names are compared with their case, so that each keeps its spelling.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::answer::Answer;
use super::record::{Data, DnsName, Owner, Rcode, Record, rtype, text_chunks};
use super::request::{FLAG_AA, FLAG_RA, FLAG_TC, HEADER_BYTES, Request};

/// A pointer reaches offsets below this only.
const POINTER_LIMIT: usize = 0x4000;
/// The pointer to the question's name, which stands right behind the header.
const QUESTION_POINTER: u16 = 0xc00c;
/// A suffix table larger than this is given back to the allocator after the packet.
const TABLE_KEPT: usize = 512;

/// Which records of an answer to encode.
#[derive(Debug, Clone, Copy)]
pub struct Sections<'a> {
    /// Answers.
    pub answers: &'a [Record],
    /// Authority.
    pub authority: &'a [Record],
    /// Additional, without OPT.
    pub additional: &'a [Record],
}

impl<'a> Sections<'a> {
    /// All of them.
    pub fn of(answer: &'a Answer) -> Self {
        Self {
            answers: &answer.answers,
            authority: &answer.authority,
            additional: &answer.additional,
        }
    }

    /// Bytes of the packet without compression and without OPT.
    pub fn uncompressed_bytes(&self, question_bytes: usize) -> usize {
        let records = [self.answers, self.authority, self.additional];
        let records = records.iter().flat_map(|section| section.iter());
        let bytes: usize = records
            .map(|record| record.uncompressed_bytes(question_bytes))
            .sum();
        HEADER_BYTES + question_bytes + 4 + bytes
    }
}

/// Turns answers into packets. Keeps its buffers from packet to packet.
#[derive(Debug, Default)]
pub struct Encoder {
    out: Vec<u8>,
    /// Where the suffixes of the names written so far stand, by hash.
    suffixes: HashMap<u32, u16, BuildHasherDefault<Spread>>,
    question_indexed: bool,
    compress: bool,
}

impl Encoder {
    /// The packet of an answer: header, question, sections, OPT if the client speaks EDNS.
    pub fn encode(&mut self, request: &Request<'_>, answer: &Answer, compress: bool) -> &[u8] {
        self.begin(request, answer, Sections::of(answer), compress);
        if request.edns.is_some() {
            let mut count = [self.out[10], self.out[11]];
            count = (u16::from_be_bytes(count).saturating_add(1)).to_be_bytes();
            self.out[10..12].copy_from_slice(&count);
            self.opt(request, answer);
        }
        self.end();
        &self.out
    }

    /// Bytes that these sections take in the packet, OPT aside.
    pub fn measure(
        &mut self,
        request: &Request<'_>,
        sections: Sections<'_>,
        compress: bool,
    ) -> usize {
        if !compress {
            return sections.uncompressed_bytes(request.question.name.len());
        }
        self.begin(request, &Answer::default(), sections, true);
        self.end();
        self.out.len()
    }

    /// Bytes of the OPT record that a reply to `request` carries.
    pub fn opt_bytes(request: &Request<'_>) -> usize {
        request.edns.map_or(0, |edns| {
            11 + edns.subnet.map_or(0, |subnet| 8 + subnet.address.len())
        })
    }

    fn begin(
        &mut self,
        request: &Request<'_>,
        answer: &Answer,
        sections: Sections<'_>,
        compress: bool,
    ) {
        self.out.clear();
        self.suffixes.clear();
        self.question_indexed = false;
        self.compress = compress;
        let mut flags = request.reply_flags() | answer.rcode as u16;
        for (set, flag) in [
            (answer.authoritative, FLAG_AA),
            (answer.truncated, FLAG_TC),
            (answer.recursion_available, FLAG_RA),
        ] {
            flags |= if set { flag } else { 0 };
        }
        let records = [sections.answers, sections.authority, sections.additional];
        self.u16(request.id);
        self.u16(flags);
        self.u16(1);
        for section in records {
            self.u16(u16::try_from(section.len()).unwrap_or(u16::MAX));
        }
        self.out.extend_from_slice(request.question.name);
        self.u16(request.question.qtype);
        self.u16(request.question.qclass);
        for record in records.into_iter().flatten() {
            self.record(record, request.question.name);
        }
    }

    fn end(&mut self) {
        if self.suffixes.capacity() > TABLE_KEPT {
            self.suffixes = HashMap::default();
        }
    }

    fn u16(&mut self, value: u16) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    fn record(&mut self, record: &Record, question: &[u8]) {
        match &record.owner {
            Owner::Question if self.compress && question.len() > 1 => {
                self.u16(QUESTION_POINTER);
            }
            Owner::Question => self.out.extend_from_slice(question),
            Owner::Name(name) => self.name(name, question, true),
        }
        self.u16(record.data.rtype());
        self.u16(1);
        self.u32(record.ttl);
        let length_at = self.out.len();
        self.u16(0);
        self.data(&record.data, question);
        let length = self.out.len() - length_at - 2;
        let length = u16::try_from(length).unwrap_or(u16::MAX);
        self.out[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
    }

    fn data(&mut self, data: &Data, question: &[u8]) {
        match data {
            Data::A(ip) => self.out.extend_from_slice(&ip.octets()),
            Data::Aaaa(ip) => self.out.extend_from_slice(&ip.octets()),
            Data::Cname(name) | Data::Ns(name) | Data::Ptr(name) => {
                self.name(name, question, true);
            }
            Data::Srv {
                weight,
                port,
                target,
            } => {
                self.u16(1);
                self.u16(*weight);
                self.u16(*port);
                self.name(target, question, false);
            }
            Data::Txt(text) => {
                for chunk in text_chunks(text) {
                    self.out.push(u8::try_from(chunk.len()).unwrap_or(u8::MAX));
                    self.out.extend_from_slice(chunk);
                }
            }
            Data::Soa(soa) => {
                self.name(&soa.mname, question, true);
                self.name(&soa.rname, question, true);
                for value in [soa.serial, soa.refresh, soa.retry, soa.expire, soa.min_ttl] {
                    self.u32(value);
                }
            }
            Data::Raw { bytes, .. } => self.out.extend_from_slice(bytes),
        }
    }

    /// Writes a name; with `shorten`, its longest suffix that stands in the packet already becomes
    /// a pointer.
    fn name(&mut self, name: &DnsName, question: &[u8], shorten: bool) {
        let wire = name.wire();
        if !self.compress {
            self.out.extend_from_slice(wire);
            return;
        }
        if !self.question_indexed {
            self.question_indexed = true;
            for (at, suffix) in suffixes(question) {
                self.remember(suffix, HEADER_BYTES + at);
            }
        }
        let start = self.out.len();
        for (at, suffix) in suffixes(wire) {
            match self.find(suffix) {
                Some(offset) if shorten => {
                    self.out.extend_from_slice(&wire[..at]);
                    self.u16(0xc000 | offset);
                    return;
                }
                // Where a suffix stands, its own suffixes stand too.
                Some(_) => break,
                None => self.remember(suffix, start + at),
            }
        }
        self.out.extend_from_slice(wire);
    }

    fn remember(&mut self, suffix: &[u8], offset: usize) {
        if offset < POINTER_LIMIT
            && let Ok(offset) = u16::try_from(offset)
        {
            self.suffixes.entry(hash(suffix)).or_insert(offset);
        }
    }

    fn find(&self, suffix: &[u8]) -> Option<u16> {
        let offset = *self.suffixes.get(&hash(suffix))?;
        self.stands_at(usize::from(offset), suffix)
            .then_some(offset)
    }

    /// Whether the name written at `offset` is `name`, pointers followed.
    fn stands_at(&self, mut offset: usize, mut name: &[u8]) -> bool {
        loop {
            let Some(&length) = self.out.get(offset) else {
                return false;
            };
            if length >= 0xc0 {
                let Some(&low) = self.out.get(offset + 1) else {
                    return false;
                };
                // Pointers written here always lead backwards, so this ends.
                offset = usize::from(u16::from_be_bytes([length & 0x3f, low]));
                continue;
            }
            let end = 1 + usize::from(length);
            if self.out.get(offset..offset + end) != name.get(..end) {
                return false;
            }
            if length == 0 {
                return true;
            }
            offset += end;
            name = &name[end..];
        }
    }

    /// The OPT record: the client's size is repeated, its subnet echoed (RFC 7871: scope 0 means
    /// that the answer is good for everyone).
    fn opt(&mut self, request: &Request<'_>, answer: &Answer) {
        let Some(edns) = request.edns else { return };
        self.out.push(0);
        self.u16(rtype::OPT);
        self.u16(edns.udp_size);
        self.u32(0);
        let Some(subnet) = edns.subnet else {
            self.u16(0);
            return;
        };
        let option = 4 + subnet.address.len();
        let everyone = !answer.subnet_only || answer.rcode != Rcode::NoError;
        self.u16(u16::try_from(4 + option).unwrap_or(u16::MAX));
        self.u16(8);
        self.u16(u16::try_from(option).unwrap_or(u16::MAX));
        self.u16(subnet.family);
        self.out.push(subnet.source_prefix);
        self.out
            .push(if everyone { 0 } else { subnet.source_prefix });
        self.out.extend_from_slice(subnet.address);
    }
}

/// Every suffix of an uncompressed wire name with its offset, the root aside.
fn suffixes(wire: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let length = usize::from(*wire.get(at)?);
        if length == 0 {
            return None;
        }
        let start = at;
        at += 1 + length;
        Some((start, &wire[start..]))
    })
}

/// Spreads a hash over the bits that the table looks at; the key is a hash already.
#[derive(Debug, Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, value: u32) {
        // 2^64 divided by the golden ratio (Fibonacci hashing).
        self.0 = (self.0 ^ u64::from(value)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// FNV-1a: short inputs, no adversary that could gain more than a longer packet.
fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests;
