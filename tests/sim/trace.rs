//! A fingerprint of a run: two runs with one fingerprint did the same things at the same moments.

use std::time::Duration;

use consulctl::model::mono::Mono;

/// Takes in what happens, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trace(u64);

impl Trace {
    pub(crate) const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// One number of what happened.
    pub(crate) const fn number(&mut self, n: u64) {
        self.0 = (self.0.rotate_left(5) ^ n).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    /// The moment at which it happened.
    pub(crate) const fn moment(&mut self, at: Mono) {
        let since: Duration = at.since_origin();
        self.number(since.as_secs());
        self.number(since.subsec_nanos() as u64);
    }

    /// Bytes that were sent.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.number(u64::from_le_bytes(*word));
        }
        for byte in rest {
            self.number(u64::from(*byte));
        }
    }

    /// The fingerprint so far.
    pub(crate) const fn hash(self) -> u64 {
        self.0
    }
}

#[test]
fn order_and_content_matter() {
    let print = |parts: &[&[u8]]| {
        let mut trace = Trace::new();
        for part in parts {
            trace.bytes(part);
        }
        trace.hash()
    };
    assert_eq!(print(&[b"ab", b"c"]), print(&[b"ab", b"c"]));
    assert_ne!(print(&[b"ab", b"c"]), print(&[b"c", b"ab"]));
    assert_ne!(print(&[b"ab", b"c"]), print(&[b"a", b"bc"]));
    assert_ne!(print(&[b"0123456789"]), print(&[b"0123456780"]));
}
