//! A response's body: its tail, unpacked.

use std::io::{self, Write};

use flate2::write::GzDecoder;
use reqwest::Response;
use reqwest::header::CONTENT_ENCODING;

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

/// The last `limit` bytes. A body that breaks off, or does not unpack, is what came so far: Consul
/// judges by the status alone.
pub(super) async fn read(mut response: Response, unpacks: bool, limit: usize) -> String {
    let mut tail = TailBuffer::new(limit);
    let encoding = response.headers().get(CONTENT_ENCODING);
    let is_gzip = encoding.is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"gzip"));
    if unpacks && is_gzip {
        let mut unpacker = GzDecoder::new(Tail(&mut tail));
        while let Ok(Some(chunk)) = response.chunk().await {
            if unpacker.write_all(&chunk).is_err() {
                break;
            }
        }
        // What is still inside goes to the tail; a torn end has nothing more to give.
        let _ = unpacker.try_finish();
    } else {
        while let Ok(Some(chunk)) = response.chunk().await {
            tail.push(&chunk);
        }
    }
    tail.into_text()
}
