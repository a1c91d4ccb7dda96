//! What a pool puts around packets and streams: label and encryption (sections 3 and 4 of the wire format).

use std::borrow::Cow;
use std::sync::Arc;

use super::cipher::{self, NONCE_LEN};
use super::error::WireError;
use super::keyring::Keyring;
use super::message_codec::kind;

/// Longest label, in bytes: its length is one byte.
pub const LABEL_MAX: usize = 255;

/// How the members of a pool hide and mark what they send. Made anew when the keys change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Security {
    /// The keys; `None` for a pool in plain text.
    pub keyring: Option<Arc<Keyring>>,
    /// Whether what is not encrypted is refused.
    pub verify_incoming: bool,
    /// Whether what is sent is encrypted.
    pub verify_outgoing: bool,
    /// Names the pool; empty for none. Bytes past [`LABEL_MAX`] do not count.
    pub label: Vec<u8>,
    /// Whether what is sent is compressed.
    pub compress: bool,
}

impl Default for Security {
    /// Consul's without a key: no encryption, no label, compression.
    fn default() -> Self {
        Self {
            keyring: None,
            verify_incoming: true,
            verify_outgoing: true,
            label: Vec::new(),
            compress: true,
        }
    }
}

impl Security {
    /// With this keyring, or none.
    pub fn new(keyring: Option<Arc<Keyring>>) -> Self {
        Self {
            keyring,
            ..Self::default()
        }
    }

    /// Bytes of each packet that label and encryption take.
    pub fn overhead(&self) -> usize {
        let label = match self.label().len() {
            0 => 0,
            length => 2 + length,
        };
        let encryption = self.sealing().map_or(0, |_| cipher::OVERHEAD);
        label + encryption
    }

    /// The keys that encrypt what is sent.
    pub(super) fn sealing(&self) -> Option<&Keyring> {
        self.keyring.as_deref().filter(|_| self.verify_outgoing)
    }

    /// A datagram of what [`super::encode_packet`] made. `nonce` is random, and never used twice.
    pub fn seal_packet(&self, plain: &[u8], nonce: [u8; NONCE_LEN]) -> Vec<u8> {
        let mut out = Vec::with_capacity(plain.len() + self.overhead());
        self.write_label(&mut out);
        match self.sealing() {
            Some(keyring) => cipher::seal_into(&mut out, keyring, plain, nonce, self.label()),
            None => out.extend_from_slice(plain),
        }
        out
    }

    /// What is in a datagram, for [`super::decode_packet`].
    ///
    /// # Errors
    /// When it is of another pool, or not encrypted with one of our keys.
    pub fn open_packet<'a>(&self, packet: &'a [u8]) -> Result<Cow<'a, [u8]>, WireError> {
        let Labelled { label, rest } =
            split_label(packet)?.ok_or(WireError::Label("label of the packet is cut off"))?;
        self.check_label(label)?;
        let Some(keyring) = &self.keyring else {
            return Ok(Cow::Borrowed(rest));
        };
        match cipher::open(keyring, rest, self.label()) {
            Ok(plain) => Ok(Cow::Owned(plain)),
            Err(_) if !self.verify_incoming => Ok(Cow::Borrowed(rest)),
            Err(err) => Err(err),
        }
    }

    /// The label that travels, empty for none.
    pub(super) fn label(&self) -> &[u8] {
        &self.label[..self.label.len().min(LABEL_MAX)]
    }

    /// Writes the label's header, if there is a label.
    pub(super) fn write_label(&self, out: &mut Vec<u8>) {
        let label = self.label();
        if label.is_empty() {
            return;
        }
        out.push(kind::HAS_LABEL);
        out.push(u8::try_from(label.len()).unwrap_or(u8::MAX));
        out.extend_from_slice(label);
    }

    /// Whether a peer's label is ours; both may be absent.
    pub(super) fn check_label(&self, label: &[u8]) -> Result<(), WireError> {
        if label == self.label() {
            Ok(())
        } else if self.label.is_empty() {
            Err(WireError::Label("unexpected label"))
        } else if label.is_empty() {
            Err(WireError::Label("missing label"))
        } else {
            Err(WireError::Label("label of another pool"))
        }
    }
}

/// A packet or stream, its label taken off.
pub(super) struct Labelled<'a> {
    /// Empty without one.
    pub(super) label: &'a [u8],
    pub(super) rest: &'a [u8],
}

/// Takes the label off a packet or stream. `None` when its header is not complete.
pub(super) fn split_label(bytes: &[u8]) -> Result<Option<Labelled<'_>>, WireError> {
    match bytes {
        [kind::HAS_LABEL, 0, ..] => Err(WireError::Label("empty label")),
        [kind::HAS_LABEL, length, rest @ ..] => Ok(rest
            .split_at_checked(usize::from(*length))
            .map(|(label, rest)| Labelled { label, rest })),
        [kind::HAS_LABEL] => Ok(None),
        rest => Ok(Some(Labelled { label: &[], rest })),
    }
}
