//! How the dashboard changes something: keys open a menu and a question, the gate makes an order, its outcome comes
//! back. Pure: orders are effects.

use crossterm::event::{KeyCode, KeyEvent};

use super::actions::{self, Instance, Lookup, Menu, Then};
use super::app::{App, Effect};
use super::confirm::{Answer, Dialog};
use super::contexts::Contexts;
use super::derive::Severity;
use super::page::Page;
use super::prompt::{self, Mode};
use super::snapshot::Millis;
use super::theme::Meaning;
use super::via::Via;
use super::views;
use super::words::one_line;
use super::write::{Change, Gate};

/// How long an outcome is shown.
const NOTICE_MS: Millis = 15_000;

/// Why a request of somebody at the keys failed.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// The agent refused or cannot be reached.
    #[error("{text}")]
    Agent {
        /// The agent's own words, where it has any; one line.
        text: String,
        /// What to try next; empty where nothing is known.
        hint: &'static str,
        /// The error below.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The servers say that the leadership did not move.
    #[error("the leadership did not move")]
    NotMoved,
    /// No answer in time.
    #[error("no answer within {0} s, it may be done all the same")]
    Late(u64),
    /// The task that asked ended without an answer.
    #[error("the request ended without an answer")]
    Lost,
}

impl ActError {
    fn with_hint(&self) -> String {
        match self {
            Self::Agent { text, hint, .. } if !hint.is_empty() => format!("{text} ({hint})"),
            _ => self.to_string(),
        }
    }
}

/// The instances of a service, a part of them where there are many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Instances {
    /// At most [`actions::MAX_INSTANCES`].
    pub found: Vec<Instance>,
    /// How many there are.
    pub total: usize,
}

/// What the worker brings back.
#[derive(Debug)]
pub enum Arrival {
    /// The instances that a menu waits for.
    Instances(Lookup, Result<Instances, ActError>),
    /// The outcome of the order that was under way.
    Done(Result<(), ActError>),
    /// Another agent is asked from now on: its address.
    Moved(String),
    /// No other agent is asked: the address, and why.
    NotMoved(String, ActError),
    /// The agent of another context is asked from now on: the context's name, and the address.
    Entered(String, String),
    /// What became of a file of the screen: its path, or why there is none.
    Saved(Result<String, String>),
}

/// A line that tells of something for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The line.
    pub text: String,
    /// What it means.
    pub meaning: Meaning,
    /// When it goes.
    pub until: Millis,
}

/// What changing things needs to know.
#[derive(Debug, Clone, Default)]
pub struct Desk {
    /// What every change passes.
    pub gate: Gate,
    /// What is told at the moment.
    pub notice: Option<Notice>,
    /// Other agents.
    pub via: Via,
    /// Other clusters.
    pub contexts: Contexts,
}

impl Desk {
    /// A desk that changes nothing, at the agent at `home`.
    pub fn new(home: &str) -> Self {
        Self {
            via: Via::new(home),
            ..Self::default()
        }
    }

    /// What is told at `now`.
    pub fn notice(&self, now: Millis) -> Option<&Notice> {
        self.notice.as_ref().filter(|notice| now < notice.until)
    }

    pub(super) fn tell(&mut self, now: Millis, meaning: Meaning, text: String) {
        self.notice = Some(Notice {
            text,
            meaning,
            until: now.saturating_add(NOTICE_MS),
        });
    }

    /// The line stays until the next one.
    pub(super) fn tell_on(&mut self, text: String) {
        self.notice = Some(Notice {
            text,
            meaning: Meaning::Plain,
            until: Millis::MAX,
        });
    }
}

impl App {
    /// Opens the menu of the row under the cursor, or of the page.
    pub(super) fn open_actions(&mut self, now: Millis) -> Vec<Effect> {
        if let Err(refusal) = self.desk.gate.ready() {
            self.desk.tell(now, Meaning::Warning, refusal.to_string());
            return Vec::new();
        }
        let own = self.snapshot.agent.get().map(|agent| agent.node.as_str());
        let menu = self
            .subject()
            .and_then(|page| actions::menu(&page, &self.picture, own));
        let Some(menu) = menu else {
            let text = "nothing can be done to this row".to_owned();
            self.desk.tell(now, Meaning::Warning, text);
            return Vec::new();
        };
        let effects = menu.waits.clone().map(Effect::Look).into_iter().collect();
        self.desk.notice = None;
        self.mode = Mode::Menu(menu);
        effects
    }

    /// What the keys are about: the page, or what the row leads to.
    fn subject(&self) -> Option<Page> {
        let page = self.page();
        let Page::View(view) = page else {
            return Some(page);
        };
        views::opens(view, &self.selected()?)
    }

    /// A key while the menu is open.
    pub(super) fn menu_key(&mut self, key: &KeyEvent) -> Vec<Effect> {
        let Mode::Menu(menu) = &self.mode else {
            return Vec::new();
        };
        match key.code {
            KeyCode::Esc | KeyCode::Backspace | KeyCode::Char('q') => self.mode = Mode::Normal,
            KeyCode::Char(letter) => match menu.item(letter).and_then(|item| item.then.clone()) {
                Some(Then::Confirm(change)) => {
                    self.mode = Mode::Confirm(Dialog::new(change, letter));
                }
                Some(Then::Open(menu)) => self.mode = Mode::Menu(menu),
                None => {}
            },
            _ => {}
        }
        Vec::new()
    }

    /// A key while the question is open.
    pub(super) fn confirm_key(&mut self, now: Millis, key: &KeyEvent) -> Vec<Effect> {
        let Mode::Confirm(dialog) = &mut self.mode else {
            return Vec::new();
        };
        match dialog.key(key) {
            Answer::Open => Vec::new(),
            Answer::Cancelled => {
                self.mode = Mode::Normal;
                let text = "cancelled, nothing was changed".to_owned();
                self.desk.tell(now, Meaning::Plain, text);
                Vec::new()
            }
            Answer::Confirmed(change) => {
                self.mode = Mode::Normal;
                self.order(now, change)
            }
        }
    }

    fn order(&mut self, now: Millis, change: Change) -> Vec<Effect> {
        let title = one_line(&change.title());
        match self.desk.gate.pass(change) {
            Ok(order) => {
                self.desk.tell_on(format!("under way: {title}"));
                vec![Effect::Write(order)]
            }
            Err(refusal) => {
                self.desk.tell(now, Meaning::Warning, refusal.to_string());
                Vec::new()
            }
        }
    }

    /// What the palette offers.
    pub fn candidates(&self, line: &str) -> Vec<String> {
        if let Some(word) = word_after(line, "via") {
            let via = &self.desk.via;
            return via.candidates(word, &self.snapshot.address, &self.picture);
        }
        match word_after(line, "ctx") {
            Some(word) => self.desk.contexts.candidates(word),
            None => prompt::candidates(line, &self.picture),
        }
    }

    /// Begins to ask another agent, if the line of the palette says so.
    pub(super) fn go_via(&mut self, now: Millis, line: &str) -> Option<Vec<Effect>> {
        let word = word_after(line, "via")?;
        let present = &self.snapshot.address;
        match self.desk.via.address(word, present, &self.picture) {
            Ok(address) => {
                self.desk
                    .tell_on(format!("going to {}", one_line(&address)));
                Some(vec![Effect::Via(address)])
            }
            Err(error) => {
                let text = one_line(&error.to_string());
                self.desk.tell(now, Meaning::Warning, text);
                Some(Vec::new())
            }
        }
    }

    /// Takes in what the worker brings.
    pub(super) fn arrived(&mut self, now: Millis, arrival: Arrival) -> Vec<Effect> {
        match arrival {
            Arrival::Instances(lookup, came) => {
                self.instances(now, &lookup, came);
                Vec::new()
            }
            Arrival::Done(outcome) => self.outcome(now, &outcome),
            Arrival::Moved(address) => {
                self.desk.via.keep(&self.picture);
                let from = one_line(&self.snapshot.address);
                let to = one_line(&address);
                self.look_elsewhere(&address);
                if matches!(self.mode, Mode::Menu(_) | Mode::Confirm(_)) {
                    self.mode = Mode::Normal;
                }
                let text = format!("{to} is asked, not {from} any more");
                self.journal
                    .put(now, Some(Severity::Note), "top", text.clone());
                self.desk.tell(now, Meaning::Plain, text);
                Vec::new()
            }
            Arrival::Entered(name, address) => {
                self.entered(now, &name, &address);
                Vec::new()
            }
            Arrival::Saved(saved) => {
                let (meaning, text) = match saved {
                    Ok(path) => (Meaning::Ok, format!("the screen is in {}", one_line(&path))),
                    Err(why) => (Meaning::Bad, format!("no screenshot: {}", one_line(&why))),
                };
                self.desk.tell(now, meaning, text);
                Vec::new()
            }
            Arrival::NotMoved(address, error) => {
                let text = format!(
                    "{} cannot be asked: {}",
                    one_line(&address),
                    error.with_hint()
                );
                self.desk.tell(now, Meaning::Bad, text);
                Vec::new()
            }
        }
    }

    fn instances(&mut self, now: Millis, lookup: &Lookup, came: Result<Instances, ActError>) {
        // Somebody may have closed the menu, or opened another one.
        if !matches!(&self.mode, Mode::Menu(Menu { waits: Some(waits), .. }) if waits == lookup) {
            return;
        }
        match came {
            Ok(instances) => {
                let Instances { found, total } = instances;
                self.mode = Mode::Menu(actions::of_instances(lookup, &found, total));
            }
            Err(error) => {
                self.mode = Mode::Normal;
                let service = one_line(&lookup.service);
                let text = format!("the instances of {service}: {}", error.with_hint());
                self.desk.tell(now, Meaning::Bad, text);
            }
        }
    }

    fn outcome(&mut self, now: Millis, outcome: &Result<(), ActError>) -> Vec<Effect> {
        let Some(change) = self.desk.gate.over() else {
            return Vec::new();
        };
        let (name, title) = (one_line(change.name()), one_line(&change.title()));
        match outcome {
            Ok(()) => {
                let text = format!("done: {title}");
                self.journal
                    .put(now, Some(Severity::Note), &name, text.clone());
                self.desk.tell(now, Meaning::Ok, text);
            }
            Err(error) => {
                let text = format!("not done: {title}: {}", error.with_hint());
                self.journal
                    .put(now, Some(Severity::Warning), &name, text.clone());
                self.desk.tell(now, Meaning::Bad, text);
            }
        }
        vec![Effect::Refresh]
    }
}

/// What stands after the verb in a line of the palette, if it begins with that one.
pub(super) fn word_after<'a>(line: &'a str, verb: &str) -> Option<&'a str> {
    let rest = line.trim_start().strip_prefix(verb)?;
    (rest.is_empty() || rest.starts_with(' ')).then(|| rest.trim())
}

#[cfg(test)]
mod tests;
