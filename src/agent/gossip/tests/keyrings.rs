//! Encrypted pools and their keys.

use std::fs;

use super::*;
use crate::agent::gossip::KeyOperation;

fn encrypted(name: &str, byte: u8) -> GossipSettings {
    GossipSettings {
        key: Some(key(byte)),
        ..settings(name)
    }
}

#[tokio::test]
async fn members_with_the_same_key_meet_and_others_are_told_why_not() {
    let [a, _b] = pair(encrypted("a", 1), encrypted("b", 1)).await;
    assert_eq!(a.1.info().await["encrypted"], "true");
    let (other, plain) = (start(encrypted("other", 2)), start(settings("plain")));
    for (from, to, reason) in [
        (&other, &a, "No installed keys could decrypt the message"),
        (
            &plain,
            &a,
            "Remote state is encrypted and encryption is not configured",
        ),
        (
            &a,
            &plain,
            "Encryption is configured but remote state is not encrypted",
        ),
    ] {
        let error = from.1.join(&place(&to.1)).await.expect_err("is refused");
        let ip = to.1.local().addr;
        assert_eq!(error.to_string(), format!("Failed to join {ip}: {reason}"));
    }
    assert_eq!(a.1.members().len(), 2);
}

#[tokio::test]
async fn encryption_can_be_rolled_onto_a_running_pool() {
    let lenient = |name| GossipSettings {
        verify_incoming: false,
        verify_outgoing: false,
        ..encrypted(name, 1)
    };
    let _pools = pair(lenient("lenient"), settings("plain")).await;
    let sending = |name| GossipSettings {
        verify_incoming: false,
        ..encrypted(name, 1)
    };
    let _pools = pair(sending("sending"), lenient("lenient")).await;
}

#[tokio::test]
async fn keys_are_rotated_on_all_members_and_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).join("local.keyring");
    let with_file = |name: &str| GossipSettings {
        keyring_file: Some(file(name)),
        ..encrypted(name, 1)
    };
    let [a, b] = pair(with_file("a"), with_file("b")).await;
    let [old, new] = [key(1), key(2)].map(|key| key.to_base64());
    let steps = [
        KeyOperation::Install(new.clone()),
        KeyOperation::Use(new.clone()),
        KeyOperation::Remove(old.clone()),
    ];
    for step in steps {
        let report = a.1.keyring(&step, 0).await.unwrap();
        assert_eq!(
            (report.num_nodes, report.num_resp, report.num_err),
            (2, 2, 0),
            "{report:?}"
        );
    }
    let list = b.1.keyring(&KeyOperation::List, 0).await.unwrap();
    assert_eq!(list.keys, [(new.clone(), 2)].into());
    assert_eq!(list.primary_keys, [(new.clone(), 2)].into());
    for name in ["a", "b"] {
        let text = fs::read_to_string(file(name)).unwrap();
        assert_eq!(text, format!("[\n  \"{new}\"\n]"));
    }
    let refused = b.1.keyring(&KeyOperation::Remove(new), 0).await.unwrap();
    assert_eq!(refused.num_err, 2, "{refused:?}");
    let error = start(encrypted("late", 1)).1.join(&place(&a.1)).await;
    error.expect_err("the old key is gone");
    let late = start(encrypted("late", 2));
    assert_eq!(late.1.join(&place(&a.1)).await, Ok(1));
    until_alive(&b.1, &["a", "b", "late"]).await;
    b.0.shutdown().await;
    let again = start(GossipSettings {
        // The file wins.
        keyring_file: Some(file("b")),
        ..encrypted("b", 1)
    });
    assert_eq!(again.1.join(&place(&a.1)).await, Ok(1));
}

#[tokio::test]
async fn a_keyring_that_cannot_be_written_is_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("serf/local.keyring");
    let a = start(GossipSettings {
        keyring_file: Some(file.clone()),
        ..encrypted("a", 1)
    });
    fs::remove_file(&file).unwrap();
    fs::remove_dir(file.parent().unwrap()).unwrap();
    fs::write(file.parent().unwrap(), "no folder").unwrap();
    let install = KeyOperation::Install(key(2).to_base64());
    let report = a.1.keyring(&install, 0).await.unwrap();
    assert_eq!(report.num_err, 1, "{report:?}");
    let list = a.1.keyring(&KeyOperation::List, 0).await.unwrap();
    assert_eq!(list.keys, [(key(1).to_base64(), 1)].into());
}
