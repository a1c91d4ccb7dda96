//! What a request needs permission for.

/// A kind of thing that permissions name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// The agent itself.
    Agent,
    /// A user event.
    Event,
    /// A key.
    Key,
    /// All keys that begin so.
    KeyPrefix,
    /// The gossip keyring.
    Keyring,
    /// A node of the catalog.
    Node,
    /// A prepared query.
    Query,
    /// A service of the catalog.
    Service,
    /// The sessions of a node.
    Session,
    /// The cluster's operation.
    Operator,
    /// Nothing: open to everybody, or filtered item by item.
    Open,
}

/// What is to be done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Looking.
    Read,
    /// Changing.
    Write,
}

/// The permission that a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requirement<'a> {
    /// The kind of thing.
    pub resource: Resource,
    /// Its name; empty where the kind has no names.
    pub name: &'a [u8],
    /// What is to be done.
    pub permission: Permission,
}

/// The permission that an answer needs, where the question does not tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard<'a> {
    /// The token that counts; `None` for the asker's.
    pub token: Option<&'a str>,
    /// What it must give.
    pub requirement: Requirement<'a>,
}

impl<'a> Requirement<'a> {
    /// Reading is open to everybody.
    pub const OPEN: Requirement<'static> = Requirement {
        resource: Resource::Open,
        name: &[],
        permission: Permission::Read,
    };

    /// Needs reading a thing.
    pub fn read(resource: Resource, name: &'a [u8]) -> Self {
        Self {
            resource,
            name,
            permission: Permission::Read,
        }
    }

    /// Needs changing a thing.
    pub fn write(resource: Resource, name: &'a [u8]) -> Self {
        Self {
            resource,
            name,
            permission: Permission::Write,
        }
    }
}
