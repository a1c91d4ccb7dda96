//! What a client agent of the reference asked, answered by us in the form in which the reference answered.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::support::Server;
use crate::agent::rpc::wire::{decode_reply, golden_calls};

/// Fields of ours that its replies do not have, and that its readers pass over: those of newer versions.
const NEWER: &[&str] = &["ExposedPort", "Mode", "ServiceSocketPath", "SocketPath"];

/// All that differs.
const DIFFERENCES: &[&str] = &[
    // The first instance there is the reference's own, with addresses.
    "Internal.ServiceDump.Nodes[].Service.TaggedAddresses is missing",
    // Its sessions are not here.
    "KVS.Apply: invalid session \"0607a914-3c6a-650c-c45b-2788964f2875\"",
    "KVS.Apply: invalid session \"530fd2f9-c5ff-aab1-b237-0a1ccbbadb12\"",
    // More than there: our own agents want the index.
    "Operator.AutopilotGetConfiguration.ConsistencyLevel is new",
    "Operator.AutopilotGetConfiguration.Index is new",
    "Operator.AutopilotGetConfiguration.KnownLeader is new",
    "Operator.AutopilotGetConfiguration.LastContact is new",
    // No node has its check here.
    "Session.Apply: Missing check 'serfHealth' registration",
];

/// Maps whose keys are data.
const KEYED_BY_DATA: &[&str] = &[
    "Header",
    "Meta",
    "NodeMeta",
    "ServiceMeta",
    "ServiceTaggedAddresses",
    "Services",
    "TaggedAddresses",
];

/// The form of a value; of plain ones whether they are other than zero.
#[derive(Debug, Clone, PartialEq)]
enum Shape {
    /// The zero value of whatever it is.
    Nil,
    Bool(bool),
    Number(bool),
    Raw(bool),
    List(Vec<Self>),
    Map(BTreeMap<String, Self>),
}

impl Shape {
    /// Whether a reader has the same without it.
    fn is_zero(&self) -> bool {
        match self {
            Self::Nil => true,
            Self::Bool(other) | Self::Number(other) | Self::Raw(other) => !other,
            Self::List(items) => items.is_empty(),
            Self::Map(fields) => fields.values().all(Self::is_zero),
        }
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Nil)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Shape, E> {
        Ok(Shape::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Shape, E> {
        Ok(Shape::Number(value != 0))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Shape, E> {
        Ok(Shape::Number(value != 0))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Shape, E> {
        Ok(Shape::Number(value != 0.0))
    }

    fn visit_str<E>(self, value: &str) -> Result<Shape, E> {
        Ok(Shape::Raw(!value.is_empty()))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Shape, E> {
        Ok(Shape::Raw(!value.is_empty()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Shape, A::Error> {
        let mut shapes = Vec::new();
        while let Some(shape) = list.next_element()? {
            shapes.push(shape);
        }
        Ok(Shape::List(shapes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let mut shapes = BTreeMap::new();
        while let Some((name, shape)) = map.next_entry()? {
            if shapes.insert(name, shape).is_some() {
                return Err(A::Error::custom("a field twice"));
            }
        }
        Ok(Shape::Map(shapes))
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

/// Lists what differs; counts what was compared.
fn compare(path: &str, its: &Shape, ours: &Shape, differences: &mut Vec<String>) -> usize {
    match (its, ours) {
        // What one never filled and the other has, or the other way round.
        (Shape::Nil, _) | (_, Shape::Nil) => 0,
        (Shape::List(its), Shape::List(ours)) => match (its.first(), ours.first()) {
            (Some(its), Some(ours)) => compare(&format!("{path}[]"), its, ours, differences),
            _ => 0,
        },
        (Shape::Map(its), Shape::Map(ours)) => {
            let name = path.rsplit('.').next().unwrap_or_default();
            if KEYED_BY_DATA.contains(&name) {
                return match (its.values().next(), ours.values().next()) {
                    (Some(its), Some(ours)) => {
                        compare(&format!("{path}{{}}"), its, ours, differences)
                    }
                    _ => 0,
                };
            }
            let mut compared = 0;
            for (name, its) in its {
                match ours.get(name) {
                    Some(ours) => {
                        compared += compare(&format!("{path}.{name}"), its, ours, differences);
                    }
                    None if its.is_zero() => {}
                    None => differences.push(format!("{path}.{name} is missing")),
                }
            }
            let news = ours.keys().filter(|name| !its.contains_key(*name));
            let news = news.filter(|name| !NEWER.contains(&name.as_str()));
            differences.extend(news.map(|name| format!("{path}.{name} is new")));
            compared
        }
        (its, ours) if std::mem::discriminant(its) == std::mem::discriminant(ours) => 1,
        (its, ours) => {
            differences.push(format!("{path}: {its:?} is {ours:?}"));
            1
        }
    }
}

/// The request, which asks for an answer at once.
fn without_waiting(mut request: Vec<u8>) -> Vec<u8> {
    let name = b"MinQueryIndex";
    if let Some(at) = request.windows(name.len()).position(|found| found == name) {
        let value = &mut request[at + name.len()];
        assert!(*value < 0x80, "a larger index was recorded");
        *value = 0;
    }
    request
}

#[tokio::test]
async fn replies_have_the_form_of_the_references() {
    let server = Server::start().await;
    let mut differences = Vec::new();
    let mut compared = 0;
    let calls = golden_calls();
    let calls = || calls.iter();
    // What is written comes first, so that there is something to read.
    let writes =
        calls().filter(|(method, ..)| method == "Catalog.Register" || method == "KVS.Apply");
    for (method, request, reply) in writes.chain(calls()) {
        let request = without_waiting(request.clone());
        match server.call(method, &request).await {
            Ok(ours) => {
                let its: Shape = decode_reply(reply).unwrap();
                let ours: Shape = decode_reply(&ours).unwrap();
                compared += compare(method, &its, &ours, &mut differences);
            }
            Err(why) => differences.push(format!("{method}: {why}")),
        }
    }
    differences.sort();
    differences.dedup();
    assert_eq!(differences, DIFFERENCES);
    assert!(compared > 300, "only {compared} values were compared");
    server.stop().await;
}
