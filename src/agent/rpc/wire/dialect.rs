//! The msgpack that Consul's servers and clients speak, as a serde format: maps keyed by field name, and strings
//! and bytes in the old "raw" family only (section 2 of the wire format). `rmp-serde` writes the newer
//! string and binary types, which old peers may not read; it reads both, so that decoding is its.

use serde::ser::{self, Serialize, SerializeTuple as _};

use super::writer::Writer;

/// Why a value cannot be written or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DialectError {
    /// A type that the format has no place for, or a value's own complaint.
    #[error("cannot encode: {0}")]
    Encode(String),
    /// What arrived is no such value.
    #[error("cannot decode: {0}")]
    Decode(String),
    /// What arrived is well-formed and means nothing; in Consul's words, which clients see.
    #[error("{0}")]
    Refused(String),
}

impl ser::Error for DialectError {
    fn custom<T: std::fmt::Display>(reason: T) -> Self {
        Self::Encode(reason.to_string())
    }
}

/// Writes a value.
///
/// # Errors
/// When the value has a part that the format cannot hold.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, DialectError> {
    let mut out = Vec::new();
    value.serialize(&mut Writer::new(&mut out))?;
    Ok(out)
}

/// Writes two structures as one map that has the fields of both: how Go writes embedded structures, as requests
/// and replies have them for options and metadata.
///
/// # Errors
/// As [`encode`].
pub fn encode_both<A, B>(first: &A, second: &B) -> Result<Vec<u8>, DialectError>
where
    A: Serialize + ?Sized,
    B: Serialize + ?Sized,
{
    let mut out = vec![0];
    let mut writer = Writer::new(&mut out);
    writer.splicing = true;
    first.serialize(&mut writer)?;
    writer.splicing = true;
    second.serialize(&mut writer)?;
    let fields = writer.spliced;
    if let Some(short) = u8::try_from(fields).ok().filter(|&short| short < 16) {
        out[0] = 0x80 | short;
    } else {
        let fields = u16::try_from(fields)
            .map_err(|_| DialectError::Encode(format!("{fields} fields are too many")))?
            .to_be_bytes();
        out.splice(0..1, [0xde, fields[0], fields[1]]);
    }
    Ok(out)
}

/// A list that stays a list when it is empty; elsewhere an empty one is written as nil, as Go writes the lists
/// that it never filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept<'a, T>(pub &'a [T]);

impl<T: Serialize> Serialize for Kept<'_, T> {
    fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_tuple(self.0.len())?;
        for item in self.0 {
            list.serialize_element(item)?;
        }
        list.end()
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::super::decode::{decode_reply, decode_request};
    use super::*;

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct Fields {
        node: String,
        #[serde(with = "serde_bytes")]
        value: Vec<u8>,
        count: i64,
        tags: Vec<String>,
        inner: Option<Box<Self>>,
    }

    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct Options {
        allow_stale: bool,
        #[serde(skip_serializing_if = "String::is_empty")]
        token: String,
    }

    fn hex(bytes: &[u8]) -> String {
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        digits
            .filter_map(|digit| char::from_digit(digit.into(), 16))
            .collect()
    }

    fn bytes_of<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
        encode(value).unwrap()
    }

    #[test]
    fn strings_and_bytes_are_raw() {
        assert_eq!(hex(&bytes_of("ab")), "a26162");
        let long = "x".repeat(40);
        assert!(hex(&bytes_of(long.as_str())).starts_with("da0028"));
        let bytes = serde_bytes::Bytes::new(b"\xff");
        assert_eq!(hex(&bytes_of(bytes)), "a1ff");
        assert!(hex(&bytes_of(&"x".repeat(70_000))).starts_with("db00011170"));
    }

    #[test]
    fn empty_lists_are_nil_unless_kept() {
        assert_eq!(hex(&bytes_of(&Vec::<u64>::new())), "c0");
        assert_eq!(hex(&bytes_of(&Kept::<u64>(&[]))), "90");
        assert_eq!(hex(&bytes_of(&vec![1, 2])), "920102");
        assert_eq!(hex(&bytes_of(&Kept(&[1, 2]))), "920102");
    }

    #[test]
    fn numbers_take_their_shortest_form_and_come_back() {
        for (number, expected) in [
            (0i64, "00"),
            (127, "7f"),
            (128, "cc80"),
            (256, "cd0100"),
            (65_536, "ce00010000"),
            (1 << 32, "cf0000000100000000"),
            (-1, "ff"),
            (-32, "e0"),
            (-33, "d0df"),
            (-129, "d1ff7f"),
            (-32_769, "d2ffff7fff"),
            (i64::MIN, "d38000000000000000"),
        ] {
            let bytes = bytes_of(&number);
            assert_eq!(hex(&bytes), expected, "{number}");
            assert_eq!(decode_request::<i64>(&bytes), Ok(number));
        }
    }

    #[test]
    fn two_structures_become_one_map() {
        let fields = Fields {
            node: "n".repeat(300),
            value: vec![0, 255],
            count: -5,
            tags: vec!["a".to_owned()],
            inner: Some(Box::default()),
        };
        let options = Options {
            allow_stale: true,
            token: String::new(),
        };
        let bytes = encode_both(&options, &fields).unwrap();
        // The field that is left out is not counted, nor are those of the structure inside.
        assert_eq!(hex(&bytes[..2]), "86aa");
        assert_eq!(decode_request::<Fields>(&bytes).unwrap(), fields);
        assert_eq!(decode_reply::<Options>(&bytes).unwrap(), options);
        for len in 0..bytes.len() {
            assert!(decode_request::<Fields>(&bytes[..len]).is_err(), "{len}");
        }
    }

    #[test]
    fn many_fields_take_the_wide_header() {
        let many: std::collections::BTreeMap<String, u64> =
            (0..15).map(|n| (n.to_string(), n)).collect();
        let bytes = encode_both(&Options::default(), &many).unwrap();
        assert_eq!(hex(&bytes[..3]), "de0010");
        let options: Options = decode_reply(&bytes).unwrap();
        assert_eq!(options, Options::default());
    }

    #[test]
    fn nil_is_the_zero_of_everything_and_unknown_fields_are_passed_over() {
        let bytes = b"\x87\xa4Node\xc0\xa5Value\xc0\xa5Count\xc0\xa4Tags\xc0\xa5Inner\xc0\xa1X\x92\x01\x81\x01\xc0\xa1Y\xc4\x01z";
        assert_eq!(decode_request::<Fields>(bytes), Ok(Fields::default()));
        assert_eq!(decode_request::<Fields>(b"\xc0"), Ok(Fields::default()));
    }

    #[test]
    fn texts_and_bytes_are_interchangeable() {
        let bytes = b"\x82\xa4Node\xc4\x02n\xff\xa5Value\xd9\x01v";
        let fields: Fields = decode_request(bytes).unwrap();
        assert_eq!(
            (fields.node.as_str(), &fields.value[..]),
            ("n\u{fffd}", &b"v"[..])
        );
    }

    #[test]
    fn what_is_announced_takes_no_memory_before_it_is_there() {
        for bytes in [
            &b"\xdd\xff\xff\xff\xff"[..],
            b"\xdf\xff\xff\xff\xff",
            b"\xdb\xff\xff\xff\xff",
            b"\xc6\xff\xff\xff\xff",
        ] {
            assert!(decode_request::<Vec<Options>>(bytes).is_err());
            assert!(decode_request::<Fields>(bytes).is_err());
            assert!(decode_reply::<String>(bytes).is_err());
        }
    }

    #[test]
    fn depth_and_number_of_values_are_bounded() {
        let mut deep = Vec::new();
        for _ in 0..10_000 {
            deep.extend_from_slice(b"\x81\xa5Inner");
        }
        deep.push(0xc0);
        let refusal = decode_request::<Fields>(&deep).unwrap_err().to_string();
        assert!(refusal.contains("too deep"), "{refusal}");
        let many = bytes_of(&vec![Options::default(); 300_000]);
        let refusal = decode_request::<Vec<Options>>(&many).unwrap_err();
        assert!(refusal.to_string().contains("too many"), "{refusal}");
        assert_eq!(decode_reply::<Vec<Options>>(&many).unwrap().len(), 300_000);
    }
}
