//! Key operations as query payloads: section 9.5 of the wire format.

use bytes::Bytes;

use super::error::WireError;
use super::reader::Reader;
use super::serf_codec::kind;
use super::serf_message::KeyResponse;
use super::writer::Writer;

/// Most keys that one answer lists. An answer is [`super::QUERY_MAX`] bytes at most; this bounds one from a
/// peer that was told otherwise.
const KEYS_MAX: usize = 4096;

/// The payload of a key operation; `key` is empty for `list`.
pub fn encode_key_request(key: &[u8]) -> Bytes {
    let mut out = Writer::message(kind::KEY_REQUEST, key.len() + 12);
    out.map(1);
    out.text("Key");
    out.raw(key);
    out.finish()
}

/// The key of a key operation, which need not be a valid one.
///
/// # Errors
/// When the payload is empty, or no key request.
pub fn decode_key_request(payload: &[u8]) -> Result<&[u8], WireError> {
    let body = body_of(kind::KEY_REQUEST, "key request", payload)?;
    let mut key: &[u8] = &[];
    Reader::new(body)
        .fields(|name, value| {
            match name {
                b"Key" => key = value.raw()?,
                _ => value.skip()?,
            }
            Ok(())
        })
        .map_err(WireError::of("key request"))?;
    Ok(key)
}

impl KeyResponse {
    /// The payload of an answer to a key operation.
    pub fn encode(&self) -> Bytes {
        let keys: usize = self.keys.iter().map(|key| key.len() + 3).sum();
        let size = 64 + self.message.len() + self.primary_key.len() + keys;
        let mut out = Writer::message(kind::KEY_RESPONSE, size);
        out.map(4);
        out.text("Keys");
        if self.keys.is_empty() {
            out.nil();
        } else {
            out.array(self.keys.len());
            for key in &self.keys {
                out.text(key);
            }
        }
        out.text("Message");
        out.text(&self.message);
        out.text("PrimaryKey");
        out.text(&self.primary_key);
        out.text("Result");
        out.boolean(self.result);
        out.finish()
    }

    /// The answer to a key operation.
    ///
    /// # Errors
    /// When the payload is empty, or no answer to a key operation.
    pub fn decode(payload: &[u8]) -> Result<Self, WireError> {
        let body = body_of(kind::KEY_RESPONSE, "key response", payload)?;
        let mut response = Self::default();
        Reader::new(body)
            .fields(|name, value| {
                match name {
                    b"Result" => response.result = value.boolean()?,
                    b"Message" => value.text()?.clone_into(&mut response.message),
                    b"Keys" => {
                        response.keys.clear();
                        value.list("keys", KEYS_MAX, |key| {
                            response.keys.push(key.text()?.to_owned());
                            Ok(())
                        })?;
                    }
                    b"PrimaryKey" => value.text()?.clone_into(&mut response.primary_key),
                    _ => value.skip()?,
                }
                Ok(())
            })
            .map_err(WireError::of("key response"))?;
        Ok(response)
    }
}

/// What follows the type byte, when it is the right one.
pub(super) fn body_of<'a>(
    wanted: u8,
    what: &'static str,
    payload: &'a [u8],
) -> Result<&'a [u8], WireError> {
    match payload.split_first() {
        None => Err(WireError::Empty(what)),
        Some((&kind, body)) if kind == wanted => Ok(body),
        Some((&kind, _)) => Err(WireError::UnknownType { what, kind }),
    }
}
