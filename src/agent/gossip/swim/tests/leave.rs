use super::*;

fn gossiping() -> Config {
    Config {
        gossip_interval: millis(200),
        ..quiet()
    }
}

fn good_bye() -> Message {
    Message::Dead(accusation(ME, 1, ME))
}

#[test]
fn leaving_ends_when_it_was_told_often_enough() {
    let mut rig = Rig::with_members(gossiping(), 4);
    rig.give(Input::Leave);
    let left = Change::Gone(PeerState::Left);
    assert_eq!(rig.above.changes, [(ME.into(), left)]);
    assert_eq!(rig.state(ME), Some((PeerState::Left, 1)));
    assert_eq!(rig.swim.alive_count(), 4);
    rig.advance(millis(200));
    let before = rig.packets();
    assert_eq!(before.len(), 3);
    rig.give(Input::Leave);
    assert!(rig.outputs().is_empty(), "already on it");
    rig.advance(millis(200));
    let outputs = rig.outputs();
    // The fourth and last transmission comes before the end.
    assert!(
        matches!(&outputs[..], [Output::Packet(_), Output::Left]),
        "{outputs:?}"
    );
    assert!(before.iter().all(|(_, parts)| *parts == [good_bye()]));
    rig.give(Input::Leave);
    assert_eq!(
        rig.outputs(),
        [Output::Left],
        "and asked again it is still so"
    );
}

#[test]
fn alone_there_is_nobody_to_tell() {
    let mut rig = Rig::new(gossiping());
    rig.forget();
    rig.give(Input::Leave);
    assert_eq!(rig.outputs(), [Output::Left]);
}

#[test]
fn leaving_ends_when_the_others_are_gone() {
    let mut rig = Rig::with_members(quiet(), 2);
    rig.give(Input::Leave);
    rig.hear(Message::Dead(accusation("n1", 5, "n2")));
    assert!(!rig.outputs().contains(&Output::Left));
    rig.hear(Message::Dead(accusation("n2", 5, "n2")));
    assert!(rig.outputs().contains(&Output::Left));
}

#[test]
fn who_leaves_answers_and_does_not_refute() {
    let mut rig = Rig::with_members(quiet(), 2);
    rig.give(Input::Leave);
    for message in [
        Message::Suspect(accusation(ME, 9, "n1")),
        Message::Dead(accusation(ME, 9, "n1")),
        Message::Alive(alive(ME, 9)),
    ] {
        rig.hear(message);
    }
    rig.give(Input::SetMeta(Bytes::from_static(b"new")));
    assert!(rig.outputs().is_empty());
    assert_eq!(rig.queued(), [good_bye()]);
    assert_eq!(rig.state(ME), Some((PeerState::Left, 1)));
    rig.hear(Message::Ping(Ping {
        seq_no: 1,
        node: ME.into(),
        source: None,
    }));
    assert_eq!(rig.packets().len(), 1);
}

#[test]
fn new_metadata_is_told_under_a_new_incarnation() {
    let mut rig = Rig::with_members(quiet(), 2);
    rig.give(Input::SetMeta(Bytes::from_static(b"new")));
    assert_eq!(rig.above.changes, [(ME.into(), Change::Updated)]);
    let told = Message::Alive(Alive {
        meta: Bytes::from_static(b"new"),
        ..alive(ME, 2)
    });
    assert_eq!(rig.queued(), [told]);
    rig.give(Input::SetMeta(vec![0; 513].into()));
    assert_eq!(rig.state(ME), Some((PeerState::Alive, 2)));
    assert!(matches!(&rig.notices()[..], [Notice::Refused { .. }]));
}

#[test]
fn the_member_that_left_stays_in_its_own_table() {
    let config = Config {
        probe_interval: millis(100),
        ..gossiping()
    };
    let mut rig = Rig::new(config);
    rig.give(Input::Leave);
    rig.advance(Duration::from_mins(10));
    assert_eq!(rig.swim.count(), 1);
}
