//! Nonces: a key must never see the same one twice.

use super::wire::{NONCE_LEN, Security};

/// A fresh random nonce, where anything is encrypted. Elsewhere nobody looks at it, and the generator,
/// which takes its time on each thread's first use, is left alone.
pub(super) fn nonce(security: &Security) -> [u8; NONCE_LEN] {
    let mut nonce = [0; NONCE_LEN];
    if security.keyring.is_some() {
        aws_lc_rs::rand::fill(&mut nonce).expect("the system has randomness");
    }
    nonce
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::agent::gossip::wire::{Key, Keyring};

    #[test]
    fn no_two_are_the_same_where_there_are_keys() {
        let key = Key::new(&[1; 16]).expect("has a key's length");
        let encrypted = Security::new(Some(Arc::new(Keyring::new(key))));
        let many: std::collections::HashSet<_> = (0..1000).map(|_| nonce(&encrypted)).collect();
        assert_eq!(many.len(), 1000);
        assert_eq!(nonce(&Security::default()), [0; NONCE_LEN]);
    }
}
