//! Ports that are open while they are good, and closed while they are not.

use tokio::net::{TcpListener, UdpSocket};

use super::counterpart::{Counterpart, Health, free_address};

/// A TCP port that accepts and says nothing.
pub(crate) fn tcp() -> Counterpart {
    let address = free_address();
    Counterpart::start(address.clone(), |mut health| async move {
        while health.wait_for(|now| *now == Health::Good).await.is_ok() {
            let listener = TcpListener::bind(&address).await;
            let listener = listener.expect("nobody else has the address");
            let accepting = async { while listener.accept().await.is_ok() {} };
            tokio::select! {
                () = accepting => (),
                _ = health.wait_for(|now| *now != Health::Good) => (),
            }
        }
    })
}

/// A UDP port that sends back whatever it gets.
pub(crate) fn udp() -> Counterpart {
    let address = free_address();
    Counterpart::start(address.clone(), |mut health| async move {
        while health.wait_for(|now| *now == Health::Good).await.is_ok() {
            let socket = UdpSocket::bind(&address).await;
            let socket = socket.expect("nobody else has the address");
            let echoing = async {
                let mut bytes = [0; 64];
                loop {
                    if let Ok((_, peer)) = socket.recv_from(&mut bytes).await {
                        // Whoever asked may be gone.
                        let _ = socket.send_to(b"here", peer).await;
                    }
                }
            };
            tokio::select! {
                () = echoing => (),
                _ = health.wait_for(|now| *now != Health::Good) => (),
            }
        }
    })
}
