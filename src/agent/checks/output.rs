//! What a check may say: bounded output, cut as Consul cuts it.

/// Consul's `check_output_max_size`: the bytes of output kept a check, unless configured otherwise.
pub const DEFAULT_OUTPUT_MAX_SIZE: usize = 4096;

/// Keeps the last `limit` bytes of a stream and counts all of them.
///
/// A check may print without end: memory is bounded by twice `limit`.
#[derive(Debug)]
pub struct TailBuffer {
    limit: usize,
    total: u64,
    kept: Vec<u8>,
}

impl TailBuffer {
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            total: 0,
            kept: Vec::new(),
        }
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.total = self.total.saturating_add(bytes.len() as u64);
        let fresh = &bytes[bytes.len().saturating_sub(self.limit)..];
        self.kept.extend_from_slice(fresh);
        // Cutting only past twice the limit makes the copy amortised: each byte moves once.
        if self.kept.len() > self.limit.saturating_mul(2) {
            self.cut();
        }
    }

    fn cut(&mut self) {
        let surplus = self.kept.len().saturating_sub(self.limit);
        self.kept.drain(..surplus);
    }

    /// Bytes seen so far, kept or not.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The kept tail; bytes that are not UTF-8 become U+FFFD, as Go's JSON writes them.
    pub fn into_text(mut self) -> String {
        self.cut();
        String::from_utf8_lossy(&self.kept).into_owned()
    }

    /// The kept tail behind Consul's note `Captured N of M bytes` when something was dropped:
    /// the form of a script's output.
    pub fn into_captured_text(self) -> String {
        let (total, limit) = (self.total, self.limit);
        let text = self.into_text();
        if total > limit as u64 {
            format!("Captured {limit} of {total} bytes\n...\n{text}")
        } else {
            text
        }
    }
}

/// The head of what a TTL or an alias check says, with Consul's remark when it was longer than
/// `limit` bytes.
pub fn cap_output(output: &str, limit: usize) -> String {
    if output.len() <= limit {
        return output.to_owned();
    }
    let head = String::from_utf8_lossy(&output.as_bytes()[..limit]);
    format!("{head} ... (captured {limit} of {} bytes)", output.len())
}

/// How the output of a TTL check begins whose time ran out.
const TTL_EXPIRED: &str = "TTL expired";

/// What a TTL check says once its time ran out, given what it said last. One that was registered
/// anew after its time ran out still says so, and is not quoted again.
pub fn expired_ttl_output(last_output: &str) -> String {
    if last_output.is_empty() {
        TTL_EXPIRED.to_owned()
    } else if last_output.starts_with(TTL_EXPIRED) {
        last_output.to_owned()
    } else {
        format!("{TTL_EXPIRED} (last output before timeout follows): {last_output}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tail_keeps_the_last_bytes_whatever_the_chunks() {
        for chunk in [1, 3, 7, 100] {
            let data: Vec<u8> = (0..100u8).map(|n| b'a' + n % 26).collect();
            let mut tail = TailBuffer::new(10);
            data.chunks(chunk).for_each(|part| tail.push(part));
            assert_eq!(tail.total(), 100);
            assert_eq!(tail.into_text().as_bytes(), &data[90..], "chunk {chunk}");
        }
    }

    #[test]
    fn a_short_stream_is_kept_whole_and_without_a_note() {
        let mut tail = TailBuffer::new(5);
        tail.push(b"hello");
        assert_eq!(tail.into_captured_text(), "hello");
    }

    #[test]
    fn a_long_stream_says_how_much_was_captured() {
        let mut tail = TailBuffer::new(4);
        tail.push(b"abcdefgh");
        assert_eq!(
            tail.into_captured_text(),
            "Captured 4 of 8 bytes\n...\nefgh"
        );
    }

    #[test]
    fn a_limit_of_zero_keeps_nothing() {
        let mut tail = TailBuffer::new(0);
        tail.push(b"abc");
        assert_eq!(tail.into_text(), "");
    }

    #[test]
    fn ttl_notes_keep_their_head() {
        assert_eq!(cap_output("abcde", 5), "abcde");
        assert_eq!(
            cap_output("abcdefghijk", 5),
            "abcde ... (captured 5 of 11 bytes)"
        );
        assert_eq!(cap_output("é", 1), "\u{fffd} ... (captured 1 of 2 bytes)");
    }

    #[test]
    fn expiry_repeats_the_last_note() {
        assert_eq!(expired_ttl_output(""), "TTL expired");
        let said = "TTL expired (last output before timeout follows): last words";
        assert_eq!(expired_ttl_output("last words"), said);
        assert_eq!(expired_ttl_output(said), said);
        assert_eq!(expired_ttl_output("TTL expired"), "TTL expired");
    }
}
