//! Foreign names: questions are passed on to the recursors, in order, and their answers passed back
//! byte for byte, so that record types unknown here survive.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::Message;
use hickory_proto::rr::{DNSClass, Name, RData, Record as ProtoRecord};
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder};
use rand::seq::SliceRandom;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::record::{Data, DnsName, Owner, Rcode, Record, rtype};
use super::request::{FLAG_QR, FLAG_RD, FLAG_TC, HEADER_BYTES, parse};
use super::settings::{DnsSettings, RecursorStrategy};
use super::truncate::Transport;

/// Largest answer of a recursor in a datagram.
const MAX_DATAGRAM_BYTES: usize = 65_535;

/// Passes a question on. The answer carries the client's identifier; `None` when every recursor
/// failed: did not answer in time, or with neither success nor "no such name".
pub(crate) async fn relay(
    settings: &DnsSettings,
    packet: &[u8],
    transport: Transport,
) -> Option<Vec<u8>> {
    let question = parse(packet).ok()?.question.name;
    for recursor in order(settings) {
        match exchange(recursor, packet, transport, settings.recursor_timeout).await {
            Ok(mut reply) if matches!(rcode(&reply), 0 | 3) => {
                reply[..2].copy_from_slice(&packet[..2]);
                tracing::debug!(target: "agent.dns", %recursor, ?transport, "recurse succeeded for question");
                return Some(reply);
            }
            Ok(reply) => {
                let rcode = rcode(&reply);
                tracing::debug!(target: "agent.dns", %recursor, rcode, "recurse failed for question");
            }
            Err(error) => {
                tracing::error!(target: "agent.dns", %recursor, %error, "recurse failed");
            }
        }
    }
    let question = DnsName::from_wire(question).to_lower_text();
    tracing::error!(target: "agent.dns", question, "all resolvers failed for question from client");
    None
}

/// The records behind a foreign name, asked for by the type A as Consul does; empty when no
/// recursor knows any. An answer that does not fit into a datagram is fetched over TCP.
pub(crate) async fn addresses(settings: &DnsSettings, name: &DnsName) -> Vec<Record> {
    let mut packet = Vec::with_capacity(HEADER_BYTES + name.wire().len() + 4);
    packet.extend_from_slice(&0_u16.to_be_bytes());
    packet.extend_from_slice(&FLAG_RD.to_be_bytes());
    packet.extend_from_slice(&[0, 1, 0, 0, 0, 0, 0, 0]);
    packet.extend_from_slice(name.wire());
    packet.extend_from_slice(&rtype::A.to_be_bytes());
    packet.extend_from_slice(&[0, 1]);
    let wait = settings.recursor_timeout;
    for recursor in order(settings) {
        let mut reply = exchange(recursor, &packet, Transport::Udp, wait).await;
        if reply.as_ref().is_ok_and(|reply| is_truncated(reply)) {
            reply = exchange(recursor, &packet, Transport::Tcp, wait).await;
        }
        match reply {
            Ok(reply) => return records(&reply),
            Err(error) => {
                tracing::error!(target: "agent.dns", %recursor, %error, "cname recurse failed");
            }
        }
    }
    Vec::new()
}

fn order(settings: &DnsSettings) -> Vec<SocketAddr> {
    let mut recursors = settings.recursors.clone();
    if settings.recursor_strategy == RecursorStrategy::Random {
        recursors.shuffle(&mut rand::rng());
    }
    recursors
}

fn rcode(reply: &[u8]) -> u8 {
    reply
        .get(3)
        .map_or(Rcode::ServFail as u8, |flags| flags & 0x0f)
}

fn is_truncated(reply: &[u8]) -> bool {
    reply
        .get(2)
        .is_some_and(|flags| u16::from(*flags) << 8 & FLAG_TC != 0)
}

/// Sends a packet to a recursor under an identifier of our own and waits for the answer.
async fn exchange(
    recursor: SocketAddr,
    packet: &[u8],
    transport: Transport,
    wait: Duration,
) -> io::Result<Vec<u8>> {
    let mut packet = packet.to_vec();
    packet[..2].copy_from_slice(&rand::random::<u16>().to_be_bytes());
    let answer = async {
        match transport {
            Transport::Udp => over_udp(recursor, &packet).await,
            Transport::Tcp => over_tcp(recursor, &packet).await,
        }
    };
    timeout(wait, answer)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn over_udp(recursor: SocketAddr, packet: &[u8]) -> io::Result<Vec<u8>> {
    let any = match recursor {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    // A socket of its own for each question: a fresh port is half of what a forger must guess.
    let socket = UdpSocket::bind(any).await?;
    socket.connect(recursor).await?;
    socket.send(packet).await?;
    let mut reply = vec![0; MAX_DATAGRAM_BYTES];
    loop {
        let length = socket.recv(&mut reply).await?;
        if answers(packet, &reply[..length]) {
            reply.truncate(length);
            reply.shrink_to_fit();
            return Ok(reply);
        }
    }
}

async fn over_tcp(recursor: SocketAddr, packet: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(recursor).await?;
    let length = u16::try_from(packet.len()).map_err(io::Error::other)?;
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend_from_slice(packet);
    stream.write_all(&framed).await?;
    loop {
        let length = stream.read_u16().await?;
        let mut reply = vec![0; usize::from(length)];
        stream.read_exact(&mut reply).await?;
        if answers(packet, &reply) {
            return Ok(reply);
        }
    }
}

/// Whether a packet is a response to that question: same identifier, and the question repeated
/// where it has one.
fn answers(question: &[u8], reply: &[u8]) -> bool {
    let Some(header) = reply.first_chunk::<HEADER_BYTES>() else {
        return false;
    };
    let response = u16::from_be_bytes([header[2], header[3]]) & FLAG_QR != 0;
    if header[..2] != question[..2] || !response {
        return false;
    }
    let asked = u16::from_be_bytes([header[4], header[5]]);
    let Ok(question) = parse(question) else {
        return false;
    };
    let name = question.question.name;
    let end = HEADER_BYTES + name.len();
    asked == 0
        || asked == 1
            && reply
                .get(HEADER_BYTES..end)
                .is_some_and(|echo| echo.eq_ignore_ascii_case(name))
            && reply.get(end..end + 2) == Some(&question.question.qtype.to_be_bytes())
}

/// The answers of a recursor as records of ours.
fn records(reply: &[u8]) -> Vec<Record> {
    let Ok(message) = Message::from_vec(reply) else {
        return Vec::new();
    };
    message.answers.iter().filter_map(record).collect()
}

fn record(record: &ProtoRecord) -> Option<Record> {
    if record.dns_class != DNSClass::IN {
        return None;
    }
    let data = match &record.data {
        RData::A(ip) => Data::A(ip.0),
        RData::AAAA(ip) => Data::Aaaa(ip.0),
        RData::CNAME(target) => Data::Cname(name(&target.0)?),
        data => {
            let mut bytes = Vec::new();
            let mut encoder = BinEncoder::new(&mut bytes);
            encoder.set_canonical_form(true);
            data.emit(&mut encoder).ok()?;
            Data::Raw {
                rtype: record.record_type().into(),
                bytes: bytes.into(),
            }
        }
    };
    Some(Record {
        owner: Owner::Name(name(&record.name)?),
        ttl: record.ttl,
        data,
    })
}

fn name(name: &Name) -> Option<DnsName> {
    let mut wire = Vec::with_capacity(name.len() + 1);
    for label in name {
        wire.push(u8::try_from(label.len()).ok()?);
        wire.extend_from_slice(label);
    }
    wire.push(0);
    Some(DnsName::from_wire(&wire))
}
