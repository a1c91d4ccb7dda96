//! A ring in which nothing happens says little, and one in which something happens says it a bounded number
//! of times.

use std::time::Duration;

use bytes::Bytes;

use crate::ring::{ACK, PING, Ring, Sent, Spec, USER};
use crate::seeds;

const MEMBERS: usize = 200;

fn quiet_ring(seed: u64) -> Ring {
    let mut ring = Ring::new(seed, Spec::lan());
    ring.acquainted(MEMBERS);
    ring
}

/// Memberlist sends a ping each probe interval and answers those that come, one on average; and it exchanges
/// its state once in each push/pull interval, which is `ceil(log2 200 - 5) + 1` = 4 times 30 s here.
#[test]
fn a_quiet_ring_only_probes() {
    seeds::each(2, |seed| {
        let mut ring = quiet_ring(seed);
        let before = ring.sent;
        ring.run_for(Duration::from_mins(4));
        let sent = ring.sent.since(&before);
        let probes = 240 * MEMBERS as u64;
        assert!(sent.messages[PING] <= probes + MEMBERS as u64, "{sent:?}");
        assert!(sent.messages[PING] >= probes - MEMBERS as u64, "{sent:?}");
        assert!(sent.messages[ACK] <= sent.messages[PING] + 1, "{sent:?}");
        assert_eq!(
            sent.datagrams,
            sent.messages[PING] + sent.messages[ACK],
            "nothing but probes: {sent:?}"
        );
        assert!(sent.push_pulls <= 3 * MEMBERS as u64, "{sent:?}");
        assert!(sent.push_pulls >= MEMBERS as u64, "{sent:?}");
        assert_eq!(sent.stream_pings, 0, "{sent:?}");
    });
}

/// Everybody sends a message `4 * ceil(log10 201)` = 12 times, and then no more; who learnt of it from an
/// exchange of states does not pass it on.
#[test]
fn a_message_is_sent_a_bounded_number_of_times() {
    seeds::each(2, |seed| {
        let mut ring = quiet_ring(seed);
        let before = ring.sent;
        ring.ask(0, |serf, now| {
            serf.user_event(now, "deploy", Bytes::from_static(b"1"), false)
        })
        .expect("the event is small");
        ring.run_for(Duration::from_mins(1));
        let Sent { messages, .. } = ring.sent.since(&before);
        let most = 12 * MEMBERS as u64;
        assert!(messages[USER] <= most, "{messages:?}");
        assert!(messages[USER] > most - most / 20, "{messages:?}");
    });
}
