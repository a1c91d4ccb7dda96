use super::*;

/// A pool of seven.
fn rig() -> Rig {
    Rig::with_members(quiet(), 6)
}

fn suspect(rig: &mut Rig, from: &str) {
    rig.hear(Message::Suspect(accusation("n1", 5, from)));
}

fn due_in(rig: &Rig, since: Mono) -> Duration {
    rig.swim.next_deadline().expect("a suspicion").since(since)
}

#[test]
fn confirmations_make_it_shorter() {
    let mut rig = rig();
    let since = rig.now;
    suspect(&mut rig, "n2");
    assert_eq!(due_in(&rig, since), millis(24_000));
    suspect(&mut rig, "n2");
    assert_eq!(due_in(&rig, since), millis(24_000));
    rig.advance(millis(1_000));
    suspect(&mut rig, "n3");
    assert_eq!(due_in(&rig, since), millis(11_381));
    suspect(&mut rig, "n4");
    assert_eq!(due_in(&rig, since), millis(4_000));
    rig.outputs();
    rig.advance(millis(2_999));
    assert_eq!(rig.state("n1"), Some((PeerState::Suspect, 5)));
    rig.advance(millis(1));
    assert_eq!(rig.state("n1"), Some((PeerState::Dead, 5)));
    let expired = Notice::SuspicionExpired {
        node: "n1".into(),
        confirmations: 2,
    };
    assert_eq!(rig.notices(), [expired, Notice::Received("dead")]);
    let dead = Change::Gone(PeerState::Dead);
    assert_eq!(rig.above.changes, [("n1".into(), dead)]);
    assert_eq!(rig.queued(), [Message::Dead(accusation("n1", 5, ME))]);
    assert_eq!(rig.swim.next_deadline(), None);
}

#[test]
fn a_late_confirmation_ends_it_at_once() {
    let mut rig = rig();
    suspect(&mut rig, "n2");
    rig.advance(millis(20_000));
    suspect(&mut rig, "n3");
    assert_eq!(rig.state("n1"), Some((PeerState::Dead, 5)));
}

#[test]
fn without_confirmations_our_view_may_be_the_wrong_one() {
    let mut rig = rig();
    suspect(&mut rig, "n2");
    rig.outputs();
    rig.advance(millis(24_000));
    assert_eq!(rig.state("n1"), Some((PeerState::Dead, 5)));
    assert!(rig.notices().contains(&Notice::DegradedTimeout));
}

#[test]
fn small_pools_do_not_wait_for_confirmations() {
    let mut rig = Rig::with_members(quiet(), 2);
    let since = rig.now;
    suspect(&mut rig, "n2");
    assert_eq!(due_in(&rig, since), millis(4_000));
    rig.forget();
    rig.advance(millis(4_000));
    assert!(!rig.notices().contains(&Notice::DegradedTimeout));
    assert_eq!(rig.state("n1"), Some((PeerState::Dead, 5)));
}

#[test]
fn a_refutation_ends_it_and_the_next_one_runs_anew() {
    let mut rig = rig();
    suspect(&mut rig, "n2");
    rig.advance(millis(23_999));
    rig.hear(Message::Alive(alive("n1", 6)));
    rig.advance(millis(1_000));
    assert_eq!(rig.state("n1"), Some((PeerState::Alive, 6)));
    let since = rig.now;
    rig.hear(Message::Suspect(accusation("n1", 6, "n2")));
    assert_eq!(due_in(&rig, since), millis(24_000));
    rig.hear(Message::Dead(accusation("n1", 6, "n1")));
    assert_eq!(rig.swim.next_deadline(), None);
    rig.advance(millis(30_000));
    assert_eq!(rig.state("n1"), Some((PeerState::Left, 6)));
}

#[test]
fn several_run_side_by_side() {
    let mut rig = rig();
    for name in ["n1", "n2", "n3"] {
        rig.hear(Message::Suspect(accusation(name, 5, "n4")));
        rig.advance(millis(1_000));
    }
    rig.above.changes.clear();
    rig.advance(millis(60_000));
    let names: Vec<_> = rig.above.changes.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["n1", "n2", "n3"]);
}

/// Somebody accused us: our health score is 1 until a probe of ours is answered.
fn accused(members: usize) -> Rig {
    let mut rig = Rig::with_members(quiet(), members);
    let incarnation = rig.swim.local().incarnation;
    rig.hear(Message::Suspect(accusation(ME, incarnation, "n2")));
    assert_eq!(rig.swim.health_score(), 1);
    rig
}

#[test]
fn while_we_are_not_well_others_are_to_say_it() {
    let mut rig = accused(6);
    let since = rig.now;
    for from in ["n2", "n3", "n4"] {
        suspect(&mut rig, from);
    }
    assert_eq!(due_in(&rig, since), millis(4_000));
    rig.advance(millis(4_000));
    assert_eq!(rig.state("n1"), Some((PeerState::Suspect, 5)));
    assert_eq!(
        due_in(&rig, since),
        millis(6_000),
        "twice a probe's interval"
    );
    // A healthy member says it.
    rig.hear(Message::Dead(accusation("n1", 5, "n3")));
    assert_eq!(rig.state("n1"), Some((PeerState::Dead, 5)));
    assert_eq!(rig.swim.next_deadline(), None);
}

#[test]
fn a_refutation_that_comes_late_because_of_us_is_in_time() {
    let mut rig = accused(6);
    suspect(&mut rig, "n2");
    rig.advance(millis(35_999));
    rig.hear(Message::Alive(alive("n1", 6)));
    rig.advance(millis(60_000));
    assert_eq!(rig.state("n1"), Some((PeerState::Alive, 6)));
}

#[test]
fn when_nobody_says_it_we_do_in_the_end() {
    let mut rig = accused(6);
    suspect(&mut rig, "n2");
    rig.advance(millis(35_999));
    assert_eq!(rig.state("n1"), Some((PeerState::Suspect, 5)));
    rig.advance(millis(1));
    assert_eq!(rig.state("n1"), Some((PeerState::Dead, 5)));
}

#[test]
fn in_small_pools_we_say_it_however_we_are() {
    let mut rig = accused(2);
    suspect(&mut rig, "n2");
    rig.advance(millis(4_000));
    assert_eq!(rig.state("n1"), Some((PeerState::Dead, 5)));
}

#[test]
fn when_everybody_else_is_suspected_we_say_it_however_we_are() {
    let mut rig = accused(3);
    for name in ["n1", "n2", "n3"] {
        assert_eq!(rig.state(name), Some((PeerState::Alive, 5)));
        rig.hear(Message::Suspect(accusation(name, 5, ME)));
    }
    rig.advance(millis(24_000));
    for name in ["n1", "n2", "n3"] {
        assert_eq!(rig.state(name), Some((PeerState::Dead, 5)), "{name}");
    }
}

#[test]
fn one_who_is_well_is_left_to_say_it() {
    let mut rig = accused(3);
    for name in ["n1", "n2"] {
        rig.hear(Message::Suspect(accusation(name, 5, ME)));
    }
    rig.advance(millis(35_999));
    assert_eq!(rig.state("n1"), Some((PeerState::Suspect, 5)));
}
