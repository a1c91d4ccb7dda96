//! Keys of a pool: section 8 of the wire format.

use std::fmt;

/// One AES key: 16, 24 or 32 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Box<[u8]>);

impl Key {
    /// From raw bytes; `None` unless there are 16, 24 or 32.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        matches!(bytes.len(), 16 | 24 | 32).then(|| Self(bytes.into()))
    }

    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Key {
    /// Never the key itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} bytes)", self.0.len())
    }
}

/// The keys of a pool; the first one encrypts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyring {
    keys: Vec<Key>,
}

impl Keyring {
    /// A ring with its primary key.
    pub fn new(primary: Key) -> Self {
        Self {
            keys: vec![primary],
        }
    }

    /// The key that encrypts.
    pub fn primary(&self) -> &Key {
        &self.keys[0]
    }

    /// All keys, the primary one first.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }
}
