//! Nonces: a key must never see the same one twice.

/// A fresh random nonce.
pub(super) fn nonce() -> [u8; 12] {
    let mut nonce = [0; 12];
    aws_lc_rs::rand::fill(&mut nonce).expect("the system has randomness");
    nonce
}
