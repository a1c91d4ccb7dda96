//! One member, and the messages of others that do not exist.

use std::time::Duration;

use crate::agent::gossip::serf::{Event, Input, MemberChange, Options, Output, Serf};
use crate::agent::gossip::swim;
use crate::agent::gossip::wire::{
    Accusation, Alive, JoinIntent, LamportTime, LeaveIntent, Message, PushPull, SerfMessage,
    SerfState, Tags, Versions, encode_tags,
};
use crate::model::member::MemberStatus;
use crate::model::mono::Mono;

use super::{address, pool};

/// A member `n1`, and what it has told since it was asked last.
pub(super) struct Rig {
    pub(super) serf: Serf,
    pub(super) now: Mono,
}

impl Rig {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(change: impl FnOnce(&mut Options)) -> Self {
        let mut options = pool::options(0);
        change(&mut options);
        let now = Mono::from_origin(Duration::from_secs(1000));
        let mut serf = Serf::new(options, now).unwrap();
        serf.start(now);
        let mut rig = Self { serf, now };
        rig.told();
        rig
    }

    pub(super) fn net(&mut self, input: swim::Input) {
        self.serf.handle(self.now, Input::Net(input));
    }

    pub(super) fn message(&mut self, message: Message) {
        let from = address(99);
        self.net(swim::Input::Message { from, message });
    }

    pub(super) fn say(&mut self, message: &SerfMessage) {
        self.message(Message::User(message.encode()));
    }

    pub(super) fn alive_with(&mut self, node: &str, incarnation: u32, tags: &Tags) {
        self.message(Message::Alive(Alive {
            incarnation,
            node: node.into(),
            address: address(2),
            meta: encode_tags(tags),
            versions: Versions::CONSUL,
        }));
    }

    pub(super) fn alive(&mut self, node: &str, incarnation: u32) {
        self.alive_with(node, incarnation, &Tags::new());
    }

    /// `from` says that `node` is dead; the node itself when it leaves.
    pub(super) fn dead(&mut self, node: &str, incarnation: u32, from: &str) {
        self.message(Message::Dead(Accusation {
            incarnation,
            node: node.into(),
            from: from.into(),
        }));
    }

    pub(super) fn join_intent(&mut self, node: &str, ltime: LamportTime) {
        let node = node.into();
        self.say(&SerfMessage::Join(JoinIntent { ltime, node }));
    }

    pub(super) fn leave_intent(&mut self, node: &str, ltime: LamportTime, prune: bool) {
        let node = node.into();
        self.say(&SerfMessage::Leave(LeaveIntent { ltime, node, prune }));
    }

    /// A peer dials us and tells serf's state.
    pub(super) fn pushed(&mut self, state: &SerfState) {
        let state = PushPull {
            join: false,
            nodes: Vec::new(),
            user_state: state.encode(),
        };
        let (stream, from) = (1, address(99));
        self.net(swim::Input::PushPullRequest {
            stream,
            from,
            state,
        });
    }

    /// A member `n2` in this state, with the status of logical time 5.
    pub(super) fn with_n2(status: MemberStatus) -> Self {
        let mut rig = Self::new();
        rig.alive("n2", 1);
        match status {
            MemberStatus::Alive => rig.join_intent("n2", 5),
            MemberStatus::Leaving => rig.leave_intent("n2", 5, false),
            MemberStatus::Left => {
                rig.leave_intent("n2", 5, false);
                rig.dead("n2", 1, "n2");
            }
            MemberStatus::Failed => {
                rig.join_intent("n2", 5);
                rig.dead("n2", 1, "n3");
            }
            MemberStatus::None => panic!("no member is in no state"),
        }
        assert_eq!(rig.status("n2"), Some((status, 5)));
        rig.told();
        rig
    }

    /// State and its logical time.
    pub(super) fn status(&self, node: &str) -> Option<(MemberStatus, LamportTime)> {
        let entry = self.serf.core.members().get(node)?;
        Some((entry.member.status, entry.status_ltime))
    }

    pub(super) fn told(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.serf.poll_output()).collect()
    }

    /// Changes of members that were told.
    pub(super) fn changes(&mut self) -> Vec<(MemberChange, String)> {
        let told = self.told().into_iter();
        told.filter_map(|output| match output {
            Output::Event(Event::Members(change, members)) => {
                Some((change, members[0].name.to_string()))
            }
            _ => None,
        })
        .collect()
    }

    /// Lets time pass, with nothing happening but what is due.
    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.serf.next_deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.serf.handle(self.now, Input::Tick);
        }
        self.now = end;
    }
}
