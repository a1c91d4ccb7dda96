//! How much of an answer fits: Consul's rules for UDP with and without EDNS, and for TCP.

use std::collections::{HashMap, HashSet};

use super::answer::Answer;
use super::encode::{Encoder, Sections};
use super::record::{Data, DnsName, Owner, Record, rtype};
use super::request::Request;
use super::settings::Rules;

/// What a client without EDNS takes over UDP (RFC 1035, section 4.2.1).
const PLAIN_UDP_BYTES: usize = 512;
/// Largest datagram: 65 535 less room for the headers of IP (60) and UDP (8).
const MAX_UDP_BYTES: usize = 65_467;
/// Kept free in a datagram, as Consul does for the UDP header.
const UDP_MARGIN: usize = 8;
/// Largest message over TCP that Consul builds.
const MAX_TCP_BYTES: usize = 65_523;
/// Most answers over TCP: with compression no more fit into 64 KiB.
const MAX_TCP_ANSWERS: usize = 4096;
/// Most SRV answers over TCP.
const MAX_TCP_SRV_ANSWERS: usize = 1024;

/// How the question came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// In a datagram.
    Udp,
    /// Over a connection.
    Tcp,
}

/// What fits into the answer to one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    transport: Transport,
    /// Largest packet.
    bytes: usize,
    /// Most answers.
    answers: usize,
}

impl Limits {
    /// The limits for a question.
    pub fn new(request: &Request<'_>, transport: Transport, rules: &Rules) -> Self {
        let announced = request.edns.map_or(0, |edns| usize::from(edns.udp_size));
        let bytes = announced.clamp(PLAIN_UDP_BYTES, MAX_UDP_BYTES);
        let (bytes, answers) = match transport {
            Transport::Udp if bytes == PLAIN_UDP_BYTES => (bytes, rules.udp_answers()),
            Transport::Udp => (bytes, usize::MAX),
            Transport::Tcp if request.question.qtype == rtype::SRV => {
                (MAX_TCP_BYTES, MAX_TCP_SRV_ANSWERS)
            }
            Transport::Tcp => (MAX_TCP_BYTES, MAX_TCP_ANSWERS),
        };
        Self {
            transport,
            bytes,
            answers,
        }
    }

    /// What one may build at most before it is certain that some of it will be cut off again.
    pub fn budget(&self) -> Budget {
        Budget {
            answers: self.answers,
            bytes: self.bytes,
        }
    }

    /// Whether this is a datagram for a client without EDNS (or one that asks for as little).
    fn is_plain(&self) -> bool {
        self.transport == Transport::Udp && self.bytes == PLAIN_UDP_BYTES
    }

    /// What the answers may measure, OPT aside.
    fn target(&self) -> usize {
        match self.transport {
            Transport::Udp => self.bytes - UDP_MARGIN,
            Transport::Tcp => self.bytes,
        }
    }
}

/// Tells a builder of answers when to stop: one record past what can fit.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    answers: usize,
    bytes: usize,
}

impl Budget {
    /// No limit but that of a TCP answer: for answers inside answers.
    pub const NESTED: Self = Self {
        answers: MAX_TCP_ANSWERS,
        bytes: MAX_TCP_BYTES,
    };

    /// Takes a record into account; true when more records would be in vain.
    pub fn spend(&mut self, record: &Record) -> bool {
        let bytes = record.least_bytes();
        if self.answers == 0 || self.bytes < bytes {
            return true;
        }
        self.answers -= 1;
        self.bytes -= bytes;
        false
    }
}

/// Cuts an answer to what fits: first the number of answers, then, where the packet is still too
/// large, the authority section and as many answers as needed, keeping one. Where answers are cut,
/// the additional section keeps only what the remaining SRV records need. The TC bit is set when
/// the settings say so.
pub fn truncate(
    request: &Request<'_>,
    limits: Limits,
    rules: &Rules,
    encoder: &mut Encoder,
    answer: &mut Answer,
) {
    let built = answer.answers.len();
    let uncompressed = Sections::of(answer).uncompressed_bytes(request.question.name.len());
    if built <= limits.answers && uncompressed + Encoder::opt_bytes(request) <= limits.target() {
        return;
    }
    let mut cut = Cut::new(request, rules, encoder, answer);
    if built > limits.answers {
        cut.keep(limits.answers);
        if limits.is_plain() {
            // Consul measures these without compression, for servers behind that undo it.
            cut.compress = false;
        }
    }
    cut.fit(limits.target());
    cut.compress = !rules.settings().disable_compression;
    cut.fit_whole(limits.bytes);
    let left = answer.answers.len();
    // Over TCP, answers past the largest number are left out in silence, as Consul does.
    let told = limits.transport == Transport::Udp || left < limits.answers;
    if rules.settings().enable_truncate && told && left < built {
        answer.truncated = true;
    }
}

/// An answer that is being cut.
struct Cut<'c, 'p> {
    request: &'c Request<'p>,
    encoder: &'c mut Encoder,
    answer: &'c mut Answer,
    compress: bool,
    /// The additional records as they were, and where the first of each owner stands.
    additional: Vec<Record>,
    first_of: HashMap<Vec<u8>, usize>,
}

impl<'c, 'p> Cut<'c, 'p> {
    fn new(
        request: &'c Request<'p>,
        rules: &Rules,
        encoder: &'c mut Encoder,
        answer: &'c mut Answer,
    ) -> Self {
        let additional = answer.additional.clone();
        let mut first_of = HashMap::with_capacity(additional.len());
        for (at, record) in additional.iter().enumerate() {
            let owner = match &record.owner {
                Owner::Question => request.question.name,
                Owner::Name(name) => name.wire(),
            };
            first_of.entry(owner.to_ascii_lowercase()).or_insert(at);
        }
        Self {
            request,
            encoder,
            answer,
            compress: !rules.settings().disable_compression,
            additional,
            first_of,
        }
    }

    /// Keeps the first `count` answers.
    fn keep(&mut self, count: usize) {
        self.answer.answers.truncate(count);
        if !self.additional.is_empty() {
            self.answer.additional = self.needed(count);
        }
    }

    /// The additional records that the first `count` answers need: for each SRV target one record,
    /// and behind an alias the next.
    fn needed(&self, count: usize) -> Vec<Record> {
        let mut needed = Vec::with_capacity(count);
        let mut seen = HashSet::with_capacity(count);
        for record in &self.answer.answers[..count.min(self.answer.answers.len())] {
            let Data::Srv { target, .. } = &record.data else {
                continue;
            };
            let mut next: Option<&DnsName> = Some(target);
            while let Some(name) = next.take() {
                let name = name.wire().to_ascii_lowercase();
                let Some(record) = self.first_of.get(&name).map(|at| &self.additional[*at]) else {
                    break;
                };
                if !seen.insert(name) {
                    break;
                }
                needed.push(record.clone());
                if let Data::Cname(alias) = &record.data {
                    next = Some(alias);
                }
            }
        }
        needed
    }

    /// Size of the packet with the first `count` answers, OPT aside.
    fn measure(&mut self, count: usize) -> usize {
        let additional = if self.additional.is_empty() {
            Vec::new()
        } else {
            self.needed(count)
        };
        let sections = Sections {
            answers: &self.answer.answers[..count],
            authority: &self.answer.authority,
            additional: &additional,
        };
        self.encoder.measure(self.request, sections, self.compress)
    }

    /// Leaves the most answers, at least one, with which the packet has at most `bytes`.
    fn fit(&mut self, bytes: usize) {
        let all = self.answer.answers.len();
        let whole = Sections::of(self.answer);
        let size = self.encoder.measure(self.request, whole, self.compress);
        if all <= 1 || size <= bytes {
            return;
        }
        self.answer.authority.clear();
        let (mut fits, mut fails) = (1, all + 1);
        while fails - fits > 1 {
            let middle = fits.midpoint(fails);
            if self.measure(middle) <= bytes {
                fits = middle;
            } else {
                fails = middle;
            }
        }
        if fits < all || !self.additional.is_empty() {
            self.keep(fits);
        }
    }

    /// The last word: the packet as it will be sent, OPT included, has at most `bytes`, whatever
    /// that costs.
    fn fit_whole(&mut self, bytes: usize) {
        let bytes = bytes.saturating_sub(Encoder::opt_bytes(self.request));
        self.fit(bytes);
        let too_large = |cut: &mut Self| {
            let whole = Sections::of(cut.answer);
            cut.encoder.measure(cut.request, whole, cut.compress) > bytes
        };
        if !too_large(self) {
            return;
        }
        self.answer.authority.clear();
        if too_large(self) {
            self.answer.additional.clear();
        }
        if too_large(self) {
            // Not even one record fits: the client has to come over TCP, or learns so.
            self.answer.answers.clear();
            self.answer.truncated = true;
        }
    }
}

#[cfg(test)]
mod tests;
