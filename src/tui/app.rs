//! The dashboard's state, and what keys and answers do to it. Pure: time is an argument, what must happen outside is an
//! effect.

use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::data_table::{Row, TableState};
use super::demand::{Demand, Found};
use super::derive::{Picture, derive};
use super::history::History;
use super::journal::Journal;
use super::keymap::{Action, action};
use super::kv::FOLDER;
use super::observed::Observations;
use super::page::{Page, View};
use super::panes::Panes;
use super::prompt::{self, Destination, Mode};
use super::snapshot::{ClusterSnapshot, Millis, Update};
use super::theme::Theme;
use super::thresholds::Thresholds;
use super::views;

mod moves;

/// Pages that one can go back to.
const MAX_HISTORY: usize = 64;

/// What came in.
#[derive(Debug)]
pub enum Event {
    /// A key.
    Key(KeyEvent),
    /// An answer of the agent; when the next question is asked, if it cannot be reached.
    Answer(Update, Option<Duration>),
    /// An answer to what a view demanded.
    Found(Found),
    /// Time has passed.
    Tick,
    /// The terminal has another size, or its content is lost.
    Redraw,
}

/// What must be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Ask everything again, now.
    Refresh,
    /// Ask for this from now on, and for nothing that was wanted so before.
    Want(Demand),
    /// Give the terminal back and stop until continued.
    Suspend,
    /// Give the terminal back and end.
    Quit,
}

/// The state.
pub struct App {
    /// Colours and symbols.
    pub theme: Theme,
    /// What is known; newer than the picture while that stands still.
    pub snapshot: Arc<ClusterSnapshot>,
    /// What is shown.
    pub picture: Arc<Picture>,
    /// The courses of some numbers.
    pub history: History,
    /// What happened.
    pub journal: Journal,
    /// What some views know beyond the picture.
    pub panes: Panes,
    /// What keys are for now.
    pub mode: Mode,
    /// Since when the picture stands still.
    pub frozen: Option<Millis>,
    /// One pane has the whole screen.
    pub expanded: bool,
    /// All columns.
    pub wide: bool,
    /// Courses show the day instead of minutes.
    pub coarse: bool,
    /// The pane of the overview that `e` expands.
    pub pane: usize,
    /// When the agent is asked again, while it cannot be reached.
    pub retry_at: Option<Millis>,
    /// First line of the help or of a page.
    pub scroll: usize,
    /// What the screen does not show yet.
    pub dirty: bool,
    seen: Observations,
    limits: Thresholds,
    changed: bool,
    pages: Vec<Page>,
    past: Vec<Page>,
    future: Vec<Page>,
    tables: [TableState; View::ALL.len()],
    /// The rows of the view that is shown.
    rows: Vec<Row>,
    order: Vec<usize>,
}

impl App {
    /// Nothing known yet of the agent at `address`.
    pub fn new(address: &str, theme: Theme, limits: Thresholds) -> Self {
        Self {
            theme,
            snapshot: Arc::new(ClusterSnapshot::new(address)),
            picture: Arc::default(),
            history: History::default(),
            journal: Journal::default(),
            panes: Panes::default(),
            mode: Mode::Normal,
            frozen: None,
            expanded: false,
            wide: false,
            coarse: false,
            pane: 1,
            retry_at: None,
            scroll: 0,
            dirty: true,
            seen: Observations::default(),
            limits,
            changed: false,
            pages: vec![Page::default()],
            past: Vec::new(),
            future: Vec::new(),
            tables: std::array::from_fn(|_| TableState::default()),
            rows: Vec::new(),
            order: Vec::new(),
        }
    }

    /// What is known already, for tests.
    #[cfg(test)]
    pub(crate) fn looking(
        snapshot: ClusterSnapshot,
        seen: Observations,
        theme: &Theme,
        limits: Thresholds,
    ) -> Self {
        let address = snapshot.address.clone();
        Self {
            snapshot: Arc::new(snapshot),
            seen,
            changed: true,
            ..Self::new(&address, *theme, limits)
        }
    }

    /// The page that is shown.
    pub fn page(&self) -> Page {
        self.pages.last().cloned().unwrap_or_default()
    }

    /// The way to it.
    pub fn path(&self) -> String {
        let titles: Vec<String> = self.pages.iter().map(Page::title).collect();
        titles.join(" > ")
    }

    /// The view that the page belongs to.
    pub fn view(&self) -> View {
        match self.pages.first() {
            Some(Page::View(view)) => *view,
            _ => View::Overview,
        }
    }

    /// How the view's table is looked at.
    pub fn table(&self) -> &TableState {
        &self.tables[self.view().place()]
    }

    /// The same, to move its window.
    pub fn table_mut(&mut self) -> &mut TableState {
        &mut self.tables[self.view().place()]
    }

    /// The rows of the view, and those that are shown.
    pub fn rows(&self) -> (&[Row], &[usize]) {
        (&self.rows, &self.order)
    }

    /// Takes in what came.
    pub fn update(&mut self, now: Millis, event: Event) -> Vec<Effect> {
        self.dirty = true;
        let mut effects = match event {
            Event::Key(key) => self.key(now, &key),
            Event::Answer(update, retry_in) => {
                self.panes.rate.count(now);
                self.answer(now, update, retry_in)
            }
            Event::Found(found) => {
                self.panes.rate.count(now);
                self.panes.take(now, found);
                Vec::new()
            }
            Event::Tick | Event::Redraw => Vec::new(),
        };
        effects.extend(self.panes.demand(&self.page()).map(Effect::Want));
        effects
    }

    fn answer(&mut self, now: Millis, update: Update, retry_in: Option<Duration>) -> Vec<Effect> {
        let of_agent = matches!(update, Update::Agent(_));
        let was_away = self.snapshot.unreachable().is_some();
        let snapshot = Arc::unwrap_or_clone(Arc::clone(&self.snapshot)).with(update, now);
        self.snapshot = Arc::new(snapshot);
        self.changed = true;
        if !of_agent {
            return Vec::new();
        }
        let away = self.snapshot.unreachable().is_some();
        self.retry_at = retry_in.filter(|_| away).map(|pause| {
            now.saturating_add(Millis::try_from(pause.as_millis()).unwrap_or(Millis::MAX))
        });
        let facts = self.snapshot.agent.get().filter(|_| !away);
        if let Some(index) = facts.and_then(|facts| facts.commit_index) {
            self.history.commit_index(now, index);
        }
        // The others wait out their pauses otherwise.
        if was_away && !away {
            vec![Effect::Refresh]
        } else {
            Vec::new()
        }
    }

    /// Brings picture and table up to date; call before drawing.
    pub fn prepare(&mut self, now: Millis) {
        if self.changed && self.frozen.is_none() {
            let picture = derive(now, &self.snapshot, &mut self.seen, &self.limits);
            if let Some(lag) = picture.worst_lag() {
                let lag = u32::try_from(lag).unwrap_or(u32::MAX);
                self.history
                    .lag
                    .put(self.snapshot.health.sampled, f64::from(lag));
            }
            self.journal.compare(now, &self.picture, &picture);
            self.panes.latency.look(&self.snapshot);
            self.picture = Arc::new(picture);
            self.changed = false;
        } else if self.frozen.is_none() && self.picture.at != now {
            // Nothing new but the time.
            Arc::make_mut(&mut self.picture).at = now;
        }
        self.panes.toasts.look(now, &self.journal);
        self.arrange();
    }

    fn arrange(&mut self) {
        self.rows = match views::own_rows(self) {
            Some(rows) => rows,
            None => views::rows(
                self.view(),
                &self.picture,
                &self.journal,
                &self.theme.glyphs,
            ),
        };
        self.order = self.table().arrange(&self.rows);
        if self.view() == View::Logs && self.panes.logs.following && self.frozen.is_none() {
            let place = self.view().place();
            self.tables[place].move_by(&self.rows, &self.order, isize::MAX);
        }
    }

    fn key(&mut self, now: Millis, key: &KeyEvent) -> Vec<Effect> {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        if control && key.code == KeyCode::Char('c') {
            return vec![Effect::Quit];
        }
        match &mut self.mode {
            Mode::Normal => match action(key) {
                Some(action) => self.act(now, action),
                None => Vec::new(),
            },
            Mode::Help => {
                match action(key) {
                    Some(Action::Move(by)) => self.scroll = self.scroll.saturating_add_signed(by),
                    Some(Action::Page(by)) => {
                        self.scroll = self.scroll.saturating_add_signed(by * 10);
                    }
                    Some(Action::Quit | Action::Help | Action::Back) => {
                        self.mode = Mode::Normal;
                        self.scroll = 0;
                    }
                    _ => {}
                }
                Vec::new()
            }
            Mode::Filter(text) => {
                match prompt::edit(text, key) {
                    prompt::Edit::Changed => {
                        let text = text.clone();
                        self.table_mut().set_filter(&text);
                    }
                    prompt::Edit::Done => self.mode = Mode::Normal,
                    prompt::Edit::Left => {
                        self.mode = Mode::Normal;
                        self.table_mut().set_filter("");
                    }
                    prompt::Edit::Nothing | prompt::Edit::Complete => {}
                }
                self.arrange();
                Vec::new()
            }
            Mode::Palette(text) => match prompt::edit(text, key) {
                prompt::Edit::Done => {
                    let chosen = prompt::choose(text, &self.picture);
                    self.mode = Mode::Normal;
                    self.go(chosen)
                }
                prompt::Edit::Left => {
                    self.mode = Mode::Normal;
                    Vec::new()
                }
                prompt::Edit::Complete => {
                    if let Some(first) = prompt::candidates(text, &self.picture).first() {
                        text.clone_from(first);
                    }
                    Vec::new()
                }
                prompt::Edit::Changed | prompt::Edit::Nothing => Vec::new(),
            },
        }
    }

    fn go(&mut self, chosen: Option<Destination>) -> Vec<Effect> {
        match chosen {
            Some(Destination::Page(page)) => self.show(page),
            Some(Destination::Help) => self.mode = Mode::Help,
            Some(Destination::Quit) => return vec![Effect::Quit],
            None => {}
        }
        Vec::new()
    }

    fn act(&mut self, now: Millis, action: Action) -> Vec<Effect> {
        match action {
            Action::Quit => return vec![Effect::Quit],
            Action::Suspend => return vec![Effect::Suspend],
            Action::Refresh => return vec![Effect::Refresh],
            Action::Show(view) => self.show(Page::View(view)),
            Action::Cycle(forward) => self.cycle(forward),
            Action::Move(by) => self.select(by),
            Action::Page(by) => self.select(by * 10),
            Action::End(last) => self.select(if last { isize::MAX } else { isize::MIN }),
            Action::Open => self.open(),
            Action::Back => self.back(),
            Action::History(forward) => self.revisit(forward),
            Action::Filter => self.mode = Mode::Filter(self.table().filter().to_owned()),
            Action::Palette => self.mode = Mode::Palette(String::new()),
            Action::Sort(forward) => {
                let columns = views::columns(self.view()).len();
                self.table_mut().sort_next(columns, forward);
            }
            Action::Reverse => self.table_mut().reverse(),
            Action::Problems => {
                let table = self.table_mut();
                table.problems_only = !table.problems_only;
            }
            Action::Wide => self.wide = !self.wide,
            Action::Expand => self.expanded = !self.expanded,
            Action::Freeze => {
                self.frozen = if self.frozen.is_some() {
                    None
                } else {
                    Some(now)
                };
            }
            Action::Match(forward) => self.next_match(forward),
            Action::LogLevel if self.view() == View::Logs => self.panes.logs.next_level(),
            Action::LogLevel => {}
            Action::Zoom(coarse) => self.coarse = coarse,
            Action::Help => {
                self.mode = Mode::Help;
                self.scroll = 0;
            }
        }
        self.arrange();
        Vec::new()
    }

    /// Shows a page; a view begins a new path.
    fn show(&mut self, page: Page) {
        self.past.push(self.page());
        if self.past.len() > MAX_HISTORY {
            self.past.remove(0);
        }
        self.future.clear();
        self.enter(page);
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

    fn open(&mut self) {
        if !self.page().is_table() {
            return;
        }
        let place = self.table().place(&self.rows, &self.order);
        let Some(row) = self.order.get(place).map(|place| &self.rows[*place]) else {
            return;
        };
        if self.view() == View::Latency {
            self.panes.latency.choose(&row.id);
        } else if let Some(page) = views::opens(self.view(), row) {
            self.show(page);
        }
    }

    fn back(&mut self) {
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
