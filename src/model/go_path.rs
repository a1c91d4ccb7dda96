//! Paths as Go's `path` package joins them: what keys of `lock` and `exec` are made with.

/// Go's `path.Join`: the parts with one slash between them, without empty parts, `.`, and what a `..` takes back.
/// Without any part it is empty.
pub fn join(parts: &[&str]) -> String {
    let Some(first) = parts.iter().find(|part| !part.is_empty()) else {
        return String::new();
    };
    let rooted = first.starts_with('/');
    let mut kept: Vec<&str> = Vec::new();
    for part in parts.iter().flat_map(|part| part.split('/')) {
        match part {
            "" | "." => {}
            ".." if kept.last().is_some_and(|last| *last != "..") => {
                kept.pop();
            }
            ".." if rooted => {}
            other => kept.push(other),
        }
    }
    match (rooted, kept.join("/")) {
        (true, path) => format!("/{path}"),
        (false, path) if path.is_empty() => ".".to_owned(),
        (false, path) => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_joined_as_in_go() {
        for (parts, expected) in [
            (&["a", "b"][..], "a/b"),
            (&["a/b/", ".lock"], "a/b/.lock"),
            (&["", ".lock"], ".lock"),
            (&["a//../b", ".lock"], "b/.lock"),
            (&["/", "x"], "/x"),
            (&["/a/../..", "x"], "/x"),
            (&["..", "x"], "../x"),
            (&["a", "..", ".."], ".."),
            (&["a", ".."], "."),
            (&["", ""], ""),
            (&[], ""),
        ] {
            assert_eq!(join(parts), expected, "{parts:?}");
        }
    }
}
