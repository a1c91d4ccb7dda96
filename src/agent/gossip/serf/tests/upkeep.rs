//! What serf does from time to time, and coordinates.

use std::time::Duration;

use bytes::Bytes;

use super::pool::{Pool, name};
use super::rig::Rig;
use super::{address, member};
use crate::agent::gossip::serf::{
    Event, Member, MemberChange, Notice, Output, Policy, RequestError,
};
use crate::agent::gossip::swim;
use crate::agent::gossip::wire::{Ack, Message, SerfMessage, Tags, UserEvent, encode_coordinate};
use crate::model::coordinate::Coordinate;
use crate::model::member::MemberStatus as S;

#[test]
fn a_failed_member_is_tried_again_and_comes_back() {
    let mut pool = Pool::of(3, |_| {});
    pool.nodes[2].cut_off = true;
    for n in 0..2 {
        pool.run_until("n3 fails", |pool| pool.status(n, 2) == Some(S::Failed));
    }
    // Longer than the dead are told that they are.
    pool.run(Duration::from_mins(1));
    pool.nodes[2].cut_off = false;
    for n in 0..3 {
        pool.run_until("n3 is back", |pool| {
            pool.statuses(n)
                .iter()
                .all(|(_, status)| *status == S::Alive)
        });
    }
    let trying = |n: usize| {
        pool.notices(n)
            .any(|notice| matches!(notice, Notice::Reconnecting { .. }))
    };
    assert!((0..3).any(trying));
    let failed = |event: &Event| matches!(event, Event::Members(MemberChange::Failed, _));
    assert_eq!(pool.events(0).filter(|event| failed(event)).count(), 1);
}

#[test]
fn one_failed_member_is_tried_at_a_time() {
    let mut rig = Rig::with_n2(S::Failed);
    let tries = |rig: &mut Rig| {
        rig.run(Duration::from_secs(30));
        let told = rig.told().into_iter();
        let tries = told.filter_map(|output| match output {
            Output::Net(swim::Output::PushPull { exchange, to, .. }) => Some((exchange, to)),
            _ => None,
        });
        tries.collect::<Vec<_>>()
    };
    let first = tries(&mut rig);
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].1, address(2));
    assert_eq!(tries(&mut rig), [], "the first try still runs");
    let result = Err("connection refused".to_owned());
    let exchange = first[0].0;
    let queued = rig.serf.stats().intent_queue;
    rig.net(swim::Input::PushPullReply { exchange, result });
    assert_eq!(rig.serf.stats().intent_queue, queued, "nobody joined");
    assert_eq!(tries(&mut rig).len(), 1);
}

#[test]
fn queues_are_cut_to_their_bound() {
    let mut rig = Rig::with(|options| options.serf.min_queue_depth = 3);
    for n in 0..6 {
        rig.serf
            .user_event(rig.now, &n.to_string(), Bytes::new(), false)
            .unwrap();
    }
    rig.told();
    rig.run(Duration::from_secs(30));
    let notices: Vec<_> = rig
        .told()
        .into_iter()
        .filter_map(|output| match output {
            Output::Notice(notice) => Some(notice),
            _ => None,
        })
        .collect();
    let depths = Notice::Queues {
        intents: 0,
        events: 3,
        queries: 0,
    };
    assert!(notices.contains(&depths), "{notices:?}");
    let pruned = Notice::QueuePruned {
        queue: "Event",
        depth: 6,
        dropped: 3,
    };
    assert!(notices.contains(&pruned));
    assert_eq!(rig.serf.stats().event_queue, 3);
}

#[test]
fn member_events_are_told_together_when_wished() {
    let mut rig = Rig::with(|options| {
        options.serf.coalesce_period = Duration::from_secs(3);
        options.serf.quiescent_period = Duration::from_secs(1);
    });
    rig.run(Duration::from_secs(2));
    rig.told();
    rig.alive("n2", 1);
    rig.alive("n3", 1);
    let members = |rig: &mut Rig| -> Vec<Event> {
        let told = rig.told().into_iter();
        told.filter_map(|output| match output {
            Output::Event(event) => Some(event),
            _ => None,
        })
        .collect()
    };
    assert!(members(&mut rig).is_empty());
    rig.run(Duration::from_secs(1));
    let events = members(&mut rig);
    assert!(
        matches!(&events[..], [Event::Members(MemberChange::Join, who)] if who.len() == 2),
        "{events:?}"
    );
}

#[test]
fn tags_are_told_to_all_and_bounded() {
    let mut pool = Pool::of(2, |_| {});
    let tags = Tags::from([("role".to_owned(), "new".to_owned())]);
    pool.nodes[0].serf.set_tags(pool.now, tags.clone()).unwrap();
    pool.settle();
    for n in 0..2 {
        pool.run_until("all know the tags", |pool| {
            let mut members = pool.nodes[n].serf.members();
            members.any(|member| *member.name == *name(0) && *member.tags == tags)
        });
    }
    let updated = |event: &Event| matches!(event, Event::Members(MemberChange::Update, _));
    assert_eq!(pool.events(1).filter(|event| updated(event)).count(), 1);
    let large = Tags::from([("t".to_owned(), "x".repeat(512))]);
    let refused = pool.nodes[0].serf.set_tags(pool.now, large);
    let expected = RequestError::TagsTooLarge { limit: 512 };
    assert_eq!(refused, Err(expected.clone()));
    assert_eq!(
        expected.to_string(),
        "Encoded length of tags exceeds limit of 512 bytes"
    );
}

struct NoWeb;

impl Policy for NoWeb {
    fn accepts(&mut self, members: &[Member]) -> Result<(), String> {
        let web = members
            .iter()
            .find(|member| member.tags.get("role").is_some_and(|r| r == "web"));
        web.map_or(Ok(()), |member| Err(format!("{} is web", member.name)))
    }

    fn reconnect_timeout(&self, member: &Member, default: Duration) -> Duration {
        let wish = member.tags.get("keep").and_then(|text| text.parse().ok());
        wish.map_or(default, Duration::from_secs)
    }
}

#[test]
fn the_application_decides_who_may_be_a_member_and_for_how_long() {
    let mut rig = Rig::with(|options| options.policy = Box::new(NoWeb));
    let tags = |tag: &str, value: &str| Tags::from([(tag.to_owned(), value.to_owned())]);
    rig.alive_with("n2", 1, &tags("role", "web"));
    assert_eq!(rig.status("n2"), None);
    rig.alive_with("n3", 1, &tags("keep", "100"));
    rig.dead("n3", 1, "n9");
    rig.run(Duration::from_secs(100));
    assert_eq!(rig.status("n3"), Some((S::Failed, 0)));
    rig.run(Duration::from_secs(16));
    assert_eq!(rig.status("n3"), None);
}

#[test]
fn a_refused_join_is_told_with_the_reason() {
    let mut pool = Pool::strangers(2, |options| {
        options.policy = Box::new(NoWeb);
        if *options.name == *name(1) {
            options.tags = Tags::from([("role".to_owned(), "web".to_owned())]);
        }
    });
    pool.join(0, 1);
    let done = swim::Output::ExchangeDone {
        id: 1,
        result: Err("n2 is web".to_owned()),
    };
    assert!(
        pool.nodes[0].told.contains(&Output::Net(done)),
        "{:?}",
        pool.nodes[0].told
    );
    assert_eq!(pool.statuses(0).len(), 1);
    assert_eq!(pool.nodes[0].serf.stats().intent_queue, 0);
}

#[test]
fn a_join_is_told_to_all_once_it_worked() {
    let mut pool = Pool::strangers(2, |_| {});
    pool.join(0, 1);
    let done = swim::Output::ExchangeDone {
        id: 1,
        result: Ok(()),
    };
    let done = Output::Net(done);
    let told = &pool.nodes[0].told;
    let at = told.iter().position(|output| *output == done).unwrap();
    let joined = told.iter().position(|output| {
        matches!(output, Output::Event(Event::Members(MemberChange::Join, who)) if *who[0].name == *name(1))
    });
    assert!(
        joined.unwrap() < at,
        "members come before the end of the join"
    );
    assert_eq!(pool.nodes[0].serf.stats().intent_queue, 1);
    pool.join(0, 5);
    assert_eq!(
        pool.nodes[0].serf.stats().intent_queue,
        1,
        "this one failed"
    );
}

/// The sequence number of a ping that the member sends on its own, and to whom.
fn ping_of(rig: &mut Rig) -> u32 {
    for _ in 0..100 {
        rig.run(Duration::from_millis(100));
        for output in rig.told() {
            let Output::Net(swim::Output::Packet(packet)) = output else {
                continue;
            };
            for part in packet.parts {
                let mut seq_no = None;
                crate::agent::gossip::wire::decode_packet(&part, &mut |message| {
                    if let Message::Ping(ping) = message {
                        seq_no = Some(ping.seq_no);
                    }
                })
                .unwrap();
                if let Some(seq_no) = seq_no {
                    return seq_no;
                }
            }
        }
    }
    panic!("nobody is probed");
}

#[test]
fn acknowledged_probes_place_us_in_the_network() {
    let mut rig = Rig::new();
    rig.alive("n2", 1);
    let answer = |rig: &mut Rig, payload: Bytes| {
        let seq_no = ping_of(rig);
        rig.now += Duration::from_millis(20);
        rig.message(Message::Ack(Ack { seq_no, payload }));
        let told = rig.told().into_iter().find_map(|output| match output {
            Output::Notice(
                notice @ (Notice::CoordinateUpdated { .. } | Notice::CoordinateRejected { .. }),
            ) => Some(notice),
            _ => None,
        });
        told.map(|notice| matches!(notice, Notice::CoordinateUpdated { .. }))
    };
    let start = rig.serf.coordinate().unwrap();
    let at = Coordinate {
        height: 2e-5,
        ..Coordinate::default()
    };
    assert_eq!(answer(&mut rig, encode_coordinate(&at)), Some(true));
    assert_ne!(rig.serf.coordinate().unwrap(), start);
    assert_eq!(rig.serf.coordinate_of("n2"), Some(at));
    assert_eq!(rig.serf.coordinate_of("n1"), rig.serf.coordinate());
    assert_eq!(rig.serf.coordinate_of("n9"), None);
    let other_version = Bytes::from_static(b"\x02\x80");
    assert_eq!(answer(&mut rig, other_version), Some(false));
    assert_eq!(answer(&mut rig, Bytes::new()), None, "there may be none");
    let flat = Coordinate {
        vec: vec![0.0; 3],
        ..Coordinate::default()
    };
    assert_eq!(answer(&mut rig, encode_coordinate(&flat)), Some(false));
    rig.leave_intent("n2", 9, false);
    rig.dead("n2", 1, "n2");
    rig.serf.force_leave(rig.now, "n2", true).unwrap();
    assert_eq!(
        rig.serf.coordinate_of("n2"),
        None,
        "forgotten with the member"
    );
}

#[test]
fn coordinates_can_be_off() {
    let mut rig = Rig::with(|options| options.serf.coordinates = false);
    assert_eq!(rig.serf.coordinate(), None);
    assert_eq!(rig.serf.coordinate_of("n1"), None);
    let ping = crate::agent::gossip::wire::Ping {
        seq_no: 1,
        node: "n1".into(),
        source: None,
    };
    rig.message(Message::Ping(ping));
    let sent = rig.told().into_iter().find_map(|output| match output {
        Output::Net(swim::Output::Packet(packet)) => Some(packet),
        _ => None,
    });
    let packet = sent.unwrap();
    assert_eq!(packet.to, address(99));
    let ack = Message::Ack(Ack {
        seq_no: 1,
        payload: Bytes::new(),
    });
    assert_eq!(packet.parts[0], ack.encode());
}

#[test]
fn members_are_shown_as_the_api_shows_them() {
    let public = member("n2").to_public();
    assert_eq!(
        (public.addr.as_str(), public.port, public.status),
        ("10.0.0.1", 1, 1)
    );
    assert_eq!((public.delegate_max, public.delegate_cur), (5, 4));
    let rig = Rig::new();
    let info = rig.serf.stats().to_info();
    assert_eq!(
        (info["members"].as_str(), info["encrypted"].as_str()),
        ("1", "false")
    );
}

#[test]
fn what_fits_no_packet_is_not_queued() {
    let mut rig = Rig::new();
    let event = |ltime, size| {
        SerfMessage::UserEvent(UserEvent {
            ltime,
            name: "large".to_owned(),
            payload: Bytes::from(vec![0; size]),
            coalesce: false,
        })
    };
    let spare = 1390 - event(1, 1000).encode().len();
    rig.say(&event(1, 1000 + spare + 1));
    assert_eq!(rig.serf.stats().event_queue, 0);
    let heard = rig
        .told()
        .into_iter()
        .any(|output| matches!(output, Output::Event(Event::User { name, .. }) if name == "large"));
    assert!(heard, "it came by stream: we may hear of it");
    rig.say(&event(2, 1000 + spare));
    assert_eq!(rig.serf.stats().event_queue, 1);
    rig.alive("n2", 1);
    rig.run(Duration::from_secs(5));
    assert_eq!(rig.serf.stats().event_queue, 0, "it was told to the end");
}
