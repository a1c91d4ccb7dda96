//! Draws a table: header, the rows of the window, the selected one in reverse.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr as _;

use super::pane;
use crate::tui::data_table::{Cell, Column, Row};
use crate::tui::theme::{Meaning, Theme};
use crate::tui::words::cut;

/// Spaces between columns.
const GAP: usize = 2;
/// Widest column but the last, in cells.
const MAX_WIDTH: usize = 40;

/// Width to which a column of text is made narrower at most, in cells.
const MIN_WIDTH: usize = 8;

/// Where columns stand: the column, its first cell, its width.
pub(super) type Fields = Vec<(usize, usize, usize)>;

/// Those that are on the screen; the last one has the rest.
fn fields(shown: &[usize], widths: &[usize], total: usize) -> Fields {
    let mut fields = Vec::new();
    let mut used = 0;
    for (place, (column, width)) in shown.iter().zip(widths).enumerate() {
        if used >= total {
            break;
        }
        let last = place + 1 == shown.len();
        let width = if last { total - used } else { *width };
        fields.push((*column, used, width.min(total - used)));
        used += width + GAP;
    }
    fields
}

/// Makes columns of text narrower, the widest first, until all but the last one are on the screen.
fn squeeze(widths: &mut [usize], is_text: impl Fn(usize) -> bool, total: usize) {
    let Some(first) = widths.len().checked_sub(1) else {
        return;
    };
    let mut over = (widths[..first].iter().sum::<usize>() + GAP * first).saturating_sub(total);
    while over > 0 {
        let texts = (0..first).filter(|place| is_text(*place) && widths[*place] > MIN_WIDTH);
        let Some(widest) = texts.max_by_key(|place| widths[*place]) else {
            return;
        };
        widths[widest] -= 1;
        over -= 1;
    }
}

/// What a table shows.
pub(super) struct Table<'a> {
    /// The columns.
    pub(super) columns: &'a [Column],
    /// The rows of the window.
    pub(super) rows: &'a [Row],
    /// Place of the selected one among them; `None` shows no selection.
    pub(super) selected: Option<usize>,
    /// The column that is sorted by and whether in reverse.
    pub(super) sort: Option<(usize, bool)>,
    /// The columns that are shown, in their order.
    pub(super) shown: Vec<usize>,
    /// Whether the names of the columns are shown.
    pub(super) header: bool,
}

impl Table<'_> {
    /// Draws it. What does not fit is cut; the header is there if wanted.
    pub(super) fn draw(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) -> Fields {
        let height = usize::from(area.height.saturating_sub(u16::from(self.header)));
        let window = &self.rows[..height.min(self.rows.len())];
        let shown = &self.shown;
        let heads: Vec<String> = (0..self.columns.len())
            .map(|place| self.head(place, theme))
            .collect();
        let mut widths: Vec<usize> = shown
            .iter()
            .map(|column| {
                let cells = window.iter().filter_map(|row| row.cells.get(*column));
                let widest = cells
                    .map(|cell| cell.text.width())
                    .max()
                    .unwrap_or_default();
                widest.max(heads[*column].width()).min(MAX_WIDTH)
            })
            .collect();
        let total = usize::from(area.width);
        squeeze(
            &mut widths,
            |place| !self.columns[shown[place]].right,
            total,
        );
        let mut lines = Vec::with_capacity(window.len() + 1);
        let head: Vec<Cell> = heads
            .iter()
            .map(|head| Cell::text(head.clone()).meaning(Meaning::Quiet))
            .collect();
        if self.header {
            lines.push(self.line(&head, shown, &widths, total, theme));
        }
        for (place, row) in window.iter().enumerate() {
            let mut line = self.line(&row.cells, shown, &widths, total, theme);
            if self.selected == Some(place) {
                let used = line.width();
                line.push_span(Span::raw(" ".repeat(total.saturating_sub(used))));
                line = line.patch_style(theme.style(Meaning::Selected));
            }
            lines.push(line);
        }
        pane::lines(frame, area, lines);
        fields(shown, &widths, total)
    }

    fn head(&self, column: usize, theme: &Theme) -> String {
        let name = self.columns[column].name;
        match self.sort {
            Some((sorted, reverse)) if sorted == column => {
                format!("{name}{}", theme.glyphs.arrows[usize::from(reverse)])
            }
            _ => name.to_owned(),
        }
    }

    fn line(
        &self,
        cells: &[Cell],
        shown: &[usize],
        widths: &[usize],
        total: usize,
        theme: &Theme,
    ) -> Line<'static> {
        let mut line = Line::default();
        let mut used = 0;
        for (place, (column, width)) in shown.iter().zip(widths).enumerate() {
            let (Some(cell), true) = (cells.get(*column), used < total) else {
                continue;
            };
            let last = place + 1 == shown.len();
            let width = if last { total - used } else { *width };
            let text = cut(&cell.text, width.min(total - used), theme.glyphs.more);
            let fill = if last {
                0
            } else {
                width.saturating_sub(text.width())
            };
            let text = if self.columns[*column].right {
                format!("{}{text}", " ".repeat(fill))
            } else {
                format!("{text}{}", " ".repeat(fill))
            };
            used += text.width() + GAP;
            line.push_span(Span::styled(text, theme.style(cell.meaning)));
            if !last {
                line.push_span(Span::raw(" ".repeat(GAP)));
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_gives_way_to_numbers() {
        let mut widths = [1, 10, 30, 8, 40];
        squeeze(&mut widths, |place| place != 3, 50);
        assert_eq!(widths, [1, 10, 23, 8, 40]);
        squeeze(&mut widths, |place| place != 3, 20);
        assert_eq!(widths, [1, 8, 8, 8, 40], "no narrower than that");
        squeeze(&mut [], |_| true, 3);
    }
}
