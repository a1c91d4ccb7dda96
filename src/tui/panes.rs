//! What the dashboard knows beyond the picture: what some views asked for, what shall be told at once, and how often the
//! agent is asked.

use std::collections::VecDeque;

use super::demand::{Demand, Found};
use super::kv::Browser;
use super::latency::Latency;
use super::logs::Logs;
use super::page::Page;
use super::snapshot::Millis;
use super::toast::Toasts;

/// Time over which answers are counted.
const RATE_SPAN: Millis = 10_000;
/// Answers that are counted at most.
const MAX_ANSWERS: usize = 2000;

/// The state.
#[derive(Debug, Clone, Default)]
pub struct Panes {
    /// How far nodes are from each other.
    pub latency: Latency,
    /// Keys and values.
    pub kv: Browser,
    /// The log.
    pub logs: Logs,
    /// What shall be told at once.
    pub toasts: Toasts,
    /// How often the agent answers.
    pub rate: Rate,
    demand: Demand,
}

impl Panes {
    /// What must be asked from now on, if that is something else than before.
    pub fn demand(&mut self, page: &Page) -> Option<Demand> {
        let demand = Demand::of(page, self.logs.level);
        if demand == self.demand {
            return None;
        }
        self.demand = demand.clone();
        Some(demand)
    }

    /// The same without what another agent said.
    pub fn begun_anew(&self) -> Self {
        Self {
            toasts: self.toasts.clone(),
            ..Self::default()
        }
    }

    /// Takes what came. Answers to what is not asked any more may come late; they do no harm.
    pub fn take(&mut self, now: Millis, found: Found) {
        match found {
            Found::Level(prefix, came) => self.kv.take_level(prefix, came, now),
            Found::Value(key, came) => self.kv.take_value(key, came, now),
            Found::Areas(came) => self.latency.take_areas(came, now),
            Found::Following => self.logs.open(),
            Found::Lines(lines, lost) => self.logs.take(&lines, lost),
            Found::Lost(fault, pause) => self.logs.lost(fault, pause, now),
        }
    }
}

/// Answers of the last seconds.
#[derive(Debug, Clone, Default)]
pub struct Rate {
    answers: VecDeque<Millis>,
    began: Option<Millis>,
}

impl Rate {
    /// An answer came.
    pub fn count(&mut self, now: Millis) {
        self.began.get_or_insert(now);
        if self.answers.len() == MAX_ANSWERS {
            self.answers.pop_front();
        }
        self.answers.push_back(now);
    }

    /// Answers a second, over the last ten or since the first.
    pub fn per_second(&self, now: Millis) -> f64 {
        let Some(began) = self.began else {
            return 0.0;
        };
        let span = (now - began).clamp(1000, RATE_SPAN);
        let recent = self.answers.iter().filter(|at| now - **at < span);
        let count = u32::try_from(recent.count()).unwrap_or(u32::MAX);
        let span = u32::try_from(span).unwrap_or(u32::MAX);
        f64::from(count) * 1000.0 / f64::from(span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::page::View;

    #[test]
    fn only_what_is_on_the_screen_is_asked() {
        let mut panes = Panes::default();
        assert_eq!(panes.demand(&Page::default()), None);
        let logs = Page::View(View::Logs);
        assert!(matches!(panes.demand(&logs), Some(Demand::Logs(_))));
        assert_eq!(panes.demand(&Page::Line(3)), None, "still the log");
        panes.logs.next_level();
        assert!(matches!(panes.demand(&logs), Some(Demand::Logs(_))));
        let folder = Page::Folder("a/".to_owned());
        assert_eq!(panes.demand(&folder), Some(Demand::Level("a/".to_owned())));
        assert_eq!(panes.demand(&Page::default()), Some(Demand::Nothing));
    }

    #[test]
    fn answers_are_a_rate() {
        let mut rate = Rate::default();
        assert!(rate.per_second(5).abs() < 1e-9);
        for second in 0..20 {
            rate.count(second * 1000);
            rate.count(second * 1000 + 500);
        }
        assert!((rate.per_second(19_999) - 2.0).abs() < 1e-9);
        assert!(rate.per_second(60_000).abs() < 1e-9);
    }
}
