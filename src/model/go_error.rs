//! Errors of the system in Go's words: lower case, and without the number that Rust adds. People and scripts search for
//! those.

use std::io;

/// What Go says when a deadline of the program is over.
pub const TIMEOUT: &str = "i/o timeout";
/// What Rust adds to an error of the system, before its number.
const MARK: &str = " (os error ";

/// What Go says of an error. One that is not the system's says it itself.
pub fn text(error: &io::Error) -> String {
    use io::ErrorKind as Kind;
    if error.get_ref().is_some() {
        return error.to_string();
    }
    let text = match error.kind() {
        Kind::UnexpectedEof => "unexpected EOF",
        Kind::ConnectionAborted => "software caused connection abort",
        Kind::TimedOut if error.raw_os_error().is_none() => TIMEOUT,
        Kind::ConnectionRefused => "connection refused",
        Kind::ConnectionReset => "connection reset by peer",
        Kind::BrokenPipe => "broken pipe",
        Kind::NotFound => "no such file or directory",
        Kind::PermissionDenied => "permission denied",
        _ => {
            let text = error.to_string();
            let sentence = text.split(MARK).next().unwrap_or_default();
            return lower_first(sentence);
        }
    };
    text.to_owned()
}

/// A text that may hold errors of the system, in lower case where Go has it so, without their numbers.
pub fn without_errno(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(MARK) {
        let Some((number, behind)) = after.split_once(')') else {
            break;
        };
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            clean.push_str(before);
            clean.push_str(MARK);
            rest = after;
            continue;
        }
        // The system's own sentence begins after the last colon.
        let begins = before.rfind(": ").map_or(0, |at| at + 2);
        clean.push_str(&before[..begins]);
        clean.push_str(&lower_first(&before[begins..]));
        rest = behind;
    }
    clean.push_str(rest);
    clean
}

fn lower_first(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_the_system_are_for_nobody() {
        for number in 1..134 {
            let text = text(&io::Error::from_raw_os_error(number));
            assert!(!text.contains("os error"), "{text}");
            let first = text.chars().next().unwrap();
            assert!(!first.is_uppercase(), "{text}");
        }
        assert_eq!(
            without_errno("vote: 10.0.0.1: No route to host (os error 113); gone"),
            "vote: 10.0.0.1: no route to host; gone"
        );
        for text in ["", "a (os error x) b", "a (os error 1", "plain"] {
            assert_eq!(without_errno(text), text);
        }
    }

    #[test]
    fn everyday_errors_are_gos() {
        for (number, expected) in [
            (2, "no such file or directory"),
            (13, "permission denied"),
            (20, "not a directory"),
            (21, "is a directory"),
            (28, "no space left on device"),
            (98, "address already in use"),
            (99, "cannot assign requested address"),
            (101, "network is unreachable"),
            (104, "connection reset by peer"),
            (110, "connection timed out"),
            (111, "connection refused"),
            (113, "no route to host"),
        ] {
            assert_eq!(text(&io::Error::from_raw_os_error(number)), expected);
        }
        assert_eq!(text(&io::ErrorKind::TimedOut.into()), TIMEOUT);
        assert_eq!(text(&io::Error::other("Own words")), "Own words");
    }
}
