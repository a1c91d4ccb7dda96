//! Whatever peers send, nothing panics and nothing grows without a bound.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::address;
use super::rig::Rig;
use crate::agent::gossip::serf::{Input, Output, QueryKey};
use crate::agent::gossip::swim;
use crate::agent::gossip::wire::{
    EventsAt, Filter, JoinIntent, LeaveIntent, Message, Query, QueryResponse, Relay, SerfMessage,
    SerfState, UserEvent, encode_key_request,
};

#[derive(Debug, Clone)]
enum Act {
    Say(SerfMessage),
    Raw(Vec<u8>),
    Push(SerfState),
    RawPush(Vec<u8>, bool),
    Alive(String, u32),
    Dead(String, u32, String),
    Pass(Duration),
    Respond(QueryKey),
    ForceLeave(String, bool),
    Saved(bool),
}

fn node() -> impl Strategy<Value = String> {
    prop_oneof![Just("n1".to_owned()), "n[2-4]", any::<String>()]
}

fn ltime() -> impl Strategy<Value = u64> {
    prop_oneof![0..20_u64, 500..600_u64, any::<u64>(), Just(u64::MAX)]
}

fn bytes() -> impl Strategy<Value = Bytes> {
    proptest::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from)
}

fn filters() -> impl Strategy<Value = Vec<Bytes>> {
    let tag = (any::<String>(), any::<String>())
        .prop_map(|(tag, expr)| Filter::Tag { tag, expr }.encode());
    proptest::collection::vec(prop_oneof![bytes(), tag], 0..3)
}

fn query() -> impl Strategy<Value = SerfMessage> {
    let names = prop_oneof![
        Just("_serf_ping".to_owned()),
        Just("_serf_conflict".to_owned()),
        Just("_serf_install-key".to_owned()),
        Just("_serf_use-key".to_owned()),
        Just("_serf_remove-key".to_owned()),
        Just("_serf_list-keys".to_owned()),
        any::<String>(),
    ];
    let payload = prop_oneof![bytes(), bytes().prop_map(|key| encode_key_request(&key))];
    let head = (ltime(), 0..3_u32, 0..4_u32, any::<u8>(), any::<Duration>());
    (head, filters(), names, payload, 1..4_u16).prop_map(
        |((ltime, id, flags, relay_factor, timeout), filters, name, payload, port)| {
            SerfMessage::Query(Query {
                ltime,
                id,
                address: address(port),
                source_node: "n2".into(),
                filters,
                flags,
                relay_factor,
                timeout,
                name,
                payload,
            })
        },
    )
}

fn message() -> impl Strategy<Value = SerfMessage> {
    let event = (ltime(), any::<String>(), bytes(), any::<bool>()).prop_map(
        |(ltime, name, payload, coalesce)| {
            SerfMessage::UserEvent(UserEvent {
                ltime,
                name,
                payload,
                coalesce,
            })
        },
    );
    let response = (ltime(), 0..3_u32, node(), 0..4_u32, bytes()).prop_map(
        |(ltime, id, from, flags, payload)| {
            SerfMessage::QueryResponse(QueryResponse {
                ltime,
                id,
                from: from.into(),
                flags,
                payload,
            })
        },
    );
    prop_oneof![
        (ltime(), node()).prop_map(|(ltime, node)| {
            let node = node.into();
            SerfMessage::Join(JoinIntent { ltime, node })
        }),
        (ltime(), node(), any::<bool>()).prop_map(|(ltime, node, prune)| {
            let node = node.into();
            SerfMessage::Leave(LeaveIntent { ltime, node, prune })
        }),
        event,
        query(),
        response,
        bytes().prop_map(|message| SerfMessage::Relay(Relay {
            to: address(3),
            to_node: "n3".into(),
            message,
        })),
    ]
}

fn state() -> impl Strategy<Value = SerfState> {
    let times = proptest::collection::btree_map(node().prop_map(Into::into), ltime(), 0..4);
    let left = proptest::collection::vec(node().prop_map(Into::into), 0..3);
    let at = (ltime(), any::<String>(), bytes()).prop_map(|(ltime, name, payload)| {
        Some(EventsAt {
            ltime,
            events: vec![(name, payload)],
        })
    });
    let events = proptest::collection::vec(at, 0..4);
    (ltime(), times, left, ltime(), events, ltime()).prop_map(
        |(ltime, status_ltimes, left_members, event_ltime, events, query_ltime)| SerfState {
            ltime,
            status_ltimes,
            left_members,
            event_ltime,
            events,
            query_ltime,
        },
    )
}

fn act() -> impl Strategy<Value = Act> {
    let raw = || proptest::collection::vec(any::<u8>(), 0..60);
    prop_oneof![
        8 => message().prop_map(Act::Say),
        2 => raw().prop_map(Act::Raw),
        2 => state().prop_map(Act::Push),
        1 => (raw(), any::<bool>()).prop_map(|(raw, join)| Act::RawPush(raw, join)),
        2 => (node(), any::<u32>()).prop_map(|(node, n)| Act::Alive(node, n)),
        2 => (node(), any::<u32>(), node()).prop_map(|(node, n, from)| Act::Dead(node, n, from)),
        2 => (0..100_000_u64).prop_map(|ms| Act::Pass(Duration::from_millis(ms))),
        1 => (ltime(), 0..3_u32).prop_map(|(ltime, id)| Act::Respond(QueryKey { ltime, id })),
        1 => (node(), any::<bool>()).prop_map(|(node, prune)| Act::ForceLeave(node, prune)),
        1 => any::<bool>().prop_map(Act::Saved),
    ]
}

fn perform(rig: &mut Rig, act: Act) {
    match act {
        Act::Say(message) => rig.say(&message),
        Act::Raw(bytes) => rig.message(Message::User(bytes.into())),
        Act::Push(state) => rig.pushed(&state),
        Act::RawPush(user_state, join) => {
            let state = crate::agent::gossip::wire::PushPull {
                join,
                nodes: Vec::new(),
                user_state: user_state.into(),
            };
            let (stream, from) = (1, address(9));
            rig.net(swim::Input::PushPullRequest {
                stream,
                from,
                state,
            });
        }
        Act::Alive(node, incarnation) => rig.alive(&node, incarnation),
        Act::Dead(node, incarnation, from) => rig.dead(&node, incarnation, &from),
        Act::Pass(time) => {
            rig.now += time;
            rig.serf.handle(rig.now, Input::Tick);
        }
        Act::Respond(key) => _ = rig.serf.respond(rig.now, key, Bytes::new()),
        Act::ForceLeave(node, prune) => _ = rig.serf.force_leave(rig.now, &node, prune),
        Act::Saved(ok) => {
            let result = if ok { Ok(()) } else { Err("full".to_owned()) };
            rig.serf.handle(rig.now, Input::KeyringSaved(result));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_that_peers_send_panics(
        acts in proptest::collection::vec(act(), 1..40),
        encrypted in any::<bool>(),
    ) {
        let ring = std::sync::Arc::new(crate::agent::gossip::wire::Keyring::new(super::pool::key(1)));
        let mut rig = Rig::with(|options| options.keyring = encrypted.then_some(ring));
        for act in acts {
            perform(&mut rig, act);
            rig.told();
            prop_assert!(rig.serf.members().any(|member| *member.name == **rig.serf.name()));
        }
        rig.serf.leave(rig.now);
        rig.run(Duration::from_secs(20));
        let told = rig.told();
        prop_assert_eq!(told.last(), Some(&Output::Left));
    }

    #[test]
    fn two_members_agree_whatever_the_order_of_intents(
        intents in proptest::collection::vec((any::<bool>(), 1..8_u64), 1..8),
    ) {
        let hear = |intents: &mut dyn Iterator<Item = &(bool, u64)>| {
            let mut rig = Rig::new();
            rig.alive("n2", 1);
            for (join, ltime) in intents {
                if *join {
                    rig.join_intent("n2", *ltime);
                } else {
                    rig.leave_intent("n2", *ltime, false);
                }
            }
            rig.status("n2")
        };
        // Of one time only one intent exists.
        let mut intents = intents;
        intents.sort_by_key(|(_, ltime)| *ltime);
        intents.dedup_by_key(|(_, ltime)| *ltime);
        prop_assert_eq!(hear(&mut intents.iter()), hear(&mut intents.iter().rev()));
    }
}
