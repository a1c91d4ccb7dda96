//! Who is connected how often.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Connections beyond both bounds that are kept for raft, a client and in all: other servers that share an address with
/// many clients, or call while strangers take all connections, still have their raft. Four other servers with three
/// connections each, twice while they reconnect.
const RESERVED_PER_CLIENT: usize = 24;
const RESERVED_IN_ALL: usize = 256;

/// Counts connections by client address.
#[derive(Debug)]
pub(super) struct Clients {
    per_client: usize,
    in_all: usize,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    by_client: HashMap<IpAddr, usize>,
}

/// A counted connection; not counted any more on drop.
#[derive(Debug)]
pub(super) struct Counted {
    client: IpAddr,
    reserved: bool,
    counts: Arc<Mutex<Counts>>,
}

impl Counted {
    /// Whether only raft may use it.
    pub(super) const fn is_reserved(&self) -> bool {
        self.reserved
    }
}

impl Clients {
    pub(super) fn new(per_client: usize, in_all: usize) -> Self {
        Self {
            per_client,
            in_all,
            counts: Arc::default(),
        }
    }

    /// Counts a connection; `None` when the client, or all together, have too many even with what is reserved.
    pub(super) fn admit(&self, client: IpAddr) -> Option<Counted> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let all = counts.all;
        if all >= self.in_all.saturating_add(RESERVED_IN_ALL) {
            return None;
        }
        let of_client = counts.by_client.entry(client).or_default();
        if *of_client >= self.per_client.saturating_add(RESERVED_PER_CLIENT) {
            return None;
        }
        let reserved = all >= self.in_all || *of_client >= self.per_client;
        *of_client += 1;
        counts.all += 1;
        Some(Counted {
            client,
            reserved,
            counts: Arc::clone(&self.counts),
        })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all -= 1;
        if let Some(of_client) = counts.by_client.get_mut(&self.client) {
            *of_client -= 1;
            if *of_client == 0 {
                counts.by_client.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 2));

    fn admit(clients: &Clients, client: IpAddr, count: usize) -> Vec<Counted> {
        let admitted = (0..count).map(|_| clients.admit(client));
        admitted.map(|counted| counted.expect("admitted")).collect()
    }

    fn reserved(counted: &[Counted]) -> usize {
        counted.iter().filter(|one| one.is_reserved()).count()
    }

    #[test]
    fn counts_each_client() {
        let clients = Clients::new(2, 100);
        let mut of_a = admit(&clients, A, 2 + RESERVED_PER_CLIENT);
        assert_eq!(reserved(&of_a), RESERVED_PER_CLIENT);
        assert!(clients.admit(A).is_none());
        assert_eq!(reserved(&admit(&clients, B, 2)), 0);
        of_a.pop();
        assert!(
            clients
                .admit(A)
                .is_some_and(|counted| counted.is_reserved())
        );
        of_a.clear();
        assert_eq!(reserved(&admit(&clients, A, 2)), 0);
    }

    #[test]
    fn counts_all() {
        let clients = Clients::new(1000, 3);
        let of_a = admit(&clients, A, 4);
        assert_eq!(reserved(&of_a), 1);
        let of_b = admit(&clients, B, RESERVED_IN_ALL - 1);
        assert_eq!(reserved(&of_b), RESERVED_IN_ALL - 1);
        assert!(clients.admit(B).is_none());
        drop(of_a);
        // Whoever has left makes room for all.
        assert!(
            clients
                .admit(B)
                .is_some_and(|counted| counted.is_reserved())
        );
        drop(of_b);
        assert!(
            clients
                .admit(B)
                .is_some_and(|counted| !counted.is_reserved())
        );
    }
}
