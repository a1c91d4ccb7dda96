//! Who is connected how often.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

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
    counts: Arc<Mutex<Counts>>,
}

impl Clients {
    pub(super) fn new(per_client: usize, in_all: usize) -> Self {
        Self {
            per_client,
            in_all,
            counts: Arc::default(),
        }
    }

    /// Counts a connection; `None` when the client, or all together, have too many.
    pub(super) fn admit(&self, client: IpAddr) -> Option<Counted> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.all >= self.in_all {
            return None;
        }
        let of_client = counts.by_client.entry(client).or_default();
        if *of_client >= self.per_client {
            return None;
        }
        *of_client += 1;
        counts.all += 1;
        Some(Counted {
            client,
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

    #[test]
    fn counts_each_client_and_all() {
        let clients = Clients::new(2, 3);
        let [a, b, c] = [1, 2, 3].map(|last| IpAddr::from([127, 0, 0, last]));
        let first = clients.admit(a).unwrap();
        let _second = clients.admit(a).unwrap();
        assert!(clients.admit(a).is_none());
        let _third = clients.admit(b).unwrap();
        assert!(clients.admit(c).is_none());
        drop(first);
        assert!(clients.admit(c).is_some());
    }
}
