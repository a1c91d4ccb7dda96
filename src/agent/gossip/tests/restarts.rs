//! What is remembered over a restart, and starts that fail.

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::agent::gossip::GossipStartError;

fn remembering(name: &str, folder: &tempfile::TempDir) -> (GossipSettings, PathBuf) {
    let file = folder.path().join(name).join("local.snapshot");
    let settings = settings(name);
    // A port that nobody is given by chance while this member is away.
    let at = SocketAddr::new(settings.bind.ip(), 8301);
    let settings = GossipSettings {
        bind: at,
        advertise: at,
        snapshot_file: Some(file.clone()),
        ..settings
    };
    (settings, file)
}

/// The same member again, at the same address.
fn again(before: &GossipHandle, file: &std::path::Path) -> GossipSettings {
    let own = before.local();
    let at = SocketAddr::new(own.addr.parse().unwrap(), own.port);
    GossipSettings {
        bind: at,
        advertise: at,
        snapshot_file: Some(file.to_owned()),
        ..settings(&own.name)
    }
}

#[tokio::test]
async fn a_restarted_member_finds_its_pool_again() {
    let folder = tempfile::tempdir().unwrap();
    let (one, file) = remembering("a", &folder);
    let [(a, at_a), b] = pair(one, settings("b")).await;
    a.shutdown().await;
    let text = fs::read_to_string(&file).unwrap();
    assert!(
        text.contains(&format!("alive: b {}\n", place(&b.1))),
        "{text}"
    );
    let a = start(again(&at_a, &file));
    until_alive(&a.1, &["a", "b"]).await;
    until_alive(&b.1, &["a", "b"]).await;
}

#[tokio::test]
async fn who_left_stays_away_unless_it_is_to_return() {
    let folder = tempfile::tempdir().unwrap();
    let (one, file) = remembering("a", &folder);
    let [(a, at_a), b] = pair(one, settings("b")).await;
    at_a.leave().await.unwrap();
    a.shutdown().await;
    assert!(fs::read_to_string(&file).unwrap().ends_with("leave\n"));
    let (a, at_a) = start(again(&at_a, &file));
    assert_eq!(at_a.members().len(), 1);
    a.shutdown().await;
    fs::write(&file, format!("alive: b {}\nleave\n", place(&b.1))).unwrap();
    let mut returning = again(&at_a, &file);
    returning.rejoin_after_leave = true;
    let a = start(returning);
    until_alive(&a.1, &["a", "b"]).await;
}

#[tokio::test]
async fn members_are_remembered_without_an_orderly_end() {
    let folder = tempfile::tempdir().unwrap();
    let (one, file) = remembering("a", &folder);
    let [_a, b] = pair(one, settings("b")).await;
    let wanted = format!("alive: b {}\n", place(&b.1));
    let written = async {
        let mut look = tokio::time::interval(Duration::from_millis(50));
        while !fs::read_to_string(&file).unwrap().contains(&wanted) {
            look.tick().await;
        }
    };
    timeout(PATIENCE, written).await.expect("is written soon");
}

#[tokio::test]
async fn starts_that_fail_say_what_to_do() {
    let a = start(settings("a"));
    let mut same = settings("b");
    same.bind = place(&a.1).parse().unwrap();
    let error = Gossip::start(same).err().expect("the port is taken");
    assert!(matches!(error, GossipStartError::Bind(_)));
    let text = error.to_string();
    assert!(
        text.contains("for LAN gossip: Address already in use"),
        "{text}"
    );
    assert!(
        text.ends_with("give each its own -bind and -client address"),
        "{text}"
    );
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("local.keyring");
    fs::write(&broken, "nonsense").unwrap();
    let mut damaged = settings("c");
    damaged.keyring_file = Some(broken);
    let text = Gossip::start(damaged)
        .err()
        .expect("is damaged")
        .to_string();
    assert!(text.contains("local.keyring is damaged: "), "{text}");
    let mut no_file = settings("d");
    no_file.snapshot_file = Some(folder.path().to_owned());
    let text = Gossip::start(no_file)
        .err()
        .expect("is a folder")
        .to_string();
    assert!(text.starts_with("cannot open the snapshot "), "{text}");
    let mut large = settings("e");
    large.tags.insert("a".to_owned(), "b".repeat(600));
    let text = Gossip::start(large)
        .err()
        .expect("is too large")
        .to_string();
    assert_eq!(text, "Encoded length of tags exceeds limit of 512 bytes");
}

#[tokio::test]
async fn the_port_is_free_again_after_the_end() {
    let (a, at_a) = start(settings("a"));
    let at = place(&at_a);
    a.shutdown().await;
    let mut same = settings("b");
    same.bind = at.parse().unwrap();
    start(same).0.shutdown().await;
}
