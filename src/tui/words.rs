//! Times, numbers and texts as the dashboard writes them.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::snapshot::Millis;

/// What stands for something that the agent does not say.
pub const UNKNOWN: &str = "n/a";

/// A length of time in its two largest units: `45s`, `3m12s`, `6h12m`, `2d4h`.
pub fn short(length: Millis) -> String {
    let seconds = length.max(0) / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m{}s", seconds % 60),
        (0, _, _) => format!("{hours}h{}m", minutes % 60),
        _ => format!("{days}d{}h", hours % 24),
    }
}

/// A length of time as a clock shows it: `00:03:12`; `3d 04:05:06` from a day on.
pub fn clock(length: Millis) -> String {
    let seconds = length.max(0) / 1000;
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours / 24 {
        0 => format!("{hours:02}:{minutes:02}:{rest:02}"),
        days => format!("{days}d {:02}:{minutes:02}:{rest:02}", hours % 24),
    }
}

/// A moment as `2026-01-02T03:04:05Z`.
pub fn moment(at: Millis) -> String {
    let time = jiff::Timestamp::from_millisecond(at).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The time of day of a moment, UTC: `03:04:05Z`.
pub fn time_of_day(at: Millis) -> String {
    let time = jiff::Timestamp::from_millisecond(at).unwrap_or_default();
    time.strftime("%H:%M:%SZ").to_string()
}

/// Reads an RFC 3339 moment. Consul's zero time is none.
pub fn parse_moment(text: &str) -> Option<Millis> {
    let time: jiff::Timestamp = text.parse().ok()?;
    let at = time.as_millisecond();
    (at > 0).then_some(at)
}

/// A number, or [`UNKNOWN`].
pub fn or_unknown<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), |value| value.to_string())
}

/// The first `width` cells of a text; `more` (one cell) ends what is cut.
pub fn cut(text: &str, width: usize, more: &str) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(more.width());
    let mut kept = String::new();
    let mut used = 0;
    for letter in text.chars() {
        let cells = letter.width().unwrap_or_default();
        if used + cells > room {
            break;
        }
        used += cells;
        kept.push(letter);
    }
    if width >= more.width() {
        kept.push_str(more);
    }
    kept
}

/// Text of strangers without what would move a terminal's cursor: escape sequences are left out, control characters
/// become spaces. Newlines stay.
pub fn plain(text: &str) -> String {
    let clean = |letter: char| letter == '\n' || !letter.is_control();
    if text.chars().all(clean) {
        return text.to_owned();
    }
    let mut kept = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' => skip_sequence(&mut letters),
            '\n' => kept.push('\n'),
            '\r' => {}
            other if other.is_control() => kept.push(' '),
            other => kept.push(other),
        }
    }
    kept
}

/// Passes over the rest of an escape sequence: CSI up to its final byte, OSC up to its end, others one character.
fn skip_sequence(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match letters.next() {
        Some('[') => {
            for letter in letters.by_ref() {
                if ('\u{40}'..='\u{7e}').contains(&letter) {
                    break;
                }
            }
        }
        Some(']') => {
            while let Some(letter) = letters.next() {
                if letter == '\u{7}' {
                    break;
                }
                if letter == '\u{1b}' {
                    letters.next();
                    break;
                }
            }
        }
        _ => {}
    }
}

/// Text of strangers on one line, as wide as it was: spaces stay, line ends become spaces.
pub fn visible(text: &str) -> String {
    plain(text).replace('\n', " ")
}

/// Text of strangers on one line.
pub fn one_line(text: &str) -> String {
    // Nearly all texts are so already.
    let shown = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    if text.bytes().all(shown) && text.trim_ascii().len() == text.len() && !text.contains("  ") {
        return text.to_owned();
    }
    let text = plain(text);
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        assert_eq!(short(45_900), "45s");
        assert_eq!(short(192_000), "3m12s");
        assert_eq!(short(22_320_000), "6h12m");
        assert_eq!(short(187_200_000), "2d4h");
        assert_eq!(short(-5), "0s");
        assert_eq!(clock(192_000), "00:03:12");
        assert_eq!(clock(3 * 86_400_000 + 14_706_000), "3d 04:05:06");
    }

    #[test]
    fn moments_read_back() {
        assert_eq!(moment(1_600_000_000_042), "2020-09-13T12:26:40Z");
        let found = parse_moment("2020-09-13T12:26:40.042Z");
        assert_eq!(found, Some(1_600_000_000_042));
        assert_eq!(parse_moment("0001-01-01T00:00:00Z"), None);
        assert_eq!(parse_moment("x"), None);
    }

    #[test]
    fn a_cut_counts_cells() {
        assert_eq!(cut("節点一", 5, "~"), "節点~");
        assert_eq!(cut("abc", 3, "~"), "abc");
        assert_eq!(cut("abc", 0, "~"), "");
    }

    #[test]
    fn strangers_cannot_move_the_cursor() {
        assert_eq!(plain("\u{1b}[31mred\u{1b}[0m\u{7}!"), "red !");
        assert_eq!(plain("\u{1b}]0;title\u{7}x\u{1b}]8;;u\u{1b}\\y"), "xy");
        assert_eq!(one_line("a\r\n\tb\u{1b}[2J  c"), "a b c");
        assert_eq!(plain("end\u{1b}["), "end");
    }
}
