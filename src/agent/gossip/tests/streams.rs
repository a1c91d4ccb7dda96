//! Peers that misbehave on streams and in datagrams.

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

use super::*;
use crate::agent::gossip::streams::LARGE_STREAMS;
use crate::agent::gossip::wire::{
    Message, Ping, Security, SerfMessage, StreamMessage, StreamReader, UserEvent, encode_push_pull,
    encode_user,
};

/// What a pool answers to these bytes on a stream.
async fn answer(to: &GossipHandle, bytes: &[u8]) -> Vec<u8> {
    let asking = async {
        let mut stream = TcpStream::connect(place(to)).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        answer
    };
    timeout(PATIENCE, asking)
        .await
        .expect("the stream is closed")
}

fn decode(bytes: &[u8]) -> Option<StreamMessage> {
    let mut reader = StreamReader::new(Arc::new(Security::default()), true);
    reader.feed(bytes);
    reader.next().expect("is a message")
}

fn ping(node: &str) -> Vec<u8> {
    let ping = Ping {
        seq_no: 7,
        node: node.into(),
        source: None,
    };
    Message::Ping(ping).encode().to_vec()
}

#[tokio::test]
async fn a_ping_by_stream_is_answered_if_it_means_us() {
    let a = start(settings("a"));
    match decode(&answer(&a.1, &ping("a")).await) {
        Some(StreamMessage::Ack(ack)) => assert_eq!(ack.seq_no, 7),
        other => panic!("{other:?}"),
    }
    assert_eq!(answer(&a.1, &ping("b")).await, b"");
}

#[tokio::test]
async fn what_makes_no_sense_is_answered_with_the_reason() {
    let a = start(settings("a"));
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[6, 1, 2, 3],
        &[10, 0, 0, 0, 1, 1],
    ] {
        match decode(&answer(&a.1, bytes).await) {
            Some(StreamMessage::Err(text)) => assert!(!text.is_empty()),
            other => panic!("{bytes:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_state_is_answered_with_ours() {
    let a = start(settings("a"));
    let body = encode_push_pull(false, [].iter(), b"");
    match decode(&answer(&a.1, &body).await) {
        Some(StreamMessage::PushPull(state)) => assert_eq!(&*state.nodes[0].node, "a"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_user_message_is_delivered_and_its_stream_closed() {
    let mut patient = settings("a");
    patient.swim.tcp_timeout = PATIENCE * 3;
    let a = start(patient);
    let mut events = a.1.subscribe();
    let sent = SerfMessage::UserEvent(UserEvent {
        ltime: 7,
        name: "deploy".to_owned(),
        payload: "now".into(),
        coalesce: false,
    });
    assert_eq!(answer(&a.1, &encode_user(&sent.encode())).await, b"");
    let payload = event(&mut events, |event| match event {
        Event::User { name, payload, .. } if name == "deploy" => Some(payload),
        _ => None,
    });
    assert_eq!(payload.await, "now");
}

#[tokio::test]
async fn a_silent_peer_is_closed_in_time() {
    let mut hasty = settings("a");
    hasty.swim.tcp_timeout = Duration::from_millis(200);
    let a = start(hasty);
    assert_eq!(answer(&a.1, b"").await, b"");
    assert_eq!(
        answer(&a.1, &[6]).await,
        b"",
        "half a message gets no answer"
    );
}

#[tokio::test]
async fn many_idle_peers_do_not_keep_others_out() {
    let a = start(settings("a"));
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(TcpStream::connect(place(&a.1)).await.unwrap());
    }
    let b = start(settings("b"));
    assert_eq!(b.1.join(&place(&a.1)).await, Ok(1));
    drop(idle);
}

#[tokio::test]
async fn datagrams_that_make_no_sense_are_survived() {
    let [a, b] = pair(settings("a"), settings("b")).await;
    let socket = UdpSocket::bind(SocketAddr::new(address(), 0))
        .await
        .unwrap();
    let large = vec![99; 60_000];
    for bytes in [
        &b""[..],
        &[0],
        &[7, 255],
        &[244, 3, 1],
        &[9, 0x81],
        &large[..],
    ] {
        socket.send_to(bytes, place(&a.1)).await.unwrap();
    }
    socket.send_to(&ping("a"), place(&a.1)).await.unwrap();
    let mut buffer = [0; 2048];
    let answered = timeout(PATIENCE, socket.recv_from(&mut buffer)).await;
    let (length, from) = answered.expect("is answered").unwrap();
    assert_eq!(from.to_string(), place(&a.1));
    assert!(length > 2);
    until_alive(&b.1, &["a", "b"]).await;
}

#[tokio::test]
async fn refusals_of_the_system_have_gos_words() {
    let mut hasty = settings("a");
    hasty.swim.tcp_timeout = Duration::from_millis(300);
    let a = start(hasty);
    let listener = tokio::net::TcpListener::bind(SocketAddr::new(address(), 0))
        .await
        .unwrap();
    let at = listener.local_addr().unwrap();
    let error = a.1.join(&at.to_string()).await.expect_err("nobody answers");
    let text = error.to_string();
    assert!(
        text.starts_with(&format!("Failed to join {}: read tcp ", at.ip())),
        "{text}"
    );
    assert!(text.ends_with(&format!("->{at}: i/o timeout")), "{text}");
    let closing = async {
        loop {
            drop(listener.accept().await);
        }
    };
    let at = at.to_string();
    let joining = a.1.join(&at);
    let error = tokio::select! {
        () = closing => unreachable!("never ends"),
        joined = joining => joined.expect_err("is closed"),
    };
    let text = error.to_string();
    assert!(
        text.ends_with(": EOF") || text.contains("connection reset by peer"),
        "{text}"
    );
}

#[tokio::test]
async fn slow_peers_do_not_keep_us_from_joining() {
    let mut patient = settings("a");
    patient.swim.tcp_timeout = PATIENCE * 3;
    let a = start(patient);
    // As many large messages as are read at a time, none of which ends.
    let large = encode_user(&vec![1; 1024 * 1024]);
    let mut slow = Vec::new();
    for _ in 0..LARGE_STREAMS {
        let mut stream = TcpStream::connect(place(&a.1)).await.unwrap();
        stream.write_all(&large[..600 * 1024]).await.unwrap();
        slow.push(stream);
    }
    assert!(decode(&answer(&a.1, &ping("a")).await).is_some());
    let listener = tokio::net::TcpListener::bind(SocketAddr::new(address(), 0))
        .await
        .unwrap();
    let at = listener.local_addr().unwrap().to_string();
    let answering = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let state = encode_push_pull(false, [].iter(), &vec![0; 600 * 1024]);
        stream.write_all(&state).await.unwrap();
        std::future::pending::<()>().await;
    };
    let joined = tokio::select! {
        () = answering => unreachable!("never ends"),
        joined = timeout(PATIENCE, a.1.join(&at)) => joined,
    };
    assert_eq!(joined, Ok(Ok(1)));
}
