//! Transactions against their operations, applied one by one to plain maps.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::arbitrary::txn_op;
use super::kv_model::{Model as KvModel, with_sessions};
use crate::agent::store::*;
use crate::model::check::{HealthCheck, SERF_HEALTH, Status};
use crate::model::kv::{Blob, KvPair};
use crate::model::node::Node;
use crate::model::service::NodeService;
use crate::model::txn::{
    CheckTxnOp, KvTxnOp, NodeTxnOp, ServiceTxnOp, TxnOp, TxnResult, TxnSubject,
};

/// A node's name and an id on it, both in lower case.
type Place = (String, String);

/// Why an operation failed: the model knows no texts.
#[derive(Debug, PartialEq)]
struct Failed;

#[derive(Clone, Default)]
struct Model {
    kv: KvModel,
    nodes: BTreeMap<String, Node>,
    services: BTreeMap<Place, NodeService>,
    checks: BTreeMap<Place, HealthCheck>,
}

fn low(name: &str) -> String {
    name.to_lowercase()
}

fn place(node: &str, id: &str) -> Place {
    (low(node), low(id))
}

/// Whether the index that an operation expects is the right one.
fn expects(verb: &str, expected: u64, current: Option<u64>) -> bool {
    match (verb, current) {
        ("cas", None) => expected == 0,
        ("cas" | "delete-cas", Some(current)) => expected == current,
        ("delete-cas", None) => false,
        _ => true,
    }
}

impl Model {
    /// The results, or the places of the operations that failed; the model is then to be dropped.
    fn run(&mut self, index: u64, ops: &[TxnOp]) -> Result<Vec<TxnResult>, Vec<usize>> {
        let (mut results, mut failed) = (Vec::new(), Vec::new());
        let is_keyless = |op: &TxnOp| {
            let kv = op.kv.as_ref();
            kv.is_some_and(|kv| kv.key.as_bytes().is_empty() && kv.verb != "delete-tree")
        };
        let keyless: Vec<usize> = (0..ops.len()).filter(|at| is_keyless(&ops[*at])).collect();
        if !keyless.is_empty() {
            return Err(keyless);
        }
        for (at, op) in ops.iter().enumerate() {
            let done = match op.subject() {
                None => Ok(Vec::new()),
                Some(TxnSubject::Kv(op)) => self.on_key(index, op),
                Some(TxnSubject::Node(op)) => self.on_node(index, op),
                Some(TxnSubject::Service(op)) => self.on_service(index, op),
                Some(TxnSubject::Check(op)) => self.on_check(index, op),
            };
            match done {
                Ok(found) => results.extend(found),
                Err(Failed) => failed.push(at),
            }
        }
        if failed.is_empty() {
            Ok(results)
        } else {
            Err(failed)
        }
    }

    fn on_key(&mut self, index: u64, op: &KvTxnOp) -> Result<Vec<TxnResult>, Failed> {
        let found = self.kv.pairs.get(op.key.as_bytes()).cloned();
        let valueless = |pair: KvPair| {
            vec![TxnResult::Kv(KvPair {
                value: Blob::default(),
                ..pair
            })]
        };
        let verb = match op.verb.as_str() {
            "set" => KvVerb::Set,
            "cas" => KvVerb::Cas,
            "lock" => KvVerb::Lock,
            "unlock" => KvVerb::Unlock,
            "delete" => KvVerb::Delete,
            "delete-cas" => KvVerb::DeleteCas,
            "delete-tree" => KvVerb::DeleteTree,
            "get" => return found.map(|pair| vec![TxnResult::Kv(pair)]).ok_or(Failed),
            "get-tree" => {
                let beneath = self.kv.list(op.key.as_bytes());
                return Ok(beneath.into_iter().map(TxnResult::Kv).collect());
            }
            "check-index" => {
                let fits = found.filter(|pair| pair.modify_index == op.index);
                return fits.map(valueless).ok_or(Failed);
            }
            "check-session" => {
                let fits = found.filter(|pair| pair.session == op.session);
                return fits.map(valueless).ok_or(Failed);
            }
            "check-not-exists" => return found.map_or(Ok(Vec::new()), |_| Err(Failed)),
            _ => return Err(Failed),
        };
        let pair = KvPair {
            key: op.key.clone(),
            value: op.value.clone(),
            flags: op.flags,
            session: op.session.clone(),
            modify_index: op.index,
            ..KvPair::default()
        };
        match self.kv.apply(index, &KvCommand { verb, pair }) {
            Response::Done | Response::Bool(true) => {}
            _ => return Err(Failed),
        }
        if op.verb.starts_with("delete") {
            return Ok(Vec::new());
        }
        let written = self.kv.pairs.get(op.key.as_bytes()).cloned();
        Ok(written.map_or_else(Vec::new, valueless))
    }

    fn on_node(&mut self, index: u64, op: &NodeTxnOp) -> Result<Vec<TxnResult>, Failed> {
        let key = low(&op.node.node);
        let current = self.nodes.get(&key).map(|node| node.modify_index);
        if !expects(&op.verb, op.node.modify_index, current) {
            return Err(Failed);
        }
        match op.verb.as_str() {
            "get" => {}
            "set" | "cas" => self.set_node(index, &op.node)?,
            "delete" | "delete-cas" => {
                self.remove_node(&key);
                return Ok(Vec::new());
            }
            _ => return Err(Failed),
        }
        let mut all = self.nodes.values();
        let found = if op.node.id.is_empty() {
            self.nodes.get(&key)
        } else {
            all.find(|node| node.id == op.node.id)
        };
        let found = found.ok_or(Failed)?;
        Ok(vec![TxnResult::Node(Arc::new(found.clone()))])
    }

    fn set_node(&mut self, index: u64, given: &Node) -> Result<(), Failed> {
        let key = low(&given.node);
        let mut created = index;
        if !given.id.is_empty() {
            let holder = self.nodes.get(&key).filter(|node| !node.id.is_empty());
            let alive = self.checks.get(&place(&key, SERF_HEALTH));
            if holder.is_some_and(|holder| holder.id != given.id)
                && alive.is_some_and(|check| check.status != Status::Critical)
            {
                return Err(Failed);
            }
            let mut named = self.nodes.iter();
            let before = named.find(|(name, node)| node.id == given.id && **name != key);
            if let Some((name, node)) = before.map(|(name, node)| (name.clone(), node.clone())) {
                created = node.create_index;
                self.remove_node(&name);
            }
        }
        let mut new = Node {
            create_index: created,
            modify_index: index,
            ..given.clone()
        };
        if let Some(old) = self.nodes.get(&key) {
            new.create_index = old.create_index;
            let unchanged = Node {
                modify_index: old.modify_index,
                ..new.clone()
            };
            if unchanged == *old {
                return Ok(());
            }
        }
        self.nodes.insert(key, new);
        Ok(())
    }

    fn remove_node(&mut self, key: &str) {
        self.nodes.remove(key);
        self.services.retain(|(node, _), _| node != key);
        self.checks.retain(|(node, _), _| node != key);
    }

    fn on_service(&mut self, index: u64, op: &ServiceTxnOp) -> Result<Vec<TxnResult>, Failed> {
        let place = place(&op.node, &op.service.id);
        let old = self.services.get(&place).cloned();
        let current = old.as_ref().map(|old| old.modify_index);
        if !expects(&op.verb, op.service.modify_index, current) {
            return Err(Failed);
        }
        match op.verb.as_str() {
            "get" => {}
            "set" | "cas" => {
                if !self.nodes.contains_key(&place.0) {
                    return Err(Failed);
                }
                let mut new = NodeService {
                    create_index: old.as_ref().map_or(index, |old| old.create_index),
                    modify_index: current.unwrap_or(index),
                    ..op.service.clone()
                };
                if old.as_ref() != Some(&new) {
                    new.modify_index = index;
                    self.services.insert(place.clone(), new);
                }
            }
            "delete" | "delete-cas" => {
                if self.services.remove(&place).is_some() {
                    self.checks.retain(|(node, _), check| {
                        (node.as_str(), low(&check.service_id)) != (&place.0, place.1.clone())
                    });
                }
                return Ok(Vec::new());
            }
            _ => return Err(Failed),
        }
        let found = self.services.get(&place).ok_or(Failed)?;
        Ok(vec![TxnResult::Service(Arc::new(found.clone()))])
    }

    fn on_check(&mut self, index: u64, op: &CheckTxnOp) -> Result<Vec<TxnResult>, Failed> {
        let place = place(&op.check.node, &op.check.check_id);
        let old = self.checks.get(&place).cloned();
        let current = old.as_ref().map(|old| old.modify_index);
        if !expects(&op.verb, op.check.modify_index, current) {
            return Err(Failed);
        }
        match op.verb.as_str() {
            "get" => {}
            "set" | "cas" => {
                if !self.nodes.contains_key(&place.0) {
                    return Err(Failed);
                }
                let mut new = HealthCheck {
                    create_index: old.as_ref().map_or(index, |old| old.create_index),
                    modify_index: current.unwrap_or(index),
                    ..op.check.clone()
                };
                if !new.service_id.is_empty() {
                    let owner = (place.0.clone(), low(&new.service_id));
                    let owner = self.services.get(&owner).ok_or(Failed)?;
                    new.service_name.clone_from(&owner.service);
                    new.service_tags.clone_from(&owner.tags);
                }
                if old.as_ref() != Some(&new) {
                    new.modify_index = index;
                    self.checks.insert(place.clone(), new);
                }
            }
            "delete" | "delete-cas" => {
                self.checks.remove(&place);
                return Ok(Vec::new());
            }
            _ => return Err(Failed),
        }
        let found = self.checks.get(&place).ok_or(Failed)?;
        Ok(vec![TxnResult::Check(Arc::new(found.clone()))])
    }

    /// All that is in it, in the state's order.
    fn everything(&self) -> (Vec<KvPair>, Vec<Node>, Vec<NodeService>, Vec<HealthCheck>) {
        (
            self.kv.pairs.values().cloned().collect(),
            self.nodes.values().cloned().collect(),
            self.services.values().cloned().collect(),
            self.checks.values().cloned().collect(),
        )
    }
}

fn everything(state: &State) -> (Vec<KvPair>, Vec<Node>, Vec<NodeService>, Vec<HealthCheck>) {
    let services = state
        .nodes()
        .flat_map(|node| state.services_of_node(&node.node));
    (
        state.kv_prefix(b"").map(|x| KvPair::clone(x)).collect(),
        state.nodes().map(|x| Node::clone(x)).collect(),
        services.map(|x| NodeService::clone(x)).collect(),
        state.checks().map(|x| HealthCheck::clone(x)).collect(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn a_transaction_is_its_operations_or_nothing(
        transactions in prop::collection::vec(prop::collection::vec(txn_op(), 1..5), 1..12),
    ) {
        let (mut state, mut model) = (with_sessions(), Model::default());
        for (index, ops) in (1..).zip(transactions) {
            let (mut before, mut after) = (state.clone(), model.clone());
            let expected = after.run(index, &ops);
            let mut touched = Touched::default();
            let answer = state.apply(index, &Command::Txn(ops.clone()), &mut touched);
            let Response::Txn(answer) = answer else { unreachable!("a transaction's answer") };
            let failed = answer.errors.map(|errors| errors.iter().map(|e| e.op_index).collect());
            match expected {
                Ok(results) => {
                    prop_assert_eq!((failed, answer.results), (None, Some(results)), "{:?}", ops);
                    model = after;
                }
                Err(places) => {
                    prop_assert_eq!((failed, answer.results), (Some(places), None), "{:?}", ops);
                    prop_assert!(touched.is_empty(), "{:?}", touched);
                    before.last_index = index;
                    prop_assert_eq!(before.to_snapshot(), state.to_snapshot());
                }
            }
            prop_assert_eq!(everything(&state), model.everything(), "{:?}", ops);
        }
    }
}
