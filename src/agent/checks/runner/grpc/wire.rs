//! Bytes and texts of a gRPC health call. Pure.
//!
//! The messages are `HealthCheckRequest { string service = 1 }` and
//! `HealthCheckResponse { ServingStatus status = 1 }`, each behind gRPC's five bytes: a flag for
//! compression and the length.

use std::fmt;
use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::CONTENT_TYPE;
use percent_encoding::percent_decode_str;

/// Bytes of an answer that are read; a health answer has seven.
pub(super) const MAX_MESSAGE: usize = 4096;
/// Bytes before the message.
const PREFIX: usize = 5;
/// `ServingStatus.SERVING`.
const SERVING: u64 = 1;
/// The largest number that `grpc-timeout` may carry.
const MAX_TIMEOUT: u128 = 99_999_999;

/// A gRPC status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code(u32);

impl Code {
    const OK: Self = Self(0);
    const UNKNOWN: Self = Self(2);
    pub(super) const DEADLINE_EXCEEDED: Self = Self(4);
    pub(super) const RESOURCE_EXHAUSTED: Self = Self(8);
    const UNIMPLEMENTED: Self = Self(12);
    pub(super) const INTERNAL: Self = Self(13);
    pub(super) const UNAVAILABLE: Self = Self(14);

    /// gRPC's mapping of HTTP statuses.
    fn of_http(status: u16) -> Self {
        match status {
            400 => Self::INTERNAL,
            401 => Self(16),
            403 => Self(7),
            404 => Self::UNIMPLEMENTED,
            429 | 502 | 503 | 504 => Self::UNAVAILABLE,
            _ => Self::UNKNOWN,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 17] = [
            "OK",
            "Canceled",
            "Unknown",
            "InvalidArgument",
            "DeadlineExceeded",
            "NotFound",
            "AlreadyExists",
            "PermissionDenied",
            "ResourceExhausted",
            "FailedPrecondition",
            "Aborted",
            "OutOfRange",
            "Unimplemented",
            "Internal",
            "Unavailable",
            "DataLoss",
            "Unauthenticated",
        ];
        let name = usize::try_from(self.0).ok().and_then(|at| NAMES.get(at));
        match name {
            Some(name) => f.write_str(name),
            None => write!(f, "Code({})", self.0),
        }
    }
}

/// A call that failed, displayed as Go's client displays it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rpc error: code = {code} desc = {text}")]
pub(super) struct RpcError {
    code: Code,
    text: String,
}

impl RpcError {
    pub(super) fn new(code: Code, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { code, text }
    }
}

/// The question, with its prefix.
pub(super) fn encode_request(service: &str) -> Vec<u8> {
    let mut message = Vec::new();
    if !service.is_empty() {
        message.push(0x0a);
        let mut length = service.len();
        while length > 0x7f {
            let [low, ..] = length.to_le_bytes();
            message.push(low | 0x80);
            length >>= 7;
        }
        let [low, ..] = length.to_le_bytes();
        message.push(low);
        message.extend_from_slice(service.as_bytes());
    }
    let size = u32::try_from(message.len()).unwrap_or(u32::MAX);
    let mut framed = vec![0];
    framed.extend_from_slice(&size.to_be_bytes());
    framed.append(&mut message);
    framed
}

/// The time limit as `grpc-timeout` writes it, at most eight digits and a unit.
pub(super) fn timeout_header(timeout: Duration) -> String {
    let millis = timeout.as_millis();
    if millis <= MAX_TIMEOUT {
        format!("{millis}m")
    } else {
        format!("{}S", u128::from(timeout.as_secs()).min(MAX_TIMEOUT))
    }
}

/// Whether an answer's head is that of a gRPC server.
pub(super) fn judge_head(status: u16, headers: &HeaderMap) -> Result<(), RpcError> {
    let content_type = headers
        .get(CONTENT_TYPE)
        .map(|it| it.to_str().unwrap_or("?"));
    let is_grpc = |it: &str| {
        it.strip_prefix("application/grpc")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', ';']))
    };
    if status == 200 && content_type.is_some_and(is_grpc) {
        return Ok(());
    }
    let reason = hyper::StatusCode::from_u16(status).ok();
    let reason = reason.and_then(|it| it.canonical_reason()).unwrap_or("");
    let about = match content_type {
        None => "transport: missing content-type field".to_owned(),
        Some(other) if !is_grpc(other) => {
            format!("transport: received the unexpected content-type {other:?}")
        }
        Some(_) => return Err(RpcError::new(Code::of_http(status), reason)),
    };
    let text = format!("{reason}: HTTP status code {status}; {about}");
    Err(RpcError::new(Code::of_http(status), text))
}

/// A whole answer.
#[derive(Debug)]
pub(super) struct Reply {
    /// Where `grpc-status` and `grpc-message` are.
    pub(super) trailers: HeaderMap,
    /// The body, with its prefix.
    pub(super) message: Vec<u8>,
}

impl Reply {
    /// Whether the service is serving.
    ///
    /// # Errors
    /// The server's own failure, or an answer that is none.
    pub(super) fn serving(&self) -> Result<bool, RpcError> {
        let status = self.trailers.get("grpc-status");
        let status = status.and_then(|it| it.to_str().ok()?.parse().ok());
        let code = status.map_or(Code::UNKNOWN, Code);
        if code != Code::OK {
            let text = self.trailers.get("grpc-message");
            let text = text.map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned());
            let text = text.unwrap_or_default();
            let plain = percent_decode_str(&text).decode_utf8_lossy();
            return Err(RpcError::new(code, plain));
        }
        let status =
            decode_response(&self.message).map_err(|text| RpcError::new(Code::INTERNAL, text))?;
        Ok(status == SERVING)
    }
}

/// The `status` of a framed answer; a later one overrides an earlier one, none is zero.
fn decode_response(framed: &[u8]) -> Result<u64, &'static str> {
    let (prefix, message) = framed.split_at_checked(PREFIX).ok_or("unexpected EOF")?;
    let (compressed, size) = prefix.split_at(1);
    if compressed != [0] {
        return Err("received a compressed message that was not asked for");
    }
    let size = size
        .iter()
        .fold(0_u64, |size, byte| (size << 8) | u64::from(*byte));
    if size != message.len() as u64 {
        return Err("unexpected EOF");
    }
    let mut rest = message;
    let mut status = 0;
    while !rest.is_empty() {
        let key = varint(&mut rest)?;
        match (key >> 3, key & 7) {
            (0, _) => return Err("proto: illegal tag 0"),
            (1, 0) => status = varint(&mut rest)?,
            (_, 0) => drop(varint(&mut rest)?),
            (_, 1) => skip(&mut rest, 8)?,
            (_, 2) => {
                let size = varint(&mut rest)?;
                skip(&mut rest, size)?;
            }
            (_, 5) => skip(&mut rest, 4)?,
            _ => return Err("proto: illegal wireType"),
        }
    }
    Ok(status)
}

fn varint(rest: &mut &[u8]) -> Result<u64, &'static str> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first().ok_or("unexpected EOF")?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err("proto: integer overflow")
}

fn skip(rest: &mut &[u8], size: u64) -> Result<(), &'static str> {
    let size = usize::try_from(size).map_err(|_| "unexpected EOF")?;
    *rest = rest.get(size..).ok_or("unexpected EOF")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_question_is_framed_protobuf() {
        assert_eq!(encode_request(""), [0, 0, 0, 0, 0]);
        assert_eq!(encode_request("ab"), b"\0\0\0\0\x04\x0a\x02ab");
        let long = encode_request(&"x".repeat(300));
        assert_eq!(long[..8], [0, 0, 0, 1, 47, 0x0a, 0xac, 0x02]);
        assert_eq!(long.len(), 308);
    }

    #[test]
    fn the_status_of_an_answer_is_read() {
        for (framed, status) in [
            (&b"\0\0\0\0\0"[..], Ok(0)),
            (b"\0\0\0\0\x02\x08\x01", Ok(1)),
            (b"\0\0\0\0\x02\x08\x02", Ok(2)),
            (b"\0\0\0\0\x04\x08\x02\x08\x01", Ok(1)),
            (
                b"\0\0\0\0\x08\x12\x01a\x18\x05\x08\x01\x25",
                Err("unexpected EOF"),
            ),
            (b"\0\0\0\0\x07\x12\x01a\x18\x05\x08\x01", Ok(1)),
            (b"", Err("unexpected EOF")),
            (b"\0\0\0\0\x02\x08", Err("unexpected EOF")),
            (b"\0\0\0\0\x02\x08\x01\x01", Err("unexpected EOF")),
            (b"\0\xff\xff\xff\xff\x08\x01", Err("unexpected EOF")),
            (
                b"\x01\0\0\0\x02\x08\x01",
                Err("received a compressed message that was not asked for"),
            ),
            (b"\0\0\0\0\x02\x00\x01", Err("proto: illegal tag 0")),
            (b"\0\0\0\0\x01\x0b", Err("proto: illegal wireType")),
            (
                b"\0\0\0\0\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
                Err("proto: integer overflow"),
            ),
            (
                b"\0\0\0\0\x0b\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
                Err("unexpected EOF"),
            ),
        ] {
            assert_eq!(decode_response(framed), status, "{framed:?}");
        }
    }

    #[test]
    fn failures_read_as_gos() {
        let reply = |status: &'static str, text: &'static str| {
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", status.parse().unwrap());
            trailers.insert("grpc-message", text.parse().unwrap());
            let message = b"\0\0\0\0\x02\x08\x01".to_vec();
            Reply { trailers, message }
                .serving()
                .map_err(|err| err.to_string())
        };
        assert_eq!(reply("0", ""), Ok(true));
        let not_found = "rpc error: code = NotFound desc = ";
        assert_eq!(reply("5", ""), Err(not_found.to_owned()));
        let decoded = "rpc error: code = Internal desc = a b\u{fffd}%zz";
        assert_eq!(reply("13", "a%20b%ff%zz"), Err(decoded.to_owned()));
        let far = "rpc error: code = Code(99) desc = x";
        assert_eq!(reply("99", "x"), Err(far.to_owned()));
        let none = "rpc error: code = Unknown desc = ";
        for odd in ["-1", "", "99999999999"] {
            assert_eq!(reply(odd, ""), Err(none.to_owned()));
        }
    }

    #[test]
    fn only_grpc_heads_are_taken() {
        let judge = |status, content_type: &str| {
            let mut headers = HeaderMap::new();
            if !content_type.is_empty() {
                headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
            }
            judge_head(status, &headers).map_err(|err| err.to_string())
        };
        for fine in [
            "application/grpc",
            "application/grpc+proto",
            "application/grpc;x",
        ] {
            assert_eq!(judge(200, fine), Ok(()));
        }
        let text = "rpc error: code = Unimplemented desc = Not Found: HTTP status code 404; \
                    transport: received the unexpected content-type \"text/html\"";
        assert_eq!(judge(404, "text/html"), Err(text.to_owned()));
        let text = "rpc error: code = Unknown desc = OK: HTTP status code 200; \
                    transport: missing content-type field";
        assert_eq!(judge(200, ""), Err(text.to_owned()));
        assert!(judge(200, "application/grpcx").is_err());
        let busy = "rpc error: code = Unavailable desc = Service Unavailable";
        assert_eq!(judge(503, "application/grpc"), Err(busy.to_owned()));
    }

    #[test]
    fn time_limits_have_eight_digits_at_most() {
        for (timeout, header) in [
            (Duration::from_secs(10), "10000m"),
            (Duration::from_millis(99_999_999), "99999999m"),
            (Duration::from_secs(100_000), "100000S"),
            (Duration::MAX, "99999999S"),
        ] {
            assert_eq!(timeout_header(timeout), header);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode_response(&bytes);
            let size = u32::try_from(bytes.len()).unwrap().to_be_bytes();
            let framed = [&[0], &size[..], &bytes].concat();
            let _ = decode_response(&framed);
        }
    }
}
