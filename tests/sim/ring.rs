//! A ring of gossip members in virtual time: one queue of events, one network, one seed.

mod host;
mod life;
mod log;
mod streams;
mod views;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use consulctl::agent::gossip::serf::{self, Event as SerfEvent, Serf};
use consulctl::agent::gossip::swim::{self, StreamId};
use consulctl::agent::gossip::wire::{self, NodeName};
use consulctl::model::mono::Mono;

use crate::dice::Dice;
use crate::network::{Conditions, HostId, Network};
use crate::queue::Queue;
use crate::trace::Trace;

pub(crate) use host::{Arrival, Host, Stall};
pub(crate) use log::{ACK, Heard, PING, Sent, USER, What};
use streams::Stream;

/// The port of all members.
const PORT: u16 = 8301;
/// The first member's address; the next one's is the next.
const FIRST_ADDRESS: u32 = u32::from_be_bytes([10, 0, 0, 1]);

/// What a ring is made of.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    pub(crate) swim: swim::Config,
    pub(crate) serf: serf::Config,
    pub(crate) conditions: Conditions,
}

impl Spec {
    /// Consul's LAN pool in one datacenter.
    pub(crate) fn lan() -> Self {
        Self {
            swim: swim::Config::lan(),
            serf: serf::Config::default(),
            conditions: Conditions::lan(),
        }
    }
}

/// What will happen.
enum Event {
    /// The member's next deadline, if it is still the same member and no earlier one has come since.
    Wake { host: HostId, life: u32 },
    /// Something comes to an address: whoever has it then.
    ToAddress { to: SocketAddr, arrival: Arrival },
    /// Something comes to a member, if it still runs.
    ToMember {
        host: HostId,
        life: u32,
        arrival: Arrival,
    },
    /// Nobody waits for this stream any longer.
    StreamTimeout(StreamId),
    /// A stall begins.
    Stall { host: HostId, stall: Stall },
    /// A stall ends.
    Resume { host: HostId },
}

/// The ring. What tests do to it happens at `now`; time passes only in [`Ring::run_for`] and its like.
pub(crate) struct Ring {
    pub(crate) now: Mono,
    pub(crate) hosts: Vec<Host>,
    pub(crate) network: Network,
    /// What applications heard since a test last cleared it.
    pub(crate) heard: Vec<Heard>,
    /// Whether notices of the failure detector are kept in `heard`, too.
    pub(crate) keep_notices: bool,
    pub(crate) sent: Sent,
    /// Events that happened.
    pub(crate) steps: u64,
    /// For whatever a test draws.
    pub(crate) dice: Dice,
    spec: Spec,
    queue: Queue<Event>,
    /// Who has an address, by its distance from the first one.
    addresses: Vec<HostId>,
    streams: HashMap<StreamId, Stream>,
    next_stream: StreamId,
    trace: Trace,
}

impl Ring {
    pub(crate) fn new(seed: u64, spec: Spec) -> Self {
        let mut dice = Dice::new(seed);
        Self {
            now: Mono::ZERO,
            hosts: Vec::new(),
            network: Network::new(spec.conditions.clone(), dice.fork()),
            heard: Vec::new(),
            keep_notices: false,
            sent: Sent::default(),
            steps: 0,
            dice,
            spec,
            queue: Queue::new(),
            addresses: Vec::new(),
            streams: HashMap::new(),
            next_stream: 0,
            trace: Trace::new(),
        }
    }

    /// The same for two runs that did the same.
    pub(crate) const fn fingerprint(&self) -> u64 {
        self.trace.hash()
    }

    /// Lets time pass.
    pub(crate) fn run_for(&mut self, duration: Duration) {
        let until = self.now + duration;
        while let Some((at, event)) = self.queue.pop_until(until) {
            self.now = at;
            self.steps += 1;
            self.happen(event);
        }
        self.now = until;
    }

    /// Lets time pass until something holds, looking at intervals of `step`; how long it took, or `None` when
    /// it did not come to hold within `limit`.
    pub(crate) fn run_until(
        &mut self,
        step: Duration,
        limit: Duration,
        holds: impl Fn(&Self) -> bool,
    ) -> Option<Duration> {
        let start = self.now;
        loop {
            if holds(self) {
                return Some(self.now - start);
            }
            if self.now - start >= limit {
                return None;
            }
            self.run_for(step);
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Wake { host, life } => self.wake(host, life),
            Event::ToAddress { to, arrival } => {
                if let Some(host) = self.at(to) {
                    self.arrive(host, arrival);
                }
            }
            Event::ToMember {
                host,
                life,
                arrival,
            } => {
                if self.hosts[host].life == life {
                    self.arrive(host, arrival);
                }
            }
            Event::StreamTimeout(stream) => self.hang_up(stream, "i/o timeout"),
            Event::Stall { host, stall } => self.stall(host, stall),
            Event::Resume { host } => self.resume(host),
        }
    }

    fn wake(&mut self, id: HostId, life: u32) {
        let now = self.now;
        let host = &mut self.hosts[id];
        if host.life != life || host.wake_at != Some(now) {
            return;
        }
        host.wake_at = None;
        if host.stall == Some(Stall::Process) {
            return;
        }
        self.tick(id);
    }

    /// Lets the member's timers fire that are due.
    fn tick(&mut self, id: HostId) {
        let now = self.now;
        let Some(serf) = self.hosts[id].serf.as_mut() else {
            return;
        };
        if serf.next_deadline().is_some_and(|at| at <= now) {
            serf.handle(now, serf::Input::Tick);
        }
        self.settle(id);
    }

    /// Something came to a host.
    fn arrive(&mut self, id: HostId, arrival: Arrival) {
        let host = &mut self.hosts[id];
        if !host.is_up() {
            if let Arrival::PushPull { stream, .. } | Arrival::StreamPing { stream, .. } = arrival {
                self.hang_up(stream, "connection refused");
            }
        } else if host.stall.is_some() {
            host.keep(arrival);
        } else {
            self.take_in(id, arrival);
        }
    }

    /// The member reads what came.
    fn take_in(&mut self, id: HostId, arrival: Arrival) {
        let now = self.now;
        self.trace.moment(now);
        self.trace.number(id as u64);
        let input = match arrival {
            Arrival::Datagram { from, parts } => {
                self.read(id, from, &parts);
                return self.settle(id);
            }
            Arrival::PushPull { stream, from, body } => {
                self.trace.number(body.len() as u64);
                swim::Input::PushPullRequest {
                    stream,
                    from,
                    state: streams::open(&body).expect("members send what can be read"),
                }
            }
            Arrival::StreamPing { stream, ping } => swim::Input::StreamPing { stream, ping },
            Arrival::Answer { stream, answer } => match self.end(stream, answer) {
                Some(input) => input,
                None => return,
            },
        };
        if let Some(serf) = self.hosts[id].serf.as_mut() {
            serf.handle(now, serf::Input::Net(input));
        }
        self.settle(id);
    }

    /// The member reads a datagram.
    fn read(&mut self, id: HostId, from: SocketAddr, parts: &[Bytes]) {
        let now = self.now;
        let Some(serf) = self.hosts[id].serf.as_mut() else {
            return;
        };
        for part in parts {
            self.trace.bytes(part);
            wire::decode_packet(part, &mut |message| {
                let input = swim::Input::Message { from, message };
                serf.handle(now, serf::Input::Net(input));
            })
            .expect("members send what can be read");
        }
    }

    /// Does what the member wants done, and sets its alarm clock.
    fn settle(&mut self, id: HostId) {
        while let Some(output) = self.hosts[id]
            .serf
            .as_mut()
            .and_then(|serf| serf.poll_output())
        {
            self.execute(id, output);
        }
        let host = &mut self.hosts[id];
        let Some(deadline) = host.serf.as_ref().and_then(|serf| serf.next_deadline()) else {
            return;
        };
        let at = deadline.max(self.now);
        if host.wake_at.is_none_or(|armed| at < armed) {
            host.wake_at = Some(at);
            let life = host.life;
            self.queue.push(at, Event::Wake { host: id, life });
        }
    }

    fn execute(&mut self, id: HostId, output: serf::Output) {
        match output {
            serf::Output::Net(net) if self.hosts[id].stall == Some(Stall::Messages) => {
                self.hosts[id].outbox.push(net);
            }
            serf::Output::Net(net) => self.send(id, net),
            serf::Output::Event(SerfEvent::Members(change, members)) => {
                for member in members {
                    self.hear(id, What::Member(change, member));
                }
            }
            serf::Output::Event(SerfEvent::User { name, .. }) => self.hear(id, What::User(name)),
            serf::Output::Left => {
                self.hear(id, What::Left);
                self.hosts[id].stop();
            }
            serf::Output::ConflictLost { .. } => self.hosts[id].stop(),
            serf::Output::SaveKeyring(_) => {
                let now = self.now;
                if let Some(serf) = self.hosts[id].serf.as_mut() {
                    serf.handle(now, serf::Input::KeyringSaved(Ok(())));
                }
            }
            serf::Output::Event(SerfEvent::Query { .. })
            | serf::Output::QueryReply { .. }
            | serf::Output::QueryDone { .. }
            | serf::Output::Snapshot(_)
            | serf::Output::Notice(_) => {}
        }
    }

    fn send(&mut self, id: HostId, output: swim::Output) {
        match output {
            swim::Output::Packet(packet) => self.send_datagram(id, packet),
            swim::Output::PushPull { exchange, to, body } => {
                self.dial_push_pull(id, exchange, to, body);
            }
            swim::Output::StreamPing { to, ping, timeout } => {
                self.dial_ping(id, to, ping, timeout);
            }
            swim::Output::StreamReply { stream, body } => self.reply(id, stream, body),
            swim::Output::StreamClose { stream } => self.hang_up(stream, "EOF"),
            swim::Output::Notice(notice) => {
                if self.keep_notices {
                    self.hear(id, What::Notice(notice));
                }
            }
            swim::Output::ExchangeDone { .. } | swim::Output::Left => {}
        }
    }

    fn send_datagram(&mut self, id: HostId, packet: swim::Packet) {
        self.sent.count(&packet);
        let size: usize = 2 + packet
            .parts
            .iter()
            .map(|part| 2 + part.len())
            .sum::<usize>();
        assert!(
            size <= self.spec.swim.udp_buffer_size,
            "a datagram of {size} bytes: {packet:?}"
        );
        let Some(to) = self.at(packet.to) else {
            return;
        };
        let from = self.hosts[id].address;
        let parts: host::Parts = packet.parts.into();
        for delay in self.network.datagram(id, to).into_iter().flatten() {
            let arrival = Arrival::Datagram {
                from,
                parts: Arc::clone(&parts),
            };
            let to = packet.to;
            self.queue
                .push(self.now + delay, Event::ToAddress { to, arrival });
        }
    }

    fn hear(&mut self, by: HostId, what: What) {
        let at = self.now;
        self.trace.moment(at);
        self.trace.number(by as u64);
        if let What::Member(change, member) = &what {
            self.trace.number(*change as u64);
            self.trace.bytes(member.name.as_bytes());
        }
        self.heard.push(Heard { at, by, what });
    }

    /// Who has this address.
    fn at(&self, address: SocketAddr) -> Option<HostId> {
        let IpAddr::V4(ip) = address.ip() else {
            return None;
        };
        let number = u32::from(ip).checked_sub(FIRST_ADDRESS)?;
        let owner = *self.addresses.get(usize::try_from(number).ok()?)?;
        (self.hosts[owner].address == address).then_some(owner)
    }

    /// An address that nobody had before.
    fn new_address(&mut self, owner: HostId) -> SocketAddr {
        let number = u32::try_from(self.addresses.len()).expect("not that many addresses");
        self.addresses.push(owner);
        SocketAddr::from((Ipv4Addr::from(FIRST_ADDRESS + number), PORT))
    }

    /// The member of a host that runs.
    pub(crate) fn serf(&self, host: HostId) -> &Serf {
        self.hosts[host].serf.as_deref().expect("it runs")
    }

    /// The name that the ring gives to a host.
    pub(crate) fn name(&self, host: HostId) -> NodeName {
        NodeName::clone(&self.hosts[host].name)
    }
}
