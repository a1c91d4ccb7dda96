//! Coordinates in acknowledgements: section 11 of the wire format.

use bytes::Bytes;

use crate::model::coordinate::Coordinate;

use super::error::WireError;
use super::reader::Reader;
use super::writer::Writer;

/// The only version of the payload.
const VERSION: u8 = 1;

/// Most dimensions of a peer's coordinate. Every pool has eight; the receiver refuses others.
const DIMENSIONS_MAX: usize = 64;

/// The payload of an acknowledgement.
pub fn encode_coordinate(coordinate: &Coordinate) -> Bytes {
    let mut out = Writer::message(VERSION, 64 + 9 * coordinate.vec.len());
    out.map(4);
    out.text("Adjustment");
    out.float(coordinate.adjustment);
    out.text("Error");
    out.float(coordinate.error);
    out.text("Height");
    out.float(coordinate.height);
    out.text("Vec");
    out.array(coordinate.vec.len());
    for dimension in &coordinate.vec {
        out.float(*dimension);
    }
    out.finish()
}

/// The coordinate in an acknowledgement's payload. Its numbers may be anything, infinite or no number.
///
/// # Errors
/// When there is none, or of another version.
pub fn decode_coordinate(payload: &[u8]) -> Result<Coordinate, WireError> {
    let (&kind, body) = payload
        .split_first()
        .ok_or(WireError::Empty("coordinate"))?;
    if kind != VERSION {
        return Err(WireError::UnknownType {
            what: "coordinate",
            kind,
        });
    }
    let mut coordinate = Coordinate {
        vec: Vec::new(),
        error: 0.0,
        adjustment: 0.0,
        height: 0.0,
    };
    Reader::new(body)
        .fields(|name, value| {
            match name {
                b"Vec" => {
                    coordinate.vec.clear();
                    value.list("dimensions", DIMENSIONS_MAX, |dimension| {
                        coordinate.vec.push(dimension.float()?);
                        Ok(())
                    })?;
                }
                b"Error" => coordinate.error = value.float()?,
                b"Adjustment" => coordinate.adjustment = value.float()?,
                b"Height" => coordinate.height = value.float()?,
                _ => value.skip()?,
            }
            Ok(())
        })
        .map_err(WireError::of("coordinate"))?;
    Ok(coordinate)
}
