//! LZW as Go's library writes it: section 3 of the wire format, "Compress".

use weezl::{BitOrder, LzwStatus, decode, encode};

use super::error::WireError;
use super::message_codec::kind;
use super::reader::{HEAD_MAX, Reader, within};
use super::writer::Writer;

/// The only algorithm there is.
const LZW: u8 = 0;

/// Literals of eight bits.
const LITERAL_BITS: u8 = 8;

/// Bytes that are decompressed at a time.
const CHUNK: usize = 16 * 1024;

/// A compressed message: the type byte and `{Algo, Buf}`.
pub(super) fn compress(plain: &[u8]) -> Vec<u8> {
    let compressed = encode::Encoder::new(BitOrder::Lsb, LITERAL_BITS)
        .encode(plain)
        .expect("every byte is a literal of eight bits");
    let mut out = Writer::message(kind::COMPRESS, compressed.len() + 24);
    out.map(2);
    out.text("Algo");
    out.unsigned(LZW.into());
    out.text("Buf");
    out.raw(&compressed);
    out.into_vec()
}

/// What the body of a compressed message holds: never empty, at most `limit` bytes.
pub(super) fn decompress(body: &[u8], limit: usize) -> Result<Vec<u8>, WireError> {
    let compressed = compressed_bytes(&mut Reader::new(body)).map_err(WireError::of("compress"))?;
    inflate(compressed, limit)
}

/// The compressed bytes in the body of a compressed message. Ends early with [`WireError::Truncated`], so
/// that streams can wait for more; what is around the compressed bytes is not waited for beyond [`HEAD_MAX`].
pub(super) fn compressed_bytes<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], WireError> {
    let (mut algorithm, mut compressed): (u8, &[u8]) = (LZW, &[]);
    let available = reader.rest().len();
    // Bytes that are compressed, and whether more of them are what is missing.
    let (mut inside, mut cut_inside) = (0, false);
    let read = reader.fields(|name, value| {
        match name {
            b"Algo" => algorithm = value.integer("Algo")?,
            b"Buf" => {
                cut_inside = true;
                compressed = value.raw()?;
                cut_inside = false;
                inside += compressed.len();
            }
            _ => value.skip()?,
        }
        Ok(())
    });
    if read == Err(WireError::Truncated) && !cut_inside {
        within("compressed message's head", available - inside, HEAD_MAX)?;
    }
    read?;
    if algorithm == LZW {
        Ok(compressed)
    } else {
        Err(WireError::Decompress("unknown algorithm"))
    }
}

/// Decompresses LZW, at most to `limit` bytes.
pub(super) fn inflate(mut compressed: &[u8], limit: usize) -> Result<Vec<u8>, WireError> {
    let mut decoder = decode::Decoder::new(BitOrder::Lsb, LITERAL_BITS);
    let mut out = Vec::new();
    let mut filled = 0;
    loop {
        // One byte more than allowed, so that the bound is seen to be passed.
        let room = CHUNK.min((limit + 1).saturating_sub(filled));
        if room == 0 {
            return Err(WireError::TooLarge {
                what: "decompressed message",
                size: filled,
                limit,
            });
        }
        out.resize(filled + room, 0);
        let step = decoder.decode_bytes(compressed, &mut out[filled..]);
        compressed = &compressed[step.consumed_in..];
        filled += step.consumed_out;
        match step.status {
            Ok(LzwStatus::Done) => break,
            Ok(LzwStatus::Ok) => {}
            Ok(LzwStatus::NoProgress) => return Err(WireError::Decompress("ends early")),
            Err(_) => return Err(WireError::Decompress("invalid code")),
        }
    }
    if filled > limit {
        return Err(WireError::TooLarge {
            what: "decompressed message",
            size: filled,
            limit,
        });
    }
    if filled == 0 {
        return Err(WireError::Empty("decompressed message"));
    }
    out.truncate(filled);
    Ok(out)
}
