use super::*;
use crate::agent::gossip::wire::{Ack, IndirectPing, Nack, Source};

/// Probes only.
fn probing() -> Config {
    Config {
        probe_interval: Duration::from_secs(1),
        ..quiet()
    }
}

/// The first probe was just sent: the rig, where it went, whom it names and its number.
fn probed(members: usize) -> (Rig, SocketAddr, Ping) {
    let mut rig = Rig::with_members(probing(), members);
    let first = rig.swim.next_deadline().expect("probes").since(rig.now);
    assert!(first < Duration::from_secs(1), "staggered");
    rig.advance(first);
    let (to, ping) = rig.ping();
    (rig, to, ping)
}

fn ack(ping: &Ping, payload: &'static [u8]) -> Message {
    Message::Ack(Ack {
        seq_no: ping.seq_no,
        payload: Bytes::from_static(payload),
    })
}

fn own_source() -> Source {
    Source {
        address: address(ME),
        node: ME.into(),
    }
}

#[test]
fn an_answer_in_time_is_all() {
    let (mut rig, to, ping) = probed(3);
    assert_eq!(address(&ping.node), to);
    assert_eq!(ping.source, Some(own_source()));
    rig.advance(millis(499));
    rig.hear_from(&ping.node, ack(&ping, b"there"));
    let expected = (ping.node.clone(), millis(499), Bytes::from_static(b"there"));
    assert_eq!(rig.above.pings, [expected]);
    rig.advance(millis(500));
    assert!(rig.outputs().is_empty(), "nothing more is asked");
    rig.advance(millis(1));
    let (_, next) = rig.ping();
    assert_ne!(next.seq_no, ping.seq_no);
    assert_ne!(next.node, ping.node, "everybody in turn");
    rig.hear(ack(&ping, b"again"));
    assert_eq!(rig.above.pings.len(), 1, "one answer to one probe");
}

#[test]
fn helpers_and_a_stream_are_tried_next() {
    let (mut rig, to, ping) = probed(6);
    rig.advance(millis(500));
    let outputs = rig.outputs();
    let mut asked = Vec::new();
    let mut streams = Vec::new();
    for output in outputs {
        match output {
            Output::Packet(packet) => {
                assert!(!packet.crc);
                let [part] = &packet.parts[..] else {
                    panic!("{packet:?}");
                };
                let expected = Message::IndirectPing(IndirectPing {
                    seq_no: ping.seq_no,
                    target: to,
                    node: ping.node.clone(),
                    nack: true,
                    source: Some(own_source()),
                });
                assert_eq!(Message::decode(part), Ok(expected));
                asked.push(packet.to);
            }
            Output::StreamPing { to, ping, timeout } => streams.push((to, ping, timeout)),
            other => panic!("{other:?}"),
        }
    }
    asked.sort_unstable();
    asked.dedup();
    assert_eq!(asked.len(), 3);
    assert!(!asked.contains(&to) && !asked.contains(&address(ME)));
    assert_eq!(streams, [(to, ping, millis(500))]);
}

#[test]
fn an_answer_through_a_helper_is_as_good_but_tells_no_round_trip() {
    let (mut rig, _, ping) = probed(6);
    assert!(rig.swim.awareness.apply(3));
    rig.advance(millis(700));
    rig.outputs();
    rig.hear_from("n5", ack(&ping, b""));
    assert!(rig.above.pings.is_empty());
    assert_eq!(rig.notices(), [Notice::Health { score: 2 }]);
    rig.advance(millis(299));
    assert!(rig.outputs().is_empty());
    assert_eq!(rig.state(&ping.node), Some((PeerState::Alive, 5)));
}

#[test]
fn an_answer_by_stream_only_is_a_warning() {
    let (mut rig, _, ping) = probed(6);
    rig.advance(millis(600));
    rig.outputs();
    rig.give(Input::StreamPong {
        seq_no: ping.seq_no,
        answered: true,
    });
    assert!(rig.outputs().is_empty(), "datagrams may still come");
    rig.advance(millis(400));
    let notices = rig.notices();
    let node = ping.node.clone();
    assert_eq!(notices, [Notice::UdpProbeFailed { node }]);
    assert_eq!(rig.state(&ping.node), Some((PeerState::Alive, 5)));
    assert_eq!(rig.swim.health_score(), 0);
}

#[test]
fn no_answer_makes_it_suspect() {
    let (mut rig, _, ping) = probed(6);
    rig.advance(millis(999));
    rig.give(Input::StreamPong {
        seq_no: ping.seq_no,
        answered: false,
    });
    assert_eq!(rig.state(&ping.node), Some((PeerState::Alive, 5)));
    rig.outputs();
    rig.advance(millis(1));
    assert_eq!(rig.state(&ping.node), Some((PeerState::Suspect, 5)));
    let notices = rig.notices();
    let node = ping.node.clone();
    assert_eq!(notices[0], Notice::ProbeFailed { node });
    assert!(
        rig.queued()
            .contains(&Message::Suspect(accusation(&ping.node, 5, ME)))
    );
    assert_eq!(
        rig.swim.health_score(),
        3,
        "not one of three helpers said a word"
    );
}

#[test]
fn our_health_follows_what_the_helpers_say() {
    // Nacks that came of three that were expected, and the score after it.
    for (nacks, score) in [(0, 3), (1, 2), (2, 1), (3, 0), (9, 0)] {
        let (mut rig, _, ping) = probed(6);
        rig.advance(millis(600));
        for _ in 0..nacks {
            rig.hear_from(
                "n5",
                Message::Nack(Nack {
                    seq_no: ping.seq_no,
                }),
            );
            rig.hear_from("n5", Message::Nack(Nack { seq_no: 999 }));
        }
        rig.advance(millis(400));
        assert_eq!(rig.swim.health_score(), score, "{nacks} nacks");
    }
    let (mut rig, _, _) = probed(1);
    rig.advance(millis(1_000));
    assert_eq!(
        rig.swim.health_score(),
        1,
        "without helpers a failure is our own"
    );
}

#[test]
fn bad_health_stretches_the_interval_but_not_the_timeout() {
    let (mut rig, _, ping) = probed(6);
    rig.hear(ack(&ping, b""));
    assert!(rig.swim.awareness.apply(2));
    rig.advance(millis(1_000));
    let outputs = rig.outputs();
    assert_eq!(outputs[0], Output::Notice(Notice::DegradedProbe));
    rig.advance(millis(499));
    assert!(rig.outputs().is_empty());
    rig.advance(millis(1));
    let timeouts: Vec<_> = rig
        .outputs()
        .into_iter()
        .filter_map(|output| match output {
            Output::StreamPing { timeout, .. } => Some(timeout),
            _ => None,
        })
        .collect();
    assert_eq!(timeouts, [millis(2_500)]);
    rig.advance(millis(2_499));
    assert!(rig.outputs().is_empty(), "probes do not overlap");
    rig.advance(millis(1));
    assert_eq!(rig.swim.health_score(), 5);
    let pings = rig.packets();
    assert_eq!(
        pings.len(),
        1,
        "the probe that was due meanwhile follows at once"
    );
    rig.advance(millis(6_000));
    assert_eq!(rig.swim.health_score(), 7, "bounded");
}

#[test]
fn old_members_are_spared_what_they_do_not_know() {
    let mut rig = Rig::new(probing());
    for n in 1..=6 {
        rig.hear(Message::Alive(Alive {
            versions: Versions::from_slice(&[1, 2, 2, 2, 5, 4]),
            ..alive(&format!("n{n}"), 5)
        }));
    }
    rig.forget();
    rig.advance(millis(1_500));
    let outputs = rig.outputs();
    let is_stream = |output: &Output| matches!(output, Output::StreamPing { .. });
    assert!(!outputs.iter().any(is_stream));
    let nacks: Vec<_> = outputs
        .into_iter()
        .filter_map(|output| match output {
            Output::Packet(packet) => match Message::decode(&packet.parts[0]) {
                Ok(Message::IndirectPing(ping)) => Some(ping.nack),
                _ => None,
            },
            _ => None,
        })
        .collect();
    assert_eq!(nacks, [false; 3]);
    rig.advance(millis(500));
    assert_eq!(rig.swim.health_score(), 1);
}

#[test]
fn streams_can_be_switched_off() {
    let (mut rig, _, ping) = probed(3);
    rig.swim.config.tcp_pings = false;
    rig.advance(millis(1_000));
    let outputs = rig.outputs();
    let is_stream = |output: &Output| matches!(output, Output::StreamPing { .. });
    assert!(!outputs.iter().any(is_stream));
    assert_eq!(rig.state(&ping.node), Some((PeerState::Suspect, 5)));
}

#[test]
fn a_suspect_is_told_with_the_ping() {
    let mut rig = Rig::with_members(probing(), 1);
    rig.hear(Message::Suspect(accusation("n1", 6, "n7")));
    rig.outputs();
    rig.advance(millis(1_000));
    let packets: Vec<_> = rig
        .outputs()
        .into_iter()
        .filter_map(|output| match output {
            Output::Packet(packet) => Some(packet),
            _ => None,
        })
        .collect();
    let parts: Vec<_> = packets[0]
        .parts
        .iter()
        .map(|p| Message::decode(p).unwrap())
        .collect();
    assert!(matches!(&parts[0], Message::Ping(ping) if &*ping.node == "n1"));
    assert_eq!(parts[1], Message::Suspect(accusation("n1", 6, ME)));
    assert_eq!((parts.len(), packets[0].crc), (2, true));
}

#[test]
fn an_unreachable_target_is_not_waited_for() {
    let (mut rig, to, ping) = probed(6);
    rig.advance(millis(10));
    rig.give(Input::Unreachable { to: address("n77") });
    assert!(rig.outputs().is_empty());
    rig.give(Input::Unreachable { to });
    assert_eq!(rig.packets().len(), 3, "helpers are asked at once");
    rig.give(Input::Unreachable { to });
    assert!(rig.outputs().is_empty());
    assert!(rig.swim.awareness.apply(1));
    rig.hear(ack(&ping, b""));
    assert!(rig.above.pings.is_empty());
    assert_eq!(rig.swim.health_score(), 1, "our own packets do not get out");
}

#[test]
fn a_refutation_during_the_probe_wins() {
    let (mut rig, _, ping) = probed(6);
    rig.advance(millis(900));
    rig.hear(Message::Alive(alive(&ping.node, 6)));
    rig.advance(millis(100));
    assert_eq!(rig.state(&ping.node), Some((PeerState::Alive, 6)));
}

#[test]
fn the_dead_and_ourselves_are_not_probed_and_the_long_dead_are_forgotten() {
    let mut rig = Rig::with_members(probing(), 4);
    rig.hear(Message::Dead(accusation("n1", 5, "n3")));
    rig.hear(Message::Dead(accusation("n2", 5, "n2")));
    rig.outputs();
    let mut probed = std::collections::BTreeMap::new();
    let mut known = Vec::new();
    for _ in 0..40 {
        rig.advance(millis(1_000));
        let (_, ping) = rig.ping();
        rig.hear(ack(&ping, b""));
        *probed.entry(ping.node.clone()).or_insert(0) += 1;
        known.push(rig.swim.count());
    }
    let probed: Vec<_> = probed
        .iter()
        .map(|(name, times)| (&**name, *times))
        .collect();
    assert_eq!(probed, [("n3", 20), ("n4", 20)]);
    assert_eq!(
        (known[28], known[39]),
        (5, 3),
        "forgotten after half a minute"
    );
    assert_eq!(rig.state("n1"), None);
    rig.hear(Message::Alive(alive("n1", 1)));
    assert_eq!(rig.state("n1"), Some((PeerState::Alive, 1)));
}

#[test]
fn alone_nobody_is_probed() {
    let mut rig = Rig::new(probing());
    rig.forget();
    rig.advance(Duration::from_mins(2));
    assert!(rig.outputs().is_empty());
    assert_eq!(rig.state(ME), Some((PeerState::Alive, 1)));
}

#[test]
fn missed_ticks_are_skipped() {
    let (mut rig, _, ping) = probed(3);
    rig.hear(ack(&ping, b""));
    let beat = rig.now;
    rig.now += millis(10_300);
    rig.give(Input::Tick);
    let (_, ping) = rig.ping();
    rig.hear(ack(&ping, b""));
    assert_eq!(rig.swim.next_deadline(), Some(beat + millis(11_000)));
}

#[test]
fn a_probe_timeout_as_long_as_the_interval_still_fails_in_time() {
    let config = Config {
        probe_interval: millis(100),
        probe_timeout: millis(100),
        ..quiet()
    };
    let mut rig = Rig::with_members(config, 3);
    rig.advance(millis(200));
    let suspects = rig
        .swim
        .members()
        .filter(|p| p.state == PeerState::Suspect)
        .count();
    assert_eq!(suspects, 1);
}

#[test]
fn only_the_living_are_asked_for_help() {
    let mut rig = Rig::with_members(probing(), 5);
    rig.hear(Message::Suspect(accusation("n1", 5, "n5")));
    rig.hear(Message::Dead(accusation("n2", 5, "n5")));
    rig.hear(Message::Dead(accusation("n3", 5, "n3")));
    let mut asked = std::collections::BTreeSet::new();
    for _ in 0..6 {
        rig.advance(millis(500));
        for (to, parts) in rig.packets() {
            if let Message::IndirectPing(request) = &parts[0] {
                assert_ne!(to, request.target);
                asked.insert(to);
                rig.hear(Message::Ack(Ack {
                    seq_no: request.seq_no,
                    payload: Bytes::new(),
                }));
            }
        }
    }
    assert_eq!(asked, ["n4", "n5"].map(address).into());
}

#[test]
fn one_probe_follows_a_slow_one_however_many_were_due() {
    let (mut rig, _, ping) = probed(6);
    rig.hear(ack(&ping, b""));
    assert!(rig.swim.awareness.apply(3));
    rig.advance(millis(3_500));
    rig.packets();
    let slow = rig.swim.seq_no;
    rig.hear(Message::Ack(Ack {
        seq_no: slow,
        payload: Bytes::new(),
    }));
    let (_, next) = rig.ping();
    assert_eq!(next.seq_no, slow + 1, "at once");
    rig.hear(ack(&next, b""));
    rig.advance(millis(499));
    assert!(rig.packets().is_empty(), "the others were skipped");
    rig.advance(millis(1));
    rig.ping();
}
