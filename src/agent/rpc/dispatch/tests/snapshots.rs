//! Archives over snapshot streams.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::support::{LONG, Server};
use crate::agent::rpc::net::{SnapshotStreamError, open_snapshot_stream};
use crate::agent::rpc::wire::{SnapshotRequest, SnapshotVerb, decode_snapshot_reply};
use crate::agent::store::KvGet;
use crate::model::kv::Key;

fn request(verb: SnapshotVerb) -> SnapshotRequest {
    SnapshotRequest {
        datacenter: "dc1".to_owned(),
        verb,
        ..SnapshotRequest::default()
    }
}

async fn save(server: &Server) -> Vec<u8> {
    let request = request(SnapshotVerb::Save);
    let saving = open_snapshot_stream(server.address, None, &request, None);
    let (meta, mut stream) = saving.await.unwrap();
    assert!(meta.known_leader && meta.index > 1, "{meta:?}");
    let mut archive = Vec::new();
    stream.read_to_end(&mut archive).await.unwrap();
    archive
}

#[tokio::test]
async fn what_is_saved_can_be_restored() {
    let server = Server::start().await;
    server.set("kept", "yes").await;
    let archive = save(&server).await;
    assert!(archive.starts_with(b"\x1f\x8b"), "{} bytes", archive.len());
    server.set("later", "gone").await;
    let restore = request(SnapshotVerb::Restore);
    open_snapshot_stream(server.address, None, &restore, Some(&mut &archive[..]))
        .await
        .unwrap();
    let found = async |key: &str| {
        let query = KvGet {
            key: Key::from(key),
        };
        server.read(query).await.1
    };
    assert!(found("kept").await.is_some());
    assert!(found("later").await.is_none());
    server.stop().await;
}

#[tokio::test]
async fn damaged_archives_are_refused_with_the_reason() {
    let server = Server::start().await;
    let archive = save(&server).await;
    let restore = request(SnapshotVerb::Restore);
    for part in [&archive[..archive.len() / 2], b"", b"no archive"] {
        let mut part = part;
        let refused = open_snapshot_stream(server.address, None, &restore, Some(&mut part)).await;
        assert!(
            matches!(refused, Err(SnapshotStreamError::Refused(_))),
            "{refused:?}"
        );
    }
    let stale = SnapshotRequest {
        allow_stale: true,
        ..restore
    };
    let refused = open_snapshot_stream(server.address, None, &stale, Some(&mut &archive[..])).await;
    assert_eq!(
        refused.unwrap_err().to_string(),
        "stale not allowed for restore"
    );
    let elsewhere = SnapshotRequest {
        datacenter: "dc9".to_owned(),
        ..SnapshotRequest::default()
    };
    let lost = open_snapshot_stream(server.address, None, &elsewhere, None).await;
    assert_eq!(lost.unwrap_err().to_string(), "No path to datacenter");
    server.assert_alive().await;
    server.stop().await;
}

#[tokio::test]
async fn headers_without_sense_are_answered() {
    let server = Server::start().await;
    for bytes in [
        &b"\x81\xa2Op\x07"[..],
        b"\x05",
        b"\xdb\x7f\xff\xff\xff",
        b"\xc1",
    ] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(&[5]).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut reply = Vec::new();
        let read = tokio::time::timeout(LONG, async {
            stream.shutdown().await?;
            stream.read_to_end(&mut reply).await
        });
        read.await.unwrap().unwrap();
        let outcome = decode_snapshot_reply(&reply).unwrap();
        assert!(outcome.is_err(), "{outcome:?}");
    }
    server.assert_alive().await;
    server.stop().await;
}
