//! Pure rooms decide and do not act: no clock, socket, file, task, log or global randomness.

use crate::rooms::room_of;
use crate::source::Source;

/// What pure code may not name.
const FORBIDDEN: &[&str] = &[
    "tokio",
    ".await",
    "async fn",
    "async move",
    "async {",
    "Instant::now",
    "SystemTime",
    "Timestamp::now",
    "Zoned::now",
    "UdpSocket",
    "TcpStream",
    "TcpListener",
    "UnixStream",
    "UnixDatagram",
    "ToSocketAddrs",
    "std::fs",
    "File::open",
    "std::io::stdin",
    "std::io::stdout",
    "std::thread",
    "thread::spawn",
    "std::process",
    "std::env",
    "env::var",
    "println!",
    "eprintln!",
    "print!",
    "rand::rng",
    "rand::random",
    "thread_rng",
    "from_os_rng",
    "Uuid::new_v4",
    "tracing",
    "reqwest",
    "sqlx",
    "static mut",
];

/// Forbidden words in pure rooms.
pub(crate) fn faults(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| !source.is_test()) {
        if !room_of(&source.module()).is_some_and(|room| room.pure) {
            continue;
        }
        for word in FORBIDDEN {
            for (at, _) in source.code.match_indices(word) {
                if is_word(&source.code, at, word) {
                    faults.push(format!("{}:{}: {word}", source.path, source.line_of(at)));
                }
            }
        }
    }
    faults
}

/// Whether the match is not a part of a longer word.
fn is_word(code: &str, at: usize, word: &str) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    let before = code[..at].chars().next_back().is_some_and(in_word);
    let after = code[at + word.len()..].chars().next().is_some_and(in_word);
    let open_start = word.starts_with(in_word);
    let open_end = word.ends_with(in_word);
    !(before && open_start || after && open_end)
}

#[test]
fn every_forbidden_word_is_found_in_a_pure_room_only() {
    for word in FORBIDDEN {
        let text = format!("fn f() {{\n    x({word} )\n}}\n");
        let faults_in = |path: &str| faults(&[Source::new(path, &text)]).len();
        assert!(faults_in("src/agent/store/kv.rs") > 0, "{word}");
        assert!(faults_in("src/agent/dns/answer.rs") > 0, "{word}");
        assert_eq!(faults_in("src/agent/dns/server.rs"), 0, "{word}");
    }
}

#[test]
fn words_in_words_comments_texts_and_tests_are_fine() {
    let text =
        "// tokio\nlet tokio_like = \"std::fs\"; x.print!();\n#[cfg(test)]\nmod tests { tokio }\n";
    let faults = faults(&[Source::new("src/model/kv.rs", text)]);
    assert_eq!(faults, ["src/model/kv.rs:2: print!"]);
}
