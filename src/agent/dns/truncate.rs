//! How much of an answer fits: Consul's rules for UDP with and without EDNS, and for TCP.

use std::collections::HashMap;

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
/// Guesses at the number of answers that fit before the search is cut in halves.
const MAX_GUESSES: usize = 6;

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
    /// The additional records as they were.
    additional: Vec<Record>,
    /// For each answer, where the additional record for its SRV target stands.
    helps: Vec<Option<usize>>,
    /// For each additional record that is an alias, where the record for its target stands.
    leads_to: Vec<Option<usize>>,
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
        let find = |name: &DnsName| first_of.get(&name.wire().to_ascii_lowercase()).copied();
        let helps = answer.answers.iter().map(|record| match &record.data {
            Data::Srv { target, .. } => find(target),
            _ => None,
        });
        let leads_to = additional.iter().map(|record| match &record.data {
            Data::Cname(target) => find(target),
            _ => None,
        });
        let (helps, leads_to) = (helps.collect(), leads_to.collect());
        Self {
            request,
            encoder,
            answer,
            compress: !rules.settings().disable_compression,
            additional,
            helps,
            leads_to,
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
        let mut taken = vec![false; self.additional.len()];
        for first in self.helps.iter().take(count) {
            let mut next = *first;
            while let Some(at) = next.filter(|at| !taken[*at]) {
                taken[at] = true;
                needed.push(self.additional[at].clone());
                next = self.leads_to[at];
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
        // Sizes grow almost evenly, so that a guess by proportion is nearly right; bisection ends
        // the search where it is not.
        let (mut fits, mut fits_size) = (1, self.measure(1));
        let (mut fails, mut fails_size) = (all + 1, size.max(bytes + 1));
        for guesses in 0.. {
            if fails - fits <= 1 {
                break;
            }
            let middle = if guesses < MAX_GUESSES {
                let share = bytes.saturating_sub(fits_size) * (fails - fits);
                fits + share / (fails_size - fits_size).max(1)
            } else {
                fits.midpoint(fails)
            };
            let middle = middle.clamp(fits + 1, fails - 1);
            let size = self.measure(middle);
            if size <= bytes {
                (fits, fits_size) = (middle, size);
            } else {
                (fails, fails_size) = (middle, size);
            }
        }
        self.keep(fits);
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
