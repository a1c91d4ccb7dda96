//! Field names and type names.

/// Finds the field that a key means: the same text first, then without regard to letter case and
/// underscores.
pub(super) fn find_field(fields: &'static [&'static str], key: &str) -> Option<&'static str> {
    let exact = fields.iter().find(|field| **field == key);
    exact
        .or_else(|| fields.iter().find(|field| is_loosely_equal(field, key)))
        .copied()
}

/// Whether two names are the same but for letter case and underscores.
pub fn is_loosely_equal(a: &str, b: &str) -> bool {
    fn folded(text: &str) -> impl Iterator<Item = u8> {
        text.bytes()
            .filter(|byte| *byte != b'_')
            .map(|byte| byte.to_ascii_lowercase())
    }
    folded(a).eq(folded(b))
}

/// Types whose Go counterpart decodes itself. Go starts a new path for what is inside them, under a
/// nameless struct, and reports faults inside at the field that holds them.
const SELF_DECODING: [&str; 7] = [
    "CheckDefinition",
    "Connect",
    "DeregisterRequest",
    "HealthCheckDefinition",
    "Proxy",
    "ServiceDefinition",
    "Session",
];

/// Types inside which Consul overlooks unknown fields even where it refuses them elsewhere.
const LENIENT: [&str; 3] = ["Connect", "HealthCheckDefinition", "Session"];

/// Our names that differ from Go's.
const GO_NAMES: [(&str, &str); 6] = [
    ("CheckDefinition", "CheckType"),
    ("Connect", "ServiceConnect"),
    ("Expose", "ExposeConfig"),
    ("KvTxnOp", "KVTxnOp"),
    ("MeshGateway", "MeshGatewayConfig"),
    ("Proxy", "ConnectProxyConfig"),
];

/// Types of Consul's package `api`; all others are of `structs`.
const API_TYPES: [&str; 8] = [
    "AgentService",
    "AutopilotConfiguration",
    "CheckTxnOp",
    "KVTxnOp",
    "NodeTxnOp",
    "ServiceTxnOp",
    "TxnOp",
    "TxnOps",
];

/// Fields whose Go type has a name of its own where ours is a text or a list.
const GO_FIELDS: [(&str, &str, &str); 14] = [
    ("AgentService", "Kind", "api.ServiceKind"),
    ("HealthCheck", "CheckID", "types.CheckID"),
    ("CheckDefinition", "CheckID", "types.CheckID"),
    ("CheckTxnOp", "Verb", "api.CheckOp"),
    ("KvTxnOp", "Verb", "api.KVOp"),
    ("NodeTxnOp", "Verb", "api.NodeOp"),
    ("ServiceTxnOp", "Verb", "api.ServiceOp"),
    ("Node", "ID", "types.NodeID"),
    ("NodeService", "Kind", "structs.ServiceKind"),
    ("RegisterRequest", "Checks", "structs.HealthChecks"),
    ("RegisterRequest", "ID", "types.NodeID"),
    ("ServiceDefinition", "Checks", "structs.CheckTypes"),
    ("Session", "Checks", "[]types.CheckID"),
    ("ServiceDefinition", "Kind", "structs.ServiceKind"),
];

/// The Go type of a field, where it has a name of its own.
pub(super) fn go_field_type(owner: &str, field: &str) -> Option<&'static str> {
    let named = GO_FIELDS
        .iter()
        .find(|(struct_name, name, _)| (*struct_name, *name) == (owner, field));
    named.map(|(_, _, go)| *go)
}

pub(super) fn is_self_decoding(name: &str) -> bool {
    SELF_DECODING.contains(&name)
}

pub(super) fn is_lenient(name: &str) -> bool {
    LENIENT.contains(&name)
}

/// A struct's name in Go, without its package.
pub(super) fn go_name(name: &'static str) -> &'static str {
    GO_NAMES
        .iter()
        .find(|(ours, _)| *ours == name)
        .map_or(name, |(_, go)| go)
}

/// A struct's name in Go with its package, as in `of type structs.NodeService`.
pub(super) fn go_type(name: &'static str) -> String {
    if name == "Session" {
        // It decodes itself, into a struct without a name.
        return "struct { LockDelay interface {}; *structs.Alias }".to_owned();
    }
    let name = go_name(name);
    let package = if API_TYPES.contains(&name) {
        "api"
    } else {
        "structs"
    };
    format!("{package}.{name}")
}
