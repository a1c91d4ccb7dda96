//! A response's body: its tail, unpacked.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::GzDecoder;
use reqwest::Response;
use reqwest::header::CONTENT_ENCODING;
use tokio::time::{Instant, timeout_at};

use crate::agent::checks::output::TailBuffer;

/// Where an unpacker writes: nothing but the tail is kept, however much a body unpacks to.
struct Tail<'a>(&'a mut TailBuffer);

impl Write for Tail<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The last `limit` bytes. A body that breaks off, does not unpack, or has not ended by `deadline`
/// is what came so far: Consul judges by the status alone.
pub(super) async fn read(
    mut response: Response,
    unpacks: bool,
    limit: usize,
    deadline: Instant,
) -> String {
    let mut tail = TailBuffer::new(limit);
    let encoding = response.headers().get(CONTENT_ENCODING);
    let is_gzip = encoding.is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"gzip"));
    if unpacks && is_gzip {
        let mut unpacker = GzDecoder::new(Tail(&mut tail));
        while let Some(chunk) = next(&mut response, deadline).await {
            if unpacker.write_all(&chunk).is_err() {
                break;
            }
        }
        // What is still inside goes to the tail; a torn end has nothing more to give.
        let _ = unpacker.try_finish();
    } else {
        while let Some(chunk) = next(&mut response, deadline).await {
            tail.push(&chunk);
        }
    }
    tail.into_text()
}

async fn next(response: &mut Response, deadline: Instant) -> Option<Bytes> {
    // A timeout alone would let a body go on that always has the next bytes ready.
    if Instant::now() >= deadline {
        return None;
    }
    timeout_at(deadline, response.chunk()).await.ok()?.ok()?
}
