//! One run: a cluster, clients, faults, and what must hold in the end.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::client::{Client, Mode, Shared};
use super::cluster::{FIRST, MACHINES, World};
use super::faults::Script;
use super::net::Host;
use crate::dice::Dice;
use crate::linearizability::{History, check, goes_backwards, lost};

/// Clients of a run: half of them read in each mode.
const CLIENTS: usize = 6;
/// Time in which a healed cluster elects, accepts writes and agrees: most of it is for connections that died unseen.
const RECOVERY: Duration = Duration::from_secs(20);

/// What a run was like.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Outline {
    pub(super) operations: usize,
    pub(super) acknowledged: usize,
    /// From the end of the faults to the first write.
    pub(super) recovery: Duration,
    pub(super) terms: u64,
    /// Servers of the last configuration.
    pub(super) members: usize,
}

/// A cluster, its clients and the faults to come.
pub(super) struct Story {
    pub(super) world: World,
    shared: Arc<Shared>,
    script: Script,
}

impl Story {
    /// A cluster that leads, with clients at work.
    pub(super) fn begin(mut dice: Dice, script: Script) -> Self {
        let threshold = *dice.pick(&[60, 300, 100_000]);
        let mut world = World::new(dice.fork(), threshold);
        world.form();
        let net = world.net.clone();
        let shared = Arc::new(Shared {
            history: History::new(move || net.now()),
            net: world.net.clone(),
            hosts: (0..MACHINES).collect(),
            over: AtomicBool::new(false),
            acknowledged: Mutex::default(),
            seen: Mutex::default(),
        });
        let keys = dice.within(1, 4);
        for number in 0..CLIENTS {
            let client = Client {
                number,
                mode: [Mode::Default, Mode::Consistent][number % 2],
                shared: Arc::clone(&shared),
                dice: dice.fork(),
                keys,
                leader: dice.below(FIRST),
            };
            world.clients.spawn(client.run());
        }
        Self {
            world,
            shared,
            script,
        }
    }

    /// Plays the script, heals everything, and checks what must hold.
    ///
    /// # Panics
    /// When something does not, with the faults that led there.
    pub(super) fn end(mut self) -> Outline {
        while self.world.now < self.script.end {
            self.script.play(&mut self.world);
            self.world.run_for(super::cluster::QUANTUM);
        }
        self.script.heal(&mut self.world);
        let healed = self.world.now;
        let before = self.acknowledged().len();
        let shared = Arc::clone(&self.shared);
        let writes = move |_: &World| count(&shared) > before;
        let recovered = self.world.run_until(RECOVERY, writes);
        self.demand(
            recovered,
            "no write is accepted after everything has healed",
        );
        let recovery = self.world.now.saturating_sub(healed);
        self.shared.over.store(true, Ordering::Relaxed);
        let shared = Arc::clone(&self.shared);
        // Each client holds it until it has its answer or has given up.
        let ended = move |_: &World| Arc::strong_count(&shared) == 2;
        let ended = self.world.run_until(RECOVERY, ended);
        self.demand(ended, "a client waits for ever");
        let agreed = self.world.run_until(RECOVERY, agree);
        self.demand(
            agreed,
            "the servers do not agree after everything has healed",
        );
        self.verdict(recovery)
    }

    fn verdict(&self, recovery: Duration) -> Outline {
        let records = self.shared.history.records();
        if let Err(fault) = check(&records) {
            self.demand(false, &fault.to_string());
        }
        let acknowledged = self.acknowledged();
        for host in self.members() {
            let found = once_written(&self.world, host);
            let lost = lost(&acknowledged, &found);
            self.demand(
                lost.is_empty(),
                &format!("{host} has lost acknowledged writes: {lost:?}"),
            );
        }
        let seen = self.shared.seen.lock();
        let seen = seen.unwrap_or_else(PoisonError::into_inner);
        for (client, seen) in &*seen {
            let backwards = goes_backwards(seen);
            let text = format!("client {client} saw the index go backwards: {backwards:?}");
            self.demand(backwards.is_none(), &text);
        }
        let leader = self
            .world
            .leader()
            .and_then(|l| self.world.servers[l].raft());
        Outline {
            operations: records.len(),
            acknowledged: acknowledged.len(),
            recovery,
            members: self.members().len(),
            terms: leader.map_or(0, |raft| raft.leadership().borrow().term),
        }
    }

    fn members(&self) -> Vec<Host> {
        members(&self.world)
    }

    fn acknowledged(&self) -> BTreeMap<String, String> {
        let acknowledged = self.shared.acknowledged.lock();
        acknowledged.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn demand(&self, holds: bool, what: &str) {
        if holds {
            return;
        }
        let servers: Vec<String> = self
            .world
            .servers
            .iter()
            .map(super::server::Server::describe)
            .collect();
        panic!(
            "{what}\nthe script:\n{}\nthe servers:\n{}",
            self.world.log.join("\n"),
            servers.join("\n")
        );
    }
}

fn count(shared: &Shared) -> usize {
    let acknowledged = shared.acknowledged.lock();
    acknowledged.unwrap_or_else(PoisonError::into_inner).len()
}

/// The servers of the leader's configuration.
fn members(world: &World) -> Vec<Host> {
    let Some(raft) = world.leader().and_then(|l| world.servers[l].raft()) else {
        return Vec::new();
    };
    let configuration = raft.configuration();
    let is_member = |id: &str| configuration.servers.iter().any(|server| server.id == id);
    let members = world.servers.iter().filter(|s| is_member(&s.id));
    members.map(|server| server.host).collect()
}

/// Whether all members have applied the same, and hold the same.
fn agree(world: &World) -> bool {
    let members = members(world);
    let mut states = members.iter().map(|host| {
        let raft = world.servers[*host].raft()?;
        let pairs: Vec<_> = raft.state().kv_prefix(b"").cloned().collect();
        Some((raft.stats().applied_index, raft.state().last_index(), pairs))
    });
    let Some(first) = states.next() else {
        return false;
    };
    first.is_some() && states.all(|state| state == first)
}

fn once_written(world: &World, host: Host) -> BTreeMap<String, String> {
    let Some(raft) = world.servers[host].raft() else {
        return BTreeMap::new();
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let state = raft.state();
    let pairs = state.kv_prefix(b"once/");
    pairs
        .map(|pair| (text(pair.key.as_bytes()), text(&pair.value.0)))
        .collect()
}
