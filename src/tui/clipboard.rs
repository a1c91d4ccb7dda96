//! Copying to the clipboard of whoever sits at the terminal, by a sequence that terminals understand (OSC 52). Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::app::{App, Effect};
use super::page::Page;
use super::snapshot::Millis;
use super::theme::Meaning;
use super::views;
use super::words::{cut, one_line};

/// Bytes that are copied at most: terminals drop sequences of more than 100000 letters.
pub const MAX_BYTES: usize = 74_000;
/// Cells of the copied text that are shown.
const SHOWN: usize = 60;

/// What makes the terminal keep a text. Inside tmux it is said twice: to tmux, and through it to the terminal outside.
pub fn sequence(text: &str, in_tmux: bool) -> String {
    let text = STANDARD.encode(text);
    let plain = format!("\u{1b}]52;c;{text}\u{7}");
    if in_tmux {
        format!("{plain}\u{1b}Ptmux;\u{1b}{plain}\u{1b}\\")
    } else {
        plain
    }
}

impl App {
    /// What `y` copies: what the page is about, or the id of the row.
    fn copied(&self) -> Option<String> {
        match self.page() {
            Page::View(view) => views::copies(view, &self.selected()?),
            Page::Folder(_) => views::copies(self.view(), &self.selected()?),
            Page::Node(name) | Page::Service(name) => Some(name),
            Page::Check(node, id) => {
                let mut checks = self.picture.checks.iter();
                let found = checks.find(|check| *check.node == *node && *check.id == *id);
                Some(found?.output.to_string())
            }
            Page::Key(key) => match self.panes.kv.value(&key)?.get() {
                Some(Some(opened)) => Some(opened.lines.join("\n")),
                _ => None,
            },
            Page::Line(number) => Some(self.panes.logs.line(number)?.text.clone()),
        }
    }

    /// Copies it, if it is not too large.
    pub(super) fn copy(&mut self, now: Millis) -> Vec<Effect> {
        let found = self.copied().filter(|text| !text.is_empty());
        let (meaning, text, effects) = match found {
            None => (Meaning::Warning, "nothing to copy here".to_owned(), None),
            Some(text) if text.len() > MAX_BYTES => {
                let size = text.len();
                let text = format!("too large to copy: {size} bytes, at most {MAX_BYTES}");
                (Meaning::Warning, text, None)
            }
            Some(text) => {
                let shown = cut(&one_line(&text), SHOWN, self.theme.glyphs.more);
                let told = format!("copied, if the terminal allows it: {shown}");
                (Meaning::Plain, told, Some(Effect::Copy(text)))
            }
        };
        self.desk.tell(now, meaning, text);
        effects.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_are_told_in_base64() {
        assert_eq!(sequence("web-7", false), "\u{1b}]52;c;d2ViLTc=\u{7}");
        assert_eq!(
            sequence("a", true),
            "\u{1b}]52;c;YQ==\u{7}\u{1b}Ptmux;\u{1b}\u{1b}]52;c;YQ==\u{7}\u{1b}\\"
        );
        assert!(sequence(&"x".repeat(MAX_BYTES), false).len() < 100_000);
    }
}
