//! A member's metadata: its tags (section 9.4 of the wire format).

use bytes::Bytes;

use super::error::WireError;
use super::reader::Reader;
use super::serf_message::Tags;
use super::writer::Writer;

/// First byte of metadata that is a map.
const MAGIC: u8 = 0xff;

/// The metadata that tells these tags. The caller refuses more than [`super::META_MAX`] bytes.
pub fn encode_tags(tags: &Tags) -> Bytes {
    let size: usize = tags
        .iter()
        .map(|(tag, value)| tag.len() + value.len() + 6)
        .sum();
    let mut out = Writer::message(MAGIC, size + 3);
    out.map(tags.len());
    for (tag, value) in tags {
        out.text(tag);
        out.text(value);
    }
    out.finish()
}

/// The tags that metadata tells. Metadata of members older than tags is their role; of a broken map, what
/// was read before the fault counts, as it does for serf.
pub fn decode_tags(meta: &[u8]) -> Tags {
    let mut tags = Tags::new();
    if let Some((&MAGIC, map)) = meta.split_first() {
        // The tags so far are the answer; the fault itself changes nothing.
        let _fault = read_tags(&mut Reader::new(map), &mut tags);
    } else {
        let role = String::from_utf8_lossy(meta).into_owned();
        tags.insert("role".to_owned(), role);
    }
    tags
}

/// Reads a map of texts; the size of the metadata bounds it.
pub(super) fn read_tags(reader: &mut Reader<'_>, tags: &mut Tags) -> Result<(), WireError> {
    for _ in 0..reader.map()? {
        let tag = reader.text()?.to_owned();
        tags.insert(tag, reader.text()?.to_owned());
    }
    Ok(())
}
