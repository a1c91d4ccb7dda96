//! A program that shows long text page by page.

use std::io::{self, Write as _};
use std::process::{Command, Stdio};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::signal::unix::{SignalKind, signal};

/// Where the user names none. F: what fits is printed; R: colours; X: the screen stays; K: ^C ends it.
const PAGER: &str = "less -FRXK";

/// Exit codes of a shell that could not run the program.
const NOT_RUN: [i32; 2] = [126, 127];

/// The program that shows long text, as a line for the shell; `None` where the user wants none.
pub fn pager(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let named = ["CONSULCTL_PAGER", "PAGER"].into_iter().find_map(variable);
    let line = named.unwrap_or_else(|| PAGER.to_owned());
    let is_none = matches!(line.trim(), "" | "cat");
    (!is_none).then_some(line)
}

/// The rows of the terminal that standard output is; `None` where it is none.
pub fn terminal_rows() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    Some(usize::from(size.ws_row)).filter(|rows| *rows > 0)
}

/// The columns of the terminal that standard output is; `None` where it is none.
pub fn terminal_columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Shows the text in the program, and returns whether it ran. Whoever leaves it early has read enough. `^C` and `^\` are
/// the program's while it runs: they come to both, and must not end the one that waits for the other.
pub fn page(line: &str, text: &str) -> io::Result<bool> {
    let runtime = if Handle::try_current().is_ok() {
        None
    } else {
        Builder::new_current_thread().enable_io().build().ok()
    };
    let _entered = runtime.as_ref().map(Runtime::enter);
    // Signals that are caught, not ignored, are the program's own again once it has started.
    let _caught = [SignalKind::interrupt(), SignalKind::quit()].map(|kind| signal(kind).ok());
    let started = Command::new("/bin/sh")
        .args(["-c", line])
        .stdin(Stdio::piped())
        .spawn();
    let Ok(mut child) = started else {
        return Ok(false);
    };
    if let Some(mut input) = child.stdin.take() {
        match input.write_all(text.as_bytes()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
            _ => {}
        }
    }
    let code = child.wait()?.code();
    Ok(!code.is_some_and(|code| NOT_RUN.contains(&code)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_s_program_comes_first() {
        let found = |given: &[(&str, &str)]| {
            pager(|name| {
                let found = given.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(found(&[]).as_deref(), Some("less -FRXK"));
        assert_eq!(found(&[("PAGER", "more")]).as_deref(), Some("more"));
        let both = [("PAGER", "more"), ("CONSULCTL_PAGER", "cat")];
        assert_eq!(found(&both), None);
        assert_eq!(found(&[("PAGER", "")]), None);
    }

    #[test]
    fn a_program_that_does_not_run_is_noticed() {
        assert!(page("cat > /dev/null", "text").unwrap());
        assert!(page("true", &"text\n".repeat(100_000)).unwrap());
        assert!(!page("/no/such/pager 2> /dev/null", "text").unwrap());
        // A line that no program can be given is not run either.
        assert!(!page("cat\0", "text").unwrap());
    }

    #[test]
    fn signals_of_the_keyboard_are_the_program_s() {
        const ALONE: &str = "CONSULCTL_TEST_ALONE";
        if std::env::var_os(ALONE).is_none() {
            // The signals go to the whole process, so it is one of its own.
            let status = Command::new(std::env::current_exe().unwrap())
                .args([
                    "--exact",
                    "output::pager::tests::signals_of_the_keyboard_are_the_program_s",
                ])
                .env(ALONE, "1")
                .stdout(Stdio::null())
                .status();
            assert!(status.unwrap().success());
            return;
        }
        let line = "kill -INT $PPID; kill -QUIT $PPID; cat > /dev/null";
        assert!(page(line, "text").unwrap());
        // It would exit with a code that means "not run" if it did not obey.
        assert!(page("kill -INT $$; exit 127", "text").unwrap());
    }
}
