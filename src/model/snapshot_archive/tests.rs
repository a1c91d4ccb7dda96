use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::model::hashing::sha256_hex as hex;

/// Bytes that a gzip header has at least.
const GZIP_HEADER_LEN: usize = 10;

fn sample() -> Archive {
    let servers = vec![ArchiveServer {
        suffrage: 0,
        id: "9865d69a-89a4-8685-2ef2-c475f8385629".to_owned(),
        address: "127.0.0.64:8300".to_owned(),
    }];
    let state = b"the state".to_vec();
    let at = Duration::from_millis(1_795_173_687_090);
    let meta = ArchiveMeta::new(13, 2, at, ArchiveConfiguration { servers }, 1, 9);
    Archive { meta, state }
}

/// A file's name and content.
type File<'a> = (&'a str, &'a [u8]);

/// A tar of these files, compressed.
fn pack(files: &[File<'_>]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (name, data) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(data.len() as u64);
        tar.append_data(&mut header, name, *data).expect("memory");
    }
    tar.into_inner().expect("memory").finish().expect("memory")
}

fn parts() -> (Vec<u8>, Vec<u8>, String) {
    let archive = sample();
    let meta = serde_json::to_vec(&archive.meta).expect("json");
    let sums = format!("{}  {META}\n{}  {STATE}\n", hex(&meta), hex(&archive.state));
    (meta, archive.state, sums)
}

fn error(bytes: &[u8]) -> String {
    Archive::read(bytes).expect_err("damaged").to_string()
}

#[test]
fn what_is_written_is_read() {
    let archive = sample();
    let bytes = archive.write(1_795_173_687).expect("memory");
    assert_eq!(Archive::read(&bytes).expect("whole"), archive);
}

#[test]
fn meta_is_consuls() {
    // As Consul 1.8.7 wrote it for the same server, but for the size.
    assert_eq!(
        serde_json::to_string(&sample().meta).expect("json"),
        r#"{"Version":1,"ID":"2-13-1795173687090","Index":13,"Term":2,"Peers":"ka8xMjcuMC4wLjY0OjgzMDA=","Configuration":{"Servers":[{"Suffrage":0,"ID":"9865d69a-89a4-8685-2ef2-c475f8385629","Address":"127.0.0.64:8300"}]},"ConfigurationIndex":1,"Size":9}"#
    );
}

#[test]
fn damage_has_consuls_words() {
    let (meta, state, sums) = parts();
    let sums = sums.as_bytes();
    let prefix = "failed to read snapshot file: failed checking integrity of snapshot: ";
    let extra = pack(&[
        (META, &meta),
        (STATE, &state),
        (SUMS, sums),
        ("extra", b"hi"),
    ]);
    assert_eq!(
        error(&extra),
        "failed to read snapshot file: unexpected file \"extra\" in snapshot"
    );
    let cases: [(&[File<'_>], &str); 5] = [
        (
            &[(META, &meta), (STATE, b"other"), (SUMS, sums)],
            "hash check failed for \"state.bin\"",
        ),
        (
            &[(META, &meta), (STATE, &state)],
            "file missing for \"meta.json\"",
        ),
        (
            &[(META, &meta), (SUMS, sums)],
            "hash check failed for \"state.bin\"",
        ),
        (
            &[(STATE, &state), (SUMS, sums)],
            "hash check failed for \"meta.json\"",
        ),
        (&[], "file missing for \"meta.json\""),
    ];
    for (files, expected) in cases {
        assert_eq!(error(&pack(files)), format!("{prefix}{expected}"));
    }
    for (line, expected) in [
        ("zz  foo", "no hex data for %x string"),
        ("ab12  nope", "list missing hash for \"nope\""),
    ] {
        let sums = [sums, line.as_bytes(), b"\n"].concat();
        let bytes = pack(&[(META, &meta), (STATE, &state), (SUMS, &sums)]);
        assert_eq!(error(&bytes), format!("{prefix}{expected}"));
    }
    assert_eq!(
        error(&pack(&[(META, b"{"), (STATE, &state), (SUMS, sums)])),
        "failed to read snapshot file: failed to decode snapshot metadata: unexpected end of JSON input"
    );
}

#[test]
fn truncation_has_consuls_words() {
    assert_eq!(error(b""), "failed to decompress snapshot: EOF");
    assert_eq!(
        error(b"abc"),
        "failed to decompress snapshot: unexpected EOF"
    );
    assert_eq!(
        error(b"not a gzip file"),
        "failed to decompress snapshot: gzip: invalid header"
    );
    let mut archive = sample();
    // Incompressible enough that the cuts fall into the state.
    archive.state = (0..20_000_u32)
        .flat_map(|n| Sha256::digest(n.to_be_bytes()))
        .collect();
    let bytes = archive.write(0).expect("memory");
    assert_eq!(
        error(&bytes[..bytes.len() / 2]),
        "failed to read snapshot file: failed to read or write snapshot data: unexpected EOF"
    );
    assert_eq!(error(&bytes[..bytes.len() - 9]), "unexpected EOF");
    let mut flipped = bytes.clone();
    let at = flipped.len() - 6;
    flipped[at] ^= 1;
    assert_eq!(error(&flipped), "gzip: invalid checksum");
    assert_eq!(error(&[&bytes[..], b"junk\n"].concat()), "unexpected EOF");
    assert_eq!(
        error(&pack_plain(b"hello\n")),
        "failed to read snapshot file: failed reading snapshot: unexpected EOF"
    );
}

fn pack_plain(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(bytes).expect("memory");
    gzip.finish().expect("memory")
}

#[test]
fn no_cut_or_flip_is_accepted_or_panics() {
    let bytes = sample().write(0).expect("memory");
    for cut in 0..bytes.len() {
        assert!(Archive::read(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    let mut without_effect = 0;
    for at in GZIP_HEADER_LEN..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x55;
        if let Ok(read) = Archive::read(&flipped) {
            // The last byte of a block may be filled up with bits that mean nothing.
            assert_eq!(read, sample(), "flip at {at}");
            without_effect += 1;
        }
    }
    assert!(without_effect <= 4, "{without_effect}");
    // Time and system in the gzip header are not checked by anything.
    for at in 0..GZIP_HEADER_LEN {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x55;
        if let Ok(read) = Archive::read(&flipped) {
            assert_eq!(read, sample(), "flip at {at}");
        }
    }
}

#[test]
fn a_stream_gives_what_was_written() {
    let archive = sample();
    let state = vec![7_u8; 100_000];
    let meta = ArchiveMeta {
        size: 100_000,
        ..archive.meta
    };
    let mut bytes = Vec::new();
    write_archive(&meta, 0, &mut bytes, |out| {
        state.chunks(999).try_for_each(|chunk| out.write_all(chunk))
    })
    .expect("memory");
    // Whoever takes a part only is given what is verified all the same.
    let (read, first) = read_archive(&*bytes, |input| {
        let mut first = [0; 4];
        input.read_exact(&mut first).map(|()| first).ok()
    })
    .expect("whole");
    assert_eq!((read, first), (meta.clone(), Some(Some([7; 4]))));
    assert_eq!(verify_archive(&*bytes).expect("whole"), meta);
    let short = write_archive(&meta, 0, Vec::new(), |out| out.write_all(&state[1..]));
    assert_eq!(
        short.expect_err("short").to_string(),
        "failed to write snapshot file: a state of 99999 bytes where 100000 were told"
    );
}
