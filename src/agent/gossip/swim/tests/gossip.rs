use std::collections::BTreeSet;

use super::*;

fn gossiping() -> Config {
    Config {
        gossip_interval: millis(200),
        ..quiet()
    }
}

/// One gossip round passes.
fn round(rig: &mut Rig) -> Vec<(SocketAddr, Vec<Message>)> {
    rig.advance(millis(200));
    rig.packets()
}

#[test]
fn news_goes_to_three_members_a_round_until_told_often_enough() {
    let mut rig = Rig::with_members(gossiping(), 8);
    assert!(round(&mut rig).is_empty(), "nothing to tell");
    let news = Message::Alive(alive("n9", 1));
    rig.hear(news.clone());
    rig.outputs();
    let mut told = Vec::new();
    for _ in 0..10 {
        let packets = round(&mut rig);
        let targets: BTreeSet<_> = packets.iter().map(|(to, _)| *to).collect();
        assert_eq!(targets.len(), packets.len());
        assert!(!targets.contains(&address(ME)));
        assert!(packets.iter().all(|(_, parts)| *parts == [news.clone()]));
        told.push(packets.len());
    }
    // 4 * ceil(log10(11)) transmissions.
    assert_eq!(told, [3, 3, 2, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn only_those_hear_of_it_whom_it_may_help() {
    let mut rig = Rig::with_members(gossiping(), 4);
    rig.hear(Message::Suspect(accusation("n1", 5, "n4")));
    rig.hear(Message::Dead(accusation("n2", 5, "n4")));
    rig.hear(Message::Dead(accusation("n3", 5, "n3")));
    rig.outputs();
    let mut targets = |rounds: u32| -> BTreeSet<_> {
        let mut targets = BTreeSet::new();
        for _ in 0..rounds {
            rig.above.broadcasts.push(Bytes::from_static(b"news"));
            targets.extend(round(&mut rig).into_iter().map(|(to, _)| to));
        }
        targets
    };
    // Three targets of three candidates: each round reaches all of them.
    let before = targets(145);
    assert_eq!(before, ["n1", "n2", "n4"].map(address).into());
    targets(10);
    assert_eq!(targets(20), ["n1", "n4"].map(address).into());
}

#[test]
fn the_dead_do_not_use_up_what_the_living_should_hear() {
    let mut rig = Rig::with_members(gossiping(), 4);
    for dead in ["n2", "n3", "n4"] {
        rig.hear(Message::Dead(accusation(dead, 5, "n1")));
    }
    // What they were told of the deaths is over.
    while !round(&mut rig).is_empty() {}
    let news = Message::Alive(alive("n9", 1));
    rig.hear(news.clone());
    rig.hear(Message::Dead(accusation("n9", 1, "n1")));
    rig.outputs();
    let mut to_the_living = 0;
    for _ in 0..20 {
        let packets = round(&mut rig);
        to_the_living += packets
            .iter()
            .filter(|(to, _)| *to == address("n1"))
            .count();
    }
    // 4 * ceil(log10(7)) transmissions; a round that happens to miss the only one who lives is lost.
    assert!((3..=4).contains(&to_the_living), "{to_the_living}");
}

#[test]
fn sums_are_sent_to_those_who_check_them() {
    for (max, crc) in [(4, false), (5, true)] {
        let mut rig = Rig::new(gossiping());
        rig.hear(Message::Alive(Alive {
            versions: Versions::from_slice(&[1, max, 2, 2, 5, 4]),
            ..alive("n1", 1)
        }));
        rig.outputs();
        rig.advance(millis(200));
        let outputs = rig.outputs();
        let [Output::Packet(packet)] = &outputs[..] else {
            panic!("{outputs:?}");
        };
        assert_eq!(packet.crc, crc);
        assert_eq!(packet.parts.len(), 2, "n1 and ourselves");
    }
}

#[test]
fn packets_stay_within_their_budget() {
    for overhead in [0, 29, 1_000, 1_395, 5_000] {
        let config = Config {
            packet_overhead: overhead,
            ..gossiping()
        };
        let mut rig = Rig::new(config);
        for n in 1..=99 {
            rig.hear(Message::Alive(alive(&format!("n{n}"), 1)));
            rig.above.broadcasts.push(vec![b'x'; n].into());
        }
        let mut most = 0;
        for seq_no in 0..300 {
            rig.hear(Message::Ping(Ping {
                seq_no,
                node: ME.into(),
                source: None,
            }));
            rig.advance(millis(200));
            for output in rig.outputs() {
                let Output::Packet(packet) = output else {
                    continue;
                };
                let parts: usize = packet.parts.iter().map(|p| p.len() + 2).sum();
                let size = overhead + 2 + parts + if packet.crc { 5 } else { 0 };
                let alone = packet.parts.len() == 1;
                assert!(
                    size <= 1_400 || alone && !packet.crc,
                    "{size} with {overhead}"
                );
                most = most.max(packet.parts.len());
            }
        }
        assert_eq!(most > 1, overhead <= 1_000, "{most} parts with {overhead}");
    }
}

#[test]
fn own_news_goes_before_that_of_the_layer_above() {
    let mut rig = Rig::with_members(gossiping(), 1);
    let user = Bytes::from_static(b"of the layer above");
    rig.above.broadcasts.push(user.clone());
    let news = Message::Alive(alive("n2", 1));
    rig.hear(news.clone());
    rig.outputs();
    let packets = round(&mut rig);
    assert_eq!(packets[0].1, [news, Message::User(user)]);
}

#[test]
fn a_compound_has_at_most_255_parts() {
    let config = Config {
        udp_buffer_size: 65_535,
        ..gossiping()
    };
    let mut rig = Rig::with_members(config, 1);
    rig.above.broadcasts = vec![Bytes::from_static(b"x"); 600];
    let packets = round(&mut rig);
    let sizes: Vec<_> = packets.iter().map(|(_, parts)| parts.len()).collect();
    assert_eq!(sizes, [255, 255, 90]);
}

#[test]
fn a_targeted_message_is_sent_at_once_and_alone() {
    let mut rig = Rig::with_members(quiet(), 1);
    rig.hear(Message::Alive(alive("n2", 1)));
    rig.outputs();
    rig.swim
        .send_user(address("n1"), Bytes::from_static(b"hello"));
    let message = Message::User(Bytes::from_static(b"hello"));
    assert_eq!(rig.packets(), [(address("n1"), vec![message])]);
}

#[test]
fn random_members_are_alive_others_and_not_excluded() {
    let mut rig = Rig::with_members(quiet(), 6);
    rig.hear(Message::Suspect(accusation("n1", 5, "n4")));
    rig.hear(Message::Dead(accusation("n2", 5, "n4")));
    let chosen = rig.swim.random_alive(9, |peer| &*peer.name == "n3");
    let names: BTreeSet<_> = chosen.iter().map(|peer| &*peer.name).collect();
    assert_eq!(names, ["n4", "n5", "n6"].into());
    assert_eq!(rig.swim.random_alive(2, |_| false).len(), 2);
}
