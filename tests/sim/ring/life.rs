//! What tests do to members: start, join, crash, stall, leave, and ask things of them.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use consulctl::agent::gossip::serf::{self, AnyMember, Options, Restored, Serf};
use consulctl::agent::gossip::swim;
use consulctl::agent::gossip::wire::{NodeName, NodeState, PushPull, Tags};
use consulctl::model::mono::Mono;

use super::{Event, Host, HostId, Ring, Stall};

impl Ring {
    /// A new machine with a member on it that knows nobody yet.
    pub(crate) fn add(&mut self) -> HostId {
        let name = format!("n{:04}", self.hosts.len());
        self.add_named(&name)
    }

    /// A new machine whose member has this name.
    pub(crate) fn add_named(&mut self, name: &str) -> HostId {
        let id = self.network.add();
        let address = self.new_address(id);
        self.hosts.push(Host::new(NodeName::from(name), address));
        self.start(id);
        id
    }

    /// A ring of this many members that know each other.
    pub(crate) fn grow(&mut self, members: usize) {
        let first = self.add();
        for _ in 1..members {
            let id = self.add();
            let known = self.dice.within(first, id - 1);
            self.join(id, known);
            self.run_for(Duration::from_millis(20));
        }
    }

    /// A ring of this many members that have known each other for long and have nothing to say. What they know
    /// they took in as they take in the state of a peer.
    pub(crate) fn acquainted(&mut self, members: usize) {
        let first = self.hosts.len();
        for _ in 0..members {
            self.add();
        }
        let all = first..first + members;
        let nodes: Vec<NodeState> = all.clone().map(|id| self.own_state(id)).collect();
        for id in all {
            let state = PushPull {
                join: false,
                nodes: nodes.clone(),
                user_state: Bytes::new(),
            };
            let input = swim::Input::PushPullRequest {
                stream: 0,
                from: self.hosts[id].address,
                state,
            };
            let now = self.now;
            let serf = self.hosts[id].serf.as_mut().expect("it was just started");
            serf.handle(now, serf::Input::Net(input));
            serf.drop_broadcasts();
            while serf.poll_output().is_some() {}
        }
        self.heard.clear();
    }

    /// What a member says of itself in an exchange of states.
    fn own_state(&self, id: HostId) -> NodeState {
        let own = self.serf(id).swim().local();
        NodeState {
            node: NodeName::clone(&own.name),
            address: own.address,
            meta: own.meta.clone(),
            incarnation: own.incarnation,
            state: own.state,
            versions: own.versions,
        }
    }

    /// Starts a member on a machine where none runs.
    pub(crate) fn start(&mut self, id: HostId) {
        let host = &mut self.hosts[id];
        assert!(!host.is_up(), "one member a machine");
        host.life += 1;
        let options = Options {
            swim: self.spec.swim.clone(),
            serf: self.spec.serf.clone(),
            name: NodeName::clone(&host.name),
            address: host.address,
            tags: Tags::new(),
            seed: self.dice.roll(),
            policy: Box::new(AnyMember),
            keyring: None,
            restored: Restored::default(),
        };
        let mut serf = Serf::new(options, self.now).expect("there are no tags");
        serf.start(self.now);
        host.serf = Some(Box::new(serf));
        self.settle(id);
    }

    /// Asks a member of what is on `with` to let it join.
    pub(crate) fn join(&mut self, id: HostId, with: HostId) {
        let to = self.hosts[with].address;
        self.join_address(id, to);
    }

    /// Asks whoever has an address.
    pub(crate) fn join_address(&mut self, id: HostId, to: SocketAddr) {
        let exchange = self.next_stream;
        self.next_stream += 1;
        self.ask(id, |serf, now| serf.join(now, exchange, to, None));
    }

    /// Asks something of a member.
    pub(crate) fn ask<T>(&mut self, id: HostId, what: impl FnOnce(&mut Serf, Mono) -> T) -> T {
        let now = self.now;
        let serf = self.hosts[id].serf.as_mut().expect("it runs");
        let answer = what(serf, now);
        self.settle(id);
        answer
    }

    /// Gives a member one tag.
    pub(crate) fn tag(&mut self, id: HostId, key: &str, value: &str) {
        let tags = Tags::from([(key.to_owned(), value.to_owned())]);
        self.ask(id, |serf, now| serf.set_tags(now, tags))
            .expect("the tag fits");
    }

    /// Kills a member without a word; its machine stays, and refuses streams.
    pub(crate) fn crash(&mut self, id: HostId) {
        self.hosts[id].stop();
    }

    /// Starts a member again under its name, with a new address when the machine got one.
    pub(crate) fn restart(&mut self, id: HostId, elsewhere: bool) {
        if elsewhere {
            self.hosts[id].address = self.new_address(id);
        }
        self.start(id);
    }

    /// Lets a member say goodbye; its process ends when it has.
    pub(crate) fn leave(&mut self, id: HostId) {
        self.ask(id, Serf::leave);
    }

    /// A stall that begins later and ends after that.
    pub(crate) fn plan_stall(
        &mut self,
        host: HostId,
        stall: Stall,
        after: Duration,
        for_: Duration,
    ) {
        let begin = self.now + after;
        self.queue.push(begin, Event::Stall { host, stall });
        self.queue.push(begin + for_, Event::Resume { host });
    }

    pub(super) fn stall(&mut self, id: HostId, stall: Stall) {
        let host = &mut self.hosts[id];
        if host.is_up() {
            host.stall = Some(stall);
        }
    }

    /// The stall is over: timers that are late fire, what waited is read, in one order or the other.
    pub(super) fn resume(&mut self, id: HostId) {
        let Some(stall) = self.hosts[id].stall.take() else {
            return;
        };
        for output in std::mem::take(&mut self.hosts[id].outbox) {
            self.send(id, output);
        }
        let timers_first = stall == Stall::Process && self.dice.chance(0.5);
        if timers_first {
            self.tick(id);
        }
        for arrival in self.hosts[id].take_inbox() {
            self.take_in(id, arrival);
        }
        if self.hosts[id].is_up() {
            self.tick(id);
        }
    }

    /// All machines whose member runs.
    pub(crate) fn running(&self) -> Vec<HostId> {
        (0..self.hosts.len())
            .filter(|id| self.hosts[*id].is_up())
            .collect()
    }

    /// Joins parts of the ring of which nobody knows anybody in the others: no gossip ever brings those
    /// together, only whoever operates them does.
    pub(crate) fn join_strangers(&mut self) {
        let Some((first, rest)) = self.parts().split_first().map(|(f, r)| (f[0], r.to_vec()))
        else {
            return;
        };
        for part in rest {
            self.join(part[0], first);
        }
    }

    /// Lets time pass until there is one view and nothing more to say.
    pub(crate) fn calm_down(&mut self) {
        let (step, limit) = (Duration::from_secs(1), Duration::from_mins(4));
        let agreed = self.run_until(step, limit, Self::agrees);
        assert!(agreed.is_some(), "{}", self.few_errors());
        let deadline = self.now + limit;
        loop {
            let before = self.sent;
            self.run_for(step);
            if self.sent.since(&before).is_quiet() {
                break;
            }
            assert!(self.now < deadline, "they never fall silent");
        }
        self.heard.clear();
    }

    /// Divides the machines into this many groups, by chance; none is empty if there are enough machines.
    pub(crate) fn groups(&mut self, count: usize) -> Vec<usize> {
        let mut group: Vec<usize> = (0..self.hosts.len())
            .map(|host| {
                if host < count {
                    host
                } else {
                    self.dice.below(count)
                }
            })
            .collect();
        self.dice.shuffle(&mut group);
        group
    }
}
