//! Datagram sockets that answer from the address that was asked.
//!
//! A socket that listens on all addresses of the host would answer from whichever the routes prefer,
//! and clients pass such answers over. So the address of arrival is read with each packet and named
//! with each reply (`IP_PKTINFO`, RFC 3542), as Consul's DNS library does.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::AsRawFd;

use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg, setsockopt,
    sockopt,
};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// What the kernel may hold of datagrams that nobody has read yet; it may grant less.
const RECEIVE_BYTES: usize = 4 << 20;

/// A bound socket.
pub(crate) struct Datagrams {
    socket: UdpSocket,
    /// Whether it listens on all addresses, so that replies have to name theirs.
    all_addresses: bool,
}

/// Where a datagram came from, and where it arrived if that is to be remembered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    pub(crate) client: SocketAddr,
    local: Option<IpAddr>,
}

impl Datagrams {
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::DGRAM,
            Some(Protocol::UDP),
        )?;
        // A smaller buffer than wished for only means that a burst loses packets sooner.
        let _ = socket.set_recv_buffer_size(RECEIVE_BYTES);
        socket.set_nonblocking(true)?;
        let all_addresses = address.ip().is_unspecified();
        if all_addresses {
            match address {
                SocketAddr::V4(_) => setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?,
                SocketAddr::V6(_) => setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?,
            }
        }
        socket.bind(&address.into())?;
        Ok(Self {
            socket: UdpSocket::from_std(socket.into())?,
            all_addresses,
        })
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    pub(crate) async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// Reads one datagram without waiting.
    pub(crate) fn try_receive(&self, buffer: &mut [u8]) -> io::Result<(usize, Peer)> {
        if !self.all_addresses {
            let (length, client) = self.socket.try_recv_from(buffer)?;
            return Ok((
                length,
                Peer {
                    client,
                    local: None,
                },
            ));
        }
        self.socket.try_io(Interest::READABLE, || {
            let mut control = nix::cmsg_space!(libc::in6_pktinfo, libc::in_pktinfo);
            let mut parts = [IoSliceMut::new(buffer)];
            let fd = self.socket.as_raw_fd();
            let control = Some(control.as_mut_slice());
            let message = recvmsg::<SockaddrStorage>(fd, &mut parts, control, MsgFlags::empty())?;
            let client = message.address.as_ref().and_then(to_std);
            let peer = Peer {
                client: client.ok_or_else(|| io::Error::other("datagram without a sender"))?,
                local: message.cmsgs()?.find_map(|message| arrival(&message)),
            };
            Ok((message.bytes, peer))
        })
    }

    /// Sends a reply from the address at which the question arrived.
    pub(crate) async fn send(&self, reply: &[u8], peer: Peer) -> io::Result<()> {
        loop {
            match self.try_send(reply, peer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.socket.writable().await?;
                }
                sent => return sent.map(drop),
            }
        }
    }

    fn try_send(&self, reply: &[u8], peer: Peer) -> io::Result<usize> {
        let Some(local) = peer.local else {
            return self.socket.try_send_to(reply, peer.client);
        };
        let (v4, v6);
        let from = match local {
            IpAddr::V4(ip) => {
                v4 = libc::in_pktinfo {
                    ipi_ifindex: 0,
                    ipi_spec_dst: libc::in_addr {
                        s_addr: u32::from_ne_bytes(ip.octets()),
                    },
                    ipi_addr: libc::in_addr { s_addr: 0 },
                };
                ControlMessage::Ipv4PacketInfo(&v4)
            }
            IpAddr::V6(ip) => {
                v6 = libc::in6_pktinfo {
                    ipi6_addr: libc::in6_addr {
                        s6_addr: ip.octets(),
                    },
                    ipi6_ifindex: 0,
                };
                ControlMessage::Ipv6PacketInfo(&v6)
            }
        };
        let to = SockaddrStorage::from(peer.client);
        self.socket.try_io(Interest::WRITABLE, || {
            let (fd, parts) = (self.socket.as_raw_fd(), [IoSlice::new(reply)]);
            Ok(sendmsg(fd, &parts, &[from], MsgFlags::empty(), Some(&to))?)
        })
    }
}

fn to_std(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = || Some(SocketAddrV4::from(*address.as_sockaddr_in()?).into());
    let v6 = || Some(SocketAddrV6::from(*address.as_sockaddr_in6()?).into());
    v4().or_else(v6)
}

/// The local address at which a packet arrived.
fn arrival(message: &ControlMessageOwned) -> Option<IpAddr> {
    match message {
        ControlMessageOwned::Ipv4PacketInfo(info) => {
            let octets = info.ipi_spec_dst.s_addr.to_ne_bytes();
            Some(Ipv4Addr::from(octets).into())
        }
        ControlMessageOwned::Ipv6PacketInfo(info) => {
            Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into())
        }
        _ => None,
    }
}
