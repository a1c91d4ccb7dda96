//! A program that shows long text page by page.

use std::io::{self, Write as _};
use std::process::{Command, Stdio};

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

/// Shows the text in the program, and returns whether it ran. Whoever leaves it early has read enough.
pub fn page(line: &str, text: &str) -> io::Result<bool> {
    let mut child = Command::new("/bin/sh")
        .args(["-c", line])
        .stdin(Stdio::piped())
        .spawn()?;
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
    }
}
