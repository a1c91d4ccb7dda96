//! How a handler's program ended, in Go's words.

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

/// What Go says of a program that failed with a code, or else by a signal, and maybe dumped its
/// memory; `None` for success.
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
        let text = |code, signal, dumped| failure(code, signal, dumped).unwrap();
        assert_eq!(text(Some(4), None, false), "exit status 4");
        assert_eq!(text(None, Some(9), false), "signal: killed");
        assert_eq!(text(None, Some(1), false), "signal: hangup");
        assert_eq!(
            text(None, Some(11), true),
            "signal: segmentation fault (core dumped)"
        );
        assert_eq!(text(None, Some(34), false), "signal: signal 34");
    }
}
