//! The schemas of the nouns that Consul filters, as `agent/structs` of Consul 1.10 has them.
//! Indexes, free-form configuration and check definitions are not filterable there either.

use super::schema::Kind::{Boolean, Integer, List, Map, Object, Text, Texts};
use super::schema::{Field, Schema};

const MESH_GATEWAY: &[Field] = &[Field::new("Mode", Text)];

const UPSTREAM: &[Field] = &[
    Field::new("DestinationType", Text),
    Field::new("DestinationNamespace", Text),
    Field::new("DestinationName", Text),
    Field::new("Datacenter", Text),
    Field::new("LocalBindAddress", Text),
    Field::new("LocalBindPort", Integer),
    Field::new("LocalBindSocketPath", Text),
    Field::new("LocalBindSocketMode", Text),
    Field::new("MeshGateway", Object(MESH_GATEWAY)),
];

const EXPOSE_PATH: &[Field] = &[
    Field::new("ListenerPort", Integer),
    Field::new("Path", Text),
    Field::new("LocalPathPort", Integer),
    Field::new("Protocol", Text),
    Field::new("ParsedFromCheck", Boolean),
];

const EXPOSE: &[Field] = &[
    Field::new("Checks", Boolean),
    Field::new("Paths", List(EXPOSE_PATH)),
];

const TRANSPARENT_PROXY: &[Field] = &[
    Field::new("OutboundListenerPort", Integer),
    Field::new("DialedDirectly", Boolean),
];

const PROXY: &[Field] = &[
    Field::new("DestinationServiceName", Text),
    Field::new("DestinationServiceID", Text),
    Field::new("LocalServiceAddress", Text),
    Field::new("LocalServicePort", Integer),
    Field::new("LocalServiceSocketPath", Text),
    Field::new("Mode", Text),
    Field::new("Upstreams", List(UPSTREAM)),
    Field::new("MeshGateway", Object(MESH_GATEWAY)),
    Field::new("Expose", Object(EXPOSE)),
    Field::new("TransparentProxy", Object(TRANSPARENT_PROXY)),
];

const CONNECT: &[Field] = &[Field::new("Native", Boolean)];

const WEIGHTS: &[Field] = &[
    Field::new("Passing", Integer),
    Field::new("Warning", Integer),
];

const SERVICE_ADDRESS: &[Field] = &[Field::new("Address", Text), Field::new("Port", Integer)];

const NODE_FIELDS: &[Field] = &[
    Field::new("ID", Text),
    Field::new("Node", Text),
    Field::new("Address", Text),
    Field::new("Datacenter", Text),
    Field::new("TaggedAddresses", Map(&Text)),
    Field::new("Meta", Map(&Text)),
];

const SERVICE_FIELDS: &[Field] = &[
    Field::new("Kind", Text),
    Field::new("ID", Text),
    Field::new("Service", Text),
    Field::new("Tags", Texts),
    Field::new("Address", Text),
    Field::new("TaggedAddresses", Map(&Object(SERVICE_ADDRESS))),
    Field::new("Meta", Map(&Text)),
    Field::new("Port", Integer),
    Field::new("SocketPath", Text),
    Field::new("Weights", Object(WEIGHTS)),
    Field::new("EnableTagOverride", Boolean),
    Field::new("Proxy", Object(PROXY)),
    Field::new("Connect", Object(CONNECT)),
];

const CHECK_FIELDS: &[Field] = &[
    Field::new("Node", Text),
    Field::new("CheckID", Text),
    Field::new("Name", Text),
    Field::new("Status", Text),
    Field::new("Notes", Text),
    Field::new("Output", Text),
    Field::new("ServiceID", Text),
    Field::new("ServiceName", Text),
    Field::new("ServiceTags", Texts),
    Field::new("Type", Text),
    Field::new("ExposedPort", Integer),
];

/// A node of `/v1/catalog/nodes`.
pub const CATALOG_NODE: Schema = Schema::new(NODE_FIELDS);

/// An instance of `/v1/catalog/service/:service`.
pub const CATALOG_SERVICE: Schema = Schema::new(&[
    Field::new("ID", Text),
    Field::new("Node", Text),
    Field::new("Address", Text),
    Field::new("Datacenter", Text),
    Field::new("TaggedAddresses", Map(&Text)),
    Field::new("NodeMeta", Map(&Text)),
    Field::new("ServiceKind", Text),
    Field::new("ServiceID", Text),
    Field::new("ServiceName", Text),
    Field::new("ServiceTags", Texts),
    Field::new("ServiceAddress", Text),
    Field::new("ServiceTaggedAddresses", Map(&Object(SERVICE_ADDRESS))),
    Field::new("ServiceWeights", Object(WEIGHTS)),
    Field::new("ServiceMeta", Map(&Text)),
    Field::new("ServicePort", Integer),
    Field::new("ServiceSocketPath", Text),
    Field::new("ServiceEnableTagOverride", Boolean),
    Field::new("ServiceProxy", Object(PROXY)),
    Field::new("ServiceConnect", Object(CONNECT)),
]);

/// A service of `/v1/catalog/node/:node` and `/v1/catalog/node-services/:node`.
pub const NODE_SERVICE: Schema = Schema::new(SERVICE_FIELDS);

/// An instance of `/v1/health/service/:service`: its node, its service and its checks.
pub const HEALTH_ENTRY: Schema = Schema::new(&[
    Field::new("Node", Object(NODE_FIELDS)),
    Field::new("Service", Object(SERVICE_FIELDS)),
    Field::new("Checks", List(CHECK_FIELDS)),
]);

/// A node with its services and checks: a row of `Internal.NodeDump`.
pub const NODE_INFO: Schema = Schema::new(&[
    Field::new("ID", Text),
    Field::new("Node", Text),
    Field::new("Address", Text),
    Field::new("TaggedAddresses", Map(&Text)),
    Field::new("Meta", Map(&Text)),
    Field::new("Services", List(SERVICE_FIELDS)),
    Field::new("Checks", List(CHECK_FIELDS)),
]);

/// A check of `/v1/health/{checks,node,state}` and of `/v1/agent/checks`.
pub const HEALTH_CHECK: Schema = Schema::new(CHECK_FIELDS);

/// A service of `/v1/agent/services`: has the fields of the catalog's.
pub const AGENT_SERVICE: Schema = Schema::new(SERVICE_FIELDS);

/// An intention of `/v1/connect/intentions`.
pub const INTENTION: Schema = Schema::new(&[
    Field::new("ID", Text),
    Field::new("Description", Text),
    Field::new("SourceNS", Text),
    Field::new("SourceName", Text),
    Field::new("DestinationNS", Text),
    Field::new("DestinationName", Text),
    Field::new("SourceType", Text),
    Field::new("Action", Text),
    Field::new("Meta", Map(&Text)),
    Field::new("Precedence", Integer),
]);

/// A member of `/v1/agent/members`; `Status` is serf's number (1 alive, 2 leaving, 3 left, 4 failed).
pub const MEMBER: Schema = Schema::new(&[
    Field::new("Name", Text),
    Field::new("Addr", Text),
    Field::new("Port", Integer),
    Field::new("Tags", Map(&Text)),
    Field::new("Status", Integer),
    Field::new("ProtocolMin", Integer),
    Field::new("ProtocolMax", Integer),
    Field::new("ProtocolCur", Integer),
    Field::new("DelegateMin", Integer),
    Field::new("DelegateMax", Integer),
    Field::new("DelegateCur", Integer),
]);
