//! Files are short: the length of functions is clippy's to watch.

use crate::source::Source;

/// Lines of code in a file without a reason.
const SOFT: usize = 400;
/// Lines of code in a file with a reason.
const HARD: usize = 600;

/// Files that may be longer than [`SOFT`], and why. One that is short again has to go from the list.
pub(crate) const LONG_FILES: &[(&str, &str)] = &[];

/// Files that are too long, and exceptions that are none. Blank lines, comments and tests do not count.
pub(crate) fn faults(sources: &[Source], exceptions: &[(&str, &str)]) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, reason) in exceptions {
        let known = sources.iter().any(|source| source.path == *path);
        if !known || reason.len() < 10 {
            faults.push(format!("{path}: an exception needs a file and a reason"));
        }
    }
    for source in sources.iter().filter(|source| !source.is_test()) {
        let lines = source
            .code
            .lines()
            .filter(|line| !line.trim().is_empty())
            .count();
        let excused = exceptions.iter().any(|(path, _)| *path == source.path);
        let path = &source.path;
        if lines > HARD {
            faults.push(format!(
                "{path}: {lines} lines of code, {HARD} at the very most"
            ));
        } else if lines > SOFT && !excused {
            faults.push(format!(
                "{path}: {lines} lines of code, {SOFT} without a reason"
            ));
        } else if lines <= SOFT && excused {
            faults.push(format!(
                "{path}: {lines} lines of code, no exception is needed any more"
            ));
        }
    }
    faults
}

#[cfg(test)]
fn of(lines: usize) -> [Source; 1] {
    let text = format!("//! Purpose.\n\n{}", "x();\n".repeat(lines));
    [Source::new("src/a.rs", &text)]
}

#[test]
fn long_files_are_found() {
    assert_eq!(faults(&of(SOFT), &[]).len(), 0);
    assert_eq!(faults(&of(SOFT + 1), &[]).len(), 1);
    assert_eq!(faults(&of(HARD), &[("src/a.rs", "a long table")]).len(), 0);
    assert_eq!(
        faults(&of(HARD + 1), &[("src/a.rs", "a long table")]).len(),
        1
    );
}

#[test]
fn idle_and_unreasoned_exceptions_are_found() {
    assert_eq!(faults(&of(1), &[("src/a.rs", "a long table")]).len(), 1);
    assert_eq!(faults(&of(1), &[("src/b.rs", "a long table")]).len(), 1);
    assert_eq!(faults(&of(SOFT + 1), &[("src/a.rs", "")]).len(), 1);
}

#[test]
fn tests_do_not_count() {
    let text = format!(
        "x();\n#[cfg(test)]\nmod tests {{\n{}}}\n",
        "x();\n".repeat(HARD + 1)
    );
    assert_eq!(faults(&[Source::new("src/a.rs", &text)], &[]).len(), 0);
    let text = "x();\n".repeat(HARD + 1);
    assert_eq!(
        faults(&[Source::new("src/a/tests.rs", &text)], &[]).len(),
        0
    );
}
