//! Points in time as Go writes them in binary: a version, seconds since the year 1, nanoseconds, and the zone's
//! offset in minutes.

use jiff::Timestamp;

/// Seconds from the beginning of the year 1 to 1970.
const UNIX_EPOCH_SECONDS: i64 = 62_135_596_800;
/// The offset that stands for UTC.
const UTC: [u8; 2] = [0xff, 0xff];

/// The fifteen bytes of a point in time, in UTC.
pub fn encode_time(time: Timestamp) -> [u8; 15] {
    let mut bytes = [0; 15];
    bytes[0] = 1;
    let seconds = time.as_second().saturating_add(UNIX_EPOCH_SECONDS);
    bytes[1..9].copy_from_slice(&seconds.to_be_bytes());
    // Before 1970 jiff's fraction is negative; Go's never is. No time here is that old.
    let nanos = u32::try_from(time.subsec_nanosecond()).unwrap_or(0);
    bytes[9..13].copy_from_slice(&nanos.to_be_bytes());
    bytes[13..15].copy_from_slice(&UTC);
    bytes
}

/// Reads a point in time; `None` for what is no time, for Go's zero time, and beyond the years that can be shown.
/// Version 2 has the offset's seconds in a sixteenth byte. The offset tells only where the writer was.
pub fn decode_time(bytes: &[u8]) -> Option<Timestamp> {
    let fits = matches!((bytes.first(), bytes.len()), (Some(1), 15) | (Some(2), 16));
    if !fits {
        return None;
    }
    let seconds = i64::from_be_bytes(bytes[1..9].try_into().ok()?);
    let nanos = i32::from_be_bytes(bytes[9..13].try_into().ok()?);
    if seconds == 0 && nanos == 0 {
        return None;
    }
    Timestamp::new(seconds.checked_sub(UNIX_EPOCH_SECONDS)?, nanos).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_reference_wrote() {
        // A server that was healthy since 15:20:43, and a certificate that is valid since 15:20:41.
        let bytes = b"\x01\0\0\0\x0e\xe2\x92\x5c\x4b\x0f\x65\xf0\x14\0\0";
        let time = decode_time(bytes).unwrap();
        assert_eq!(time.to_string(), "2026-11-20T15:20:43.258338836Z");
        let bytes = b"\x01\0\0\0\x0e\xe2\x92\x5c\x49\0\0\0\0\xff\xff";
        let time = decode_time(bytes).unwrap();
        assert_eq!(time.to_string(), "2026-11-20T15:20:41Z");
        assert_eq!(&encode_time(time), bytes);
    }

    #[test]
    fn no_time_is_none() {
        for bytes in [
            &b""[..],
            b"\x01",
            b"\x01\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff",
            b"\x03\0\0\0\x0e\xe2\x92\x5c\x49\0\0\0\0\xff\xff",
            b"\x01\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\xff\xff",
            b"\x01\0\0\0\x0e\xe2\x92\x5c\x49\x7f\xff\xff\xff\xff\xff",
        ] {
            assert_eq!(decode_time(bytes), None, "{bytes:?}");
        }
    }
}
