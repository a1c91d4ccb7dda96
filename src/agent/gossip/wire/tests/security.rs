//! Keys, labels and what they refuse.

use std::sync::Arc;

use super::super::*;
use super::samples::*;

fn ring(keys: impl IntoIterator<Item = Key>) -> Security {
    Security::new(Some(Arc::new(Keyring::from_keys(keys).unwrap())))
}

#[test]
fn every_size_of_key_opens_what_it_sealed() {
    let plain = alive().encode();
    for length in [16, 24, 32] {
        let security = ring([key(length)]);
        let sealed = security.seal_packet(&plain, [3; NONCE_LEN]);
        assert_eq!(sealed.len(), plain.len() + security.overhead());
        assert_eq!(security.open_packet(&sealed).unwrap(), &plain[..]);
    }
    for length in [0, 1, 15, 17, 23, 31, 33, 64] {
        assert_eq!(Key::new(&vec![0; length]), None, "{length}");
    }
}

#[test]
fn every_key_of_the_ring_opens() {
    let plain = ack().encode();
    let old = ring([key(16)]).seal_packet(&plain, [1; NONCE_LEN]);
    let both = ring([key(32), key(16)]);
    assert_eq!(both.open_packet(&old).unwrap(), &plain[..]);
    let new = both.seal_packet(&plain, [1; NONCE_LEN]);
    assert_eq!(ring([key(16)]).open_packet(&new), Err(WireError::NoKeyFits));
}

#[test]
fn what_was_changed_on_the_way_is_refused() {
    let security = secured();
    let sealed = security.seal_packet(&ack().encode(), [1; NONCE_LEN]);
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 0x80;
        assert!(security.open_packet(&changed).is_err(), "byte {at}");
    }
    for length in 0..sealed.len() {
        assert!(security.open_packet(&sealed[..length]).is_err());
    }
    assert_eq!(
        security.open_packet(&[2; 64]),
        Err(WireError::EncryptionVersion(2))
    );
    assert_eq!(
        security.open_packet(&[0; 44]),
        Err(WireError::TooSmallToDecrypt(44))
    );
}

#[test]
fn plain_packets_pass_only_while_encryption_is_rolled_out() {
    let plain = ack().encode();
    let mut security = secured();
    assert!(security.open_packet(&plain).is_err());
    security.verify_incoming = false;
    assert_eq!(security.open_packet(&plain).unwrap(), &plain[..]);
    let sealed = security.seal_packet(&plain, [1; NONCE_LEN]);
    assert_eq!(security.open_packet(&sealed).unwrap(), &plain[..]);
    security.verify_outgoing = false;
    assert_eq!(security.seal_packet(&plain, [1; NONCE_LEN]), plain);
    assert_eq!(security.overhead(), 0);
}

#[test]
fn labels_must_be_ours() {
    let labelled = |label: &str| Security {
        label: label.into(),
        ..Security::default()
    };
    let plain = ack().encode();
    let packet = labelled("dc1").seal_packet(&plain, [0; NONCE_LEN]);
    assert!(packet.starts_with(b"\xf4\x03dc1\x02"));
    assert_eq!(labelled("dc1").open_packet(&packet).unwrap(), &plain[..]);
    for (ours, theirs, text) in [
        ("", &packet[..], "unexpected label"),
        ("dc2", &packet[..], "label of another pool"),
        ("dc1", &plain[..], "missing label"),
        ("dc1", &[0xf4, 0, 2][..], "empty label"),
        ("dc1", &packet[..3], "label of the packet is cut off"),
        ("dc1", &[0xf4][..], "label of the packet is cut off"),
    ] {
        let err = labelled(ours).open_packet(theirs).unwrap_err();
        assert_eq!(err, WireError::Label(text));
    }
}

#[test]
fn keys_show_nothing_of_themselves() {
    let text = format!("{:?}", secured());
    assert!(text.contains("Key(16 bytes)"), "{text}");
    assert!(!text.contains("AAECAw"), "{text}");
}

#[test]
fn operations_on_keys_and_their_words() {
    let mut ring = Keyring::new(key(16));
    assert_eq!(ring.add(&[1; 5]), Err(KeyringError::KeySize));
    ring.add(key(32).as_bytes()).unwrap();
    ring.add(key(32).as_bytes()).unwrap();
    assert_eq!(ring.keys(), [key(16), key(32)]);
    assert!(ring.contains(key(32).as_bytes()));

    let missing = ring.use_key(&[9; 16]).unwrap_err();
    assert_eq!(missing.to_string(), "Requested key is not in the keyring");
    let primary = ring.remove(key(16).as_bytes()).unwrap_err();
    assert_eq!(
        primary.to_string(),
        "Removing the primary key is not allowed"
    );
    let size = KeyringError::KeySize.to_string();
    assert_eq!(size, "key size must be 16, 24 or 32 bytes");

    ring.use_key(key(32).as_bytes()).unwrap();
    assert_eq!(ring.primary(), &key(32));
    ring.remove(&[9; 16]).unwrap();
    ring.remove(key(16).as_bytes()).unwrap();
    assert_eq!(ring.keys(), [key(32)]);
}

#[test]
fn keyring_files_are_serfs() {
    let text = "[\n  \"EBESExQVFhcYGRobHB0eHw==\",\n  \"AAECAwQFBgcICQoLDA0ODw==\"\n]";
    let ring = Keyring::from_json(text.as_bytes()).unwrap();
    assert_eq!(ring.keys()[1], key(16));
    assert_eq!(ring.to_json(), text);
    for (text, words) in [
        ("[]", "Keyring file contains no keys"),
        (
            r#"["AAAA"]"#,
            "Failed to decode key from keyring: key size must be 16, 24 or 32 bytes",
        ),
        (
            r#"["!!"]"#,
            "Failed to decode key from keyring: illegal base64 data at input byte 0",
        ),
    ] {
        let err = Keyring::from_json(text.as_bytes()).unwrap_err();
        assert_eq!(err.to_string(), words);
    }
    assert!(matches!(
        Keyring::from_json(b"x"),
        Err(KeyringError::File(_))
    ));
    assert_eq!(Key::from_base64("x!"), Err(KeyringError::Base64(1)));
}
