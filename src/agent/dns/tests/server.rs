//! The server on real sockets: datagrams good and bad, connections, reload, shutdown.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::fixture::{Fixture, question};
use crate::agent::dns::{DnsServer, DnsSettings, Rules};

/// Long enough for any machine; a test that passes never waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

const CATALOG: &str = "
    node web0 10.3.0.1
    service web0 web 80
    node web1 10.3.0.2
    service web1 web 81
";

pub(super) async fn start(script: &str) -> DnsServer {
    let fixture = Fixture::new(script);
    let settings = fixture.settings.clone();
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    DnsServer::start(&[any], settings, fixture).await.unwrap()
}

pub(super) async fn client(server: &DnsServer) -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    socket.connect(server.addresses()[0]).await.unwrap();
    socket
}

pub(super) async fn receive(socket: &UdpSocket) -> Vec<u8> {
    let mut reply = vec![0; 65_535];
    let length = timeout(PATIENCE, socket.recv(&mut reply))
        .await
        .unwrap()
        .unwrap();
    reply.truncate(length);
    reply
}

pub(super) async fn ask(socket: &UdpSocket, packet: &[u8]) -> Message {
    socket.send(packet).await.unwrap();
    Message::from_vec(&receive(socket).await).unwrap()
}

pub(super) async fn ask_tcp(stream: &mut TcpStream, packet: &[u8]) -> Vec<u8> {
    let length = u16::try_from(packet.len()).unwrap();
    stream
        .write_all(&[&length.to_be_bytes(), packet].concat())
        .await
        .unwrap();
    read_tcp(stream).await
}

async fn read_tcp(stream: &mut TcpStream) -> Vec<u8> {
    let length = timeout(PATIENCE, stream.read_u16()).await.unwrap().unwrap();
    let mut reply = vec![0; usize::from(length)];
    timeout(PATIENCE, stream.read_exact(&mut reply))
        .await
        .unwrap()
        .unwrap();
    reply
}

#[tokio::test]
async fn answers_over_udp_and_tcp() {
    let server = start(CATALOG).await;
    let packet = question("WEB.service.consul", "A", None);
    let over_udp = ask(&client(&server).await, &packet).await;
    assert_eq!(over_udp.metadata.id, 0x1234);
    assert_eq!(over_udp.answers.len(), 2);
    assert_eq!(over_udp.answers[0].name.to_string(), "WEB.service.consul.");
    let mut stream = TcpStream::connect(server.addresses()[0]).await.unwrap();
    let over_tcp = Message::from_vec(&ask_tcp(&mut stream, &packet).await).unwrap();
    assert_eq!(over_tcp.answers.len(), 2);
    server.shutdown().await;
}

#[tokio::test]
async fn a_connection_takes_many_questions() {
    let server = start(CATALOG).await;
    let mut stream = TcpStream::connect(server.addresses()[0]).await.unwrap();
    let mut questions = Vec::new();
    for n in 0..50_u8 {
        let mut packet = question("web.service.consul", "SRV", None);
        packet[1] = n;
        questions.extend_from_slice(&u16::try_from(packet.len()).unwrap().to_be_bytes());
        questions.extend_from_slice(&packet);
    }
    // All at once, and the last one in two pieces.
    let (first, rest) = questions.split_at(questions.len() - 7);
    stream.write_all(first).await.unwrap();
    for n in 0..49_u8 {
        assert_eq!(read_tcp(&mut stream).await[1], n);
    }
    stream.write_all(rest).await.unwrap();
    assert_eq!(read_tcp(&mut stream).await[1], 49);
    server.shutdown().await;
}

#[tokio::test]
async fn malformed_packets_do_no_harm() {
    let server = start(CATALOG).await;
    let socket = client(&server).await;
    let good = question("web.service.consul", "A", None);
    let mut response = good.clone();
    response[2] |= 0x80;
    for bad in [&[][..], &[0x12], &good[..11], &response] {
        socket.send(bad).await.unwrap();
    }
    for length in 12..good.len() {
        socket.send(&good[..length]).await.unwrap();
        let reply = receive(&socket).await;
        assert_eq!(reply[3] & 0x0f, 1, "cut to {length} bytes");
    }
    let mut update = good.clone();
    update[2] = 0x28;
    socket.send(&update).await.unwrap();
    assert_eq!(receive(&socket).await[..4], [0x12, 0x34, 0xa8, 0x04]);
    // Nothing of all that was answered twice, and the server is as well as before.
    let message = ask(&socket, &good).await;
    assert_eq!(message.answers.len(), 2);
    server.shutdown().await;
}

#[tokio::test]
async fn broken_connections_do_no_harm() {
    let server = start(CATALOG).await;
    let address = server.addresses()[0];
    let good = question("web.service.consul", "A", None);
    for bytes in [
        &b""[..],
        b"\0",
        b"\0\0",
        b"\xff\xff",
        b"\0\x05short",
        b"\0\x01\x02\0\x00",
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
    }
    let mut stream = TcpStream::connect(address).await.unwrap();
    // An empty message is passed over; the next question on the connection is answered.
    stream.write_all(&[0, 0]).await.unwrap();
    assert_eq!(ask_tcp(&mut stream, &good).await[7], 2);
    server.shutdown().await;
}

#[tokio::test]
async fn zone_transfers_are_not_implemented() {
    let server = start(CATALOG).await;
    let mut stream = TcpStream::connect(server.addresses()[0]).await.unwrap();
    let reply = ask_tcp(&mut stream, &question("consul", "AXFR", None)).await;
    let reply = Message::from_vec(&reply).unwrap();
    assert_eq!(reply.metadata.response_code, ResponseCode::NotImp);
    server.shutdown().await;
}

#[tokio::test]
async fn a_reload_counts_from_the_next_question() {
    let server = start(CATALOG).await;
    let socket = client(&server).await;
    let packet = question("web.service.consul", "A", None);
    assert_eq!(ask(&socket, &packet).await.answers[0].ttl, 0);
    let service_ttl = [("*".to_owned(), Duration::from_secs(30))].into();
    let settings = DnsSettings {
        service_ttl,
        ..DnsSettings::default()
    };
    server.reload(Rules::new(settings).unwrap());
    assert_eq!(ask(&socket, &packet).await.answers[0].ttl, 30);
    let wrong = DnsSettings {
        domain: "a..b".to_owned(),
        ..DnsSettings::default()
    };
    Rules::new(wrong).unwrap_err();
    assert_eq!(ask(&socket, &packet).await.answers[0].ttl, 30);
    server.shutdown().await;
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let server = start("").await;
    let address = server.addresses()[0];
    let Err(error) = DnsServer::start(&[address], DnsSettings::default(), Fixture::default()).await
    else {
        panic!("two servers on one port");
    };
    assert!(
        error
            .to_string()
            .starts_with(&format!("listen on {address} (udp): ")),
        "{error}"
    );
    server.shutdown().await;
    // The port is free again.
    DnsServer::start(&[address], DnsSettings::default(), Fixture::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn several_addresses_are_served() {
    let addresses = [[127, 0, 0, 1], [127, 0, 0, 2]].map(|ip| SocketAddr::from((ip, 0)));
    let fixture = Fixture::new(CATALOG);
    let server = DnsServer::start(&addresses, DnsSettings::default(), fixture)
        .await
        .unwrap();
    for address in server.addresses() {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        socket.connect(address).await.unwrap();
        let message = ask(&socket, &question("web0.node.consul", "A", None)).await;
        assert_eq!(message.answers.len(), 1);
    }
    server.shutdown().await;
}

#[tokio::test]
async fn replies_come_from_the_address_that_was_asked() {
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let fixture = Fixture::new(CATALOG);
    let server = DnsServer::start(&[any], DnsSettings::default(), fixture)
        .await
        .unwrap();
    let port = server.addresses()[0].port();
    // Connected sockets take datagrams from their peer only.
    for asked in [[127, 0, 0, 1], [127, 0, 0, 5], [127, 9, 9, 9]] {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        socket.connect((Ipv4Addr::from(asked), port)).await.unwrap();
        let message = ask(&socket, &question("web0.node.consul", "A", None)).await;
        assert_eq!(message.answers.len(), 1);
    }
    server.shutdown().await;
}
