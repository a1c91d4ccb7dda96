//! One member under test, its layer above and its network played by the test.

mod exchange;
mod gossip;
mod leave;
mod probe;
mod random;
mod relay;
mod rules;
mod suspicion;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use super::delegate::{Change, Delegate};
use super::detector::Swim;
use super::{Config, Input, LocalNode, Notice, Output, Peer};
use crate::agent::gossip::wire::{Accusation, Alive, Message, NodeName, PeerState, Ping, Versions};
use crate::model::mono::Mono;

const ME: &str = "me";

/// The layer above: remembers what it is told, says what the test wants.
#[derive(Debug, Default)]
struct Above {
    changes: Vec<(NodeName, Change)>,
    user_messages: Vec<Bytes>,
    /// Given to the first packets that have room.
    broadcasts: Vec<Bytes>,
    pings: Vec<(NodeName, Duration, Bytes)>,
    refuses: Option<&'static str>,
    refuses_merge: Option<&'static str>,
    asked_to_merge: Vec<Peer>,
    merged: Vec<(Bytes, bool)>,
}

impl Delegate for Above {
    fn changed(&mut self, _: Mono, change: Change, peer: &Peer) {
        self.changes.push((peer.name.clone(), change));
    }

    fn user_message(&mut self, _: Mono, message: Bytes) {
        self.user_messages.push(message);
    }

    fn broadcasts(&mut self, overhead: usize, limit: usize) -> Vec<Bytes> {
        let mut used = 0;
        let mut taken = Vec::new();
        self.broadcasts.retain(|message| {
            let fits = used + overhead + message.len() <= limit;
            if fits {
                used += overhead + message.len();
                taken.push(message.clone());
            }
            !fits
        });
        taken
    }

    fn has_broadcasts(&self) -> bool {
        !self.broadcasts.is_empty()
    }

    fn local_state(&mut self, _: bool) -> Bytes {
        Bytes::from_static(b"state of the layer above")
    }

    fn merge_remote_state(&mut self, _: Mono, state: &[u8], join: bool) {
        self.merged.push((Bytes::copy_from_slice(state), join));
    }

    fn ack_payload(&mut self) -> Bytes {
        Bytes::from_static(b"where I am")
    }

    fn ping_complete(&mut self, _: Mono, peer: &Peer, rtt: Duration, payload: &[u8]) {
        let payload = Bytes::copy_from_slice(payload);
        self.pings.push((peer.name.clone(), rtt, payload));
    }

    fn accepts(&mut self, peer: &Peer) -> Result<(), String> {
        assert_ne!(&*peer.name, ME, "not asked about ourselves");
        self.refuses.map_or(Ok(()), |reason| Err(reason.to_owned()))
    }

    fn accepts_merge(&mut self, peers: &[Peer]) -> Result<(), String> {
        self.asked_to_merge = peers.to_vec();
        let refusal = self.refuses_merge;
        refusal.map_or(Ok(()), |reason| Err(reason.to_owned()))
    }
}

/// A started member on a clock of its own.
struct Rig {
    swim: Swim,
    above: Above,
    now: Mono,
}

/// A LAN pool that neither probes nor gossips nor exchanges by itself.
fn quiet() -> Config {
    Config {
        probe_interval: Duration::ZERO,
        gossip_interval: Duration::ZERO,
        push_pull_interval: Duration::ZERO,
        ..Config::lan()
    }
}

fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// `n1` is at 10.0.0.1, and so on; we are at 10.0.0.100.
fn address(name: &str) -> SocketAddr {
    let host = name.trim_start_matches('n').parse().unwrap_or(100);
    ([10, 0, 0, host], 8301).into()
}

fn alive(name: &str, incarnation: u32) -> Alive {
    Alive {
        incarnation,
        node: name.into(),
        address: address(name),
        meta: Bytes::from_static(b"meta"),
        versions: Versions::CONSUL,
    }
}

fn accusation(name: &str, incarnation: u32, from: &str) -> Accusation {
    Accusation {
        incarnation,
        node: name.into(),
        from: from.into(),
    }
}

impl Rig {
    fn new(config: Config) -> Self {
        let node = LocalNode {
            name: ME.into(),
            address: address(ME),
            meta: Bytes::from_static(b"mine"),
            versions: Versions::CONSUL,
        };
        let now = Mono::from_origin(Duration::from_secs(1_000));
        let mut rig = Self {
            swim: Swim::new(config, node, 7, now),
            above: Above::default(),
            now,
        };
        rig.swim.start(now, &mut rig.above);
        if rig.swim.config.probe_interval.is_zero() {
            // Probes stay off; suspicions are measured in their interval.
            rig.swim.config.probe_interval = Duration::from_secs(1);
        }
        rig
    }

    /// With members `n1`, `n2`, … that were just heard of, and nothing queued.
    fn with_members(config: Config, n: usize) -> Self {
        let mut rig = Self::new(config);
        for i in 1..=n {
            rig.hear(Message::Alive(alive(&format!("n{i}"), 5)));
        }
        rig.forget();
        rig
    }

    /// Nothing queued, nothing heard, nothing said.
    fn forget(&mut self) {
        self.swim.broadcasts.prune(0);
        self.swim.outputs.clear();
        self.above.changes.clear();
    }

    fn give(&mut self, input: Input) {
        self.swim.handle(self.now, input, &mut self.above);
    }

    fn hear(&mut self, message: Message) {
        self.hear_from("n9", message);
    }

    fn hear_from(&mut self, name: &str, message: Message) {
        let from = address(name);
        self.give(Input::Message { from, message });
    }

    /// Lets time pass, waking at every deadline.
    fn advance(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.swim.next_deadline().filter(|due| *due <= end) {
            assert!(due >= self.now || self.swim.next_deadline() != Some(due));
            self.now = due.max(self.now);
            self.give(Input::Tick);
            let next = self.swim.next_deadline();
            assert!(next.is_none_or(|next| next > self.now), "{next:?} is over");
        }
        self.now = end;
    }

    fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.swim.poll_output()).collect()
    }

    fn notices(&mut self) -> Vec<Notice> {
        let outputs = self.outputs().into_iter();
        outputs
            .filter_map(|output| match output {
                Output::Notice(notice) => Some(notice),
                _ => None,
            })
            .collect()
    }

    /// Datagrams since the last look, decoded.
    fn packets(&mut self) -> Vec<(SocketAddr, Vec<Message>)> {
        let outputs = self.outputs().into_iter();
        outputs
            .filter_map(|output| match output {
                Output::Packet(packet) => {
                    let parts = packet
                        .parts
                        .iter()
                        .map(|part| Message::decode(part).unwrap());
                    Some((packet.to, parts.collect()))
                }
                _ => None,
            })
            .collect()
    }

    /// What waits to be gossiped.
    fn queued(&mut self) -> Vec<Message> {
        let parts = self.swim.broadcasts.take(0, usize::MAX, u32::MAX);
        let mut messages: Vec<_> = parts
            .iter()
            .map(|part| Message::decode(part).unwrap())
            .collect();
        messages.sort_by_key(|message| format!("{message:?}"));
        messages
    }

    fn state(&self, name: &str) -> Option<(PeerState, u32)> {
        let peer = self.swim.peer(name)?;
        Some((peer.state, peer.incarnation))
    }

    /// The ping that was just sent, and to whom.
    fn ping(&mut self) -> (SocketAddr, Ping) {
        let packets = self.packets().into_iter();
        let mut pings = packets.filter_map(|(to, parts)| match parts.into_iter().next() {
            Some(Message::Ping(ping)) => Some((to, ping)),
            _ => None,
        });
        let ping = pings.next().expect("a ping");
        assert_eq!(pings.next(), None, "one ping");
        ping
    }
}
