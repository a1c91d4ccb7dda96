//! The world: servers, their network, and the clients, driven through virtual time together.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use consulctl::agent::raft::{Peer, Raft};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use super::net::{CLIENTS, Host, Lost, Message, Net};
use super::server::Server;
use crate::dice::Dice;

/// The world's step. Messages arrive at its end; the clocks of two servers differ by less than it.
pub(super) const QUANTUM: Duration = Duration::from_millis(4);
/// Machines: three servers at first, and room for two more.
pub(super) const MACHINES: usize = 5;
/// Servers that form the cluster.
pub(super) const FIRST: usize = 3;

/// Where an answer will be.
pub(super) type Answer<T> = Arc<Mutex<Option<Result<T, Lost>>>>;

/// Everything there is.
pub(super) struct World {
    pub(super) now: Duration,
    pub(super) net: Net,
    pub(super) servers: Vec<Server>,
    /// Clients' tasks, and whoever administers the cluster.
    pub(super) clients: Runtime,
    base: Instant,
    /// What has happened, for people.
    pub(super) log: Vec<String>,
    snapshot_threshold: u64,
    dice: Dice,
    generation: usize,
}

impl World {
    /// Three servers that have just been started, and have not formed a cluster.
    pub(super) fn new(mut dice: Dice, snapshot_threshold: u64) -> Self {
        let net = Net::new(dice.fork());
        let clients = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let base = clients.block_on(async { Instant::now() });
        let mut world = Self {
            now: Duration::ZERO,
            net,
            servers: Vec::new(),
            clients,
            base,
            log: Vec::new(),
            snapshot_threshold,
            dice,
            generation: 0,
        };
        for host in 0..MACHINES {
            let server = world.machine(host);
            world.servers.push(server);
        }
        for server in &mut world.servers[..FIRST] {
            server.start(Duration::ZERO);
        }
        world
    }

    fn machine(&mut self, host: Host) -> Server {
        self.generation += 1;
        let id = format!("node-{host}-{}", self.generation);
        let dice = self.dice.fork();
        Server::new(host, id, &self.net, self.snapshot_threshold, dice)
    }

    /// Starts a machine anew: an empty disk and another id.
    pub(super) fn wipe(&mut self, host: Host) {
        self.servers[host].crash();
        self.servers[host] = self.machine(host);
        let now = self.now;
        self.servers[host].start(now);
    }

    /// Kills a server and starts it anew under its old id, with an empty disk.
    pub(super) fn lose_disk(&mut self, host: Host) {
        self.servers[host].crash();
        let id = self.servers[host].id.clone();
        let dice = self.dice.fork();
        self.servers[host] = Server::new(host, id, &self.net, self.snapshot_threshold, dice);
        let now = self.now;
        self.servers[host].start(now);
    }

    /// Forms the cluster of the first servers and waits until one leads.
    pub(super) fn form(&mut self) {
        self.run_for(QUANTUM * 10);
        let peers: Vec<Peer> = self.servers[..FIRST].iter().map(Server::peer).collect();
        let form = |raft: Raft| async move { raft.bootstrap(&peers).await };
        let formed = self.ask(0, Duration::from_secs(5), form);
        formed.expect("answered").expect("formed");
        let led = self.run_until(Duration::from_secs(10), |world| world.leader().is_some());
        assert!(led, "nobody leads a new cluster");
    }

    /// Lets time pass.
    pub(super) fn run_for(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            self.step();
        }
    }

    /// Lets time pass until something is so; false when it is not so in time.
    pub(super) fn run_until(&mut self, limit: Duration, is_so: impl Fn(&Self) -> bool) -> bool {
        let until = self.now + limit;
        while self.now < until {
            if is_so(self) {
                return true;
            }
            self.run_for(QUANTUM * 5);
        }
        is_so(self)
    }

    fn step(&mut self) {
        self.now += QUANTUM;
        let now = self.now;
        for arrival in self.net.advance(now) {
            match self.servers.get_mut(arrival.to) {
                Some(server) => server.receive(arrival),
                None => {
                    if let Message::Answer(deliver) = arrival.message {
                        deliver();
                    }
                }
            }
        }
        for server in &self.servers {
            server.step(now);
        }
        let until = self.base + now;
        self.clients
            .block_on(async { tokio::time::sleep_until(until).await });
    }

    /// Sends a request from outside; what comes of it will be in the place that is returned.
    pub(super) fn send<T, F>(
        &self,
        to: Host,
        limit: Duration,
        job: impl FnOnce(Raft) -> F + Send + 'static,
    ) -> Answer<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let place = Answer::default();
        let (net, answer) = (self.net.clone(), Arc::clone(&place));
        self.clients.spawn(async move {
            let result = net.ask(CLIENTS, to, limit, job).await;
            let mut answer = answer.lock().unwrap_or_else(PoisonError::into_inner);
            *answer = Some(result);
        });
        place
    }

    /// Sends a request and lets time pass until there is an answer.
    pub(super) fn ask<T, F>(
        &mut self,
        to: Host,
        limit: Duration,
        job: impl FnOnce(Raft) -> F + Send + 'static,
    ) -> Result<T, Lost>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let answer = self.send(to, limit, job);
        loop {
            self.step();
            let mut answer = answer.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(answer) = answer.take() {
                return answer;
            }
        }
    }

    /// Two hosts do not hear each other.
    pub(super) fn separate(&self, a: Host, b: Host) {
        self.net.wall(a, b);
        self.net.wall(b, a);
    }

    /// They do again.
    pub(super) fn join(&self, a: Host, b: Host) {
        self.net.unwall(a, b);
        self.net.unwall(b, a);
    }

    /// The server that leads; of several that believe it, the one with the newest term.
    pub(super) fn leader(&self) -> Option<Host> {
        let leaders = self.servers.iter().filter_map(|server| {
            let raft = server.raft()?;
            let leadership = raft.leadership().borrow().clone();
            leadership
                .is_leader()
                .then_some((leadership.term, server.host))
        });
        leaders.max().map(|(_, host)| host)
    }

    /// Notes what happens.
    pub(super) fn note(&mut self, what: &str) {
        let leader = self.leader();
        let line = format!(
            "{:>9.3}  {what} (leader {leader:?})",
            self.now.as_secs_f64()
        );
        super::spy::say(&line);
        self.log.push(line);
    }
}
