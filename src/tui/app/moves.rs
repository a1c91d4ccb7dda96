//! Moves within a page and between those that were seen.

use super::{App, Page, Subjects, View};
use crate::tui::kv::FOLDER;
use crate::tui::views;

/// Pages that one can go back to.
const MAX_HISTORY: usize = 64;

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

    /// Shows a page; a view begins a new path.
    pub(crate) fn show(&mut self, page: Page) {
        self.past.push(self.page());
        if self.past.len() > MAX_HISTORY {
            self.past.remove(0);
        }
        self.future.clear();
        self.enter(page);
    }

    /// Back to the view, without a way back to pages of something that may not exist any more.
    pub(crate) fn first_page(&mut self) {
        let view = self.view();
        self.past.clear();
        self.future.clear();
        self.enter(Page::View(view));
    }

    /// Begins there.
    pub fn start_at(&mut self, view: View) {
        self.enter(Page::View(view));
        self.following = Subjects::needed(&self.page(), false);
    }

    fn enter(&mut self, page: Page) {
        let here = self.pages.last();
        let same = here == Some(&page) || !page.is_table();
        self.scroll = 0;
        self.pages = page.way();
        if self.view() == View::Kv && !same {
            self.table_mut().start_at(None);
        }
    }

    pub(super) fn open(&mut self) {
        if !self.page().is_table() {
            return;
        }
        let Some(row) = self.selected() else {
            return;
        };
        if self.view() == View::Latency {
            self.panes.latency.choose(&row.id);
        } else if let Some(page) = views::opens(self.view(), &row) {
            self.show(page);
        }
    }

    pub(super) fn back(&mut self) {
        let filtered = self.page().is_table() && !self.table().filter().is_empty();
        if self.pages.len() > 1 && !filtered {
            if let Some(Page::Folder(prefix)) = self.pages.pop() {
                self.table_mut().start_at(Some(format!("{FOLDER}{prefix}")));
            }
            self.scroll = 0;
        } else if self.expanded {
            self.expanded = false;
        } else if !self.table().filter().is_empty() {
            self.table_mut().set_filter("");
        } else if self.table().problems_only {
            self.table_mut().problems_only = false;
        } else if self.view() != View::Overview {
            self.show(Page::View(View::Overview));
        }
    }
}
