//! The content hash of a service, as Consul's agent gives it in `/v1/agent/service/:id`.
//!
//! Consul hashes its answer, the struct `AgentService` of its package `api`, with version 1 of the
//! Go library hashstructure <https://github.com/mitchellh/hashstructure>, whose rules are:
//!
//! - Text, and each number as eight bytes in little-endian order, has its 64-bit FNV-1 hash; a
//!   boolean counts as one byte.
//! - A pair of hashes is joined by FNV-1 over both, each as eight bytes in little-endian order.
//! - A list starts at 0 and joins what it has so far with each of its elements.
//! - A map is the XOR of its joined keys and values. A struct is the same over names and values of
//!   its fields, and the hash of its type's name: order has no part in it.
//! - Nothing at all (a nil pointer, a `null` among free settings) counts as the integer 0.
//!
//! A hash is shown in hexadecimal without leading zeros.

use serde_json::{Map, Value};

use super::decode::is_loosely_equal;
use super::service::AgentService;

use Shape::{Boolean, Free, Integer, List, Optional, Struct, Text, TextMap};

/// FNV's offset basis and prime for 64 bits: RFC 9923, section 5.
const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// What Consul declares a value as, which decides over the hash of one that is left out.
enum Shape {
    Text,
    Integer,
    Boolean,
    /// Settings without a type of their own.
    Free,
    List(&'static Self),
    /// A map from text.
    TextMap(&'static Self),
    /// A pointer.
    Optional(&'static Self),
    Struct(&'static Type),
}

/// A struct of Consul's package `api`.
struct Type {
    name: &'static str,
    fields: &'static [(&'static str, Shape)],
    /// Fields that have no part in the hash.
    ignored: &'static [&'static str],
}

impl Type {
    const fn new(name: &'static str, fields: &'static [(&'static str, Shape)]) -> Self {
        Self {
            name,
            fields,
            ignored: &[],
        }
    }

    /// Whether it has a field of this name, in any letter case and with or without underscores.
    fn has(&self, key: &str) -> bool {
        let mut names = self.fields.iter().map(|(name, _)| name);
        names.any(|name| is_loosely_equal(name, key)) || self.ignored.contains(&key)
    }
}

/// The fields of Consul 1.8. Fields that came later count only where they are not empty, so that a
/// change of theirs is seen while all other services keep the hash that an older agent gives them.
const AGENT_SERVICE: Type = Type {
    name: "AgentService",
    fields: &[
        ("Kind", Text),
        ("ID", Text),
        ("Service", Text),
        ("Tags", List(&Text)),
        ("Meta", TextMap(&Text)),
        ("Port", Integer),
        ("Address", Text),
        ("TaggedAddresses", TextMap(&Struct(&SERVICE_ADDRESS))),
        ("Weights", Struct(&WEIGHTS)),
        ("EnableTagOverride", Boolean),
        ("CreateIndex", Integer),
        ("ModifyIndex", Integer),
        ("ContentHash", Text),
        ("Proxy", Optional(&Struct(&PROXY))),
        ("Connect", Optional(&Struct(&CONNECT))),
    ],
    ignored: &["Namespace", "Datacenter"],
};

const SERVICE_ADDRESS: Type = Type::new("ServiceAddress", &[("Address", Text), ("Port", Integer)]);

const WEIGHTS: Type = Type::new(
    "AgentWeights",
    &[("Passing", Integer), ("Warning", Integer)],
);

/// The sidecar is part of registrations only, so its own fields never matter here.
const CONNECT: Type = Type::new(
    "AgentServiceConnect",
    &[("Native", Boolean), ("SidecarService", Optional(&Free))],
);

const PROXY: Type = Type::new(
    "AgentServiceConnectProxyConfig",
    &[
        ("DestinationServiceName", Text),
        ("DestinationServiceID", Text),
        ("LocalServiceAddress", Text),
        ("LocalServicePort", Integer),
        ("Config", TextMap(&Free)),
        ("Upstreams", List(&Struct(&UPSTREAM))),
        ("MeshGateway", Struct(&MESH_GATEWAY)),
        ("Expose", Struct(&EXPOSE)),
    ],
);

const UPSTREAM: Type = Type::new(
    "Upstream",
    &[
        ("DestinationType", Text),
        ("DestinationNamespace", Text),
        ("DestinationName", Text),
        ("Datacenter", Text),
        ("LocalBindAddress", Text),
        ("LocalBindPort", Integer),
        ("Config", TextMap(&Free)),
        ("MeshGateway", Struct(&MESH_GATEWAY)),
    ],
);

const MESH_GATEWAY: Type = Type::new("MeshGatewayConfig", &[("Mode", Text)]);

const EXPOSE: Type = Type::new(
    "ExposeConfig",
    &[("Checks", Boolean), ("Paths", List(&Struct(&EXPOSE_PATH)))],
);

const EXPOSE_PATH: Type = Type::new(
    "ExposePath",
    &[
        ("ListenerPort", Integer),
        ("Path", Text),
        ("LocalPathPort", Integer),
        ("Protocol", Text),
        ("ParsedFromCheck", Boolean),
    ],
);

/// The hash of what the agent shows of a service, apart from the hash itself: one to sixteen
/// hexadecimal digits.
pub fn content_hash(service: &AgentService) -> String {
    let mut form = serde_json::to_value(service).expect("a service is always representable");
    if let Value::Object(fields) = &mut form {
        fields.remove("ContentHash");
    }
    format!("{:x}", of_struct(&AGENT_SERVICE, &form))
}

/// The hash of a value that should have this shape. One of another shape, which Consul would not
/// have registered, is hashed as free settings are: its changes are still seen.
fn of(shape: &Shape, value: &Value) -> u64 {
    match (shape, value) {
        (_, Value::Null) => of_nothing(shape),
        (Optional(inner), _) => of(inner, value),
        (Struct(shape), Value::Object(_)) => of_struct(shape, value),
        (List(inner), Value::Array(elements)) => of_list(inner, elements),
        (TextMap(inner), Value::Object(entries)) => of_map(inner, entries),
        (Integer, Value::Number(number)) => {
            number.as_i64().map_or_else(|| of_free(value), of_integer)
        }
        _ => of_free(value),
    }
}

/// The hash of a value that is left out.
fn of_nothing(shape: &Shape) -> u64 {
    match shape {
        Text => of_text(""),
        Boolean => of_free(&Value::Bool(false)),
        Integer | Free | Optional(_) => of_integer(0),
        List(_) | TextMap(_) => 0,
        Struct(shape) => of_struct(shape, &Value::Null),
    }
}

/// The hash of settings without a type of their own, where Go reads every number as a float.
fn of_free(value: &Value) -> u64 {
    match value {
        Value::Null => of_integer(0),
        Value::Bool(flag) => fnv(&[u8::from(*flag)]),
        Value::Number(number) => fnv(&number.as_f64().unwrap_or_default().to_le_bytes()),
        Value::String(text) => of_text(text),
        Value::Array(elements) => of_list(&Free, elements),
        Value::Object(entries) => of_map(&Free, entries),
    }
}

fn of_text(text: &str) -> u64 {
    fnv(text.as_bytes())
}

fn of_integer(number: i64) -> u64 {
    fnv(&number.to_le_bytes())
}

fn of_list(shape: &Shape, elements: &[Value]) -> u64 {
    let join = |hash, element| joined(hash, of(shape, element));
    elements.iter().fold(0, join)
}

fn of_map(shape: &Shape, entries: &Map<String, Value>) -> u64 {
    let add = |hash, (key, value): (&String, &Value)| hash ^ joined(of_text(key), of(shape, value));
    entries.iter().fold(0, add)
}

fn of_struct(shape: &Type, value: &Value) -> u64 {
    let given = |name: &str| {
        let mut entries = value.as_object().into_iter().flatten();
        entries.find(|(key, _)| is_loosely_equal(key, name))
    };
    let known = shape.fields.iter().map(|(name, shape)| {
        let value = given(name).map_or(&Value::Null, |(_, value)| value);
        joined(of_text(name), of(shape, value))
    });
    let newer = value.as_object().into_iter().flatten();
    let newer = newer.filter(|(key, value)| !shape.has(key) && !is_empty(value));
    let newer = newer.map(|(name, value)| joined(of_text(name), of_free(value)));
    let add = |hash, field| hash ^ field;
    known.chain(newer).fold(of_text(shape.name), add)
}

/// Whether a value is Go's zero value of any type.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        Value::Object(entries) => entries.values().all(is_empty),
    }
}

/// Two hashes as one; their order counts.
fn joined(first: u64, second: u64) -> u64 {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&first.to_le_bytes());
    bytes[8..].copy_from_slice(&second.to_le_bytes());
    fnv(&bytes)
}

/// FNV-1, which multiplies before it adds a byte (FNV-1a does so afterwards).
fn fnv(bytes: &[u8]) -> u64 {
    let add = |hash: u64, byte: &u8| hash.wrapping_mul(PRIME) ^ u64::from(*byte);
    bytes.iter().fold(OFFSET_BASIS, add)
}

#[cfg(test)]
mod tests;
