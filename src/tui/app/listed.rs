//! The table of the view: which of its rows are shown, and which one is selected.

use super::App;
use crate::tui::data_table::{Listing as _, Row, TableState};
use crate::tui::page::View;
use crate::tui::views::{self, Rows};

impl App {
    /// How many rows of the view are shown: all but what the filter leaves out.
    pub fn shown(&self) -> usize {
        self.order.len()
    }

    /// The rows of the view, as many as there may be.
    fn rows(&self) -> Rows<'_> {
        Rows::new(
            self.view(),
            &self.picture,
            &self.journal,
            &self.theme.glyphs,
            &self.own,
        )
    }

    /// The rows that a window of `height` shows, and the place of the selected one among them. Moves the window to it.
    pub fn window(&mut self, height: usize) -> (Vec<Row>, usize) {
        let place = self.table().place(&self.rows(), &self.order);
        let count = self.order.len();
        self.table_mut().scroll(place, height, count);
        let (rows, offset) = (self.rows(), self.table().offset);
        let window = self.order.iter().skip(offset).take(height);
        let window = window.map(|place| rows.row(*place)).collect();
        (window, place - offset.min(place))
    }

    /// The row that is selected.
    pub fn selected(&self) -> Option<Row> {
        let rows = self.rows();
        let place = self.table().place(&rows, &self.order);
        self.order.get(place).map(|place| rows.row(*place))
    }

    /// Which rows are shown: looked for again only where the rows or the look at them have changed.
    pub(crate) fn arrange(&mut self) {
        let view = self.view();
        let version = views::version(view, &self.picture);
        let wanted = version.map(|version| (view, version, self.table().look()));
        if wanted.is_some() && wanted == self.arranged {
            return;
        }
        self.own = views::own_rows(self);
        self.order = self.table().arrange(&self.rows());
        self.arranged = wanted;
        if view == View::Logs && self.panes.logs.following && self.frozen.is_none() {
            self.with_table(|table, rows, order| table.move_by(rows, order, isize::MAX));
        }
    }

    /// Selects another row, or scrolls the page.
    pub(crate) fn select(&mut self, by: isize) {
        if self.page().is_table() {
            self.with_table(|table, rows, order| table.move_by(rows, order, by));
            self.follow();
        } else {
            self.scroll = self.scroll.saturating_add_signed(by);
        }
    }

    /// Selects the next row that the filter finds, or the one before.
    pub(super) fn next_match(&mut self, forward: bool) {
        if self.page().is_table() {
            self.with_table(|table, rows, order| table.match_by(rows, order, forward));
            self.follow();
        }
    }

    /// The log is followed as long as its last line is the one that is selected.
    fn follow(&mut self) {
        if self.view() == View::Logs {
            let place = self.table().place(&self.rows(), &self.order);
            self.panes.logs.following = place + 1 >= self.order.len();
        }
    }

    fn with_table(&mut self, change: impl FnOnce(&mut TableState, &Rows<'_>, &[usize])) {
        let view = self.view();
        let rows = Rows::new(
            view,
            &self.picture,
            &self.journal,
            &self.theme.glyphs,
            &self.own,
        );
        change(&mut self.tables[view.place()], &rows, &self.order);
    }
}
