//! Bytes that nobody should send: every reader refuses them or makes something of them, and none panics.

use proptest::prelude::*;

use super::super::{
    ReplyHeader, RequestHeader, SnapshotRequest, decode_command, decode_snapshot_reply,
    decode_time, operator, session,
};
use super::golden::{Call, again, calls};

/// Methods of which `again` knows a reader, with others that write.
const METHODS: &[&str] = &[
    "Catalog.Register",
    "Catalog.Deregister",
    "Operator.AutopilotSetConfiguration",
    "Coordinate.Update",
    "Txn.Apply",
    "KVS.Apply",
];

fn read_all(bytes: &[u8]) {
    for call in calls() {
        for (request, reply) in [(bytes, &call.reply[..]), (&call.request[..], bytes)] {
            let call = Call {
                method: call.method.clone(),
                request: request.to_vec(),
                reply: reply.to_vec(),
            };
            let method = call.method.clone();
            // Reading a reply takes a request that can be read.
            if decode_command(&method, request).is_ok() {
                let _any = again(&call);
            }
        }
    }
    for method in METHODS {
        let _any = decode_command(method, bytes);
    }
    let _any = RequestHeader::decode(bytes);
    let _any = ReplyHeader::decode(bytes);
    let _any = SnapshotRequest::decode(bytes);
    let _any = decode_snapshot_reply(bytes);
    let _any = session::decode_sessions(bytes);
    let _any = operator::decode_health(bytes);
    let _any = decode_time(bytes);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn random_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        read_all(&bytes);
    }

    #[test]
    fn recorded_bytes_with_faults(
        at in any::<prop::sample::Index>(),
        faults in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let calls = calls();
        let call = &calls[at.index(calls.len())];
        for whole in [&call.request, &call.reply] {
            let mut bytes = whole.clone();
            for (place, value) in &faults {
                let place = place.index(bytes.len());
                bytes[place] = *value;
            }
            let cut = &bytes[..cut.index(bytes.len())];
            for bytes in [&bytes[..], cut] {
                let faulty = Call { method: call.method.clone(), request: bytes.to_vec(), reply: call.reply.clone() };
                let _any = again(&faulty);
                let faulty = Call { method: call.method.clone(), request: call.request.clone(), reply: bytes.to_vec() };
                let _any = again(&faulty);
            }
        }
    }
}
