//! Key operations on all members.

use std::sync::Arc;
use std::time::Duration;

use super::pool::{Pool, key, name};
use super::rig::Rig;
use crate::agent::gossip::serf::{
    Input, KeyOperation, KeyReport, Notice, Output, QueryReply, QueryRequest,
};
use crate::agent::gossip::wire::{KeyResponse, Keyring, encode_key_request};

impl Pool {
    fn keys(&mut self, n: usize, operation: &KeyOperation) -> KeyReport {
        let request = operation.request(0).unwrap();
        self.key_query(n, request)
    }

    fn key_query(&mut self, n: usize, request: QueryRequest) -> KeyReport {
        let query = self.nodes[n].serf.query(self.now, request).unwrap();
        self.settle();
        self.run_until("the query ends", |pool| pool.is_over(n, query));
        let mut report = KeyReport::new(self.nodes.len());
        for reply in self.replies(n, query) {
            report.add(QueryReply::clone(reply));
        }
        report
    }

    fn ring(&self, n: usize) -> Vec<u8> {
        let ring = self.nodes[n].serf.keyring().unwrap();
        ring.keys().iter().map(|key| key.as_bytes()[0]).collect()
    }

    fn saved(&self, n: usize) -> usize {
        let told = self.nodes[n].told.iter();
        told.filter(|output| matches!(output, Output::SaveKeyring(_)))
            .count()
    }
}

#[test]
fn keys_are_rotated() {
    let mut pool = Pool::encrypted(3);
    let second = key(2).to_base64();
    let install = pool.keys(1, &KeyOperation::Install(second.clone()));
    assert_eq!((install.outcome(), install.num_resp), (Ok(()), 3));
    for n in 0..3 {
        assert_eq!(pool.ring(n), [1, 2]);
        assert_eq!(pool.saved(n), 1);
    }
    assert_eq!(
        pool.keys(1, &KeyOperation::Use(second.clone())).outcome(),
        Ok(())
    );
    let first = key(1).to_base64();
    assert_eq!(pool.keys(2, &KeyOperation::Remove(first)).outcome(), Ok(()));
    let list = pool.keys(0, &KeyOperation::List);
    assert_eq!(
        list.keys.into_iter().collect::<Vec<_>>(),
        [(second.clone(), 3)]
    );
    assert_eq!(
        list.primary_keys.into_iter().collect::<Vec<_>>(),
        [(second.clone(), 3)]
    );
    for n in 0..3 {
        assert_eq!(pool.ring(n), [2]);
        assert_eq!(pool.saved(n), 3);
    }
    assert_eq!(pool.keys(0, &KeyOperation::Use(second)).outcome(), Ok(()));
    assert_eq!(pool.saved(0), 3, "nothing changed, nothing is written");
}

#[test]
fn refusals_are_told_in_memberlists_words() {
    let mut pool = Pool::encrypted(2);
    let table = [
        (
            KeyOperation::Use(key(9).to_base64()),
            "Requested key is not in the keyring",
        ),
        (
            KeyOperation::Remove(key(1).to_base64()),
            "Removing the primary key is not allowed",
        ),
    ];
    for (operation, text) in table {
        let report = pool.keys(0, &operation);
        assert_eq!(report.outcome().unwrap_err(), "2/2 nodes reported failure");
        assert!(
            report.messages.values().all(|message| message == text),
            "{report:?}"
        );
    }
    let bad_size = QueryRequest {
        name: "_serf_install-key".to_owned(),
        payload: encode_key_request(&[1, 2, 3]),
        ..QueryRequest::default()
    };
    let report = pool.key_query(0, bad_size);
    assert_eq!(
        report.messages[&name(1)],
        "key size must be 16, 24 or 32 bytes"
    );
    let empty = QueryRequest {
        name: "_serf_remove-key".to_owned(),
        ..QueryRequest::default()
    };
    let report = pool.key_query(0, empty);
    assert_eq!((report.num_resp, report.num_err), (2, 2));
    assert_eq!(pool.ring(0), [1]);
}

#[test]
fn a_key_that_cannot_be_saved_does_not_count() {
    let mut pool = Pool::encrypted(2);
    pool.nodes[1].disk_full = true;
    let report = pool.keys(0, &KeyOperation::Install(key(2).to_base64()));
    assert_eq!(report.outcome().unwrap_err(), "1/2 nodes reported failure");
    assert_eq!(report.messages[&name(1)], "no space left on device");
    assert_eq!((pool.ring(0), pool.ring(1)), (vec![1, 2], vec![1]));
    let failed = |notice: &Notice| {
        matches!(
            notice,
            Notice::KeyOperation {
                operation: "install-key",
                result: Err(_)
            }
        )
    };
    assert!(pool.notices(1).any(failed));
    pool.nodes[1].disk_full = false;
    let again = pool.keys(0, &KeyOperation::Install(key(2).to_base64()));
    assert_eq!(again.outcome(), Ok(()));
    assert_eq!(pool.ring(1), [1, 2]);
}

#[test]
fn without_encryption_there_are_no_keys() {
    let mut pool = Pool::of(2, |_| {});
    let install = pool.keys(0, &KeyOperation::Install(key(2).to_base64()));
    let list = pool.keys(0, &KeyOperation::List);
    assert_eq!(
        install.messages[&name(0)],
        "No keyring to modify (encryption not enabled)"
    );
    assert_eq!(
        list.messages[&name(1)],
        "Keyring is empty (encryption not enabled)"
    );
    assert_eq!((install.num_err, list.num_err), (2, 2));
}

#[test]
fn a_list_that_is_too_long_is_cut() {
    let keys = |count: u8| (1..=count).map(key);
    for (count, cut) in [(30, false), (60, true)] {
        let ring = Keyring::from_keys(keys(count)).unwrap();
        let mut pool = Pool::strangers(1, |options| {
            options.keyring = Some(Arc::new(ring.clone()));
        });
        let report = pool.keys(0, &KeyOperation::List);
        assert_eq!((report.num_resp, report.num_err), (1, 0));
        let shown = report.keys.len();
        assert_eq!(report.primary_keys.len(), 1);
        if cut {
            let text =
                format!("truncated key list response, showing first {shown} of {count} keys");
            assert_eq!(report.messages[&name(0)], text);
            assert!((30..40).contains(&shown), "{shown}");
            assert!(report.keys.contains_key(&key(1).to_base64()));
        } else {
            assert_eq!(shown, 30);
            assert!(report.messages.is_empty());
        }
    }
}

#[test]
fn operations_wait_for_the_disk_one_after_the_other() {
    let ring = Arc::new(Keyring::new(key(1)));
    let mut rig = Rig::with(|options| options.keyring = Some(ring));
    let ask = |rig: &mut Rig, operation: KeyOperation| {
        let request = operation.request(0).unwrap();
        rig.serf.query(rig.now, request).unwrap()
    };
    let install = ask(&mut rig, KeyOperation::Install(key(2).to_base64()));
    let using = ask(&mut rig, KeyOperation::Use(key(2).to_base64()));
    let list = ask(&mut rig, KeyOperation::List);
    let mut told = Vec::new();
    let mut saves = 0;
    loop {
        let new = rig.told();
        let saving = new
            .iter()
            .any(|output| matches!(output, Output::SaveKeyring(_)));
        told.extend(new);
        if !saving {
            break;
        }
        saves += 1;
        let answered = told
            .iter()
            .filter(|o| matches!(o, Output::QueryReply { .. }))
            .count();
        assert_eq!(
            answered,
            saves - 1,
            "nothing is answered before it is on disk"
        );
        rig.serf.handle(rig.now, Input::KeyringSaved(Ok(())));
    }
    let answers: Vec<_> = told
        .iter()
        .filter_map(|output| match output {
            Output::QueryReply {
                key,
                reply: QueryReply::Response { payload, .. },
            } => Some((*key, KeyResponse::decode(payload).unwrap())),
            _ => None,
        })
        .collect();
    let order: Vec<_> = answers.iter().map(|(key, _)| *key).collect();
    assert_eq!(order, [install, using, list]);
    assert!(answers.iter().all(|(_, answer)| answer.result));
    let listed = [key(2).to_base64(), key(1).to_base64()];
    assert_eq!(answers[2].1.keys, listed);
    rig.serf.handle(rig.now, Input::KeyringSaved(Ok(())));
    assert_eq!(rig.told(), [], "nobody waits for it");
}

#[test]
fn too_many_operations_at_once_are_refused() {
    let ring = Arc::new(Keyring::new(key(1)));
    let mut rig = Rig::with(|options| options.keyring = Some(ring));
    for n in 0..70 {
        let operation = KeyOperation::Install(key(n + 2).to_base64());
        let request = operation.request(0).unwrap();
        rig.serf.query(rig.now, request).unwrap();
    }
    let told = rig.told();
    let refused = told.iter().filter(|output| {
        matches!(output, Output::QueryReply { reply: QueryReply::Response { payload, .. }, .. }
            if !KeyResponse::decode(payload).unwrap().result)
    });
    assert_eq!(refused.count(), 5, "one is written, 64 wait");
    rig.run(Duration::from_secs(10));
    rig.serf.handle(rig.now, Input::KeyringSaved(Ok(())));
    let late = |output: &Output| {
        matches!(
            output,
            Output::Notice(Notice::Ignored {
                what: "response",
                ..
            })
        )
    };
    assert!(
        rig.told().iter().any(late),
        "the asker does not listen any more"
    );
}
