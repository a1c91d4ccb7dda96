//! A DNS client over UDP and TCP.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};

use hickory_proto::op::{Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RecordType};

use super::PATIENCE;

/// Asks one server.
pub(crate) struct Dns {
    server: SocketAddr,
    socket: UdpSocket,
}

impl Dns {
    /// A client of this server.
    pub(crate) fn new(server: SocketAddr) -> Self {
        let socket = UdpSocket::bind((server.ip(), 0)).expect("a free port");
        socket
            .set_read_timeout(Some(PATIENCE))
            .expect("a valid time");
        socket.connect(server).expect("an address of this machine");
        Self { server, socket }
    }

    /// Sends bytes as a datagram.
    pub(crate) fn send(&self, bytes: &[u8]) {
        // A refusal of an earlier datagram may be reported here; the answers count.
        let _ = self.socket.send(bytes);
    }

    /// A question as `dig` asks it: recursion desired.
    pub(crate) fn question(id: u16, name: &str, kind: RecordType) -> Vec<u8> {
        let mut message = Message::new(id, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        message.add_query(Query::query(Name::from_ascii(name).expect("a name"), kind));
        message.to_vec().expect("a question is short")
    }

    /// Asks over UDP. Answers to other questions are skipped.
    pub(crate) fn ask(&self, name: &str, kind: RecordType) -> Message {
        let id = 4242;
        self.send(&Self::question(id, name, kind));
        let mut buffer = vec![0; 65535];
        loop {
            let length = self.socket.recv(&mut buffer).expect("the agent answers");
            let answer = Message::from_vec(&buffer[..length]).expect("a DNS message");
            if answer.metadata.id == id && !answer.queries.is_empty() {
                return answer;
            }
        }
    }

    /// Asks over TCP.
    pub(crate) fn ask_tcp(&self, name: &str, kind: RecordType) -> Message {
        let question = Self::question(4243, name, kind);
        let mut stream = TcpStream::connect_timeout(&self.server, PATIENCE).expect("TCP is served");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a valid time");
        let length = u16::try_from(question.len()).expect("a question is short");
        stream
            .write_all(&[&length.to_be_bytes(), question.as_slice()].concat())
            .expect("it reads");
        let mut length = [0; 2];
        stream.read_exact(&mut length).expect("the agent answers");
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        stream
            .read_exact(&mut answer)
            .expect("the agent answers whole");
        Message::from_vec(&answer).expect("a DNS message")
    }
}
