//! Contexts: named agents of the user's file that one can go to with `:ctx`. Pure.

use ratatui::style::{Color, Modifier, Style};

use super::acting::word_after;
use super::app::{App, Effect};
use super::derive::Severity;
use super::prompt::{self, MAX_CANDIDATES, Mode};
use super::snapshot::Millis;
use super::theme::{Meaning, Palette};
use super::via::Via;
use super::words::one_line;

/// The verb of the palette.
const VERB: &str = "ctx";

/// The colour of a context's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accent(Color);

impl Accent {
    /// The accent of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Some(Self(match name {
            "red" => Color::Red,
            "green" => Color::Green,
            "yellow" => Color::Yellow,
            "blue" => Color::Blue,
            "magenta" => Color::Magenta,
            "cyan" => Color::Cyan,
            _ => return None,
        }))
    }
}

/// A context, as far as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// The colour of its name.
    pub accent: Option<Accent>,
    /// Whether nothing is to be changed there.
    pub read_only: bool,
}

impl Place {
    /// How its name looks: reversed in its accent, so that it is seen without colours, too.
    pub fn style(&self, palette: Palette) -> Style {
        let style = Style::new().add_modifier(Modifier::BOLD);
        match self.accent {
            None => style,
            Some(_) if palette == Palette::Mono => style.add_modifier(Modifier::REVERSED),
            Some(Accent(color)) => style.fg(color).add_modifier(Modifier::REVERSED),
        }
    }
}

/// The contexts, and the one whose agent is asked.
#[derive(Debug, Clone, Default)]
pub struct Contexts {
    /// All of them, by name.
    pub all: Vec<Place>,
    /// Where one is; `None` at an agent that was named otherwise.
    pub here: Option<Place>,
    /// Whether something may be changed in contexts that are not read-only.
    pub writes: bool,
}

impl Contexts {
    /// What the word after `:ctx` may mean, best first.
    pub fn candidates(&self, word: &str) -> Vec<String> {
        let names = self.all.iter().map(|place| &*place.name);
        let found = prompt::best(names, word).into_iter().take(MAX_CANDIDATES);
        found.map(|name| format!("{VERB} {name}")).collect()
    }

    /// The context that a word means: the one of that name, or the best candidate.
    fn choose(&self, word: &str) -> Option<&Place> {
        let names = || self.all.iter().map(|place| &*place.name);
        let name = match names().find(|name| *name == word) {
            Some(exact) => exact,
            None => prompt::best(names(), word).into_iter().next()?,
        };
        self.all.iter().find(|place| place.name == name)
    }
}

impl App {
    /// Begins to go to another context, if the line of the palette says so.
    pub(super) fn go_context(&mut self, now: Millis, line: &str) -> Option<Vec<Effect>> {
        let word = word_after(line, VERB)?;
        let contexts = &self.desk.contexts;
        let refusal = if contexts.all.is_empty() {
            "config.toml has no contexts: [contexts.NAME] with an address makes one".to_owned()
        } else if word.is_empty() {
            "which context? :ctx NAME".to_owned()
        } else if let Some(place) = contexts.choose(word) {
            let name = place.name.clone();
            self.desk
                .tell_on(format!("going to the context {}", one_line(&name)));
            return Some(vec![Effect::Context(name)]);
        } else {
            format!("there is no context \"{}\"", one_line(word))
        };
        self.desk.tell(now, Meaning::Warning, refusal);
        Some(Vec::new())
    }

    /// Another context's agent, at this address, is asked from now on. Its data begins anew: nothing of the old cluster
    /// stays on the screen, no question about it stays open, and the new one is not sent its token.
    pub(super) fn entered(&mut self, now: Millis, name: &str, address: &str) {
        let all = &self.desk.contexts.all;
        let Some(place) = all.iter().find(|place| place.name == name).cloned() else {
            return;
        };
        self.look_elsewhere(address);
        self.first_page();
        if matches!(
            self.mode,
            Mode::Menu(_) | Mode::Confirm(_) | Mode::Columns(_)
        ) {
            self.mode = Mode::Normal;
        }
        self.desk.via = Via::new(address);
        let writes = self.desk.contexts.writes;
        self.desk.gate.set(writes && !place.read_only);
        let mut text = format!(
            "the context is {}, at {}",
            one_line(name),
            one_line(address)
        );
        if writes && place.read_only {
            text.push_str(" (it is read-only: nothing can be changed here)");
        }
        self.desk.contexts.here = Some(place);
        self.journal
            .put(now, Some(Severity::Note), "top", text.clone());
        self.desk.tell(now, Meaning::Plain, text);
    }
}

#[cfg(test)]
mod tests;
