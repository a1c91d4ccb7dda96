//! A source file, and its code without comments, texts and tests.

use std::fs;
use std::path::Path;

/// One file of the repository.
pub(crate) struct Source {
    /// Relative to the package's folder, with `/`.
    pub(crate) path: String,
    /// As it is.
    pub(crate) text: String,
    /// The same lines with comments blanked, texts replaced by underscores, and test modules removed.
    pub(crate) code: String,
}

impl Source {
    /// A file with the given content.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let code = without_tests(&blank(text));
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code,
        }
    }

    /// Every Rust file below a folder of the package, sorted.
    pub(crate) fn all(folder: &str) -> Vec<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut files = Vec::new();
        collect(&root.join(folder), root, &mut files);
        assert!(!files.is_empty(), "no source below {folder}");
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files
    }

    /// Whether the whole file is test code.
    pub(crate) fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    /// The module path below the crate's root: `["agent", "http", "router"]`; empty for lib.rs and main.rs.
    pub(crate) fn module(&self) -> Vec<&str> {
        let path = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let path = path.strip_suffix(".rs").unwrap_or(path);
        let mut parts: Vec<&str> = path.split('/').collect();
        if matches!(parts.last(), Some(&("mod" | "lib" | "main"))) {
            parts.pop();
        }
        parts
    }

    /// The number of the line, from 1, that holds a byte of the code.
    pub(crate) fn line_of(&self, offset: usize) -> usize {
        self.code[..offset].matches('\n').count() + 1
    }
}

fn collect(folder: &Path, root: &Path, files: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.expect("the folder is readable").path();
        if path.is_dir() {
            collect(&path, root, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source is text");
            let name = path.strip_prefix(root).expect("is below the root");
            files.push(Source::new(&name.to_string_lossy(), &text));
        }
    }
}

/// Comments become spaces, the insides of texts underscores; lines and offsets stay.
fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let (length, fill) = if rest.starts_with(b"//") {
            (
                rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len()),
                b' ',
            )
        } else if rest.starts_with(b"/*") {
            (block_comment(rest), b' ')
        } else if let Some(length) = raw_text(rest, at.checked_sub(1).map(|before| bytes[before])) {
            (length, b'_')
        } else if rest[0] == b'"' {
            (quoted(rest), b'_')
        } else if rest[0] == b'\'' {
            (character(rest), b'_')
        } else {
            at += 1;
            continue;
        };
        for byte in &mut out[at..at + length] {
            if *byte != b'\n' {
                *byte = fill;
            }
        }
        at += length;
    }
    String::from_utf8(out).expect("whole characters are blanked")
}

fn block_comment(rest: &[u8]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// The length of `r"…"` or `r#"…"#` at the beginning, unless the `r` ends a longer word.
fn raw_text(rest: &[u8], before: Option<u8>) -> Option<usize> {
    if before.is_some_and(|b| b != b'b' && (b.is_ascii_alphanumeric() || b == b'_')) {
        return None;
    }
    let hashes = rest
        .strip_prefix(b"r")?
        .iter()
        .take_while(|b| **b == b'#')
        .count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return None;
    }
    let end = [&b"\""[..], &b"#".repeat(hashes)].concat();
    let body = &rest[2 + hashes..];
    let length = body
        .windows(end.len())
        .position(|window| window == end)
        .unwrap_or(body.len());
    Some((2 + hashes + length + end.len()).min(rest.len()))
}

fn quoted(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of a character literal, or 1 for the quote of a lifetime.
fn character(rest: &[u8]) -> usize {
    if rest.get(1) == Some(&b'\\') {
        return rest[2..]
            .iter()
            .skip(1)
            .position(|b| *b == b'\'')
            .map_or(1, |end| end + 4);
    }
    let text = std::str::from_utf8(&rest[1..rest.len().min(6)]).unwrap_or_else(|error| {
        std::str::from_utf8(&rest[1..=error.valid_up_to()]).expect("is valid so far")
    });
    let width = text.chars().next().map_or(1, char::len_utf8);
    if rest.get(1 + width) == Some(&b'\'') {
        width + 2
    } else {
        1
    }
}

/// Code without the modules that are compiled for tests only.
fn without_tests(code: &str) -> String {
    let mut out = code.as_bytes().to_vec();
    for (at, _) in code.match_indices("#[cfg(test)]") {
        let rest = &code[at..];
        let item = rest["#[cfg(test)]".len()..].trim_start();
        let Some(name) = item.strip_prefix("mod ") else {
            continue;
        };
        let end = match (name.find('{'), name.find(';')) {
            (Some(open), semicolon) if semicolon.is_none_or(|semicolon| open < semicolon) => {
                closing(name, open)
            }
            (_, Some(semicolon)) => semicolon + 1,
            _ => name.len(),
        };
        let length = (rest.len() - name.len()) + end;
        for byte in &mut out[at..at + length] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }
    String::from_utf8(out).expect("whole characters are blanked")
}

/// The offset after the brace that closes the one at `open`.
fn closing(text: &str, open: usize) -> usize {
    let mut depth = 0;
    for (at, byte) in text.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    text.len()
}

#[test]
fn comments_and_texts_are_no_code() {
    let text =
        "let a = \"tokio \\\" x\"; // tokio\n/* tokio /* y */ tokio */ let b = r#\"tokio\"#;\n";
    let source = Source::new("src/a.rs", text);
    assert!(!source.code.contains("tokio"), "{}", source.code);
    assert!(
        source.code.contains("let a") && source.code.contains("let b"),
        "{}",
        source.code
    );
    assert_eq!(source.code.lines().count(), 2);
}

#[test]
fn lifetimes_and_characters_do_not_swallow_code() {
    let text = "fn f<'a>(x: &'a str) { g('\"', '\\'', '\\u{1F600}', 'é', b'x'); tokio }";
    let source = Source::new("src/a.rs", text);
    assert!(
        source.code.contains("<'a>") || source.code.contains("<_a>"),
        "{}",
        source.code
    );
    assert!(source.code.contains("tokio"), "{}", source.code);
}

#[test]
fn only_test_modules_are_removed() {
    let text = "a\n#[cfg(test)]\nmod tests {\n fn x() { tokio }\n}\nb\n#[cfg(test)]\nmod more;\nc";
    let code = Source::new("src/a.rs", text).code;
    assert!(!code.contains("tokio") && !code.contains("more"), "{code}");
    assert!(
        ["a", "b", "c"]
            .iter()
            .all(|kept| code.lines().any(|line| line == *kept)),
        "{code}"
    );
}

#[test]
fn modules_follow_the_path() {
    assert_eq!(
        Source::new("src/agent/http/v1/kv.rs", "").module(),
        ["agent", "http", "v1", "kv"]
    );
    assert_eq!(
        Source::new("src/agent/http/mod.rs", "").module(),
        ["agent", "http"]
    );
    assert!(Source::new("src/lib.rs", "").module().is_empty());
}
