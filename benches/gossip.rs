//! What gossip costs: a message each way, a sealed packet, an exchange of state.

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use consulctl::agent::gossip::wire::{
    Alive, Key, Keyring, Message, NONCE_LEN, NodeState, PeerState, PushPull, Security,
    StreamReader, Tags, Versions, decode_packet, encode_packet, encode_tags,
};
use divan::Bencher;

fn main() {
    divan::main();
}

/// The tags of a server, shortened.
fn meta() -> Bytes {
    let tags = [
        ("role", "consul"),
        ("dc", "dc1"),
        ("segment", ""),
        ("id", "8a1b6a5c-27b4-4d0f-9d5a-6a2f3d2b5e11"),
        ("vsn", "2"),
        ("vsn_min", "2"),
        ("vsn_max", "3"),
        ("raft_vsn", "3"),
        ("build", "1.10.0:"),
        ("port", "8300"),
        ("expect", "3"),
        ("acls", "0"),
        ("wan_join_port", "8302"),
    ];
    let tags: Tags = tags
        .into_iter()
        .map(|(tag, value)| (tag.to_owned(), value.to_owned()))
        .collect();
    encode_tags(&tags)
}

fn address() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 8301))
}

fn alive() -> Message {
    Message::Alive(Alive {
        incarnation: 70_000,
        node: "server-1.example".into(),
        address: address(),
        meta: meta(),
        versions: Versions::CONSUL,
    })
}

fn push_pull() -> PushPull {
    let node = |index: u32| NodeState {
        node: format!("server-{index}.example").into(),
        address: address(),
        meta: meta(),
        incarnation: index,
        state: PeerState::Alive,
        versions: Versions::CONSUL,
    };
    PushPull {
        join: false,
        nodes: (0..200).map(node).collect(),
        user_state: Bytes::from(vec![7; 8000]),
    }
}

fn secured() -> Security {
    let key = Key::new(&[7; 32]).expect("32 bytes are a key");
    Security::new(Some(Arc::new(Keyring::new(key))))
}

/// Below a microsecond, as each member hears of each other one many times.
#[divan::bench]
fn encode_alive(bencher: Bencher<'_, '_>) {
    let alive = alive();
    bencher.bench(|| black_box(&alive).encode());
}

/// Below a microsecond.
#[divan::bench]
fn decode_alive(bencher: Bencher<'_, '_>) {
    let bytes = alive().encode();
    bencher.bench(|| Message::decode(black_box(&bytes)));
}

#[divan::bench]
fn seal_1200_bytes(bencher: Bencher<'_, '_>) {
    let security = secured();
    let plain = [8; 1200];
    bencher.bench(|| security.seal_packet(black_box(&plain), [1; NONCE_LEN]));
}

#[divan::bench]
fn open_1200_bytes(bencher: Bencher<'_, '_>) {
    let security = secured();
    let sealed = security.seal_packet(&[8; 1200], [1; NONCE_LEN]);
    bencher.bench(|| {
        security
            .open_packet(black_box(&sealed))
            .map(|plain| plain.len())
    });
}

/// A full packet of alive messages, compressed or not.
#[divan::bench(args = [false, true])]
fn encode_packet_of_5(bencher: Bencher<'_, '_>, compress: bool) {
    let parts = vec![alive().encode(); 5];
    bencher.bench(|| encode_packet(black_box(&parts), true, compress));
}

#[divan::bench(args = [false, true])]
fn decode_packet_of_5(bencher: Bencher<'_, '_>, compress: bool) {
    let packet = encode_packet(&vec![alive().encode(); 5], true, compress);
    bencher.bench(|| {
        let mut seen = 0;
        decode_packet(black_box(&packet), &mut |_| seen += 1).map(|cut_off| (cut_off, seen))
    });
}

#[divan::bench(args = [false, true])]
fn encode_push_pull_of_200(bencher: Bencher<'_, '_>, compress: bool) {
    let state = push_pull();
    let security = Security {
        compress,
        ..secured()
    };
    bencher.bench(|| security.seal_stream(&black_box(&state).encode(), [1; NONCE_LEN], true));
}

#[divan::bench(args = [false, true])]
fn decode_push_pull_of_200(bencher: Bencher<'_, '_>, compress: bool) {
    let security = Arc::new(Security {
        compress,
        ..secured()
    });
    let sent = security
        .seal_stream(&push_pull().encode(), [1; NONCE_LEN], true)
        .expect("it is small");
    bencher.bench(|| {
        let mut reader = StreamReader::new(Arc::clone(&security), false);
        reader.feed(black_box(&sent));
        reader.next()
    });
}
