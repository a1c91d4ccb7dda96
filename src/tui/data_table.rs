//! Tables: which rows are shown, in which order, which one is selected. The selection is an identity, not a place.

use std::cmp::Ordering;

use regex::{Regex, RegexBuilder};

use super::theme::Meaning;

/// Longest filter, in bytes.
const MAX_FILTER: usize = 256;
/// Memory that a compiled filter may take, in bytes.
const MAX_PATTERN_BYTES: usize = 1 << 20;

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// The header.
    pub name: &'static str,
    /// Whether its cells stand to the right.
    pub right: bool,
    /// Whether it is shown only when all are.
    pub wide: bool,
}

impl Column {
    /// A column whose cells stand to the left, always shown.
    pub const fn left(name: &'static str) -> Self {
        Self {
            name,
            right: false,
            wide: false,
        }
    }

    /// A column whose cells stand to the right, always shown.
    pub const fn right(name: &'static str) -> Self {
        Self {
            right: true,
            ..Self::left(name)
        }
    }

    /// The same, shown only when all columns are.
    #[must_use]
    pub const fn wide(self) -> Self {
        Self { wide: true, ..self }
    }
}

/// What a cell is sorted by; unknown values come last in either order.
#[derive(Debug, Clone, PartialEq)]
pub enum SortKey {
    /// A number.
    Number(f64),
    /// The text that is shown.
    Shown,
    /// A text.
    Text(String),
    /// Not known.
    Unknown,
}

impl SortKey {
    /// A number that may not be known.
    pub fn number(value: Option<f64>) -> Self {
        value.map_or(Self::Unknown, Self::Number)
    }

    /// Where keys of a kind stand among those of other kinds.
    fn rank(&self) -> u8 {
        match self {
            Self::Number(_) => 0,
            Self::Shown => 1,
            Self::Text(_) => 2,
            Self::Unknown => 3,
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Unknown, Self::Unknown) | (Self::Shown, Self::Shown) => Ordering::Equal,
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

/// A cell.
#[derive(Debug, Clone)]
pub struct Cell {
    /// What is shown.
    pub text: String,
    /// What it means.
    pub meaning: Meaning,
    /// What it is sorted by.
    pub key: SortKey,
}

impl Cell {
    /// A text, sorted as such.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            meaning: Meaning::Plain,
            key: SortKey::Shown,
        }
    }

    /// A text that stands for a number.
    pub fn number(text: impl Into<String>, value: Option<f64>) -> Self {
        Self {
            text: text.into(),
            meaning: Meaning::Plain,
            key: SortKey::number(value),
        }
    }

    /// What it is sorted by.
    fn into_key(self) -> SortKey {
        match self.key {
            SortKey::Shown => SortKey::Text(self.text),
            key => key,
        }
    }

    /// The same with a meaning.
    #[must_use]
    pub fn meaning(mut self, meaning: Meaning) -> Self {
        self.meaning = meaning;
        self
    }
}

/// A row.
#[derive(Debug, Clone)]
pub struct Row {
    /// What it is, whatever its place.
    pub id: String,
    /// A cell for every column.
    pub cells: Vec<Cell>,
    /// Whether something is wrong with it.
    pub problem: bool,
    /// More that a filter may find: `tag=…`.
    pub extra: String,
}

/// Rows that are made when they are looked at: of ten thousand only those on the screen.
pub trait Listing {
    /// How many there are.
    fn count(&self) -> usize;
    /// The row at a place below the count.
    fn row(&self, place: usize) -> Row;
    /// Whether something is wrong with it.
    fn is_problem(&self, place: usize) -> bool {
        self.row(place).problem
    }
    /// Whether it is the row of that id.
    fn is(&self, place: usize, id: &str) -> bool {
        self.row(place).id == id
    }
}

impl Listing for [Row] {
    fn count(&self) -> usize {
        self.len()
    }

    fn row(&self, place: usize) -> Row {
        self[place].clone()
    }
}

/// What decides which rows are shown, beside the rows themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    filter: String,
    sort: Option<(usize, bool)>,
    problems_only: bool,
}

/// What a filter keeps.
#[derive(Debug, Clone, Default)]
enum Filter {
    #[default]
    All,
    Matching(Regex),
    Other(Regex),
    Fuzzy(String),
    /// A pattern that is not finished; keeps everything.
    Broken,
}

impl Filter {
    /// `x` a regular expression, `!x` what it does not find, `-f x` the letters in their order.
    fn new(text: &str) -> Self {
        if text.is_empty() {
            return Self::All;
        }
        if let Some(letters) = text.strip_prefix("-f ") {
            return Self::Fuzzy(letters.to_lowercase());
        }
        let (pattern, inverse) = match text.strip_prefix('!') {
            Some("") => return Self::All,
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let built = RegexBuilder::new(pattern)
            .case_insensitive(true)
            .size_limit(MAX_PATTERN_BYTES)
            .dfa_size_limit(MAX_PATTERN_BYTES)
            .build();
        match (built, inverse) {
            (Ok(regex), false) => Self::Matching(regex),
            (Ok(regex), true) => Self::Other(regex),
            (Err(_), _) => Self::Broken,
        }
    }

    fn keeps(&self, row: &Row) -> bool {
        self.finds(|found| row.cells.iter().any(|cell| found(&cell.text)) || found(&row.extra))
    }

    /// `any` tells whether one of the texts is found.
    fn finds(&self, any: impl Fn(&dyn Fn(&str) -> bool) -> bool) -> bool {
        match self {
            Self::All | Self::Broken => true,
            Self::Matching(regex) => any(&|text| regex.is_match(text)),
            Self::Other(regex) => !any(&|text| regex.is_match(text)),
            Self::Fuzzy(letters) => any(&|text| fuzzy(letters, text)),
        }
    }
}

/// Whether all letters are in the text, in their order. `letters` are in lower case.
pub fn fuzzy(letters: &str, text: &str) -> bool {
    let mut rest = text.chars().flat_map(char::to_lowercase);
    letters
        .chars()
        .all(|letter| rest.any(|found| found == letter))
}

/// How a table is looked at.
#[derive(Debug, Clone, Default)]
pub struct TableState {
    /// The row that is selected.
    pub selected: Option<String>,
    /// The column that is sorted by and whether in reverse; the view's own order without.
    pub sort: Option<(usize, bool)>,
    /// Only rows with problems.
    pub problems_only: bool,
    /// The first row that is on the screen.
    pub offset: usize,
    /// The columns that somebody chose, in their order; the view's own without.
    pub columns: Option<Vec<usize>>,
    text: String,
    filter: Filter,
    /// The filter that was cleared last: what `n` looks for without one.
    sought: Filter,
}

impl TableState {
    /// The filter as it was written.
    pub fn filter(&self) -> &str {
        &self.text
    }

    /// Whether the filter cannot be read.
    pub fn filter_broken(&self) -> bool {
        matches!(self.filter, Filter::Broken)
    }

    /// Another filter; one that is too long is cut.
    pub fn set_filter(&mut self, text: &str) {
        let end = text.floor_char_boundary(MAX_FILTER.min(text.len()));
        text[..end].clone_into(&mut self.text);
        let old = std::mem::replace(&mut self.filter, Filter::new(&self.text));
        if self.text.is_empty() && !matches!(old, Filter::All | Filter::Broken) {
            self.sought = old;
        }
    }

    /// Looks at other rows: without a filter, from the row of that id on.
    pub fn start_at(&mut self, id: Option<String>) {
        self.set_filter("");
        self.selected = id;
        self.offset = 0;
    }

    /// What the order of the rows depends on.
    pub fn look(&self) -> Look {
        Look {
            filter: self.text.clone(),
            sort: self.sort,
            problems_only: self.problems_only,
        }
    }

    /// The rows that are shown, in their order: places in `rows`.
    pub fn arrange(&self, rows: &(impl Listing + ?Sized)) -> Vec<usize> {
        let places =
            (0..rows.count()).filter(|place| !self.problems_only || rows.is_problem(*place));
        let unfiltered = matches!(self.filter, Filter::All | Filter::Broken);
        let Some((column, reverse)) = self.sort else {
            return places
                .filter(|place| unfiltered || self.filter.keeps(&rows.row(*place)))
                .collect();
        };
        // Only what is sorted by is kept of each row.
        let mut found: Vec<(SortKey, usize)> = places
            .filter_map(|place| {
                let mut row = rows.row(place);
                if !self.filter.keeps(&row) {
                    return None;
                }
                let cell = (column < row.cells.len()).then(|| row.cells.swap_remove(column));
                Some((cell.map_or(SortKey::Unknown, Cell::into_key), place))
            })
            .collect();
        found.sort_by(|(a, _), (b, _)| {
            let unknown = *a == SortKey::Unknown || *b == SortKey::Unknown;
            let order = a.compare(b);
            if reverse && !unknown {
                order.reverse()
            } else {
                order
            }
        });
        found.into_iter().map(|(_, place)| place).collect()
    }

    /// The place of the selected row among those shown; the first one where it is gone.
    pub fn place(&self, rows: &(impl Listing + ?Sized), order: &[usize]) -> usize {
        let Some(id) = &self.selected else {
            return 0;
        };
        order
            .iter()
            .position(|place| rows.is(*place, id))
            .unwrap_or_default()
    }

    /// Selects the row that is `by` rows further; stays inside.
    pub fn move_by(&mut self, rows: &(impl Listing + ?Sized), order: &[usize], by: isize) {
        let last = order.len().saturating_sub(1);
        let place = self.place(rows, order).saturating_add_signed(by).min(last);
        self.selected = order.get(place).map(|place| rows.row(*place).id);
    }

    /// Whether the filter finds something in a text.
    pub fn keeps(&self, text: &str) -> bool {
        self.filter.finds(|found| found(text))
    }

    /// Selects the next row that the filter finds, or the one before; the filter that was cleared last where there is
    /// none now. Goes round at the ends.
    pub fn match_by(&mut self, rows: &(impl Listing + ?Sized), order: &[usize], forward: bool) {
        let sought = match self.filter {
            Filter::All => &self.sought,
            _ => &self.filter,
        };
        let (here, count) = (self.place(rows, order), order.len());
        let found = (1..=count)
            .map(|step| {
                let step = if forward { step } else { count - step };
                (here + step) % count
            })
            .find(|place| sought.keeps(&rows.row(order[*place])));
        if let Some(place) = found.filter(|_| !matches!(sought, Filter::All)) {
            self.selected = Some(rows.row(order[place]).id);
        }
    }

    /// Moves the window so that the selected row is inside its `height` rows.
    pub fn scroll(&mut self, place: usize, height: usize, count: usize) {
        let height = height.max(1);
        if place < self.offset {
            self.offset = place;
        } else if place >= self.offset + height {
            self.offset = place + 1 - height;
        }
        self.offset = self.offset.min(count.saturating_sub(height));
    }

    /// Chooses the column to sort by: the next one, or the one before.
    pub fn sort_next(&mut self, columns: usize, forward: bool) {
        let (column, reverse) = match self.sort {
            None if forward => (0, false),
            None => (columns.saturating_sub(1), false),
            Some((column, reverse)) if forward => ((column + 1) % columns.max(1), reverse),
            Some((column, reverse)) => ((column + columns.max(1) - 1) % columns.max(1), reverse),
        };
        self.sort = Some((column, reverse));
    }

    /// Sorts by a column; the other way round if it does already.
    pub fn sort_by(&mut self, column: usize) {
        let reverse = self
            .sort
            .is_some_and(|(sorted, reverse)| sorted == column && !reverse);
        self.sort = Some((column, reverse));
    }

    /// Turns the order round.
    pub fn reverse(&mut self) {
        let (column, reverse) = self.sort.unwrap_or_default();
        self.sort = Some((column, !reverse));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(id: usize, number: Option<f64>, word: &str) -> Row {
        Row {
            id: id.to_string(),
            cells: vec![Cell::text(word), Cell::number("n", number)],
            problem: word == "bad",
            extra: format!("tag={id}"),
        }
    }

    #[test]
    fn filters_find_and_leave_out() {
        let rows = [
            row(0, None, "Web-1"),
            row(1, None, "db-1"),
            row(2, None, "bad"),
        ];
        let shown = |text: &str| {
            let mut state = TableState::default();
            state.set_filter(text);
            state.arrange(&rows[..])
        };
        assert_eq!(shown("web"), [0]);
        assert_eq!(shown("!web"), [1, 2]);
        assert_eq!(shown("-1$"), [0, 1]);
        assert_eq!(shown("-f w1"), [0]);
        assert_eq!(shown("tag=1"), [1]);
        assert_eq!(shown("("), [0, 1, 2], "not finished yet");
        assert_eq!(shown("!"), [0, 1, 2]);
        let state = TableState {
            problems_only: true,
            ..TableState::default()
        };
        assert_eq!(state.arrange(&rows[..]), [2]);
    }

    #[test]
    fn matches_are_found_in_turn_with_the_filter_and_after_it() {
        let rows = ["web-1", "db-1", "web-2", "db-2"].map(|name| row(0, None, name));
        let rows: Vec<Row> = rows
            .into_iter()
            .enumerate()
            .map(|(place, row)| Row {
                id: place.to_string(),
                ..row
            })
            .collect();
        let mut state = TableState::default();
        let next = |state: &mut TableState, forward| {
            let order = state.arrange(&rows[..]);
            state.match_by(&rows[..], &order, forward);
            state.selected.clone().unwrap_or_default()
        };
        assert_eq!(next(&mut state, true), "", "nothing was sought yet");
        state.set_filter("web");
        assert_eq!(next(&mut state, true), "2");
        assert_eq!(next(&mut state, true), "0");
        state.set_filter("");
        assert_eq!(next(&mut state, true), "2", "over what does not match");
        assert_eq!(next(&mut state, false), "0");
        assert_eq!(next(&mut state, false), "2");
        state.match_by(&[][..], &[], true);
    }

    #[test]
    fn the_selection_is_an_identity() {
        let rows = [
            row(0, Some(2.0), "a"),
            row(1, Some(1.0), "b"),
            row(2, None, "c"),
        ];
        let mut state = TableState::default();
        let order = state.arrange(&rows[..]);
        state.move_by(&rows[..], &order, 1);
        assert_eq!(state.selected.as_deref(), Some("1"));
        state.sort = Some((1, false));
        let order = state.arrange(&rows[..]);
        assert_eq!(order, [1, 0, 2]);
        assert_eq!(state.place(&rows[..], &order), 0);
        state.reverse();
        assert_eq!(state.arrange(&rows[..]), [0, 1, 2], "unknown stays last");
        state.move_by(&rows[..], &order, 99);
        assert_eq!(state.selected.as_deref(), Some("2"));
        state.move_by(&rows[..0], &[], 1);
        assert_eq!(state.selected, None);
    }

    proptest! {
        #[test]
        fn sorting_is_stable_and_loses_nothing(values in prop::collection::vec(prop::option::of(0u8..4), 0..30)) {
            let rows: Vec<Row> = values.iter().enumerate()
                .map(|(place, value)| row(place, value.map(f64::from), "x")).collect();
            let state = TableState { sort: Some((1, false)), ..TableState::default() };
            let order = state.arrange(&rows[..]);
            let mut expected: Vec<usize> = (0..rows.len()).collect();
            expected.sort_by_key(|place| (values[*place].is_none(), values[*place]));
            prop_assert_eq!(order, expected);
        }
    }
}
