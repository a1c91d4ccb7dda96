//! Probing members in turn: section 6.1 of the wire format.

use std::net::SocketAddr;

use crate::agent::gossip::wire::{Accusation, Ack, IndirectPing, Message, PeerState, Ping, Source};
use crate::model::mono::Mono;

use super::delegate::Delegate;
use super::detector::Swim;
use super::io::{Notice, Output};
use super::peers::{PeerId, is_present};

/// What a probe is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The target's own answer, until the probe timeout.
    Direct,
    /// Any answer, until the deadline: by datagram, through a helper, by stream.
    Indirect,
}

/// The probe that is under way; there is never more than one.
#[derive(Debug)]
pub(super) struct Probe {
    target: PeerId,
    /// Who is accused when there is no answer: the target as it was when it was pinged, so that a refutation
    /// in the meantime wins.
    accused: Accusation,
    address: SocketAddr,
    seq_no: u32,
    sent: Mono,
    direct_until: Mono,
    deadline: Mono,
    phase: Phase,
    /// Whether the ping left, so that an answer speaks for our own health.
    pinged: bool,
    nacks_expected: i32,
    nacks: i32,
    /// Whether the stream ping was answered.
    by_stream: bool,
}

impl Probe {
    /// When its phase ends.
    pub(super) fn due(&self) -> Mono {
        match self.phase {
            Phase::Direct => self.direct_until.min(self.deadline),
            Phase::Indirect => self.deadline,
        }
    }
}

impl Swim {
    /// It is time for a probe. One that still runs is not interrupted; the next follows at its end.
    pub(super) fn probe_tick(&mut self, now: Mono, above: &mut dyn Delegate) {
        if self.probe.is_some() {
            self.probe_is_late = true;
        } else {
            self.probe_next(now, above);
        }
    }

    fn probe_next(&mut self, now: Mono, above: &mut dyn Delegate) {
        let me = self.me;
        let wanted = |id: PeerId, peer: &super::peer::Peer| id != me && is_present(peer.state);
        let mut target = self.peers.next_in_round(wanted);
        if target.is_none() {
            let keep_for = self.config.gossip_to_the_dead_time;
            self.peers.new_round(
                |id, peer| {
                    id == me || is_present(peer.state) || now.since(peer.changed_at) <= keep_for
                },
                &mut self.rng,
            );
            target = self.peers.next_in_round(wanted);
        }
        if let Some(target) = target {
            self.probe_member(target, now, above);
        }
    }

    fn probe_member(&mut self, target: PeerId, now: Mono, above: &mut dyn Delegate) {
        let interval = self.awareness.scale(self.config.probe_interval);
        if interval > self.config.probe_interval {
            self.notice(Notice::DegradedProbe);
        }
        let seq_no = self.next_seq_no();
        let peer = self.peers.get(target);
        let (address, crc, state) = (peer.address, peer.understands_crc(), peer.state);
        let accused = Accusation {
            incarnation: peer.incarnation,
            node: peer.name.clone(),
            from: self.peers.get(self.me).name.clone(),
        };
        let ping = Message::Ping(Ping {
            seq_no,
            node: accused.node.clone(),
            source: Some(self.own_source()),
        });
        self.probe = Some(Probe {
            target,
            accused: accused.clone(),
            address,
            seq_no,
            sent: now,
            direct_until: now + self.config.probe_timeout,
            deadline: now + interval,
            phase: Phase::Direct,
            pinged: true,
            nacks_expected: 0,
            nacks: 0,
            by_stream: false,
        });
        if state == PeerState::Alive {
            self.send(address, &ping, above);
        } else {
            // A suspect hears of it at once, so that it can refute.
            let suspect = Message::Suspect(accused);
            self.send_parts(address, vec![ping.encode(), suspect.encode()], crc);
        }
    }

    /// The phase of the probe is over: asks others, or gives up.
    pub(super) fn probe_due(&mut self, now: Mono, above: &mut dyn Delegate) {
        let Some(probe) = &self.probe else {
            return;
        };
        match probe.phase {
            Phase::Direct => self.probe_indirectly(now, above),
            Phase::Indirect => self.probe_failed(now, above),
        }
    }

    /// The system says that there is no way to this address: no need to wait for an answer from there.
    pub(super) fn unreachable(&mut self, now: Mono, to: SocketAddr, above: &mut dyn Delegate) {
        if let Some(probe) = &mut self.probe
            && probe.phase == Phase::Direct
            && probe.address == to
        {
            probe.pinged = false;
            self.probe_indirectly(now, above);
        }
    }

    fn probe_indirectly(&mut self, now: Mono, above: &mut dyn Delegate) {
        let Some(probe) = &mut self.probe else {
            return;
        };
        probe.phase = Phase::Indirect;
        let (me, target, to, seq_no) = (self.me, probe.target, probe.address, probe.seq_no);
        let node = probe.accused.node.clone();
        let time_left = probe.deadline.since(now);
        let checks = self.config.indirect_checks;
        let helpers = self.peers.choose(checks, &mut self.rng, |id, peer| {
            id != me && id != target && peer.state == PeerState::Alive
        });
        let source = self.own_source();
        for helper in helpers {
            let helper = self.peers.get(helper);
            let (helper, nack) = (helper.address, helper.understands_nacks());
            if let Some(probe) = &mut self.probe {
                probe.nacks_expected += i32::from(nack);
            }
            let request = Message::IndirectPing(IndirectPing {
                seq_no,
                target: to,
                node: node.clone(),
                nack,
                source: Some(source.clone()),
            });
            self.send(helper, &request, above);
        }
        let streams = self.config.tcp_pings && self.peers.get(target).understands_stream_pings();
        if streams && !time_left.is_zero() {
            let ping = Ping {
                seq_no,
                node,
                source: Some(source),
            };
            self.outputs.push_back(Output::StreamPing {
                to,
                ping,
                timeout: time_left,
            });
        }
    }

    /// Takes an acknowledgement of our probe in; false when it is none.
    pub(super) fn probe_acked(&mut self, now: Mono, ack: &Ack, above: &mut dyn Delegate) -> bool {
        let Some(probe) = self.probe.take_if(|probe| probe.seq_no == ack.seq_no) else {
            return false;
        };
        if probe.phase == Phase::Direct {
            let peer = self.peers.get(probe.target);
            above.ping_complete(now, peer, now.since(probe.sent), &ack.payload);
        }
        self.probe_succeeded(&probe, now, above);
        true
    }

    /// A helper got no answer either, and so is healthy itself.
    pub(super) fn probe_nacked(&mut self, seq_no: u32) {
        if let Some(probe) = &mut self.probe
            && probe.seq_no == seq_no
        {
            probe.nacks = probe.nacks.saturating_add(1);
        }
    }

    /// The stream ping of the probe was answered. Datagrams may still be, until the deadline.
    pub(super) fn stream_pong(&mut self, seq_no: u32, answered: bool) {
        if let Some(probe) = &mut self.probe
            && probe.seq_no == seq_no
        {
            probe.by_stream = answered;
        }
    }

    fn probe_failed(&mut self, now: Mono, above: &mut dyn Delegate) {
        let Some(probe) = self.probe.take() else {
            return;
        };
        let node = probe.accused.node.clone();
        if probe.by_stream {
            self.notice(Notice::UdpProbeFailed { node });
            self.probe_succeeded(&probe, now, above);
            return;
        }
        self.notice(Notice::ProbeFailed { node });
        self.apply_health(if probe.nacks_expected > 0 {
            (probe.nacks_expected - probe.nacks).max(0)
        } else {
            1
        });
        self.suspect(now, probe.accused);
        self.probe_if_late(now, above);
    }

    fn probe_succeeded(&mut self, probe: &Probe, now: Mono, above: &mut dyn Delegate) {
        self.apply_health(if probe.pinged { -1 } else { 0 });
        self.probe_if_late(now, above);
    }

    fn probe_if_late(&mut self, now: Mono, above: &mut dyn Delegate) {
        if std::mem::take(&mut self.probe_is_late) {
            self.probe_next(now, above);
        }
    }

    pub(super) fn next_seq_no(&mut self) -> u32 {
        self.seq_no = self.seq_no.wrapping_add(1);
        self.seq_no
    }

    /// Where answers to our pings go.
    pub(super) fn own_source(&self) -> Source {
        let me = self.peers.get(self.me);
        Source {
            address: me.address,
            node: me.name.clone(),
        }
    }
}
