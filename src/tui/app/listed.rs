//! The table of the view: which of its rows are shown, and which one is selected.

use super::App;
use crate::tui::data_table::{Listing as _, Row};
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
    pub(super) fn arrange(&mut self) {
        let view = self.view();
        let version = views::version(view, &self.picture);
        let wanted = version.map(|version| (view, version, self.table().look()));
        if wanted.is_some() && wanted == self.arranged {
            return;
        }
        self.order = self.table().arrange(&self.rows());
        self.arranged = wanted;
    }

    /// Selects another row, or scrolls the page.
    pub(super) fn select(&mut self, by: isize) {
        if self.pages.len() > 1 {
            self.scroll = self.scroll.saturating_add_signed(by);
            return;
        }
        let rows = Rows::new(
            self.view(),
            &self.picture,
            &self.journal,
            &self.theme.glyphs,
        );
        let place = self.view().place();
        let table = &mut self.tables[place];
        table.move_by(&rows, &self.order, by);
    }
}
