//! AES-GCM around packets and streams: `version | nonce | ciphertext | tag` (section 3 of the wire format).

use std::fmt;

use aws_lc_rs::aead::{AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::error::WireError;
use super::keyring::Keyring;

/// Bytes of a nonce. Whoever seals chooses it at random, and never twice.
pub const NONCE_LEN: usize = 12;

/// Bytes of the authentication tag.
const TAG_LEN: usize = 16;

/// Bytes that version 1 adds.
pub(super) const OVERHEAD: usize = 1 + NONCE_LEN + TAG_LEN;

/// AES-GCM with PKCS#7 padding before: what members of memberlist protocol 1 send.
const VERSION_PADDED: u8 = 0;

/// AES-GCM, the only version that is written.
const VERSION: u8 = 1;

/// Padding of version 0 fills blocks of this size.
const BLOCK: usize = 16;

/// An expanded key.
pub(super) struct Cipher(LessSafeKey);

impl Cipher {
    /// `None` unless the key has 16, 24 or 32 bytes.
    pub(super) fn new(key: &[u8]) -> Option<Self> {
        let algorithm = match key.len() {
            16 => &AES_128_GCM,
            24 => &AES_192_GCM,
            32 => &AES_256_GCM,
            _ => return None,
        };
        let key = UnboundKey::new(algorithm, key).ok()?;
        Some(Self(LessSafeKey::new(key)))
    }

    fn open(&self, sealed: &Sealed<'_>, aad: &[u8]) -> Option<Vec<u8>> {
        let mut plain = vec![0; sealed.ciphertext.len()];
        let nonce = Nonce::assume_unique_for_key(*sealed.nonce);
        self.0
            .open_separate_gather(
                nonce,
                Aad::from(aad),
                sealed.ciphertext,
                sealed.tag,
                &mut plain,
            )
            .ok()?;
        Some(plain)
    }
}

impl fmt::Debug for Cipher {
    /// Never the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher")
    }
}

/// Appends `plain`, sealed with the ring's primary key.
pub(super) fn seal_into(
    out: &mut Vec<u8>,
    keyring: &Keyring,
    plain: &[u8],
    nonce: [u8; NONCE_LEN],
    aad: &[u8],
) {
    out.push(VERSION);
    out.extend_from_slice(&nonce);
    let start = out.len();
    out.extend_from_slice(plain);
    let nonce = Nonce::assume_unique_for_key(nonce);
    let cipher = &keyring.primary().cipher().0;
    let tag = cipher
        .seal_in_place_separate_tag(nonce, Aad::from(aad), &mut out[start..])
        .expect("AES-GCM seals anything below 64 GiB, and messages are far below");
    out.extend_from_slice(tag.as_ref());
}

/// A sealed message, taken apart.
struct Sealed<'a> {
    version: u8,
    nonce: &'a [u8; NONCE_LEN],
    ciphertext: &'a [u8],
    tag: &'a [u8],
}

impl<'a> Sealed<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (&version, rest) = bytes.split_first().ok_or(WireError::TooSmallToDecrypt(0))?;
        let least = match version {
            VERSION => OVERHEAD,
            VERSION_PADDED => OVERHEAD + BLOCK,
            version => return Err(WireError::EncryptionVersion(version)),
        };
        let too_small = || WireError::TooSmallToDecrypt(bytes.len());
        if bytes.len() < least {
            return Err(too_small());
        }
        let (nonce, rest) = rest.split_first_chunk().ok_or_else(too_small)?;
        let (ciphertext, tag) = rest.split_last_chunk::<TAG_LEN>().ok_or_else(too_small)?;
        Ok(Self {
            version,
            nonce,
            ciphertext,
            tag,
        })
    }
}

/// What was sealed with any of the ring's keys, tried in their order.
pub(super) fn open(keyring: &Keyring, sealed: &[u8], aad: &[u8]) -> Result<Vec<u8>, WireError> {
    let sealed = Sealed::parse(sealed)?;
    let mut plain = keyring
        .keys()
        .iter()
        .find_map(|key| key.cipher().open(&sealed, aad))
        .ok_or(WireError::NoKeyFits)?;
    if sealed.version == VERSION_PADDED {
        let padding = plain.last().map_or(0, |last| usize::from(*last));
        match plain.len().checked_sub(padding) {
            Some(length) if (1..=BLOCK).contains(&padding) => plain.truncate(length),
            _ => return Err(WireError::Padding),
        }
    }
    Ok(plain)
}
