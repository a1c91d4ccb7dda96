//! Sessions and locks against a model that looks at everything each time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::model::session::{DELETE, RELEASE, Session};

const NODES: [&str; 2] = ["n1", "n2"];
const CHECKS: [&str; 2] = ["c1", "c2"];
const KEYS: [&str; 5] = ["a", "a/b", "a/c", "b", "b/c"];
const IDS: [&str; 4] = [
    "11111111-1111-1111-1111-111111111111",
    "22222222-2222-2222-2222-222222222222",
    "33333333-3333-3333-3333-333333333333",
    "44444444-4444-4444-4444-444444444444",
];

#[derive(Debug, Clone)]
enum Op {
    Check(usize, usize, Status),
    DropCheck(usize, usize),
    DropNode(usize),
    Create(usize, usize, Vec<usize>, bool, u64),
    Destroy(usize),
    Kv(KvVerb, usize, u8, usize),
}

impl Op {
    fn command(&self) -> Command {
        match self {
            Self::Check(node, check, status) => Command::Register(Box::new(RegisterRequest {
                node: NODES[*node].to_owned(),
                address: "10.0.0.1".to_owned(),
                check: Some(HealthCheck {
                    node: NODES[*node].to_owned(),
                    check_id: CHECKS[*check].to_owned(),
                    status: *status,
                    ..HealthCheck::default()
                }),
                ..RegisterRequest::default()
            })),
            Self::DropCheck(node, check) => deregister(NODES[*node], CHECKS[*check]),
            Self::DropNode(node) => deregister(NODES[*node], ""),
            Self::Create(id, node, checks, deletes, delay) => {
                let session = Session {
                    id: IDS[*id].to_owned(),
                    node: NODES[*node].to_owned(),
                    node_checks: checks.iter().map(|c| CHECKS[*c].to_owned()).collect(),
                    behavior: if *deletes { DELETE } else { RELEASE }.to_owned(),
                    lock_delay: Duration::from_secs(*delay).into(),
                    ..Session::default()
                };
                Command::Session(SessionCommand::Create(Box::new(session)))
            }
            Self::Destroy(id) => Command::Session(SessionCommand::Destroy {
                id: IDS[*id].to_owned(),
            }),
            Self::Kv(verb, key, value, id) => Command::Kv(KvCommand {
                verb: *verb,
                pair: KvPair {
                    key: Key::from(KEYS[*key]),
                    value: Blob(vec![*value].into()),
                    session: IDS[*id].to_owned(),
                    ..KvPair::default()
                },
            }),
        }
    }
}

fn deregister(node: &str, check_id: &str) -> Command {
    Command::Deregister(DeregisterRequest {
        node: node.to_owned(),
        check_id: check_id.to_owned(),
        ..DeregisterRequest::default()
    })
}

fn op() -> impl Strategy<Value = Op> {
    let status = prop::sample::select(vec![Status::Passing, Status::Passing, Status::Critical]);
    let checks = prop::collection::vec(0..CHECKS.len(), 0..3);
    let verb = prop::sample::select(vec![
        KvVerb::Lock,
        KvVerb::Lock,
        KvVerb::Lock,
        KvVerb::Unlock,
        KvVerb::Set,
        KvVerb::Delete,
        KvVerb::DeleteTree,
    ]);
    prop_oneof![
        4 => (0..2_usize, 0..2_usize, status).prop_map(|(n, c, s)| Op::Check(n, c, s)),
        1 => (0..2_usize, 0..2_usize).prop_map(|(n, c)| Op::DropCheck(n, c)),
        1 => (0..2_usize).prop_map(Op::DropNode),
        5 => (0..4_usize, 0..2_usize, checks, any::<bool>(), 0..2_u64)
            .prop_map(|(id, n, c, deletes, delay)| Op::Create(id, n, c, deletes, delay)),
        1 => (0..4_usize).prop_map(Op::Destroy),
        12 => (verb, 0..5_usize, 0..2_u8, 0..4_usize)
            .prop_map(|(verb, key, value, id)| Op::Kv(verb, key, value, id)),
    ]
}

#[derive(Debug, Clone, PartialEq)]
struct Pair {
    value: u8,
    holder: Option<usize>,
    lock_index: u64,
    modify_index: u64,
}

#[derive(Debug, Clone)]
struct Bound {
    node: usize,
    checks: Vec<usize>,
    deletes: bool,
    delay: u64,
}

#[derive(Default)]
struct Model {
    /// Nodes with their checks; true is critical.
    nodes: BTreeMap<usize, BTreeMap<usize, bool>>,
    sessions: BTreeMap<usize, Bound>,
    pairs: BTreeMap<&'static str, Pair>,
    sessions_index: u64,
    delays: BTreeSet<(&'static str, u64)>,
}

impl Model {
    fn apply(&mut self, index: u64, op: &Op) -> Response {
        self.delays.clear();
        let answer = match op {
            Op::Check(node, check, status) => {
                let checks = self.nodes.entry(*node).or_default();
                checks.insert(*check, *status == Status::Critical);
                Response::Done
            }
            Op::DropCheck(node, check) => {
                if let Some(checks) = self.nodes.get_mut(node) {
                    checks.remove(check);
                }
                Response::Done
            }
            Op::DropNode(node) => {
                self.nodes.remove(node);
                Response::Done
            }
            Op::Create(id, node, checks, deletes, delay) => {
                let bound = Bound {
                    node: *node,
                    checks: checks.clone(),
                    deletes: *deletes,
                    delay: *delay,
                };
                if !self.is_well(&bound) || self.sessions.contains_key(id) {
                    return Response::Refused(String::new());
                }
                self.sessions.insert(*id, bound);
                self.sessions_index = index;
                Response::Id(IDS[*id].to_owned())
            }
            Op::Destroy(id) => {
                self.end(index, |of, _| of == *id);
                Response::Done
            }
            Op::Kv(verb, key, value, id) => self.kv(index, *verb, KEYS[*key], *value, *id),
        };
        let unwell: BTreeSet<usize> = (self.sessions.iter())
            .filter(|(_, bound)| !self.is_well(bound))
            .map(|(id, _)| *id)
            .collect();
        self.end(index, |id, _| unwell.contains(&id));
        answer
    }

    fn is_well(&self, bound: &Bound) -> bool {
        let node = self.nodes.get(&bound.node);
        let well = |check: &usize| node.is_some_and(|node| node.get(check) == Some(&false));
        node.is_some() && bound.checks.iter().all(well)
    }

    fn end(&mut self, index: u64, doomed: impl Fn(usize, &Bound) -> bool) {
        let ended: Vec<(usize, Bound)> = (self.sessions.iter())
            .filter(|(id, bound)| doomed(**id, bound))
            .map(|(id, bound)| (*id, bound.clone()))
            .collect();
        for (id, bound) in ended {
            self.sessions.remove(&id);
            self.sessions_index = index;
            for key in KEYS {
                let Some(pair) = self.pairs.get_mut(key) else {
                    continue;
                };
                if pair.holder != Some(id) {
                    continue;
                }
                if bound.delay > 0 {
                    self.delays.insert((key, bound.delay));
                }
                pair.holder = None;
                pair.modify_index = index;
                if bound.deletes {
                    self.pairs.remove(key);
                }
            }
        }
    }

    fn kv(
        &mut self,
        index: u64,
        verb: KvVerb,
        key: &'static str,
        value: u8,
        id: usize,
    ) -> Response {
        let old = self.pairs.get(key).cloned();
        let (holder, locks) = old.as_ref().map_or((None, 0), |p| (p.holder, p.lock_index));
        match verb {
            KvVerb::Set => {
                self.put(index, key, value, holder, locks);
                return Response::Done;
            }
            KvVerb::Delete | KvVerb::DeleteTree => {
                let tree = verb == KvVerb::DeleteTree;
                self.pairs
                    .retain(|other, _| !(*other == key || tree && other.starts_with(key)));
                return Response::Done;
            }
            KvVerb::Lock if !self.sessions.contains_key(&id) => {
                return Response::Refused(String::new());
            }
            KvVerb::Lock if holder.is_none() => self.put(index, key, value, Some(id), locks + 1),
            KvVerb::Lock if holder == Some(id) => self.put(index, key, value, holder, locks),
            KvVerb::Unlock if holder == Some(id) => self.put(index, key, value, None, locks),
            _ => return Response::Bool(false),
        }
        Response::Bool(true)
    }

    fn put(&mut self, index: u64, key: &'static str, value: u8, holder: Option<usize>, locks: u64) {
        let mut new = Pair {
            value,
            holder,
            lock_index: locks,
            modify_index: index,
        };
        if let Some(old) = self.pairs.get(key) {
            let same = (old.value, old.holder, old.lock_index) == (value, holder, locks);
            new.modify_index = if same { old.modify_index } else { index };
        }
        self.pairs.insert(key, new);
    }
}

fn seen_pairs(state: &State) -> BTreeMap<&'static str, Pair> {
    let known = |session: &str| IDS.iter().position(|id| *id == session);
    let pair = |key: &'static str| {
        let pair = state.kv(key.as_bytes())?;
        assert!(pair.session.is_empty() || known(&pair.session).is_some());
        let seen = Pair {
            value: pair.value.0[0],
            holder: known(&pair.session),
            lock_index: pair.lock_index,
            modify_index: pair.modify_index,
        };
        Some((key, seen))
    };
    KEYS.into_iter().filter_map(pair).collect()
}

fn without_text(answer: Response) -> Response {
    match answer {
        Response::Refused(_) => Response::Refused(String::new()),
        other => other,
    }
}

proptest! {
    #[test]
    fn sessions_and_locks_are_the_model(ops in prop::collection::vec(op(), 1..80)) {
        let (mut state, mut model) = (State::default(), Model::default());
        for (index, op) in (1..).zip(&ops) {
            let mut touched = Touched::default();
            let answer = without_text(state.apply(index, &op.command(), &mut touched));
            prop_assert_eq!(answer, model.apply(index, op), "{:?}", op);
            let ids = |bound: &dyn Fn(&Bound) -> bool| -> Vec<&str> {
                let these = model.sessions.iter().filter(|(_, b)| bound(b));
                these.map(|(id, _)| IDS[*id]).collect()
            };
            let seen: Vec<&str> = state.sessions().map(|s| &*s.id).collect();
            prop_assert_eq!(seen, ids(&|_| true), "{:?}", op);
            for (n, node) in NODES.iter().enumerate() {
                let found = state.sessions_of_node(node);
                let seen: Vec<&str> = found.iter().map(|s| &*s.id).collect();
                prop_assert_eq!(seen, ids(&|bound| bound.node == n), "{:?}", op);
            }
            prop_assert_eq!(seen_pairs(&state), model.pairs.clone(), "{:?}", op);
            prop_assert_eq!(state.indexes().sessions, model.sessions_index);
            let delays: BTreeSet<(String, u64)> = (touched.lock_delays().iter())
                .map(|(key, delay)| (key.to_string(), delay.as_secs()))
                .collect();
            let expected = model.delays.iter().map(|(key, delay)| ((*key).to_owned(), *delay));
            prop_assert_eq!(delays, expected.collect::<BTreeSet<_>>(), "{:?}", op);
        }
        let restored = State::from_snapshot(&state.to_snapshot()).unwrap();
        prop_assert_eq!(restored.session_links, state.session_links);
    }
}
