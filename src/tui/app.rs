//! The dashboard's state, and what keys and answers do to it. Pure: time is an argument, what must happen outside is an
//! effect.

mod lines;
mod listed;
mod moves;

use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseEvent};

use super::acting::{Arrival, Desk};
use super::actions::Lookup;
use super::data_table::{Look, Row, TableState};
use super::demand::{Demand, Found};
use super::derive::{Picture, derive_after};
use super::history::History;
use super::journal::Journal;
use super::keymap::{Action, action};
use super::mouse::Mouse;
use super::observed::Observations;
use super::page::{Page, View};
use super::panes::Panes;
use super::prompt::Mode;
use super::snapshot::{ClusterSnapshot, Millis, Update};
use super::subject::Subjects;
use super::theme::Theme;
use super::thresholds::Thresholds;
use super::views;
use super::write::Order;

/// What came in.
#[derive(Debug)]
pub enum Event {
    /// A key.
    Key(KeyEvent),
    /// An answer of the agent; when the next question is asked, if it cannot be reached.
    Answer(Update, Option<Duration>),
    /// What the worker brings.
    Arrival(Arrival),
    /// An answer to what a view demanded.
    Found(Found),
    /// Time has passed.
    Tick,
    /// The terminal has another size, or its content is lost.
    Redraw,
    /// The mouse.
    Mouse(MouseEvent),
}

/// What must be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Ask everything again, now.
    Refresh,
    /// Ask for those parts only, from now on.
    Follow(Subjects),
    /// Ask for this from now on, and for nothing that was wanted so before.
    Want(Demand),
    /// Give the terminal back and stop until continued.
    Suspend,
    /// Give the terminal back and end.
    Quit,
    /// Change something; the outcome is to come back. Only the gate makes orders.
    Write(Order),
    /// Ask for the instances of a service.
    Look(Lookup),
    /// Ask the agent at this address from now on.
    Via(String),
    /// Ask the agent of this context from now on.
    Context(String),
    /// Let the terminal tell of the mouse, or not.
    Mouse(bool),
    /// Let the terminal keep this.
    Copy(String),
    /// Write what the screen shows to a file; whether it worked is to come back.
    Screenshot,
}

/// The state.
pub struct App {
    /// Colours and symbols.
    pub theme: Theme,
    /// What is known, and shown.
    pub snapshot: Arc<ClusterSnapshot>,
    /// What came last; newer than what is shown while that stands still.
    pub live: Arc<ClusterSnapshot>,
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
    /// What changing something needs.
    pub desk: Desk,
    /// The mouse.
    pub mouse: Mouse,
    seen: Observations,
    limits: Thresholds,
    changed: bool,
    /// What is asked for.
    following: Subjects,
    pages: Vec<Page>,
    past: Vec<Page>,
    future: Vec<Page>,
    tables: [TableState; View::ALL.len()],
    /// The rows that are shown: places among those of the view.
    order: Vec<usize>,
    /// The rows of views that have data of their own.
    own: Vec<Row>,
    /// What that order was made for: the view, the version of its rows, the look at them.
    arranged: Option<(View, u64, Look)>,
}

impl App {
    /// Nothing known yet of the agent at `address`.
    pub fn new(address: &str, theme: Theme, limits: Thresholds) -> Self {
        Self {
            theme,
            snapshot: Arc::new(ClusterSnapshot::new(address)),
            live: Arc::new(ClusterSnapshot::new(address)),
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
            desk: Desk::new(address),
            mouse: Mouse::default(),
            seen: Observations::default(),
            limits,
            changed: false,
            following: Subjects::needed(&Page::default(), false),
            pages: vec![Page::default()],
            past: Vec::new(),
            future: Vec::new(),
            tables: std::array::from_fn(|_| TableState::default()),
            order: Vec::new(),
            own: Vec::new(),
            arranged: None,
        }
    }

    /// What is known already: for one look, and for tests.
    pub fn looking(
        snapshot: ClusterSnapshot,
        seen: Observations,
        theme: &Theme,
        limits: Thresholds,
    ) -> Self {
        let address = snapshot.address.clone();
        let snapshot = Arc::new(snapshot);
        Self {
            live: Arc::clone(&snapshot),
            snapshot,
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

    /// The same of any view.
    pub(super) fn table_of(&mut self, view: View) -> &mut TableState {
        &mut self.tables[view.place()]
    }

    /// What is asked for: what the page needs.
    pub const fn following(&self) -> Subjects {
        self.following
    }

    /// Takes in what came.
    pub fn update(&mut self, now: Millis, event: Event) -> Vec<Effect> {
        let mut effects = self.react(now, event);
        let palette = matches!(self.mode, Mode::Palette(_));
        let needed = Subjects::needed(&self.page(), palette);
        if needed != self.following {
            self.following = needed;
            effects.push(Effect::Follow(needed));
        }
        effects.extend(self.panes.demand(&self.page()).map(Effect::Want));
        effects
    }

    fn react(&mut self, now: Millis, event: Event) -> Vec<Effect> {
        if let Event::Answer(update, retry_in) = event {
            self.panes.rate.count(now);
            return self.answer(now, update, retry_in);
        }
        self.dirty = true;
        match event {
            Event::Key(key) => return self.key(now, &key),
            Event::Arrival(arrival) => return self.arrived(now, arrival),
            Event::Found(found) => {
                self.panes.rate.count(now);
                self.panes.take(now, found);
            }
            Event::Mouse(event) => self.moused(event),
            Event::Answer(..) | Event::Tick | Event::Redraw => {}
        }
        Vec::new()
    }

    fn answer(&mut self, now: Millis, update: Update, retry_in: Option<Duration>) -> Vec<Effect> {
        let (is_pulse, is_agent) = (
            matches!(update, Update::Pulse(_)),
            matches!(update, Update::Agent(_)),
        );
        let was_away = self.live.unreachable().is_some();
        let had_leader = self.has_leader();
        let live = ClusterSnapshot::clone(&self.live).with(update, now);
        self.live = Arc::new(live);
        if self.frozen.is_none() {
            self.snapshot = Arc::clone(&self.live);
        }
        let away = self.live.unreachable().is_some();
        // One beat more of the pulse is nothing new.
        let beat = is_pulse && !was_away && !away;
        self.dirty |= !beat;
        self.changed |= !is_pulse;
        if !away {
            self.retry_at = None;
        } else if self.live.waits_for(is_pulse, is_agent) {
            self.retry_at = retry_in.map(|pause| {
                now.saturating_add(Millis::try_from(pause.as_millis()).unwrap_or(Millis::MAX))
            });
        }
        let facts = self.live.agent.get().filter(|_| is_agent && !away);
        if let Some(index) = facts.and_then(|facts| facts.commit_index) {
            self.history.commit_index(now, index);
        }
        // The others wait out their pauses otherwise: the agent is back, or there is a leader again to ask.
        let elected = had_leader == Some(false) && self.has_leader() == Some(true);
        if elected || (was_away && !away) {
            vec![Effect::Refresh]
        } else {
            Vec::new()
        }
    }

    /// Whether somebody leads; `None` while nobody says.
    fn has_leader(&self) -> Option<bool> {
        let leader = &self.live.leader;
        leader.get().map(|leader| !leader.is_empty())
    }

    /// Forgets what the agent that was asked so far said: another one is asked now. The journal stays.
    pub fn look_elsewhere(&mut self, address: &str) {
        self.live = Arc::new(ClusterSnapshot::new(address));
        self.snapshot = Arc::clone(&self.live);
        self.picture = Arc::default();
        self.history = self.history.begun_anew();
        self.seen = Observations::default();
        self.panes = self.panes.begun_anew();
        self.frozen = None;
        self.retry_at = None;
        self.changed = true;
        // Places in lists that are gone.
        self.order.clear();
        self.arranged = None;
    }

    /// Brings picture and table up to date; call before drawing.
    pub fn prepare(&mut self, now: Millis) {
        if self.changed && self.frozen.is_none() {
            let picture = derive_after(
                &self.picture,
                now,
                &self.snapshot,
                &mut self.seen,
                &self.limits,
            );
            if let Some(lag) = picture.worst_lag() {
                let lag = u32::try_from(lag).unwrap_or(u32::MAX);
                self.history
                    .lag
                    .put(self.snapshot.health.sampled, f64::from(lag));
            }
            let facts = self.snapshot.agent.get();
            let own = facts.and_then(|facts| facts.commit_index);
            if let (None, Some(index)) = (own, picture.leader_index()) {
                self.history
                    .commit_index(self.snapshot.health.sampled, index);
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
            Mode::Menu(_) => self.menu_key(key),
            Mode::Columns(_) => {
                self.columns_key(now, key);
                Vec::new()
            }
            Mode::Confirm(_) => self.confirm_key(now, key),
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
            Mode::Filter(_) => {
                self.filter_key(key);
                Vec::new()
            }
            Mode::Palette(_) => self.palette_key(now, key),
        }
    }

    fn act(&mut self, now: Millis, action: Action) -> Vec<Effect> {
        match action {
            Action::Quit => return vec![Effect::Quit],
            Action::Suspend => return vec![Effect::Suspend],
            Action::Refresh => return vec![Effect::Refresh],
            Action::Actions => return self.open_actions(now),
            Action::Copy => return self.copy(now),
            Action::Screenshot => return vec![Effect::Screenshot],
            Action::Columns => self.pick_columns(),
            Action::Mouse => {
                self.toggle_mouse(now);
                return vec![Effect::Mouse(self.mouse.on)];
            }
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
                self.frozen = match self.frozen {
                    Some(_) => None,
                    None => Some(now),
                };
                self.snapshot = Arc::clone(&self.live);
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
}
