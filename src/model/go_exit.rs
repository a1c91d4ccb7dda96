//! How Go says that a program failed.

/// The signals that Go names, from 1 on.
const SIGNALS: [&str; 15] = [
    "hangup",
    "interrupt",
    "quit",
    "illegal instruction",
    "trace/breakpoint trap",
    "aborted",
    "bus error",
    "floating point exception",
    "killed",
    "user defined signal 1",
    "segmentation fault",
    "user defined signal 2",
    "broken pipe",
    "alarm clock",
    "terminated",
];

/// What is said of a program that ended with a code, or else by a signal and maybe with a dump of its memory:
/// `exit status 3` or `signal: killed`; `None` for one that succeeded.
pub fn failure(code: Option<i32>, signal: Option<i32>, dumped: bool) -> Option<String> {
    if let Some(code) = code {
        return (code != 0).then(|| format!("exit status {code}"));
    }
    let signal = signal.unwrap_or_default();
    let known = usize::try_from(signal)
        .ok()
        .and_then(|it| it.checked_sub(1));
    let name = known.and_then(|at| SIGNALS.get(at));
    let name = name.map_or_else(|| format!("signal {signal}"), |name| (*name).to_owned());
    let dumped = if dumped { " (core dumped)" } else { "" };
    Some(format!("signal: {name}{dumped}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_told_in_gos_words() {
        assert_eq!(failure(Some(0), None, false), None);
        for ((code, signal, dumped), expected) in [
            ((Some(4), None, false), "exit status 4"),
            ((None, Some(9), false), "signal: killed"),
            ((None, Some(1), false), "signal: hangup"),
            (
                (None, Some(11), true),
                "signal: segmentation fault (core dumped)",
            ),
            ((None, Some(34), false), "signal: signal 34"),
        ] {
            assert_eq!(failure(code, signal, dumped).as_deref(), Some(expected));
        }
    }
}
