//! Foreign names: recursors in order, failures, truncation, records that nobody here knows.

use std::net::{Ipv4Addr, SocketAddr};

use hickory_proto::op::{Message, ResponseCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinHandle;

use super::fixture::question;
use super::server::{ask, ask_tcp, client, receive, start};

/// What a recursor does with every question.
#[derive(Clone, Copy)]
enum Habit {
    /// Answers with these flags and this record behind the question.
    Answers(u16, &'static [u8]),
    /// Says over UDP that it does not fit, and answers over TCP.
    TooLong(&'static [u8]),
    /// Answers under a wrong identifier, for a wrong question, and then as it should.
    Forged(&'static [u8]),
    /// Says nothing.
    Silent,
}

/// An address record, and one of a type of which nothing is known.
const ADDRESS: &[u8] = b"\xc0\x0c\0\x01\0\x01\0\0\0\x4d\0\x04\x05\x06\x07\x08";
const UNKNOWN: &[u8] = b"\xc0\x0c\xff\x01\0\x01\0\0\0\x4d\0\x05\xc0\x0c\0\xffx";
const OK: u16 = 0x8180;

struct Recursor {
    address: SocketAddr,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for Recursor {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Recursor {
    async fn start(habit: Habit) -> Self {
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let address = udp.local_addr().unwrap();
        let over_udp = tokio::spawn(async move {
            let mut packet = [0; 512];
            loop {
                let (length, from) = udp.recv_from(&mut packet).await.unwrap();
                for reply in replies(habit, &packet[..length], false) {
                    udp.send_to(&reply, from).await.unwrap();
                }
            }
        });
        let over_tcp = tokio::spawn(async move {
            loop {
                let (mut stream, _) = tcp.accept().await.unwrap();
                let length = stream.read_u16().await.unwrap();
                let mut packet = vec![0; usize::from(length)];
                stream.read_exact(&mut packet).await.unwrap();
                for reply in replies(habit, &packet, true) {
                    let length = u16::try_from(reply.len()).unwrap().to_be_bytes();
                    stream
                        .write_all(&[&length[..], &reply].concat())
                        .await
                        .unwrap();
                }
            }
        });
        Self {
            address,
            tasks: [over_udp, over_tcp],
        }
    }
}

fn replies(habit: Habit, packet: &[u8], tcp: bool) -> Vec<Vec<u8>> {
    let end = 12 + packet[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
    let reply = |flags: u16, record: &[u8]| {
        let mut reply = packet[..2].to_vec();
        reply.extend_from_slice(&flags.to_be_bytes());
        reply.extend_from_slice(&[0, 1, 0, u8::from(!record.is_empty()), 0, 0, 0, 0]);
        reply.extend_from_slice(&packet[12..end]);
        reply.extend_from_slice(record);
        reply
    };
    match habit {
        Habit::Silent => Vec::new(),
        Habit::Answers(flags, record) => vec![reply(flags, record)],
        Habit::TooLong(_) if !tcp => vec![reply(OK | 0x0200, &[])],
        Habit::TooLong(record) => vec![reply(OK, record)],
        Habit::Forged(record) => {
            let (mut id, mut other, good) = (reply(OK, &[]), reply(OK, &[]), reply(OK, record));
            id[0] ^= 0xff;
            other[13] ^= 0x01;
            vec![id, other, b"short".to_vec(), good]
        }
    }
}

async fn with(recursors: &[&Recursor], more: &str) -> crate::agent::dns::DnsServer {
    let set = recursors
        .iter()
        .map(|recursor| format!("set recursor {}\n", recursor.address));
    let wait = "set recursor_timeout_ms 300\n";
    start(&[set.collect::<String>().as_str(), wait, more].concat()).await
}

#[tokio::test]
async fn answers_are_passed_back_byte_for_byte() {
    let recursor = Recursor::start(Habit::Answers(OK, UNKNOWN)).await;
    let server = with(&[&recursor], "").await;
    let socket = client(&server).await;
    let packet = question("What.Example.com", "65281", Some(1232));
    socket.send(&packet).await.unwrap();
    let reply = receive(&socket).await;
    assert_eq!(reply[..2], packet[..2]);
    assert!(reply.ends_with(UNKNOWN));
    assert_eq!(reply[12..34], packet[12..34]);
    server.shutdown().await;
}

#[tokio::test]
async fn the_next_recursor_is_asked_when_one_fails() {
    let servfail = Recursor::start(Habit::Answers(OK | 2, &[])).await;
    let refused = Recursor::start(Habit::Answers(OK | 5, &[])).await;
    let silent = Recursor::start(Habit::Silent).await;
    let good = Recursor::start(Habit::Answers(OK, ADDRESS)).await;
    let server = with(&[&servfail, &refused, &silent, &good], "").await;
    let message = ask(&client(&server).await, &question("example.com", "A", None)).await;
    assert_eq!(message.answers.len(), 1);
    server.shutdown().await;
}

#[tokio::test]
async fn no_such_name_is_an_answer() {
    let unknown = Recursor::start(Habit::Answers(OK | 3, &[])).await;
    let good = Recursor::start(Habit::Answers(OK, ADDRESS)).await;
    let server = with(&[&unknown, &good], "").await;
    let message = ask(&client(&server).await, &question("example.com", "A", None)).await;
    assert_eq!(message.metadata.response_code, ResponseCode::NXDomain);
    server.shutdown().await;
}

#[tokio::test]
async fn when_all_fail_the_lookup_fails() {
    let servfail = Recursor::start(Habit::Answers(OK | 2, &[])).await;
    let silent = Recursor::start(Habit::Silent).await;
    let server = with(&[&servfail, &silent], "").await;
    for name in ["example.com", "9.9.9.9.in-addr.arpa"] {
        let message = ask(&client(&server).await, &question(name, "A", Some(1232))).await;
        assert_eq!(message.metadata.response_code, ResponseCode::ServFail);
        assert!(message.metadata.recursion_available && !message.metadata.authoritative);
        assert!(message.edns.is_some());
    }
    server.shutdown().await;
}

#[tokio::test]
async fn truncation_reaches_the_client_and_tcp_goes_over_tcp() {
    let recursor = Recursor::start(Habit::TooLong(ADDRESS)).await;
    let server = with(&[&recursor], "").await;
    let packet = question("example.com", "A", None);
    let over_udp = ask(&client(&server).await, &packet).await;
    assert!(over_udp.metadata.truncation && over_udp.answers.is_empty());
    let mut stream = TcpStream::connect(server.addresses()[0]).await.unwrap();
    let over_tcp = Message::from_vec(&ask_tcp(&mut stream, &packet).await).unwrap();
    assert_eq!(over_tcp.answers.len(), 1);
    server.shutdown().await;
}

#[tokio::test]
async fn forged_answers_are_passed_over() {
    let recursor = Recursor::start(Habit::Forged(ADDRESS)).await;
    let server = with(&[&recursor], "").await;
    let message = ask(&client(&server).await, &question("example.com", "A", None)).await;
    assert_eq!(message.answers.len(), 1);
    server.shutdown().await;
}

#[tokio::test]
async fn aliases_into_the_world_are_followed() {
    let recursor = Recursor::start(Habit::TooLong(ADDRESS)).await;
    let server = with(
        &[&recursor],
        "node host host.example.com\nservice host hosted 80\nnode n1 10.0.0.1\nservice n1 web 81\n",
    )
    .await;
    let socket = client(&server).await;
    let message = ask(&socket, &question("hosted.service.consul", "A", None)).await;
    let rows: Vec<String> = message.answers.iter().map(ToString::to_string).collect();
    assert_eq!(
        rows,
        [
            "hosted.service.consul. 0 IN CNAME host.example.com.",
            "host.example.com. 0 IN A 5.6.7.8"
        ]
    );
    // Names of our own need no recursor, reverse names only when they are not ours.
    assert_eq!(
        ask(&socket, &question("web.service.consul", "A", None))
            .await
            .answers
            .len(),
        1
    );
    let ours = ask(&socket, &question("1.0.0.10.in-addr.arpa", "PTR", None)).await;
    assert!(ours.metadata.authoritative);
    let theirs = ask(&socket, &question("9.9.9.9.in-addr.arpa", "PTR", None)).await;
    assert!(!theirs.metadata.authoritative && theirs.metadata.truncation);
    server.shutdown().await;
}

#[tokio::test]
async fn a_slow_recursor_holds_up_nobody_else() {
    let silent = Recursor::start(Habit::Silent).await;
    let server = with(&[&silent], "node n1 10.0.0.1\n").await;
    let socket = client(&server).await;
    for _ in 0..20 {
        socket
            .send(&question("example.com", "A", None))
            .await
            .unwrap();
    }
    let mut own = question("n1.node.consul", "A", None);
    own[1] = 0x99;
    socket.send(&own).await.unwrap();
    assert_eq!(receive(&socket).await[1], 0x99);
    server.shutdown().await;
}
