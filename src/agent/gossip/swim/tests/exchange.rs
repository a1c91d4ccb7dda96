use super::*;
use crate::agent::gossip::swim::exchange::EXCHANGES_MAX;
use crate::agent::gossip::wire::{NodeState, PushPull};

fn node(name: &str, state: PeerState) -> NodeState {
    NodeState {
        node: name.into(),
        address: address(name),
        meta: Bytes::from_static(b"meta"),
        incarnation: 5,
        state,
        versions: Versions::CONSUL,
    }
}

fn pushed(join: bool, nodes: Vec<NodeState>) -> PushPull {
    PushPull {
        join,
        nodes,
        user_state: Bytes::from_static(b"theirs"),
    }
}

fn versioned(name: &str, state: PeerState, versions: &[u8]) -> NodeState {
    NodeState {
        versions: Versions::from_slice(versions),
        ..node(name, state)
    }
}

/// The outcome of an exchange that gets this answer.
fn exchanged(rig: &mut Rig, join: bool, nodes: Vec<NodeState>) -> Result<(), String> {
    let to = address("n1");
    let id = 1;
    rig.give(Input::Exchange {
        id,
        to,
        node: None,
        join,
    });
    let outputs = rig.outputs();
    assert!(
        matches!(&outputs[..], [Output::PushPull { exchange: 1, .. }]),
        "{outputs:?}"
    );
    rig.give(Input::PushPullReply {
        exchange: id,
        result: Ok(pushed(join, nodes)),
    });
    match rig.outputs().pop() {
        Some(Output::ExchangeDone { id: 1, result }) => result,
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_is_said_to_have_left_hears_of_it() {
    use PeerState::Left;
    // n1 is of an older incarnation, n2 of a newer one, n7 is nobody.
    let mut rig = Rig::with_members(quiet(), 3);
    rig.give(Input::Message {
        from: address("n2"),
        message: Message::Alive(alive("n2", 6)),
    });
    rig.outputs();
    rig.give(Input::PushPullRequest {
        stream: 1,
        from: address("n3"),
        state: pushed(
            false,
            vec![node("n1", Left), node("n2", Left), node("n7", Left)],
        ),
    });
    let sent: Vec<_> = rig
        .outputs()
        .into_iter()
        .filter_map(|output| match output {
            Output::Packet(packet) => Some((packet.to, packet.parts)),
            _ => None,
        })
        .collect();
    let goodbye = Message::Dead(accusation("n1", 5, "n1")).encode();
    assert_eq!(sent, [(address("n1"), vec![goodbye])]);
}

#[test]
fn a_state_is_believed_but_the_bad_news_in_it() {
    use PeerState::{Alive, Dead, Left, Suspect};
    let mut rig = Rig::with_members(quiet(), 4);
    let nodes = vec![
        node("n1", Left),
        node("n2", Dead),
        node("n3", Suspect),
        node("n5", Alive),
        node("n6", Dead),
    ];
    assert_eq!(exchanged(&mut rig, true, nodes.clone()), Ok(()));
    let states = ["n1", "n2", "n3", "n4", "n5"].map(|name| rig.state(name).unwrap().0);
    assert_eq!(states, [Left, Suspect, Suspect, Alive, Alive]);
    assert_eq!(rig.state("n6"), None);
    assert!(
        rig.queued()
            .contains(&Message::Suspect(accusation("n2", 5, ME)))
    );
    assert_eq!(rig.above.merged, [(Bytes::from_static(b"theirs"), true)]);
    let asked: Vec<_> = rig
        .above
        .asked_to_merge
        .iter()
        .map(Peer::to_node_state)
        .collect();
    assert_eq!(asked, nodes);
}

#[test]
fn only_joins_are_asked_about_and_can_be_refused() {
    let mut rig = Rig::with_members(quiet(), 1);
    rig.above.refuses_merge = Some("no");
    let nodes = || vec![node("n2", PeerState::Alive)];
    assert_eq!(exchanged(&mut rig, true, nodes()), Err("no".to_owned()));
    assert_eq!(rig.state("n2"), None);
    assert!(rig.above.merged.is_empty());
    assert_eq!(exchanged(&mut rig, false, nodes()), Ok(()));
    assert!(rig.state("n2").is_some());
}

#[test]
fn versions_must_fit_together() {
    use PeerState::{Alive, Dead};
    // What the others have and speak, and what is wrong with it.
    let table = [
        (vec![versioned("n2", Alive, &[1, 5, 5, 2, 5, 5])], None),
        (
            vec![versioned("n2", Alive, &[3, 5, 3, 2, 5, 4])],
            Some("Node 'me' protocol version (2) is incompatible: [3, 5]"),
        ),
        (
            vec![versioned("n2", Alive, &[1, 5, 2, 5, 5, 5])],
            Some("Node 'me' delegate protocol version (4) is incompatible: [5, 5]"),
        ),
        (
            vec![versioned("n2", Alive, &[1, 5, 6, 2, 5, 4])],
            Some("Node 'n2' protocol version (6) is incompatible: [1, 5]"),
        ),
        (
            vec![versioned("n2", Dead, &[1, 5, 2, 2, 5, 1])],
            Some("Node 'n2' delegate protocol version (1) is incompatible: [2, 5]"),
        ),
        (
            vec![versioned("n2", Alive, &[])],
            Some("Node 'n2' protocol version (0) is incompatible: [1, 5]"),
        ),
        // The dead bound nobody.
        (vec![versioned("n2", Dead, &[5, 5, 2, 5, 5, 4])], None),
    ];
    for (nodes, fault) in table {
        let mut rig = Rig::new(quiet());
        rig.forget();
        let result = exchanged(&mut rig, false, nodes);
        assert_eq!(result.err().as_deref(), fault);
        let merged = usize::from(fault.is_none());
        assert_eq!(rig.above.merged.len(), merged);
    }
}

#[test]
fn a_peer_gets_our_state_even_if_we_do_not_want_its() {
    let mut rig = Rig::with_members(quiet(), 2);
    rig.above.refuses_merge = Some("no");
    rig.give(Input::PushPullRequest {
        stream: 9,
        from: address("n7"),
        state: pushed(true, vec![node("n7", PeerState::Alive)]),
    });
    let outputs = rig.outputs();
    assert!(
        matches!(&outputs[0], Output::StreamReply { stream: 9, .. }),
        "{outputs:?}"
    );
    let failed = Notice::ExchangeFailed {
        to: address("n7"),
        reason: "no".to_owned(),
    };
    assert_eq!(outputs[1..], [Output::Notice(failed)]);
    assert_eq!(rig.state("n7"), None);
}

#[test]
fn failures_are_told_to_whoever_asked() {
    let mut rig = Rig::with_members(quiet(), 1);
    let to = address("n1");
    let ask = |id| Input::Exchange {
        id,
        to,
        node: None,
        join: true,
    };
    let fail = |exchange| Input::PushPullReply {
        exchange,
        result: Err("no route".to_owned()),
    };
    rig.give(ask(3));
    rig.outputs();
    rig.give(fail(4));
    assert!(rig.outputs().is_empty(), "nobody asked for that one");
    rig.give(fail(3));
    let result = Err("no route".to_owned());
    assert_eq!(rig.outputs(), [Output::ExchangeDone { id: 3, result }]);
    rig.give(fail(3));
    assert!(rig.outputs().is_empty());
    for id in 0..=1_024 {
        rig.give(ask(id));
    }
    let outputs = rig.outputs();
    assert_eq!(outputs.len(), EXCHANGES_MAX + 1);
    assert!(matches!(
        outputs.last(),
        Some(Output::ExchangeDone {
            id: 1_024,
            result: Err(_)
        })
    ));
}

#[test]
fn every_while_the_state_is_exchanged_with_a_random_member() {
    let config = Config {
        push_pull_interval: Duration::from_secs(30),
        ..quiet()
    };
    let mut rig = Rig::with_members(config, 3);
    rig.hear(Message::Suspect(accusation("n1", 5, "n3")));
    let mut ids = std::collections::BTreeSet::new();
    let mut targets = std::collections::BTreeSet::new();
    rig.forget();
    for _ in 0..20 {
        rig.advance(Duration::from_secs(30));
        let own = |output| match output {
            Output::PushPull { exchange, to, .. } => Some((exchange, to)),
            _ => None,
        };
        let exchanges: Vec<_> = rig.outputs().into_iter().filter_map(own).collect();
        let [(exchange, to)] = exchanges[..] else {
            panic!("{exchanges:?}");
        };
        ids.insert(exchange);
        targets.insert(to);
        let result = Err("timed out".to_owned());
        rig.give(Input::PushPullReply { exchange, result });
        let reason = "timed out".to_owned();
        assert_eq!(rig.notices(), [Notice::ExchangeFailed { to, reason }]);
    }
    assert!(ids.iter().all(|id| id >> 63 == 1));
    assert_eq!((ids.len(), targets), (20, ["n2", "n3"].map(address).into()));
}
