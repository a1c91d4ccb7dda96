//! Members that are wired together directly, in virtual time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::agent::gossip::serf::{
    AnyMember, Config, Event, Input, Notice, Options, Output, QueryKey, QueryReply, Restored, Serf,
};
use crate::agent::gossip::swim;
use crate::agent::gossip::wire::{
    Key, Keyring, Message, PushPull, SerfMessage, Tags, decode_packet,
};
use crate::model::member::MemberStatus;
use crate::model::mono::Mono;

use super::address;

/// One member, and what it has told.
pub(super) struct Node {
    pub(super) serf: Serf,
    pub(super) told: Vec<Output>,
    /// Keyrings cannot be written.
    pub(super) disk_full: bool,
    /// Nothing reaches it, and nothing leaves it.
    pub(super) cut_off: bool,
}

/// Members `n1`, `n2` and so on, which listen on ports 1, 2 and so on.
pub(super) struct Pool {
    pub(super) now: Mono,
    pub(super) nodes: Vec<Node>,
    /// Messages for one member that were sent by anybody, with the sender's place.
    pub(super) sent: Vec<(usize, SerfMessage)>,
}

pub(super) fn name(n: usize) -> String {
    format!("n{}", n + 1)
}

pub(super) fn options(n: usize) -> Options {
    let port = u16::try_from(n + 1).unwrap();
    Options {
        swim: swim::Config::lan(),
        serf: Config::default(),
        name: name(n).into(),
        address: address(port),
        tags: Tags::from([("role".to_owned(), format!("role-{}", n % 2))]),
        seed: n as u64,
        policy: Box::new(AnyMember),
        keyring: None,
        restored: Restored::default(),
    }
}

pub(super) fn key(byte: u8) -> Key {
    Key::new(&[byte; 16]).unwrap()
}

impl Pool {
    /// Members that do not know each other.
    pub(super) fn strangers(count: usize, change: impl Fn(&mut Options)) -> Self {
        let mut pool = Self {
            now: Mono::ZERO,
            nodes: Vec::new(),
            sent: Vec::new(),
        };
        for n in 0..count {
            let mut options = options(n);
            change(&mut options);
            pool.add(options);
        }
        pool
    }

    /// Members that know each other.
    pub(super) fn of(count: usize, change: impl Fn(&mut Options)) -> Self {
        let mut pool = Self::strangers(count, change);
        for n in 1..count {
            pool.join(n, 0);
        }
        for n in 0..count {
            pool.run_until("all know each other", |pool| {
                pool.statuses(n).len() == count
            });
        }
        pool
    }

    pub(super) fn encrypted(count: usize) -> Self {
        Self::of(count, |options| {
            options.keyring = Some(Arc::new(Keyring::new(key(1))));
        })
    }

    pub(super) fn add(&mut self, options: Options) {
        let mut serf = Serf::new(options, self.now).unwrap();
        serf.start(self.now);
        self.nodes.push(Node {
            serf,
            told: Vec::new(),
            disk_full: false,
            cut_off: false,
        });
        self.settle();
    }

    pub(super) fn join(&mut self, from: usize, to: usize) {
        let to = address(u16::try_from(to + 1).unwrap());
        self.nodes[from].serf.join(self.now, 1, to, None);
        self.settle();
    }

    /// Carries messages until nobody has any.
    pub(super) fn settle(&mut self) {
        let mut busy = true;
        while busy {
            busy = false;
            for n in 0..self.nodes.len() {
                while let Some(output) = self.nodes[n].serf.poll_output() {
                    busy = true;
                    self.carry(n, output);
                }
            }
        }
    }

    fn at(&self, address: std::net::SocketAddr) -> Option<usize> {
        let n = usize::from(address.port()).checked_sub(1)?;
        (n < self.nodes.len() && !self.nodes[n].cut_off).then_some(n)
    }

    fn carry(&mut self, n: usize, output: Output) {
        match output {
            Output::Net(swim::Output::Packet(packet)) => {
                let from = address(u16::try_from(n + 1).unwrap());
                for part in &packet.parts {
                    if let Some(inner) = part.strip_prefix(&[8])
                        && let Ok(message) = SerfMessage::decode(inner)
                    {
                        self.sent.push((n, message));
                    }
                    self.deliver(n, from, packet.to, part);
                }
            }
            Output::Net(swim::Output::PushPull { exchange, to, body }) => {
                let target = self.at(to).filter(|_| !self.nodes[n].cut_off);
                let result = target.map_or(Err("connection refused".to_owned()), |target| {
                    Ok(self.exchange(n, target, &body))
                });
                let input = swim::Input::PushPullReply { exchange, result };
                self.input(n, Input::Net(input));
            }
            Output::Net(swim::Output::StreamPing { to, ping, .. }) => {
                let answered = self.at(to).is_some() && !self.nodes[n].cut_off;
                let seq_no = ping.seq_no;
                self.input(n, Input::Net(swim::Input::StreamPong { seq_no, answered }));
            }
            Output::SaveKeyring(ring) => {
                let result = if self.nodes[n].disk_full {
                    Err("no space left on device".to_owned())
                } else {
                    Ok(())
                };
                self.nodes[n].told.push(Output::SaveKeyring(ring));
                self.input(n, Input::KeyringSaved(result));
            }
            other => self.nodes[n].told.push(other),
        }
    }

    fn deliver(
        &mut self,
        from: usize,
        source: std::net::SocketAddr,
        to: std::net::SocketAddr,
        part: &Bytes,
    ) {
        let Some(target) = self.at(to).filter(|_| !self.nodes[from].cut_off) else {
            return;
        };
        let mut messages: Vec<Message> = Vec::new();
        decode_packet(part, &mut |message| messages.push(message)).unwrap();
        for message in messages {
            let from = source;
            self.input(target, Input::Net(swim::Input::Message { from, message }));
        }
    }

    fn exchange(&mut self, from: usize, target: usize, body: &Bytes) -> PushPull {
        let request = swim::Input::PushPullRequest {
            stream: 1,
            from: address(u16::try_from(from + 1).unwrap()),
            state: PushPull::decode(body).unwrap(),
        };
        self.input(target, Input::Net(request));
        loop {
            match self.nodes[target].serf.poll_output().unwrap() {
                Output::Net(swim::Output::StreamReply { body, .. }) => {
                    return PushPull::decode(&body).unwrap();
                }
                other => self.carry(target, other),
            }
        }
    }

    pub(super) fn input(&mut self, n: usize, input: Input) {
        self.nodes[n].serf.handle(self.now, input);
    }

    /// Lets time pass up to the next deadline, at most until `end`; whether there was one.
    fn step(&mut self, end: Mono) -> bool {
        let deadlines = self.nodes.iter().map(|node| node.serf.next_deadline());
        let Some(next) = deadlines.flatten().min().filter(|next| *next <= end) else {
            self.now = end;
            return false;
        };
        self.now = self.now.max(next);
        for n in 0..self.nodes.len() {
            let deadline = self.nodes[n].serf.next_deadline();
            if deadline.is_some_and(|at| at <= self.now) {
                self.input(n, Input::Tick);
            }
        }
        self.settle();
        true
    }

    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
    }

    /// At most ten minutes.
    pub(super) fn run_until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let end = self.now + Duration::from_mins(10);
        while !done(self) {
            assert!(self.step(end), "never came true: {what}");
        }
    }

    /// Names and states, as a member sees them.
    pub(super) fn statuses(&self, n: usize) -> Vec<(String, MemberStatus)> {
        let members = self.nodes[n].serf.members();
        members
            .map(|member| (member.name.to_string(), member.status))
            .collect()
    }

    pub(super) fn status(&self, n: usize, of: usize) -> Option<MemberStatus> {
        let mut members = self.nodes[n].serf.members();
        let member = members.find(|member| *member.name == *name(of));
        member.map(|member| member.status)
    }

    pub(super) fn events(&self, n: usize) -> impl Iterator<Item = &Event> {
        self.nodes[n].told.iter().filter_map(|output| match output {
            Output::Event(event) => Some(event),
            _ => None,
        })
    }

    pub(super) fn notices(&self, n: usize) -> impl Iterator<Item = &Notice> {
        self.nodes[n].told.iter().filter_map(|output| match output {
            Output::Notice(notice) => Some(notice),
            _ => None,
        })
    }

    /// Names of user events, in the order in which a member heard them.
    pub(super) fn user_events(&self, n: usize) -> Vec<&str> {
        self.events(n)
            .filter_map(|event| match event {
                Event::User { name, .. } => Some(name.as_str()),
                _ => None,
            })
            .collect()
    }

    /// Queries that a member's application was asked.
    pub(super) fn asked(&self, n: usize) -> Vec<QueryKey> {
        self.events(n)
            .filter_map(|event| match event {
                Event::Query { key, .. } => Some(*key),
                _ => None,
            })
            .collect()
    }

    /// What an asker was told about a query.
    pub(super) fn replies(&self, n: usize, query: QueryKey) -> Vec<&QueryReply> {
        self.nodes[n]
            .told
            .iter()
            .filter_map(|output| match output {
                Output::QueryReply { key, reply } if *key == query => Some(reply),
                _ => None,
            })
            .collect()
    }

    /// Who acknowledged a query.
    pub(super) fn acks(&self, n: usize, query: QueryKey) -> BTreeSet<String> {
        let acks = self
            .replies(n, query)
            .into_iter()
            .filter_map(|reply| match reply {
                QueryReply::Ack(from) => Some(from.to_string()),
                QueryReply::Response { .. } => None,
            });
        acks.collect()
    }

    /// Who answered a query, and what.
    pub(super) fn answers(&self, n: usize, query: QueryKey) -> Vec<(String, Bytes)> {
        let mut answers: Vec<_> = self
            .replies(n, query)
            .into_iter()
            .filter_map(|reply| match reply {
                QueryReply::Response { from, payload } => Some((from.to_string(), payload.clone())),
                QueryReply::Ack(_) => None,
            })
            .collect();
        answers.sort();
        answers
    }

    pub(super) fn is_over(&self, n: usize, query: QueryKey) -> bool {
        let over = |output: &Output| matches!(output, Output::QueryDone { key } if *key == query);
        self.nodes[n].told.iter().any(over)
    }
}
