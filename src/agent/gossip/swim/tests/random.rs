//! Whatever comes, in whatever order: no panic, and what must always hold does.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::agent::gossip::wire::{Ack, IndirectPing, Nack, NodeState, PushPull};

/// Known names, ourselves, nobody and one that nobody told of.
const NAMES: [&str; 8] = [ME, "n1", "n2", "n3", "n4", "n5", "n6", ""];

#[derive(Debug, Clone)]
enum Step {
    Give(Input),
    Wait(Duration),
    /// Answers the probe that is under way.
    AnswerProbe,
    /// Answers the exchange that was asked for last.
    AnswerExchange(PushPull),
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&NAMES[..])
}

fn incarnation() -> impl Strategy<Value = u32> {
    prop_oneof![8 => 0..12_u32, 1 => Just(u32::MAX), 1 => Just(u32::MAX - 1)]
}

fn versions() -> impl Strategy<Value = Versions> {
    prop_oneof![
        8 => Just(Versions::CONSUL),
        1 => prop::collection::vec(0..7_u8, 0..8).prop_map(|bytes| Versions::from_slice(&bytes)),
    ]
}

fn some_alive() -> impl Strategy<Value = Alive> {
    let bytes = |length| prop::collection::vec(any::<u8>(), length);
    let meta = prop_oneof![9 => bytes(0..4_usize), 1 => bytes(500..600_usize)];
    (name(), incarnation(), versions(), meta, 0..20_u8).prop_map(
        |(name, incarnation, versions, meta, moved)| {
            let mut address = address(name);
            match moved {
                0 => address.set_port(0),
                1 => address.set_port(1),
                _ => {}
            }
            Alive {
                address,
                versions,
                meta: meta.into(),
                ..alive(name, incarnation)
            }
        },
    )
}

fn some_accusation() -> impl Strategy<Value = Accusation> {
    (name(), incarnation(), name()).prop_map(|(node, n, from)| accusation(node, n, from))
}

fn message() -> impl Strategy<Value = Message> {
    let seq_no = 0..40_u32;
    let payload = || prop::collection::vec(any::<u8>(), 0..4).prop_map(Bytes::from);
    let ping = |(seq_no, node): (u32, &str)| Ping {
        seq_no,
        node: node.into(),
        source: None,
    };
    let indirect = |(seq_no, node, nack): (u32, &str, bool)| IndirectPing {
        seq_no,
        target: address(node),
        node: node.into(),
        nack,
        source: None,
    };
    prop_oneof![
        4 => some_alive().prop_map(Message::Alive),
        4 => some_accusation().prop_map(Message::Suspect),
        3 => some_accusation().prop_map(Message::Dead),
        1 => (seq_no.clone(), name()).prop_map(ping).prop_map(Message::Ping),
        1 => (seq_no.clone(), name(), any::<bool>()).prop_map(indirect).prop_map(Message::IndirectPing),
        1 => (seq_no.clone(), payload()).prop_map(|(seq_no, payload)| Message::Ack(Ack { seq_no, payload })),
        1 => seq_no.prop_map(|seq_no| Message::Nack(Nack { seq_no })),
        1 => payload().prop_map(Message::User),
    ]
}

fn push_pull() -> impl Strategy<Value = PushPull> {
    let state = prop::sample::select(vec![
        PeerState::Alive,
        PeerState::Suspect,
        PeerState::Dead,
        PeerState::Left,
    ]);
    let node = (some_alive(), state).prop_map(|(alive, state)| NodeState {
        node: alive.node,
        address: alive.address,
        meta: alive.meta,
        incarnation: alive.incarnation,
        state,
        versions: alive.versions,
    });
    (any::<bool>(), prop::collection::vec(node, 0..6)).prop_map(|(join, nodes)| PushPull {
        join,
        nodes,
        user_state: Bytes::from_static(b"theirs"),
    })
}

fn step() -> impl Strategy<Value = Step> {
    let from = || name().prop_map(address);
    let heard = (from(), message()).prop_map(|(from, message)| Input::Message { from, message });
    let ask = (0..4_u64, from(), any::<bool>()).prop_map(|(id, to, join)| Input::Exchange {
        id,
        to,
        node: None,
        join,
    });
    let asked = (from(), push_pull()).prop_map(|(from, state)| Input::PushPullRequest {
        stream: 1,
        from,
        state,
    });
    prop_oneof![
        20 => heard.prop_map(Step::Give),
        2 => ask.prop_map(Step::Give),
        2 => asked.prop_map(Step::Give),
        2 => from().prop_map(|to| Step::Give(Input::Unreachable { to })),
        2 => (0..40_u32, any::<bool>())
            .prop_map(|(seq_no, answered)| Step::Give(Input::StreamPong { seq_no, answered })),
        1 => prop::collection::vec(any::<u8>(), 0..600).prop_map(|meta| Step::Give(Input::SetMeta(meta.into()))),
        6 => (0..3_000_u64).prop_map(|ms| Step::Wait(millis(ms))),
        1 => (0..100_000_u64).prop_map(|ms| Step::Wait(millis(ms))),
        6 => Just(Step::AnswerProbe),
        2 => push_pull().prop_map(Step::AnswerExchange),
    ]
}

/// What must hold between two steps.
struct Invariants {
    incarnations: HashMap<NodeName, (PeerState, SocketAddr, u32)>,
    own: u32,
    last_exchange: Option<u64>,
}

impl Invariants {
    fn check(&mut self, rig: &mut Rig) {
        let swim = &rig.swim;
        let states: HashMap<_, _> = swim
            .members()
            .map(|peer| {
                (
                    peer.name.clone(),
                    (peer.state, peer.address, peer.incarnation),
                )
            })
            .collect();
        let live = |state| matches!(state, PeerState::Alive | PeerState::Suspect);
        for (name, (state, address, incarnation)) in &states {
            // Another address is another member, which took the name over from one that left meanwhile.
            if let Some((before, at, was)) = self.incarnations.get(name)
                && live(*before)
                && live(*state)
                && at == address
            {
                assert!(incarnation >= was, "{name} from {was} to {incarnation}");
            }
        }
        self.incarnations = states;
        assert!(swim.incarnation() >= self.own);
        self.own = swim.incarnation();
        assert!(swim.health_score() < 8);
        assert!(swim.alive_count() <= swim.count());
        // Members, and the refutation.
        assert!(swim.queued_broadcasts() <= NAMES.len() + 1);
        let suspects = swim
            .members()
            .filter(|p| p.state == PeerState::Suspect)
            .count();
        assert_eq!(swim.suspicions.len(), suspects);
        let present = swim.members().filter(|p| live(p.state)).count();
        assert_eq!(swim.alive_count(), present);
        assert!(swim.next_deadline().is_none_or(|due| due > rig.now));
        assert!(
            swim.members()
                .all(|p| p.meta.len() <= 512 && !p.name.is_empty())
        );
        for output in rig.outputs() {
            match output {
                Output::PushPull { exchange, .. } => self.last_exchange = Some(exchange),
                Output::Packet(packet) => {
                    assert!(!packet.parts.is_empty());
                    let size: usize = packet.parts.iter().map(|part| part.len() + 2).sum();
                    assert!(size <= 1_400, "{size}");
                    assert!(
                        packet
                            .parts
                            .iter()
                            .all(|part| Message::decode(part).is_ok())
                    );
                }
                _ => {}
            }
        }
    }
}

fn run(steps: Vec<Step>, leave_at: usize) {
    let mut rig = Rig::new(Config::lan());
    let mut invariants = Invariants {
        incarnations: HashMap::new(),
        own: 0,
        last_exchange: None,
    };
    for (n, step) in steps.into_iter().enumerate() {
        if n == leave_at {
            rig.give(Input::Leave);
        }
        match step {
            Step::Give(input) => rig.give(input),
            Step::Wait(time) => rig.advance(time),
            Step::AnswerProbe => rig.hear(Message::Ack(Ack {
                seq_no: rig.swim.seq_no,
                payload: Bytes::new(),
            })),
            Step::AnswerExchange(state) => {
                if let Some(exchange) = invariants.last_exchange.take() {
                    let result = Ok(state);
                    rig.give(Input::PushPullReply { exchange, result });
                }
            }
        }
        invariants.check(&mut rig);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_breaks_it(
        steps in prop::collection::vec(step(), 1..120),
        leave_at in prop_oneof![3 => Just(usize::MAX), 1 => 0..120_usize],
    ) {
        run(steps, leave_at);
    }
}

#[test]
fn the_same_seed_does_the_same() {
    let script = || {
        let mut rig = Rig::new(Config::lan());
        for n in 1..=20 {
            rig.hear(Message::Alive(alive(&format!("n{n}"), 5)));
        }
        rig.advance(Duration::from_mins(2));
        rig.outputs()
    };
    assert_eq!(script(), script());
}
