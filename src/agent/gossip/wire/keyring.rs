//! Keys of a pool: section 8 of the wire format.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::model::go_base64;

use super::cipher::Cipher;

/// One AES key: 16, 24 or 32 bytes.
#[derive(Clone)]
pub struct Key {
    bytes: Box<[u8]>,
    /// The expanded key, made once: clones and rings share it.
    cipher: Arc<Cipher>,
}

impl Key {
    /// From raw bytes; `None` unless there are 16, 24 or 32.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            bytes: bytes.into(),
            cipher: Arc::new(Cipher::new(bytes)?),
        })
    }

    /// From the standard base64 that operators and keyring files give.
    ///
    /// # Errors
    /// When it is no base64, or has another length.
    pub fn from_base64(text: &str) -> Result<Self, KeyringError> {
        let bytes = go_base64::decode(text.as_bytes())
            .map_err(|illegal| KeyringError::Base64(illegal.at))?;
        Self::new(&bytes).ok_or(KeyringError::KeySize)
    }

    /// Standard base64.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(&self.bytes)
    }

    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn cipher(&self) -> &Cipher {
        &self.cipher
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    /// Never the key itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} bytes)", self.bytes.len())
    }
}

/// Why a key or keyring is refused. Texts are serf's and memberlist's, because operators search for them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// Neither 16, 24 nor 32 bytes.
    #[error("key size must be 16, 24 or 32 bytes")]
    KeySize,
    /// Not base64, from this byte on.
    #[error("illegal base64 data at input byte {0}")]
    Base64(usize),
    /// Only a key of the ring can become the primary one.
    #[error("Requested key is not in the keyring")]
    NotInstalled,
    /// The primary key stays until another one is.
    #[error("Removing the primary key is not allowed")]
    Primary,
    /// A ring needs a key that encrypts.
    #[error("Keyring file contains no keys")]
    NoKeys,
    /// The file is no list of texts.
    #[error("Failed to decode keyring file: {0}")]
    File(String),
    /// One of the file's keys is none.
    #[error("Failed to decode key from keyring: {0}")]
    FileKey(Box<Self>),
}

/// The keys of a pool; the first one encrypts. Never empty.
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

    /// A ring of these keys, the first one primary. Keys that are there twice count once.
    ///
    /// # Errors
    /// When there is none.
    pub fn from_keys(keys: impl IntoIterator<Item = Key>) -> Result<Self, KeyringError> {
        let mut ring = Self { keys: Vec::new() };
        for key in keys {
            ring.append(key);
        }
        if ring.keys.is_empty() {
            return Err(KeyringError::NoKeys);
        }
        Ok(ring)
    }

    /// The ring of a keyring file: a JSON list of base64 texts, the primary key first.
    ///
    /// # Errors
    /// When it is another thing, or empty.
    pub fn from_json(text: &[u8]) -> Result<Self, KeyringError> {
        let texts: Vec<String> =
            serde_json::from_slice(text).map_err(|err| KeyringError::File(err.to_string()))?;
        let keys: Result<Vec<Key>, KeyringError> =
            texts.iter().map(|text| Key::from_base64(text)).collect();
        Self::from_keys(keys.map_err(|err| KeyringError::FileKey(Box::new(err)))?)
    }

    /// The keyring file, byte for byte as serf writes it: indented by two spaces, no line end at the end.
    pub fn to_json(&self) -> String {
        let texts: Vec<String> = self.keys.iter().map(Key::to_base64).collect();
        serde_json::to_string_pretty(&texts).expect("a list of texts is JSON")
    }

    /// The key that encrypts.
    pub fn primary(&self) -> &Key {
        &self.keys[0]
    }

    /// All keys, the primary one first.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Whether the key is installed.
    pub fn contains(&self, key: &[u8]) -> bool {
        self.keys.iter().any(|known| known.as_bytes() == key)
    }

    /// Installs a key, last in the order. One that is there already stays where it is.
    ///
    /// # Errors
    /// When it is no key.
    pub fn add(&mut self, key: &[u8]) -> Result<(), KeyringError> {
        self.append(Key::new(key).ok_or(KeyringError::KeySize)?);
        Ok(())
    }

    /// Makes an installed key the primary one.
    ///
    /// # Errors
    /// When it is not installed.
    pub fn use_key(&mut self, key: &[u8]) -> Result<(), KeyringError> {
        let at = self
            .keys
            .iter()
            .position(|known| known.as_bytes() == key)
            .ok_or(KeyringError::NotInstalled)?;
        let key = self.keys.remove(at);
        self.keys.insert(0, key);
        Ok(())
    }

    /// Removes a key; one that is not there is removed already.
    ///
    /// # Errors
    /// When it is the primary one.
    pub fn remove(&mut self, key: &[u8]) -> Result<(), KeyringError> {
        if self.primary().as_bytes() == key {
            return Err(KeyringError::Primary);
        }
        self.keys.retain(|known| known.as_bytes() != key);
        Ok(())
    }

    fn append(&mut self, key: Key) {
        if !self.contains(key.as_bytes()) {
            self.keys.push(key);
        }
    }
}
