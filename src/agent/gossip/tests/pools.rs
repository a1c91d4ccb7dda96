//! Joining, events, queries, leaving and failing.

use super::*;
use crate::agent::gossip::serf::{Policy, QueryRequest, RequestError};
use crate::agent::gossip::{GossipError, JoinError, QueryReply};
use crate::agent::telemetry::metrics::MetricsSettings;
use bytes::Bytes;

#[tokio::test]
async fn members_agree_and_the_list_is_sorted() {
    let [a, b] = pair(settings("a"), settings("b")).await;
    let c = start(settings("c"));
    assert_eq!(c.1.join(&place(&b.1)).await, Ok(1));
    for pool in [&a.1, &b.1, &c.1] {
        until_alive(pool, &["a", "b", "c"]).await;
    }
    assert_eq!(a.1.members(), b.1.members());
    let own = c.1.local();
    assert_eq!(own.name, "c");
    assert_eq!(own.tags["role"], "node");
    assert_eq!(
        (own.protocol_min, own.protocol_cur, own.protocol_max),
        (1, 2, 5)
    );
    assert_eq!(
        (own.delegate_min, own.delegate_cur, own.delegate_max),
        (2, 4, 5)
    );
    let info = c.1.info().await;
    assert_eq!(info["members"], "3");
    assert_eq!(info["encrypted"], "false");
    let tags = Tags::from([("role".to_owned(), "other".to_owned())]);
    c.1.set_tags(tags).await.unwrap();
    until(&a.1, "the new tags", |members| {
        members
            .iter()
            .any(|member| member.name == "c" && member.tags["role"] == "other")
    })
    .await;
    let large = Tags::from([("a".to_owned(), "b".repeat(600))]);
    let refused = c.1.set_tags(large).await;
    assert_eq!(
        refused,
        Err(GossipError::Request(RequestError::TagsTooLarge {
            limit: 512
        }))
    );
}

#[tokio::test]
async fn user_events_reach_everybody_once() {
    let [a, b] = pair(settings("a"), settings("b")).await;
    let (mut at_a, mut at_b) = (a.1.subscribe(), b.1.subscribe());
    let payload = Bytes::from_static(b"version 7");
    a.1.user_event("deploy", payload.clone(), false)
        .await
        .unwrap();
    for events in [&mut at_a, &mut at_b] {
        let told = event(events, |event| match event {
            Event::User {
                name,
                payload,
                coalesce,
                ..
            } => Some((name, payload, coalesce)),
            _ => None,
        });
        assert_eq!(told.await, ("deploy".to_owned(), payload.clone(), false));
    }
    let large = a.1.user_event("deploy", vec![0; 600].into(), false).await;
    let text = large.expect_err("is too large").to_string();
    assert_eq!(
        text,
        "user event exceeds configured limit of 512 bytes before encoding"
    );
}

#[tokio::test]
async fn a_query_is_answered() {
    let [a, b] = pair(settings("a"), settings("b")).await;
    let mut at_b = b.1.subscribe();
    let request = QueryRequest {
        name: "load".to_owned(),
        payload: Bytes::from_static(b"?"),
        ack: true,
        timeout: Some(Duration::from_secs(3)),
        ..QueryRequest::default()
    };
    let mut replies = a.1.query(request).await.unwrap();
    let key = event(&mut at_b, |event| match event {
        Event::Query {
            key, name, source, ..
        } if name == "load" && &*source == "a" => Some(key),
        _ => None,
    })
    .await;
    b.1.respond(key, Bytes::from_static(b"0.7")).await.unwrap();
    let mut acks = Vec::new();
    let waiting = async {
        loop {
            match replies
                .recv()
                .await
                .expect("the answer comes before the end")
            {
                QueryReply::Ack(from) => acks.push(from.to_string()),
                QueryReply::Response { from, payload } => break (from, payload),
            }
        }
    };
    let (from, payload) = timeout(PATIENCE, waiting).await.expect("is answered");
    assert_eq!((&*from, &payload[..]), ("b", &b"0.7"[..]));
    assert!(acks.contains(&"b".to_owned()), "{acks:?}");
    let again = b.1.respond(key, Bytes::new()).await;
    assert!(again.is_err(), "a query is answered once");
    let ended = async { while replies.recv().await.is_some() {} };
    timeout(PATIENCE, ended)
        .await
        .expect("a query ends with its time");
}

#[tokio::test]
async fn whoever_leaves_is_said_to_have_left() {
    let [a, b] = pair(settings("a"), settings("b")).await;
    let mut at_a = a.1.subscribe();
    b.1.leave().await.unwrap();
    until_status(&a.1, "b", MemberStatus::Left).await;
    let left = event(&mut at_a, |event| match event {
        Event::Members(crate::agent::gossip::MemberChange::Leave, members) => Some(members),
        _ => None,
    });
    assert_eq!(&*left.await[0].name, "b");
    assert_eq!(b.1.join(&place(&a.1)).await, Err(JoinError::Stopped));
    b.1.leave().await.expect("leaving again changes nothing");
    b.0.shutdown().await;
    assert_eq!(b.1.leave().await, Err(GossipError::Stopped));
    assert_eq!(b.1.info().await.len(), 0);
}

#[tokio::test]
async fn whoever_is_gone_without_a_word_has_failed_until_told_to_have_left() {
    let [a, b] = pair(settings("a"), settings("b")).await;
    drop(b);
    until_status(&a.1, "b", MemberStatus::Failed).await;
    let unknown =
        a.1.force_leave("nobody", false)
            .await
            .expect_err("is unknown");
    assert_eq!(unknown.to_string(), "No node found with name 'nobody'");
    a.1.force_leave("b", false).await.unwrap();
    until_status(&a.1, "b", MemberStatus::Left).await;
    a.1.force_leave("b", true).await.unwrap();
    until(&a.1, "b is forgotten", |members| members.len() == 1).await;
}

#[tokio::test]
async fn joining_fails_in_the_words_of_consul() {
    let a = start(settings("a"));
    let reason = |address: String| {
        let handle = a.1.clone();
        async move {
            handle
                .join(&address)
                .await
                .expect_err("nobody is there")
                .to_string()
        }
    };
    let closed = address();
    assert_eq!(
        reason(format!("{closed}:1")).await,
        format!("Failed to join {closed}: dial tcp {closed}:1: connect: connection refused")
    );
    assert_eq!(
        reason(format!("n7/{closed}")).await,
        format!("Failed to join {closed}: dial tcp {closed}:8301: connect: connection refused")
    );
    let bad = reason(format!("{closed}:abc")).await;
    assert_eq!(
        bad,
        format!(
            "Failed to resolve {closed}:abc: strconv.ParseUint: parsing \"abc\": invalid syntax"
        )
    );
    let error = a.1.join("localhost:1").await.expect_err("nobody is there");
    for line in error.to_string().split("\n\t* ") {
        assert!(line.starts_with("Failed to join "), "{line}");
        assert!(line.ends_with(": connect: connection refused"), "{line}");
    }
    assert_eq!(error.count(), error.to_string().split("\n\t* ").count());
}

/// Refuses everybody.
struct Nobody;

impl Policy for Nobody {
    fn accepts(&mut self, members: &[serf::Member]) -> Result<(), String> {
        Err(format!(
            "Member '{}' part of wrong datacenter 'dc2'",
            members[0].name
        ))
    }

    fn reconnect_timeout(&self, _: &serf::Member, default: Duration) -> Duration {
        default
    }
}

#[tokio::test]
async fn the_applications_refusal_is_told() {
    let mut wary = settings("wary");
    wary.policy = Box::new(Nobody);
    let (wary, other) = (start(wary), start(settings("other")));
    let at = place(&other.1);
    let error = wary.1.join(&at).await.expect_err("is refused");
    let ip = other.1.local().addr;
    assert_eq!(
        error.to_string(),
        format!("Failed to join {ip}: Member 'other' part of wrong datacenter 'dc2'")
    );
    assert_eq!(wary.1.members().len(), 1);
}

#[tokio::test]
async fn dropping_every_handle_does_not_end_the_pool() {
    let [(a, at_a), b] = pair(settings("a"), settings("b")).await;
    drop(at_a);
    let payload = Bytes::from_static(b"x");
    let mut events = b.1.subscribe();
    b.1.user_event("still", payload, false).await.unwrap();
    event(&mut events, |event| {
        matches!(event, Event::User { .. }).then_some(())
    })
    .await;
    let (_, late) = pair_up(&b, settings("c")).await;
    until_alive(&late, &["a", "b", "c"]).await;
    a.shutdown().await;
}

async fn pair_up(with: &(Gossip, GossipHandle), third: GossipSettings) -> (Gossip, GossipHandle) {
    let third = start(third);
    assert_eq!(third.1.join(&place(&with.1)).await, Ok(1));
    third
}

#[tokio::test]
async fn metrics_are_counted() {
    let metrics = Metrics::detached(MetricsSettings {
        prometheus_retention: Duration::from_hours(1),
        ..MetricsSettings::default()
    });
    let mut counted = settings("a");
    counted.metrics = metrics.clone();
    let [a, b] = pair(counted, settings("b")).await;
    let mut events = a.1.subscribe();
    let fired = b.1.user_event("deploy", Bytes::new(), false);
    fired.await.unwrap();
    event(&mut events, |event| {
        matches!(event, Event::User { .. }).then_some(())
    })
    .await;
    drop(b);
    until_status(&a.1, "b", MemberStatus::Failed).await;
    let seen = metrics.prometheus().expect("is on");
    for name in [
        "memberlist.udp.sent",
        "memberlist.udp.received",
        "memberlist.tcp.accept",
        "memberlist.msg.alive",
        "memberlist.msg.suspect",
        "serf.events",
        "serf.events.deploy",
        "serf.member.join",
        "serf.member.failed",
    ] {
        let family = format!(
            "
consul_{}",
            name.replace('.', "_")
        );
        assert!(seen.contains(&family), "{name}: {seen}");
    }
}

#[tokio::test]
async fn whoever_has_a_name_that_is_taken_ends_without_leaving() {
    let [a, b] = pair(settings("a"), settings("b")).await;
    let mut twin = settings("a");
    twin.serf.resolve_name_conflicts = true;
    let twin = start(twin);
    assert_eq!(twin.1.join(&place(&b.1)).await, Ok(1));
    timeout(PATIENCE, twin.1.requests.closed())
        .await
        .expect("the twin gives way");
    let refused = twin.1.user_event("late", Bytes::new(), false).await;
    assert_eq!(refused.unwrap_err().to_string(), "Serf is shut down");
    twin.0.shutdown().await;
    for pool in [&a.1, &b.1] {
        until_alive(pool, &["a", "b"]).await;
        let first = pool
            .members()
            .iter()
            .find(|member| member.name == "a")
            .cloned();
        assert_eq!(first.map(|member| member.addr), Some(a.1.local().addr));
    }
}
