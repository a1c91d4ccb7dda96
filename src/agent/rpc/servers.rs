//! The servers that requests can be sent to, and which of them is next. Pure.

use std::net::SocketAddr;
use std::time::Duration;

use rand::seq::SliceRandom as _;
use rand::{Rng, RngExt as _};

/// Shortest time that a client keeps to a server. Consul's.
const MIN_REUSE: Duration = Duration::from_mins(2);
/// Up to this part of [`MIN_REUSE`] is added at random. Consul's.
const REUSE_JITTER_FRACTION: u32 = 2;
/// Clients that may turn to another server within a second, for each server of the cluster. Consul's.
const REBALANCES_PER_SECOND: u64 = 64;

/// A server of this datacenter, as gossip knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its node UUID.
    pub id: String,
    /// Its node name.
    pub name: String,
    /// Its RPC address.
    pub address: SocketAddr,
}

/// Servers in the order in which they are asked: the first one, until it fails.
#[derive(Debug, Default)]
pub(super) struct ServerList {
    order: Vec<Server>,
}

impl ServerList {
    /// Takes over what gossip knows. Servers that stay keep their places; new ones get random ones. Returns the
    /// addresses at which nobody is any more.
    pub(super) fn set(&mut self, known: &[Server], rng: &mut impl Rng) -> Vec<SocketAddr> {
        let before: Vec<SocketAddr> = self.order.iter().map(|server| server.address).collect();
        self.order.retain_mut(|server| {
            let now = known.iter().find(|now| now.id == server.id);
            if let Some(now) = now {
                server.clone_from(now);
            }
            now.is_some()
        });
        for server in known {
            if !self.order.iter().any(|there| there.id == server.id) {
                let at = rng.random_range(0..=self.order.len());
                self.order.insert(at, server.clone());
            }
        }
        let gone = |address: &SocketAddr| self.order.iter().all(|there| there.address != *address);
        before.into_iter().filter(gone).collect()
    }

    /// Who is asked next.
    pub(super) fn first(&self) -> Option<&Server> {
        self.order.first()
    }

    /// How many servers there are.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// A server failed: when it is the first, it becomes the last. Reports of calls that were sent to it earlier must
    /// not push away its successor.
    pub(super) fn failed(&mut self, id: &str) {
        if self.order.first().is_some_and(|first| first.id == id) {
            self.order.rotate_left(1);
        }
    }

    /// The servers in a random order, to be tried for a rebalancing.
    pub(super) fn shuffled(&self, rng: &mut impl Rng) -> Vec<Server> {
        let mut servers = self.order.clone();
        servers.shuffle(rng);
        servers
    }

    /// Makes a server the first one; the others keep their order. Does nothing when it is gone.
    pub(super) fn prefer(&mut self, id: &str) {
        if let Some(at) = self.order.iter().position(|server| server.id == id) {
            self.order.rotate_left(at);
        }
    }
}

/// Time until the next rebalancing: two to three minutes, and more in clusters so large that the servers would be
/// flooded with new connections.
pub(super) fn rebalance_after(members: usize, servers: usize, rng: &mut impl Rng) -> Duration {
    let at_least = MIN_REUSE + rng.random_range(Duration::ZERO..=MIN_REUSE / REUSE_JITTER_FRACTION);
    let a_second = REBALANCES_PER_SECOND * servers.max(1) as u64;
    at_least.max(Duration::from_secs(members as u64 / a_second))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::SeedableRng as _;
    use rand::rngs::SmallRng;

    use super::*;

    fn server(n: u8) -> Server {
        Server {
            id: format!("id{n}"),
            name: format!("s{n}"),
            address: SocketAddr::from(([10, 0, 0, n], 8300)),
        }
    }

    fn servers(numbers: impl IntoIterator<Item = u8>) -> Vec<Server> {
        numbers.into_iter().map(server).collect()
    }

    fn ids(list: &ServerList) -> Vec<&str> {
        list.order.iter().map(|server| server.id.as_str()).collect()
    }

    #[test]
    fn clients_begin_with_different_servers() {
        let firsts: BTreeSet<String> = (0..50)
            .map(|seed| {
                let mut list = ServerList::default();
                list.set(&servers(1..=3), &mut SmallRng::seed_from_u64(seed));
                list.first().unwrap().id.clone()
            })
            .collect();
        assert_eq!(firsts.len(), 3);
    }

    #[test]
    fn new_servers_get_random_places_and_old_ones_keep_theirs() {
        let mut places = BTreeSet::new();
        for seed in 0..50 {
            let mut rng = SmallRng::seed_from_u64(seed);
            let mut list = ServerList::default();
            list.set(&servers(1..=3), &mut rng);
            let before = list.order.clone();
            assert!(list.set(&servers(1..=4), &mut rng).is_empty());
            places.insert(list.order.iter().position(|s| s.id == "id4").unwrap());
            list.order.retain(|server| server.id != "id4");
            assert_eq!(list.order, before);
        }
        assert_eq!(places.len(), 4);
    }

    #[test]
    fn what_is_gone_is_told_and_what_moved_is_followed() {
        let mut rng = SmallRng::seed_from_u64(1);
        let mut list = ServerList::default();
        list.set(&servers(1..=3), &mut rng);
        let moved = Server {
            address: server(9).address,
            ..server(2)
        };
        let mut gone = list.set(&[server(1), moved.clone()], &mut rng);
        gone.sort();
        assert_eq!(gone, [server(2).address, server(3).address]);
        assert!(list.order.contains(&moved));
        assert_eq!(list.len(), 2);
        assert!(list.set(&[server(1), moved], &mut rng).is_empty());
    }

    #[test]
    fn a_failed_server_is_asked_last_and_its_successor_is_not_blamed() {
        let mut list = ServerList {
            order: servers(1..=3),
        };
        list.failed("id1");
        list.failed("id1");
        assert_eq!(ids(&list), ["id2", "id3", "id1"]);
        ServerList::default().failed("id1");
    }

    #[test]
    fn a_preferred_server_is_asked_first() {
        let mut list = ServerList {
            order: servers(1..=3),
        };
        list.prefer("id3");
        list.prefer("nobody");
        assert_eq!(list.first(), Some(&server(3)));
        assert_eq!(list.len(), 3);
        let mut rng = SmallRng::seed_from_u64(3);
        let all: BTreeSet<String> = list.shuffled(&mut rng).into_iter().map(|s| s.id).collect();
        assert_eq!(all.len(), 3);
    }

    #[test]
    fn rebalancing_is_rarer_in_large_clusters() {
        let mut rng = SmallRng::seed_from_u64(7);
        for _ in 0..100 {
            let small = rebalance_after(5, 3, &mut rng);
            assert!((120..=180).contains(&small.as_secs()), "{small:?}");
        }
        let large = rebalance_after(100_000, 3, &mut rng);
        assert_eq!(large.as_secs(), 100_000 / 192);
        assert!(rebalance_after(0, 0, &mut rng) >= MIN_REUSE);
    }
}
