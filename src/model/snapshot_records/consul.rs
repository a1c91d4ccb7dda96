//! The records of HashiCorp's `state.bin`: a header, then a type's number and its msgpack value, over and over.

use std::borrow::Cow;
use std::cell::Cell;
use std::io::Read;
use std::rc::Rc;

use serde::de::IgnoredAny;

use super::{Counting, PairHead, RecordsError, StateRecord};

/// The number of keys with their values.
const KVS: u8 = 2;

/// Consul's names of its types, by their numbers.
const KINDS: [&str; 35] = [
    "Register",
    "Deregister",
    "KVS",
    "Session",
    "ACL",
    "Tombstone",
    "CoordinateBatchUpdate",
    "PreparedQuery",
    "Txn",
    "Autopilot",
    "Area",
    "ACLBootstrap",
    "Intention",
    "ConnectCA",
    "ConnectCAProviderState",
    "ConnectCAConfig",
    "Index",
    "ACLToken",
    "ACLTokenDelete",
    "ACLPolicy",
    "ACLPolicyDelete",
    "ConnectCALeaf",
    "ConfigEntry",
    "ACLRole",
    "ACLRoleDelete",
    "ACLBindingRule",
    "ACLBindingRuleDelete",
    "ACLAuthMethod",
    "ACLAuthMethodDelete",
    "ChunkingState",
    "FederationState",
    "SystemMetadata",
    "ServiceVirtualIP",
    "FreeVirtualIP",
    "KindServiceName",
];

/// Tells every record. As in Consul, the header counts with the first one.
pub(super) fn walk(
    input: impl Read,
    each: &mut dyn FnMut(StateRecord),
) -> Result<(), RecordsError> {
    let at = Rc::new(Cell::new(0));
    let mut input = Counting {
        input,
        at: Rc::clone(&at),
    };
    let mut number = [0];
    if input.read(&mut number)? == 0 || !is_map(number[0]) {
        return Err(RecordsError::UnknownFormat);
    }
    value::<IgnoredAny>(&mut number.as_slice().chain(&mut input))?;
    let mut since = 0;
    while input.read(&mut number)? == 1 {
        let key = if number[0] == KVS {
            Some(value::<PairHead>(&mut input)?.key)
        } else {
            value::<IgnoredAny>(&mut input)?;
            None
        };
        let bytes = at.get() - since;
        since = at.get();
        let kind = match KINDS.get(usize::from(number[0])) {
            Some(name) => Cow::Borrowed(*name),
            None => Cow::Owned(format!("Unknown({})", number[0])),
        };
        each(StateRecord { kind, bytes, key });
    }
    Ok(())
}

/// Whether a msgpack value is a map: Consul's header is one.
fn is_map(first: u8) -> bool {
    matches!(first, 0x80..=0x8f | 0xde | 0xdf)
}

fn value<T: serde::de::DeserializeOwned>(input: &mut impl Read) -> Result<T, RecordsError> {
    Ok(T::deserialize(&mut rmp_serde::Deserializer::new(input))?)
}

#[cfg(test)]
mod tests {
    use super::super::walk_records;

    fn file() -> Vec<u8> {
        let mut bytes = b"\x81\xa9LastIndex\x07".to_vec();
        bytes.extend(b"\x02\x83\xa3Key\xa3a/b\xa5Value\xa3\xff\xfe\xfd\xa5Flags\x00");
        bytes.extend(b"\x10\x82\xa3Key\xa3kvs\xa5Value\x07");
        bytes.extend(b"\x10\x82\xa3Key\xa5nodes\xa5Value\x03");
        bytes.extend(b"\xc8\x81\xa1x\xc0");
        bytes
    }

    #[test]
    fn every_record_is_told() {
        let mut found = Vec::new();
        walk_records(&*file(), |record| {
            let key = record.key.map(|key| key.to_string());
            found.push((record.kind.into_owned(), record.bytes, key));
        })
        .unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|(kind, bytes, key)| (&**kind, *bytes, key.as_deref()))
            .collect();
        let expected = [
            ("KVS", 12 + 27, Some("a/b")),
            ("Index", 17, None),
            ("Index", 19, None),
            ("Unknown(200)", 5, None),
        ];
        assert_eq!(found, expected);
        let total: u64 = found.iter().map(|(_, bytes, _)| bytes).sum();
        assert_eq!(total, file().len() as u64);
    }

    #[test]
    fn what_is_cut_short_is_damaged() {
        let whole = file();
        let ends: Vec<usize> = (0..whole.len())
            .filter(|end| walk_records(&whole[..*end], |_| ()).is_ok())
            .collect();
        // Only where a record has just ended.
        assert_eq!(ends, [12, 39, 56, 75]);
    }
}
