//! Moves within a page and between those that were seen.

use super::{App, Page, View};

/// Panes of the overview.
const PANES: usize = 4;

impl App {
    pub(super) fn cycle(&mut self, forward: bool) {
        let step = |place: usize, count: usize| {
            if forward {
                (place + 1) % count
            } else {
                (place + count - 1) % count
            }
        };
        if self.page() == Page::View(View::Overview) {
            self.pane = step(self.pane, PANES);
        } else {
            let place = step(self.view().place(), View::ALL.len());
            self.show(Page::View(View::ALL[place]));
        }
    }

    pub(super) fn select(&mut self, by: isize) {
        if !self.page().is_table() {
            self.scroll = self.scroll.saturating_add_signed(by);
            return;
        }
        let place = self.view().place();
        self.tables[place].move_by(&self.rows, &self.order, by);
        self.follow();
    }

    pub(super) fn next_match(&mut self, forward: bool) {
        if self.page().is_table() {
            let place = self.view().place();
            self.tables[place].match_by(&self.rows, &self.order, forward);
            self.follow();
        }
    }

    /// The log is followed as long as its last line is the one that is selected.
    fn follow(&mut self) {
        if self.view() == View::Logs {
            let place = self.table().place(&self.rows, &self.order);
            self.panes.logs.following = place + 1 >= self.order.len();
        }
    }

    pub(super) fn revisit(&mut self, forward: bool) {
        let here = self.page();
        let (from, to) = if forward {
            (&mut self.future, &mut self.past)
        } else {
            (&mut self.past, &mut self.future)
        };
        // Leaving a page leads to one that was seen before: that is no step.
        while from.last() == Some(&here) {
            from.pop();
        }
        if let Some(page) = from.pop() {
            to.push(here);
            self.enter(page);
        }
    }
}
