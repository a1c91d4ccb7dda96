use super::*;

/// How a member is known before a message comes; its incarnation is 5.
#[derive(Debug, Clone, Copy)]
enum Known {
    Nothing,
    Is(PeerState),
}

use Known::{Is, Nothing};
use PeerState::{Alive as Up, Dead, Left, Suspect};

/// Six members, so that two confirmations are wanted; `n1` is known as given. What led there is forgotten.
fn rig(known: Known) -> Rig {
    let mut rig = Rig::with_members(quiet(), 6);
    let name = "n1";
    match known {
        Nothing => {
            rig = Rig::new(quiet());
        }
        Is(Up) => {}
        Is(Suspect) => rig.hear(Message::Suspect(accusation(name, 5, "n2"))),
        Is(Dead) => rig.hear(Message::Dead(accusation(name, 5, "n2"))),
        Is(Left) => rig.hear(Message::Dead(accusation(name, 5, name))),
    }
    rig.forget();
    rig
}

fn alive_with(incarnation: u32, meta: &'static str) -> Message {
    Message::Alive(Alive {
        meta: meta.as_bytes().into(),
        ..alive("n1", incarnation)
    })
}

fn suspect(incarnation: u32, from: &str) -> Message {
    Message::Suspect(accusation("n1", incarnation, from))
}

fn dead(incarnation: u32, from: &str) -> Message {
    Message::Dead(accusation("n1", incarnation, from))
}

/// Message; what is known after it; the change that is told; whether the message is passed on.
type Line = (Message, Option<(PeerState, u32)>, Option<Change>, bool);

/// Gives messages to a member that knows `n1` as said, one each time.
fn check(known: Known, table: Vec<Line>) {
    for (message, after, change, passed_on) in table {
        let what = format!("{known:?}, then {message:?}");
        let mut rig = rig(known);
        rig.hear(message.clone());
        assert_eq!(rig.state("n1"), after, "{what}");
        let told: Vec<_> = change.into_iter().map(|c| ("n1".into(), c)).collect();
        assert_eq!(rig.above.changes, told, "{what}");
        let queued: Vec<_> = passed_on.then_some(message).into_iter().collect();
        assert_eq!(rig.queued(), queued, "{what}");
        let runs = rig.swim.next_deadline().is_some();
        let suspected = matches!(after, Some((Suspect, _)));
        assert_eq!(
            runs, suspected,
            "a suspicion runs while it is suspect: {what}"
        );
    }
}

const JOINED: Option<Change> = Some(Change::Joined);
const UPDATED: Option<Change> = Some(Change::Updated);
const FAILED: Option<Change> = Some(Change::Gone(Dead));
const LEFT: Option<Change> = Some(Change::Gone(Left));

#[test]
fn what_is_said_of_the_unknown() {
    check(
        Nothing,
        vec![
            (alive_with(1, "meta"), Some((Up, 1)), JOINED, true),
            (
                alive_with(u32::MAX, "meta"),
                Some((Up, u32::MAX)),
                JOINED,
                true,
            ),
            (alive_with(0, "meta"), None, None, false),
            (suspect(9, "n2"), None, None, false),
            (dead(9, "n2"), None, None, false),
        ],
    );
}

#[test]
fn what_is_said_of_the_living() {
    check(
        Is(Up),
        vec![
            (alive_with(4, "other"), Some((Up, 5)), None, false),
            (alive_with(5, "other"), Some((Up, 5)), None, false),
            (alive_with(6, "meta"), Some((Up, 6)), None, true),
            (alive_with(6, "other"), Some((Up, 6)), UPDATED, true),
            (suspect(4, "n2"), Some((Up, 5)), None, false),
            (suspect(5, "n2"), Some((Suspect, 5)), None, true),
            (suspect(7, "n2"), Some((Suspect, 7)), None, true),
            (dead(4, "n2"), Some((Up, 5)), None, false),
            (dead(5, "n2"), Some((Dead, 5)), FAILED, true),
            (dead(8, "n1"), Some((Left, 8)), LEFT, true),
        ],
    );
}

#[test]
fn what_is_said_of_suspects() {
    check(
        Is(Suspect),
        vec![
            (alive_with(5, "meta"), Some((Suspect, 5)), None, false),
            (alive_with(6, "meta"), Some((Up, 6)), None, true),
            (alive_with(6, "other"), Some((Up, 6)), UPDATED, true),
            (suspect(4, "n3"), Some((Suspect, 5)), None, false),
            (suspect(5, "n2"), Some((Suspect, 5)), None, false),
            (suspect(5, "n3"), Some((Suspect, 5)), None, true),
            (suspect(9, "n3"), Some((Suspect, 5)), None, true),
            (dead(4, "n3"), Some((Suspect, 5)), None, false),
            (dead(5, "n3"), Some((Dead, 5)), FAILED, true),
            (dead(5, "n1"), Some((Left, 5)), LEFT, true),
        ],
    );
}

#[test]
fn what_is_said_of_the_gone() {
    check(
        Is(Dead),
        vec![
            (alive_with(5, "meta"), Some((Dead, 5)), None, false),
            (alive_with(6, "meta"), Some((Up, 6)), JOINED, true),
            (suspect(9, "n2"), Some((Dead, 5)), None, false),
            (dead(9, "n1"), Some((Dead, 5)), None, false),
        ],
    );
    check(
        Is(Left),
        vec![
            (alive_with(5, "meta"), Some((Left, 5)), None, false),
            (alive_with(6, "other"), Some((Up, 6)), JOINED, true),
            (suspect(9, "n2"), Some((Left, 5)), None, false),
            (dead(9, "n2"), Some((Left, 5)), None, false),
        ],
    );
}

#[test]
fn counts_follow_the_states() {
    for (known, counts) in [
        (Is(Up), (7, 7)),
        (Is(Suspect), (7, 7)),
        (Is(Dead), (7, 6)),
        (Is(Left), (7, 6)),
    ] {
        let rig = rig(known);
        assert_eq!((rig.swim.count(), rig.swim.alive_count()), counts);
        assert_eq!(rig.swim.members().len(), 7);
    }
}

#[test]
fn what_is_said_of_us() {
    let ours = |incarnation| Alive {
        meta: Bytes::from_static(b"mine"),
        ..alive(ME, incarnation)
    };
    let wrong = |incarnation| Message::Alive(alive(ME, incarnation));
    let other_versions = Message::Alive(Alive {
        versions: Versions::from_slice(&[1, 5, 2, 2, 5, 5]),
        ..ours(1)
    });
    // Message; our incarnation after it, which was 1; what was refuted.
    let table = [
        (Message::Alive(ours(0)), 1, None),
        (Message::Alive(ours(1)), 1, None),
        (Message::Alive(ours(2)), 3, Some("alive")),
        (wrong(0), 1, None),
        (wrong(1), 2, Some("alive")),
        (wrong(41), 42, Some("alive")),
        (other_versions, 2, Some("alive")),
        (Message::Suspect(accusation(ME, 0, "n2")), 1, None),
        (
            Message::Suspect(accusation(ME, 1, "n2")),
            2,
            Some("suspect"),
        ),
        (
            Message::Suspect(accusation(ME, 2, "n2")),
            3,
            Some("suspect"),
        ),
        (Message::Dead(accusation(ME, 0, "n2")), 1, None),
        (Message::Dead(accusation(ME, 1, "n2")), 2, Some("dead")),
        (Message::Dead(accusation(ME, 7, ME)), 8, Some("dead")),
        (
            Message::Dead(accusation(ME, u32::MAX, "n2")),
            u32::MAX,
            Some("dead"),
        ),
    ];
    for (message, incarnation, refuted) in table {
        let what = format!("{message:?}");
        let mut rig = Rig::with_members(quiet(), 3);
        rig.hear(message);
        assert_eq!(rig.state(ME), Some((Up, incarnation)), "{what}");
        assert_eq!(rig.swim.incarnation(), incarnation);
        let notices = rig.notices();
        let refutations: Vec<_> = notices
            .iter()
            .filter_map(|notice| match notice {
                Notice::Refuted { what, .. } => Some(*what),
                _ => None,
            })
            .collect();
        assert_eq!(refutations, Vec::from_iter(refuted), "{what}");
        let expected: Vec<_> = refuted
            .map(|_| Message::Alive(ours(incarnation)))
            .into_iter()
            .collect();
        assert_eq!(rig.queued(), expected, "{what}");
        assert_eq!(
            rig.swim.health_score(),
            u32::from(refuted.is_some()),
            "{what}"
        );
        let told = notices.contains(&Notice::Health { score: 1 });
        assert_eq!(told, refuted.is_some(), "{what}");
        assert!(rig.above.changes.is_empty(), "{what}");
    }
}

#[test]
fn a_refutation_does_not_replace_what_we_announced() {
    let mut rig = Rig::new(quiet());
    assert_eq!(rig.above.changes, [(ME.into(), Change::Joined)]);
    rig.hear(Message::Suspect(accusation(ME, 1, "n2")));
    rig.hear(Message::Suspect(accusation(ME, 2, "n2")));
    let queued: Vec<_> = rig
        .queued()
        .into_iter()
        .map(|message| match message {
            Message::Alive(alive) => alive.incarnation,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        queued,
        [1, 3],
        "the second refutation replaced the first one"
    );
}

#[test]
fn what_is_not_listened_to() {
    let good = || alive("n1", 6);
    let versions = |bytes: &[u8]| Alive {
        versions: Versions::from_slice(bytes),
        ..good()
    };
    let long = Alive {
        meta: vec![0; 513].into(),
        ..good()
    };
    let nameless = Alive {
        node: "".into(),
        ..good()
    };
    let table = [
        (versions(&[]), "missing"),
        (versions(&[1, 5, 2, 2, 5]), "missing"),
        (versions(&[0, 5, 2, 2, 5, 4]), "no sense"),
        (versions(&[1, 0, 2, 2, 5, 4]), "no sense"),
        (versions(&[6, 5, 2, 2, 5, 4]), "no sense"),
        (long, "513 bytes"),
        (nameless, "without a name"),
    ];
    for (alive, reason) in table {
        for mut rig in [rig(Nothing), rig(Is(Dead))] {
            let before = rig.state(&alive.node);
            rig.hear(Message::Alive(alive.clone()));
            assert_eq!(rig.state(&alive.node), before);
            let notices = rig.notices();
            let [Notice::Refused { node, reason: why }] = &notices[..] else {
                panic!("{notices:?}");
            };
            assert_eq!(*node, alive.node);
            assert!(why.contains(reason), "{why}");
        }
    }
    let mut rig = rig(Is(Up));
    rig.above.refuses = Some("wrong datacenter");
    rig.hear(Message::Alive(alive("n1", 6)));
    rig.hear(Message::Alive(alive("n8", 6)));
    let refused = |name: &str| Notice::Refused {
        node: name.into(),
        reason: "wrong datacenter".to_owned(),
    };
    assert_eq!(rig.notices(), [refused("n1"), refused("n8")]);
    assert_eq!((rig.state("n1"), rig.state("n8")), (Some((Up, 5)), None));
}

#[test]
fn old_versions_of_ourselves_are_not_refuted_when_they_make_no_sense() {
    let mut rig = Rig::new(quiet());
    rig.hear(Message::Alive(Alive {
        versions: Versions::from_slice(&[0, 0, 0]),
        ..alive(ME, 9)
    }));
    assert_eq!(rig.swim.incarnation(), 1);
}

#[test]
fn members_from_elsewhere_are_refused() {
    let config = Config {
        allowed: Some(vec!["10.0.0.0/24".parse().unwrap()]),
        dead_node_reclaim_time: millis(1),
        ..quiet()
    };
    let mut rig = Rig::with_members(config, 1);
    let moved = |name, incarnation| {
        Message::Alive(Alive {
            address: "10.0.1.1:8301".parse().unwrap(),
            ..alive(name, incarnation)
        })
    };
    rig.hear(moved("n2", 1));
    assert_eq!(rig.state("n2"), None);
    rig.hear(Message::Dead(accusation("n1", 5, "n1")));
    rig.forget();
    rig.hear(moved("n1", 6));
    assert_eq!(rig.state("n1"), Some((Left, 5)));
    let notices = rig.notices();
    let text = "10.0.1.1 is in none of the allowed networks";
    assert!(
        matches!(&notices[..], [Notice::Refused { reason, .. }] if reason == text),
        "{notices:?}"
    );
}

#[test]
fn another_address_for_a_name() {
    let claimed: SocketAddr = "10.0.0.77:8301".parse().unwrap();
    let seconds = Duration::from_secs;
    // Known before; reclaim time; time since; whether the name goes to the new address.
    let table = [
        (Is(Up), 30, 100, false),
        (Is(Suspect), 30, 1, false),
        (Is(Dead), 30, 29, false),
        (Is(Dead), 30, 30, false),
        (Is(Dead), 30, 31, true),
        (Is(Dead), 0, 1_000_000, false),
        (Is(Left), 30, 0, true),
        (Is(Left), 0, 0, true),
    ];
    for (known, reclaim, after, moves) in table {
        // Even with an old incarnation: whoever comes from there counts anew.
        for incarnation in [1, 6] {
            let what = format!("{known:?} {reclaim} {after} {incarnation}");
            let mut rig = rig(known);
            rig.swim.config.dead_node_reclaim_time = seconds(reclaim);
            rig.now += seconds(after);
            rig.hear(Message::Alive(Alive {
                address: claimed,
                ..alive("n1", incarnation)
            }));
            let conflict = Notice::Conflict {
                node: "n1".into(),
                known: address("n1"),
                claimed,
            };
            let address_after = rig.swim.peer("n1").unwrap().address;
            if moves {
                assert_eq!(address_after, claimed, "{what}");
                assert_eq!(rig.state("n1"), Some((Up, incarnation)), "{what}");
                assert_eq!(rig.above.changes, [("n1".into(), Change::Joined)], "{what}");
            } else {
                assert_eq!(address_after, address("n1"), "{what}");
                assert!(rig.notices().contains(&conflict), "{what}");
                assert!(rig.above.changes.is_empty(), "{what}");
            }
        }
    }
}

#[test]
fn somebody_else_with_our_name_is_a_conflict() {
    let mut rig = Rig::new(quiet());
    rig.forget();
    let claimed = "10.0.0.77:8301".parse().unwrap();
    rig.hear(Message::Alive(Alive {
        address: claimed,
        ..alive(ME, 9)
    }));
    let conflict = Notice::Conflict {
        node: ME.into(),
        known: address(ME),
        claimed,
    };
    assert_eq!(rig.notices(), [conflict]);
    assert_eq!(rig.swim.incarnation(), 1);
    assert!(rig.queued().is_empty());
}

#[test]
fn a_missing_port_is_ours() {
    let mut rig = Rig::new(quiet());
    rig.hear(Message::Alive(Alive {
        address: "10.0.0.1:0".parse().unwrap(),
        ..alive("n1", 1)
    }));
    assert_eq!(rig.swim.peer("n1").unwrap().address, address("n1"));
}

#[test]
fn messages_of_the_layer_above_are_handed_up() {
    let mut rig = Rig::new(quiet());
    rig.hear(Message::User(Bytes::from_static(b"hello")));
    assert_eq!(rig.above.user_messages, ["hello"]);
}
