//! Output on its way to the key/value store, in pieces. Pure.

use bytes::Bytes;

/// Bytes of a full piece, as Consul cuts it.
pub(super) const PIECE: usize = 4096;
/// Bytes of output that are kept of one run: every piece goes through the servers' log.
pub(super) const TOTAL: usize = 16 << 20;
/// What stands in place of the output beyond [`TOTAL`].
const CUT: &[u8] = b"\n... the output is too long; what follows is not kept\n";

/// Output that was not written yet.
#[derive(Debug, Default)]
pub(super) struct Output {
    kept: Vec<u8>,
    total: usize,
}

impl Output {
    /// Takes the next bytes. Those beyond [`TOTAL`] are dropped, with a note in place of the first of them.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let room = TOTAL.saturating_sub(self.total);
        let fits = bytes.len().min(room);
        self.kept.extend_from_slice(&bytes[..fits]);
        if self.total <= TOTAL && fits < bytes.len() {
            self.kept.extend_from_slice(CUT);
            // Past the limit, so that the note stands once.
            self.total = TOTAL;
            self.total += 1;
        } else {
            self.total += fits;
        }
    }

    /// Whether there is nothing to be written.
    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The next full piece, if there is one.
    pub(super) fn full_piece(&mut self) -> Option<Bytes> {
        if self.kept.len() < PIECE {
            return None;
        }
        let rest = self.kept.split_off(PIECE);
        Some(std::mem::replace(&mut self.kept, rest).into())
    }

    /// All that is left.
    pub(super) fn rest(&mut self) -> Bytes {
        std::mem::take(&mut self.kept).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_full_until_the_last() {
        let mut output = Output::default();
        output.push(&[b'a'; PIECE - 1]);
        assert_eq!(output.full_piece(), None);
        output.push(&[b'b'; PIECE + 2]);
        let first = output.full_piece().unwrap();
        assert_eq!((first.len(), first[PIECE - 1]), (PIECE, b'b'));
        assert_eq!(output.full_piece().unwrap().len(), PIECE);
        assert_eq!(output.full_piece(), None);
        assert!(!output.is_empty());
        assert_eq!(output.rest(), "b");
        assert!(output.is_empty() && output.rest().is_empty());
    }

    #[test]
    fn what_is_too_long_ends_with_a_note() {
        let mut output = Output::default();
        let mut kept = 0;
        for _ in 0..TOTAL / PIECE {
            output.push(&[b'x'; PIECE]);
            kept += output.rest().len();
        }
        assert_eq!(kept, TOTAL);
        output.push(b"more");
        assert_eq!(output.rest(), CUT);
        output.push(b"and more");
        assert!(output.is_empty());
    }
}
