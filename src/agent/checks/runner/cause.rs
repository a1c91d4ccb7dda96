//! Why the system refused something, in Go's words where clients know them. Pure.

use std::io;

use rustix::io::Errno;

use crate::model::go_error;

/// What to do when this process, not the check's target, is at its limit.
const RAISE_LIMIT: &str = "this agent is at its limit of open files, raise it (ulimit -n); the \
                           check's target was not asked";

/// Why a connection did not open, behind `dial …: `.
pub(super) fn of_dial(err: &io::Error) -> String {
    match (shortage(err), err.kind()) {
        (Some(text), _) => format!("socket: {text}"),
        (None, io::ErrorKind::TimedOut) => go_error::TIMEOUT.to_owned(),
        (None, _) => of_call("connect", err),
    }
}

/// The system call that failed and why: `read: connection reset by peer`.
pub(super) fn of_call(call: &str, err: &io::Error) -> String {
    format!("{call}: {}", go_error::text(err))
}

/// The text of an error that says nothing about the check's target: this process or machine has
/// no more files, processes or memory to give.
pub(super) fn shortage(err: &io::Error) -> Option<String> {
    let errno = Errno::from_io_error(err)?;
    if errno == Errno::MFILE {
        Some(format!("too many open files: {RAISE_LIMIT}"))
    } else if errno == Errno::NFILE {
        Some("too many open files in system".to_owned())
    } else if errno == Errno::AGAIN {
        Some("resource temporarily unavailable".to_owned())
    } else if errno == Errno::NOMEM {
        Some("cannot allocate memory".to_owned())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_table_of_files_is_not_told_of_the_target() {
        let err = io::Error::from(Errno::MFILE);
        let text = of_dial(&err);
        assert!(text.starts_with("socket: too many open files: "), "{text}");
        let refused = io::Error::from(Errno::CONNREFUSED);
        assert_eq!(shortage(&refused), None);
        assert_eq!(of_dial(&refused), "connect: connection refused");
    }
}
