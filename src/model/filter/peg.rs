//! Reading with alternatives: remembers the farthest place where reading failed and what was
//! expected there, which is what the error text of go-bexpr's generated parser consists of.

use std::collections::BTreeSet;

/// Whitespace as the grammar defines it, under the name that error texts give it.
const WHITESPACE: &str = r"[ \t\r\n]";
/// The name under which the end of the text is remembered; error texts list it last.
const END: &str = "EOF";

/// The text, the place reached, and what went wrong so far.
pub(super) struct Input<'a> {
    text: &'a str,
    pos: usize,
    farthest: usize,
    expected: BTreeSet<String>,
    faults: Vec<String>,
}

impl<'a> Input<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self {
            text,
            pos: 0,
            farthest: 0,
            expected: BTreeSet::new(),
            faults: Vec::new(),
        }
    }

    /// The byte offset reached.
    pub(super) const fn pos(&self) -> usize {
        self.pos
    }

    /// Goes back to an offset that [`Self::pos`] gave.
    pub(super) const fn rewind(&mut self, pos: usize) {
        self.pos = pos;
    }

    /// The text from an offset that [`Self::pos`] gave to the place reached.
    pub(super) fn since(&self, start: usize) -> &'a str {
        &self.text[start..self.pos]
    }

    /// Reads exactly this word.
    pub(super) fn literal(&mut self, word: &str) -> bool {
        let found = self.text[self.pos..].starts_with(word);
        if found {
            self.pos += word.len();
        } else {
            self.expect(format!("{word:?}"));
        }
        found
    }

    /// Reads one character of a class; `name` is what error texts call the class.
    pub(super) fn class(&mut self, name: &str, member: impl Fn(char) -> bool) -> bool {
        let found = self.text[self.pos..].chars().next().filter(|c| member(*c));
        match found {
            Some(c) => self.pos += c.len_utf8(),
            None => self.expect(name.to_owned()),
        }
        found.is_some()
    }

    /// Reads everything up to the next `stop` without remembering anything.
    pub(super) fn skip_until(&mut self, stop: char) {
        let rest = &self.text[self.pos..];
        self.pos += rest.find(stop).unwrap_or(rest.len());
    }

    /// Reads whitespace; false where there is none.
    pub(super) fn space(&mut self) -> bool {
        let start = self.pos;
        while self.class(WHITESPACE, |c| matches!(c, ' ' | '\t' | '\r' | '\n')) {}
        self.pos > start
    }

    /// Whether the text ends here.
    pub(super) fn end(&mut self) -> bool {
        let ended = self.pos == self.text.len();
        if !ended {
            self.expect(END.to_owned());
        }
        ended
    }

    /// Records a fault that stands whatever alternatives still succeed.
    pub(super) fn fault(&mut self, pos: usize, rule: &str, message: &str) {
        let fault = format!("{}: rule {rule:?}: {message}", self.position(pos));
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    /// Whether a fault was recorded.
    pub(super) const fn is_faulty(&self) -> bool {
        !self.faults.is_empty()
    }

    /// The error text: the faults, or what was expected at the farthest place.
    pub(super) fn into_error(mut self) -> String {
        if self.is_faulty() {
            return self.faults.join("\n");
        }
        let ended = self.expected.remove(END);
        let mut words: Vec<_> = std::mem::take(&mut self.expected).into_iter().collect();
        if ended {
            words.push(END.to_owned());
        }
        let last = words.pop().unwrap_or_default();
        let list = if words.is_empty() {
            last
        } else {
            format!("{} or {last}", words.join(", "))
        };
        format!(
            "{}: no match found, expected: {list}",
            self.position(self.farthest)
        )
    }

    fn expect(&mut self, what: String) {
        if self.pos > self.farthest {
            self.farthest = self.pos;
            self.expected.clear();
        }
        if self.pos == self.farthest {
            self.expected.insert(what);
        }
    }

    /// `line:column (offset)`: columns count characters, a newline is column 0 of the next line.
    fn position(&self, pos: usize) -> String {
        let before = &self.text[..pos];
        let at_newline = self.text[pos..].starts_with('\n');
        let line = 1 + before.matches('\n').count() + usize::from(at_newline);
        let column = match before.rfind('\n') {
            _ if at_newline => 0,
            Some(newline) => before[newline + 1..].chars().count() + 1,
            None => before.chars().count() + 1,
        };
        format!("{line}:{column} ({pos})")
    }
}
