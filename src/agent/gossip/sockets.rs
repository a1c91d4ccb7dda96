//! A pool's two sockets: datagrams and streams on one port.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};

use socket2::SockRef;
use tokio::net::{TcpListener, UdpSocket};

/// Wanted for datagrams that wait to be read, in bytes; halved until the system agrees.
const RECEIVE_BUFFER: usize = 2 * 1024 * 1024;
/// Below this the system's own size is good enough, in bytes.
const RECEIVE_BUFFER_MIN: usize = 64 * 1024;
/// Attempts to find one port that is free for both.
const PORT_ATTEMPTS: usize = 10;
/// Datagrams that wait while the system's buffer is full; then the newest are lost, as networks do.
const UNSENT: usize = 256;

/// Why a pool's port cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {network} {address} for {purpose}: {source}; {hint}", hint = self.hint())]
pub struct BindError {
    network: &'static str,
    address: SocketAddr,
    purpose: &'static str,
    #[source]
    source: io::Error,
}

impl BindError {
    fn hint(&self) -> &'static str {
        match self.source.kind() {
            io::ErrorKind::AddrInUse => {
                "is another agent running there? give each its own -bind and -client address"
            }
            io::ErrorKind::AddrNotAvailable => "-bind takes an address that this machine has",
            io::ErrorKind::PermissionDenied => "ports below 1024 need more rights",
            _ => "-bind and the ports decide where the agent gossips",
        }
    }
}

/// Both, and where they are.
pub(super) struct Sockets {
    pub(super) datagrams: Datagrams,
    pub(super) streams: TcpListener,
    /// With the port that port 0 became.
    pub(super) address: SocketAddr,
}

/// Opens both on one port. `pool` is `lan` or `wan`.
///
/// # Errors
/// When the port is taken, or the address not ours.
pub(super) fn bind(address: SocketAddr, pool: &str) -> Result<Sockets, BindError> {
    let purpose = match pool {
        "wan" => "WAN gossip",
        _ => "LAN gossip",
    };
    let attempts = if address.port() == 0 {
        PORT_ATTEMPTS
    } else {
        1
    };
    let mut outcome = bind_once(address, purpose);
    for _ in 1..attempts {
        match &outcome {
            Err(error) if error.source.kind() == io::ErrorKind::AddrInUse => {
                outcome = bind_once(address, purpose);
            }
            _ => break,
        }
    }
    outcome
}

fn bind_once(address: SocketAddr, purpose: &'static str) -> Result<Sockets, BindError> {
    let failed = |network, address| {
        move |source| BindError {
            network,
            address,
            purpose,
            source,
        }
    };
    let listen = || {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok((TcpListener::from_std(listener)?, address))
    };
    let (streams, address) = listen().map_err(failed("tcp", address))?;
    let datagrams = Datagrams::bind(address).map_err(failed("udp", address))?;
    Ok(Sockets {
        datagrams,
        streams,
        address,
    })
}

/// The socket of datagrams.
pub(super) struct Datagrams {
    socket: UdpSocket,
    /// IPv4 peers are written as IPv6 addresses.
    maps_v4: bool,
    unsent: VecDeque<(SocketAddr, Vec<u8>)>,
}

impl Datagrams {
    fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = std::net::UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        let socket = UdpSocket::from_std(socket)?;
        let mut wanted = RECEIVE_BUFFER;
        while wanted >= RECEIVE_BUFFER_MIN
            && SockRef::from(&socket).set_recv_buffer_size(wanted).is_err()
        {
            wanted /= 2;
        }
        Ok(Self {
            socket,
            maps_v4: address.is_ipv6(),
            unsent: VecDeque::new(),
        })
    }

    /// Waits for a datagram, or for room for those that wait.
    pub(super) async fn ready(&self) -> io::Result<()> {
        if self.unsent.is_empty() {
            self.socket.readable().await
        } else {
            let wanted = tokio::io::Interest::READABLE | tokio::io::Interest::WRITABLE;
            self.socket.ready(wanted).await.map(|_| ())
        }
    }

    /// The next datagram, if there is one.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<(usize, SocketAddr)>> {
        match self.socket.try_recv_from(buffer) {
            Ok((length, from)) => Ok(Some((length, canonical(from)))),
            Err(err) if err.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(err) => Err(err),
        }
    }

    /// Sends one, now or as soon as there is room.
    ///
    /// # Errors
    /// When the system knows no way to that address.
    pub(super) fn send(&mut self, to: SocketAddr, bytes: Vec<u8>) -> io::Result<()> {
        if self.unsent.is_empty() {
            match self.socket.try_send_to(&bytes, self.on_the_wire(to)) {
                Ok(_) => return Ok(()),
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => {}
                Err(err) => return Err(err),
            }
        }
        if self.unsent.len() < UNSENT {
            self.unsent.push_back((to, bytes));
        }
        Ok(())
    }

    /// Sends those that waited for room; gives one that failed.
    pub(super) fn flush(&mut self) -> Option<(SocketAddr, io::Error)> {
        while let Some((to, bytes)) = self.unsent.front() {
            let to = *to;
            match self.socket.try_send_to(bytes, self.on_the_wire(to)) {
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => return None,
                sent => {
                    self.unsent.pop_front();
                    if let Err(err) = sent {
                        return Some((to, err));
                    }
                }
            }
        }
        None
    }

    fn on_the_wire(&self, to: SocketAddr) -> SocketAddr {
        match to.ip() {
            IpAddr::V4(ip) if self.maps_v4 => (ip.to_ipv6_mapped(), to.port()).into(),
            _ => to,
        }
    }
}

/// IPv4 peers of an IPv6 socket are IPv4 peers.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn both_sockets_have_one_port_and_a_taken_one_is_said_plainly() {
        let any = SocketAddr::from(([127, 0, 61, 9], 0));
        let first = bind(any, "lan").unwrap();
        assert_ne!(first.address.port(), 0);
        assert_eq!(first.streams.local_addr().unwrap(), first.address);
        assert_eq!(first.datagrams.socket.local_addr().unwrap(), first.address);
        let error = bind(first.address, "wan").err().expect("is taken");
        let text = error.to_string();
        let wanted = format!("cannot listen on tcp {} for WAN gossip: ", first.address);
        assert!(text.starts_with(&wanted), "{text}");
        assert!(
            text.ends_with("give each its own -bind and -client address"),
            "{text}"
        );
        let foreign = bind(SocketAddr::from(([192, 0, 2, 1], 0)), "lan");
        let text = foreign.err().expect("is not ours").to_string();
        assert!(text.ends_with("an address that this machine has"), "{text}");
    }

    /// Sends for sure: a new socket is not known to be writable yet.
    async fn send(from: &mut Datagrams, to: SocketAddr, bytes: &[u8]) {
        from.send(to, bytes.to_vec()).unwrap();
        while !from.unsent.is_empty() {
            from.ready().await.unwrap();
            assert!(from.flush().is_none());
        }
    }

    #[tokio::test]
    async fn a_dual_socket_speaks_to_ipv4_peers() {
        let Ok(both) = bind("[::]:0".parse().unwrap(), "lan") else {
            eprintln!("no IPv6 here: skipped");
            return;
        };
        let peer = bind(SocketAddr::from(([127, 0, 61, 10], 0)), "lan").unwrap();
        let mut datagrams = both.datagrams;
        send(&mut datagrams, peer.address, b"hello").await;
        peer.datagrams.ready().await.unwrap();
        let mut buffer = [0; 16];
        let (length, from) = peer
            .datagrams
            .receive(&mut buffer)
            .unwrap()
            .expect("is there");
        assert_eq!(&buffer[..length], b"hello");
        let mut back = peer.datagrams;
        send(&mut back, from, b"you").await;
        datagrams.ready().await.unwrap();
        let (length, from) = datagrams.receive(&mut buffer).unwrap().expect("is there");
        assert_eq!(&buffer[..length], b"you");
        assert_eq!(from, peer.address);
    }
}
