//! The mouse, where it is wanted: what lies under it, and what clicks and the wheel do. Pure.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::app::App;
use super::page::{Page, View};
use super::prompt::Mode;
use super::snapshot::Millis;
use super::theme::Meaning;

/// Lines that one step of the wheel moves.
const WHEEL: isize = 3;
/// Spots that are kept of one frame.
const MAX_SPOTS: usize = 2000;
/// What is said while it is on: the terminal's own selection needs a key then.
pub const HINT: &str = "Shift-drag selects text";

/// Something that can be clicked on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spot {
    /// The name of a view.
    View(View),
    /// A pane of the overview.
    Pane(usize),
    /// The header of a column.
    Column(usize),
    /// A row, by its id.
    Row(String),
}

/// Whether the mouse is on, and what lay where in the last frame.
#[derive(Debug, Clone, Default)]
pub struct Mouse {
    /// Whether it does anything here.
    pub on: bool,
    spots: Vec<(Rect, Spot)>,
}

impl Mouse {
    /// A new frame begins.
    pub fn begin(&mut self) {
        self.spots.clear();
    }

    /// This lies there, above what was there before.
    pub fn put(&mut self, area: Rect, spot: Spot) {
        if self.on && self.spots.len() < MAX_SPOTS {
            self.spots.push((area, spot));
        }
    }

    /// What lies at a place.
    fn at(&self, column: u16, row: u16) -> Option<&Spot> {
        let place = Position::new(column, row);
        let found = self.spots.iter().rev();
        found
            .filter(|(area, _)| area.contains(place))
            .map(|(_, spot)| spot)
            .next()
    }
}

impl App {
    /// Turns it on or off.
    pub(super) fn toggle_mouse(&mut self, now: Millis) {
        self.mouse.on = !self.mouse.on;
        self.mouse.begin();
        let text = if self.mouse.on {
            format!("the mouse is on: {HINT}, m turns it off")
        } else {
            "the mouse is off".to_owned()
        };
        self.desk.tell(now, Meaning::Plain, text);
    }

    /// What it did. Dialogs and lines that are written do not hear it.
    pub(super) fn moused(&mut self, event: MouseEvent) {
        if !self.mouse.on {
            return;
        }
        let wheel = match event.kind {
            MouseEventKind::ScrollDown => Some(WHEEL),
            MouseEventKind::ScrollUp => Some(-WHEEL),
            _ => None,
        };
        match (&self.mode, wheel) {
            (Mode::Help, Some(by)) => self.scroll = self.scroll.saturating_add_signed(by),
            (Mode::Normal, Some(by)) => self.select(by),
            (Mode::Normal, None) if event.kind == MouseEventKind::Down(MouseButton::Left) => {
                self.click(event.column, event.row);
            }
            _ => {}
        }
        self.arrange();
    }

    fn click(&mut self, column: u16, row: u16) {
        match self.mouse.at(column, row).cloned() {
            Some(Spot::View(view)) => self.show(Page::View(view)),
            Some(Spot::Pane(pane)) => self.pane = pane,
            Some(Spot::Column(column)) => self.table_mut().sort_by(column),
            Some(Spot::Row(id)) => {
                self.table_mut().selected = Some(id);
                self.select(0);
            }
            None => {}
        }
    }
}
