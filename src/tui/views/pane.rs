//! A framed part of the screen.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::symbols::border;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph};

use crate::tui::theme::{Meaning, Theme};

const ASCII_FRAME: border::Set<'_> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

/// Draws a frame with a title and returns what is inside. `strong` is for the pane that keys are for.
pub(super) fn framed(
    frame: &mut Frame<'_>,
    area: Rect,
    title: &str,
    theme: &Theme,
    strong: bool,
) -> Rect {
    let set = if theme.glyphs.lines {
        border::PLAIN
    } else {
        ASCII_FRAME
    };
    let look = if strong {
        Meaning::Strong
    } else {
        Meaning::Plain
    };
    let block = Block::new()
        .borders(Borders::ALL)
        .border_set(set)
        .border_style(theme.style(Meaning::Quiet))
        .title(Span::styled(format!(" {title} "), theme.style(look)));
    let inside = block.inner(area);
    frame.render_widget(block, area);
    inside
}

/// Writes lines; what does not fit is left out.
pub(super) fn lines(frame: &mut Frame<'_>, area: Rect, lines: Vec<Line<'_>>) {
    frame.render_widget(Paragraph::new(lines), area);
}

/// A line of one look.
pub(super) fn styled(text: impl Into<String>, meaning: Meaning, theme: &Theme) -> Line<'static> {
    Line::from(Span::styled(text.into(), theme.style(meaning)))
}

/// The first `height` rows of an area, and the rest.
pub(super) fn split_top(area: Rect, height: u16) -> (Rect, Rect) {
    let height = height.min(area.height);
    let top = Rect { height, ..area };
    let rest = Rect {
        y: area.y + height,
        height: area.height - height,
        ..area
    };
    (top, rest)
}

/// The first `width` columns of an area, and the rest.
pub(super) fn split_left(area: Rect, width: u16) -> (Rect, Rect) {
    let width = width.min(area.width);
    let left = Rect { width, ..area };
    let rest = Rect {
        x: area.x + width,
        width: area.width - width,
        ..area
    };
    (left, rest)
}
