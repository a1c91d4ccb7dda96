use openraft::entry::RaftEntry as _;

use super::*;
use crate::agent::store::{Command, KvCommand, KvVerb};
use crate::model::kv::{Key, KvPair};

/// Reads `name: hex` lines of the golden file.
fn golden(name: &str) -> Vec<u8> {
    let file = include_str!("../../../../tests/golden/raft/codec.txt");
    let line = file
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        .expect("a golden line");
    let digits: Vec<u32> = line.chars().filter_map(|c| c.to_digit(16)).collect();
    let byte = |pair: &[u32]| u8::try_from(pair[0] << 4 | pair[1]).expect("a byte");
    digits.chunks(2).map(byte).collect()
}

fn member(number: u64) -> (u64, NodeInfo) {
    let node = NodeInfo {
        uuid: format!("uuid-{number}"),
        address: format!("127.0.0.{number}:8300"),
    };
    (number, node)
}

fn membership() -> Membership {
    let voters = vec![BTreeSet::from([1, 2])];
    Membership::new(voters, BTreeMap::from([member(1), member(2), member(3)])).expect("valid")
}

fn command() -> Command {
    Command::Kv(KvCommand {
        verb: KvVerb::Set,
        pair: KvPair {
            key: Key::from("a/b"),
            value: crate::model::kv::Blob(b"c".to_vec().into()),
            ..KvPair::default()
        },
    })
}

#[track_caller]
fn assert_golden(name: &str, bytes: &[u8]) {
    assert_eq!(bytes, golden(name), "{name}: {bytes:02x?}");
}

#[test]
fn votes() {
    let vote = Vote::new_committed(7, 0x0102_0304);
    assert_golden("vote", &encode_vote(&vote));
    assert_eq!(decode_vote(&golden("vote")).expect("valid"), vote);
    let open = Vote::new(8, 9);
    assert_eq!(decode_vote(&encode_vote(&open)).expect("valid"), open);
}

#[test]
fn ids() {
    let id = log_id(3, 0x1_0000_0000);
    assert_golden("log id", &encode_log_id(&id));
    assert_eq!(decode_log_id(&golden("log id")).expect("valid"), id);
    assert_golden("raft id", &encode_node_id(77));
    assert_eq!(decode_node_id(&golden("raft id")).expect("valid"), 77);
}

#[test]
fn entries() {
    let entries = [
        ("blank entry", Entry::new_blank(log_id(2, 1))),
        (
            "membership entry",
            Entry::new_membership(log_id(1, 0), membership()),
        ),
        (
            "command entry",
            Entry::new_normal(log_id(2, 9), AppCommand::new(Arc::new(command()))),
        ),
    ];
    for (name, entry) in entries {
        let row = encode_entry(&entry).expect("encodable");
        assert_golden(name, &row.data);
        let read = decode_entry(&row).expect("valid");
        assert_eq!(read.log_id(), entry.log_id());
        match (&read.payload, &entry.payload) {
            (EntryPayload::Blank, EntryPayload::Blank) => {}
            (EntryPayload::Membership(read), EntryPayload::Membership(written)) => {
                assert_eq!(read, written);
            }
            (EntryPayload::Normal(read), EntryPayload::Normal(written)) => {
                assert_eq!(read.command(), written.command());
            }
            other => panic!("{name} became {other:?}"),
        }
    }
}

#[test]
fn snapshot_headers() {
    let meta = SnapshotMeta {
        last_log_id: Some(log_id(4, 100)),
        last_membership: StoredMembership::new(Some(log_id(1, 0)), membership()),
    };
    let bytes = encode_snapshot_meta(&meta).expect("encodable");
    assert_golden("snapshot header", &bytes);
    assert_eq!(decode_snapshot_meta(&bytes).expect("valid"), meta);
}

#[test]
fn other_versions_are_named() {
    let mut bytes = encode_vote(&Vote::new(1, 2));
    bytes[0] = 2;
    let error = decode_vote(&bytes).expect_err("unknown").to_string();
    assert_eq!(
        error,
        "vote: format version 2 is not known to this build (newest known: 1)"
    );
}

#[test]
fn truncated_values_are_errors() {
    let vote = golden("vote");
    let id = golden("log id");
    for len in 0..vote.len() {
        assert!(decode_vote(&vote[..len]).is_err());
    }
    for len in 0..id.len() {
        assert!(decode_log_id(&id[..len]).is_err());
    }
    let header = golden("snapshot header");
    for len in 0..header.len() {
        assert!(decode_snapshot_meta(&header[..len]).is_err());
    }
    let mut row = encode_entry(&Entry::new_membership(log_id(1, 0), membership())).expect("row");
    while row.data.pop().is_some() {
        assert!(decode_entry(&row).is_err());
    }
}

#[test]
fn an_unknown_kind_is_an_error() {
    let row = Row {
        index: 1,
        term: 1,
        kind: 9,
        data: vec![FORMAT],
    };
    assert!(matches!(decode_entry(&row), Err(CodecError::Kind(9))));
}

#[test]
fn new_fields_do_not_stop_an_old_reader() {
    #[derive(Serialize)]
    struct Newer {
        uuid: &'static str,
        address: &'static str,
        zone: &'static str,
    }
    let newer = Newer {
        uuid: "u",
        address: "a",
        zone: "z",
    };
    let bytes = pack("node", &newer).expect("encodable");
    let read: NodeInfo = unpack("node", &bytes).expect("readable");
    assert_eq!((&*read.uuid, &*read.address), ("u", "a"));
}

#[test]
fn sealed_values() {
    let vote = encode_vote(&Vote::new_committed(7, 0x0102_0304));
    let mut sealed = vote.to_vec();
    seal(b"vote", &mut sealed);
    assert_golden("sealed vote", &sealed);
    let row = encode_entry(&Entry::new_blank(log_id(2, 1))).expect("encodable");
    assert_golden("sealed blank entry", &row.clone().seal().data);
    let mut value = golden("sealed vote");
    assert!(unseal("vote", b"vote", &mut value).expect("whole"));
    assert_eq!(value, vote);
    assert!(!unseal("vote", b"vote", &mut value).expect("never sealed"));
    // In another's place it is not the same.
    assert!(unseal("vote", b"veto", &mut golden("sealed vote")).is_err());
    for (index, term, kind) in [(2, 2, 0), (1, 3, 0), (1, 2, 1)] {
        let data = golden("sealed blank entry");
        let mut moved = Row {
            index,
            term,
            kind,
            data,
        };
        assert!(moved.unseal().is_err());
    }
}

#[test]
fn no_damage_of_a_sealed_value_is_accepted() {
    let whole = golden("sealed vote");
    for len in 0..whole.len() {
        assert!(unseal("vote", b"vote", &mut whole[..len].to_vec()).is_err());
    }
    for at in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[at / 8] ^= 1 << (at % 8);
        assert!(unseal("vote", b"vote", &mut flipped).is_err(), "bit {at}");
    }
}
