//! What goes wrong, and when: a script from a seed.

use std::time::Duration;

use consulctl::agent::raft::{Peer, Raft, WriteError};

use super::cluster::{FIRST, MACHINES, World};
use super::net::{CLIENTS, Host, Net, Weather};
use crate::dice::Dice;

/// Time of one step of a membership change.
const CHANGE_LIMIT: Duration = Duration::from_secs(3);
/// How often a membership change or a transfer is tried.
const TRIES: usize = 8;

/// Whom a fault befalls, decided when it does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Whom {
    /// Whoever leads then; machine 0 when nobody does.
    Leader,
    /// One of the others, by number.
    Follower(usize),
}

/// A fault, or an order of the operators.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    Crash(Whom, Duration),
    CrashAll(Duration),
    /// Hears nobody and is not heard.
    Isolate(Whom, Duration),
    /// Is not heard by the other servers, and hears them.
    Mute(Whom, Duration),
    /// Hears no other server, and is heard.
    Deafen(Whom, Duration),
    /// Two servers do not hear each other.
    Split(Whom, usize, Duration),
    Pause(Whom, Duration),
    SlowDisk(Whom, Duration),
    Storm(Duration),
    Transfer,
    /// A fourth and a fifth server join.
    Grow,
    /// They are removed.
    Shrink,
}

/// What ends a fault.
enum Undo {
    Start(Host),
    Resume(Host),
    Unwall(Vec<(Host, Host)>),
    FastDisk(Host),
    Calm,
}

/// Faults with their times, and those under way.
pub(super) struct Script {
    todo: Vec<(Duration, Fault)>,
    undo: Vec<(Duration, Undo)>,
    pub(super) end: Duration,
}

impl Script {
    /// Faults from the third second to the end.
    pub(super) fn from(dice: &mut Dice, end: Duration) -> Self {
        let mut todo = Vec::new();
        let mut at = Duration::from_secs(3);
        while at < end {
            todo.push((at, any_fault(dice)));
            at += dice.log_span(Duration::from_millis(200), Duration::from_secs(8));
        }
        Self::of(todo, end)
    }

    /// These faults, in the order of time.
    pub(super) fn of(todo: Vec<(Duration, Fault)>, end: Duration) -> Self {
        let mut todo = todo;
        todo.reverse();
        Self {
            todo,
            undo: Vec::new(),
            end,
        }
    }

    /// Lets happen what is due.
    pub(super) fn play(&mut self, world: &mut World) {
        let due = |at: Duration| at <= world.now;
        let ended: Vec<Undo> = self
            .undo
            .extract_if(.., |(at, _)| due(*at))
            .map(|(_, undo)| undo)
            .collect();
        for undo in ended {
            apply_undo(world, undo);
        }
        while self.todo.last().is_some_and(|(at, _)| *at <= world.now) {
            if let Some((_, fault)) = self.todo.pop() {
                self.befall(world, fault);
            }
        }
    }

    /// Ends everything that is under way.
    pub(super) fn heal(&mut self, world: &mut World) {
        world.note("heal");
        for (_, undo) in std::mem::take(&mut self.undo) {
            apply_undo(world, undo);
        }
    }

    fn until(&mut self, world: &World, time: Duration, undo: Undo) {
        self.undo.push((world.now + time, undo));
    }

    fn befall(&mut self, world: &mut World, fault: Fault) {
        world.note(&format!("{fault:?}"));
        match fault {
            Fault::Crash(whom, time) => {
                let host = who(world, whom);
                self.crash(world, host, time);
            }
            Fault::CrashAll(time) => {
                for host in 0..MACHINES {
                    self.crash(world, host, time);
                }
            }
            Fault::Isolate(whom, time) => {
                let host = who(world, whom);
                self.walls(
                    world,
                    time,
                    |other| vec![(host, other), (other, host)],
                    host,
                );
            }
            Fault::Mute(whom, time) => {
                let host = who(world, whom);
                self.walls(world, time, |other| vec![(host, other)], host);
            }
            Fault::Deafen(whom, time) => {
                let host = who(world, whom);
                self.walls(world, time, |other| vec![(other, host)], host);
            }
            Fault::Split(whom, n, time) => {
                let (a, b) = (who(world, whom), n % FIRST);
                let pairs = |other: Host| {
                    if other == b {
                        vec![(a, b), (b, a)]
                    } else {
                        Vec::new()
                    }
                };
                self.walls(world, time, pairs, a);
            }
            Fault::Pause(whom, time) => {
                let host = who(world, whom);
                let now = world.now;
                world.servers[host].stop(now);
                self.until(world, time, Undo::Resume(host));
            }
            Fault::SlowDisk(whom, time) => {
                let host = who(world, whom);
                world.servers[host].set_slow(true);
                self.until(world, time, Undo::FastDisk(host));
            }
            Fault::Storm(time) => {
                world.net.set_weather(Weather {
                    delay: (Duration::from_millis(1), Duration::from_millis(120)),
                    loss: 0.1,
                });
                self.until(world, time, Undo::Calm);
            }
            Fault::Transfer => transfer(world),
            Fault::Grow => grow(world),
            Fault::Shrink => shrink(world),
        }
    }

    fn crash(&mut self, world: &mut World, host: Host, time: Duration) {
        if world.servers[host].is_up() {
            world.servers[host].crash();
            self.until(world, time, Undo::Start(host));
        }
    }

    fn walls(
        &mut self,
        world: &World,
        time: Duration,
        pairs: impl Fn(Host) -> Vec<(Host, Host)>,
        host: Host,
    ) {
        let others = (0..MACHINES).filter(|other| *other != host);
        let walls: Vec<(Host, Host)> = others.flat_map(pairs).collect();
        for (from, to) in &walls {
            world.net.wall(*from, *to);
        }
        self.until(world, time, Undo::Unwall(walls));
    }
}

fn apply_undo(world: &mut World, undo: Undo) {
    let now = world.now;
    match undo {
        Undo::Start(host) => {
            world.note(&format!("{host} starts"));
            if !world.servers[host].is_up() {
                world.servers[host].start(now);
            }
        }
        Undo::Resume(host) => {
            world.note(&format!("{host} goes on"));
            world.servers[host].resume(now);
        }
        Undo::Unwall(walls) => {
            world.note("walls fall");
            for (from, to) in walls {
                world.net.unwall(from, to);
            }
        }
        Undo::FastDisk(host) => world.servers[host].set_slow(false),
        Undo::Calm => world.net.set_weather(Weather::FAIR),
    }
}

fn any_fault(dice: &mut Dice) -> Fault {
    let whom = if dice.chance(0.6) {
        Whom::Leader
    } else {
        Whom::Follower(dice.below(4))
    };
    let short = dice.log_span(Duration::from_millis(20), Duration::from_secs(3));
    let long = dice.log_span(Duration::from_millis(300), Duration::from_secs(12));
    match dice.below(16) {
        0..3 => Fault::Crash(whom, short),
        3 => Fault::CrashAll(short),
        4..6 => Fault::Isolate(whom, long),
        6 => Fault::Mute(whom, long),
        7 => Fault::Deafen(whom, long),
        8 => Fault::Split(whom, dice.below(FIRST), long),
        9..11 => {
            let time = dice.log_span(Duration::from_millis(500), Duration::from_secs(30));
            Fault::Pause(whom, time)
        }
        11 => Fault::SlowDisk(whom, long),
        12 => Fault::Storm(long),
        13 => Fault::Transfer,
        14 => Fault::Grow,
        _ => Fault::Shrink,
    }
}

fn who(world: &World, whom: Whom) -> Host {
    let leader = world.leader().unwrap_or(0);
    match whom {
        Whom::Leader => leader,
        Whom::Follower(n) => {
            let up = world
                .servers
                .iter()
                .filter(|s| s.is_up() && s.host != leader);
            let up: Vec<Host> = up.map(|s| s.host).collect();
            up.get(n % up.len().max(1)).copied().unwrap_or(leader)
        }
    }
}

/// Asks whoever leads for a change, until it is made or was tried often enough.
async fn order<F>(net: &Net, job: impl Fn(Raft) -> F + Clone + Send + 'static) -> bool
where
    F: Future<Output = Result<(), WriteError>> + Send + 'static,
{
    for _ in 0..TRIES {
        for host in 0..MACHINES {
            let asked = net.ask(CLIENTS - 1, host, CHANGE_LIMIT, job.clone()).await;
            if matches!(asked, Ok(Ok(()))) {
                return true;
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    false
}

fn transfer(world: &World) {
    let net = world.net.clone();
    world.clients.spawn(async move {
        for host in 0..MACHINES {
            let ask = |raft: Raft| async move {
                if !raft.is_leader() {
                    return Err(WriteError::NoLeader);
                }
                raft.transfer_leader(None, CHANGE_LIMIT).await
            };
            let asked = net.ask(CLIENTS - 1, host, CHANGE_LIMIT, ask).await;
            if matches!(asked, Ok(Ok(_))) {
                return;
            }
        }
    });
}

/// Starts the two machines that have never run, and makes them voters, one after the other.
fn grow(world: &mut World) {
    let now = world.now;
    let new = world.servers[FIRST..].iter_mut().filter(|s| s.is_new());
    let peers: Vec<Peer> = new
        .map(|server| {
            server.start(now);
            server.peer()
        })
        .collect();
    let net = world.net.clone();
    world.clients.spawn(async move {
        for peer in peers {
            let new = peer.clone();
            let add = move |raft: Raft| {
                let peer = new.clone();
                async move { raft.add_nonvoter(&peer).await }
            };
            if !order(&net, add).await {
                continue;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            let promote = move |raft: Raft| {
                let id = peer.id.clone();
                async move { raft.promote(&id).await }
            };
            order(&net, promote).await;
        }
    });
}

/// Removes what [`grow`] added. The servers go on running: they are not told.
fn shrink(world: &World) {
    let ids: Vec<String> = world.servers[FIRST..]
        .iter()
        .map(|s| s.id.clone())
        .collect();
    let net = world.net.clone();
    world.clients.spawn(async move {
        for id in ids {
            let remove = move |raft: Raft| {
                let id = id.clone();
                async move { raft.remove_server(&id).await }
            };
            order(&net, remove).await;
        }
    });
}
