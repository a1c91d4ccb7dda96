//! How Go says that a program failed.

/// `exit status 3` or `signal: killed`; `None` for a program that succeeded.
pub fn failure(code: Option<i32>, signal: Option<i32>) -> Option<String> {
    match (code, signal) {
        (Some(0), _) => None,
        (Some(code), _) => Some(format!("exit status {code}")),
        (None, Some(signal)) => Some(format!("signal: {}", signal_text(signal))),
        (None, None) => Some("exit status -1".to_owned()),
    }
}

/// Go's name of a signal on Linux.
fn signal_text(number: i32) -> String {
    let name = match number {
        1 => "hangup",
        2 => "interrupt",
        3 => "quit",
        4 => "illegal instruction",
        5 => "trace/breakpoint trap",
        6 => "aborted",
        7 => "bus error",
        8 => "floating point exception",
        9 => "killed",
        10 => "user defined signal 1",
        11 => "segmentation fault",
        12 => "user defined signal 2",
        13 => "broken pipe",
        14 => "alarm clock",
        15 => "terminated",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_read_as_in_go() {
        assert_eq!(failure(Some(0), None), None);
        let text = |code, signal| failure(code, signal).unwrap();
        assert_eq!(text(Some(3), None), "exit status 3");
        assert_eq!(text(None, Some(9)), "signal: killed");
        assert_eq!(text(None, Some(15)), "signal: terminated");
        assert_eq!(text(None, Some(40)), "signal: signal 40");
    }
}
