//! The lines at the top and the line at the bottom: whose view it is, how fresh, what is wrong in numbers, which keys.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr as _;

use super::pane;
use super::tabular::meaning;
use crate::tui::app::App;
use crate::tui::derive::Severity;
use crate::tui::keymap::{Action, KEYS};
use crate::tui::mouse::{self, Spot};
use crate::tui::page::{Page, View};
use crate::tui::prompt::Mode;
use crate::tui::snapshot::Millis;
use crate::tui::summary;
use crate::tui::theme::Meaning;
use crate::tui::words::{UNKNOWN, cut, one_line, or_unknown, short, time_of_day, visible};

/// After so many milliseconds without a sign of life the data is old, whatever the poller says.
const SILENCE: Millis = 10_000;
/// Cells of a context's name.
const MAX_NAME: usize = 20;

/// Columns below which the numbers may take a line more.
const NARROW: usize = 80;

/// How fresh the data is: `live, 0.4 s old`, `STALE 14s: …, retry in 4 s (^r now)`, `FROZEN 5s`.
pub(super) fn freshness(app: &App, now: Millis) -> (String, Meaning) {
    let snapshot = &app.live;
    let age = now - snapshot.fresh;
    if let Some(fault) = snapshot.unreachable() {
        let since = match snapshot.fresh {
            0 => "STALE, no answer yet".to_owned(),
            _ => format!("STALE {}", short(age)),
        };
        let retry = match app.retry_at.map(|at| ((at - now).max(0) + 999) / 1000) {
            Some(0) | None => "retrying".to_owned(),
            Some(seconds) => format!("retry in {seconds} s"),
        };
        let own = snapshot.agent.get().map(|agent| agent.node.as_str());
        let other = app.desk.via.offer(own, &app.picture);
        let other = other.map(|name| format!(", :via {name}"));
        let keys = format!("^r now{}", other.unwrap_or_default());
        return (
            format!("{since}: {}, {retry} ({keys})", fault.text),
            Meaning::Bad,
        );
    }
    if let Some(at) = app.frozen {
        return (format!("FROZEN {}", short(now - at)), Meaning::Warning);
    }
    if is_stale(app, now) {
        return (format!("STALE {}", short(age)), Meaning::Warning);
    }
    if let Some(text) = snapshot.old() {
        return (format!("OLD: {text}"), Meaning::Bad);
    }
    match (snapshot.fresh, &snapshot.agent.fault) {
        (0, Some(fault)) => (format!("no data: {}", fault.text), Meaning::Bad),
        (0, None) => ("asking".to_owned(), Meaning::Quiet),
        _ => {
            let tenths = age.max(0) / 100;
            (
                format!("live, {}.{} s old", tenths / 10, tenths % 10),
                Meaning::Ok,
            )
        }
    }
}

/// Whether what is shown is old: the agent is away, or nothing came for long.
pub(super) fn is_stale(app: &App, now: Millis) -> bool {
    let heard = app.live.heard();
    app.live.unreachable().is_some() || (heard > 0 && now - heard >= SILENCE)
}

/// The status line and the numbers, wrapped into as many lines as they need, at most three, or four where lines are short.
pub(super) fn lines(app: &App, now: Millis, width: usize) -> Vec<Line<'static>> {
    let theme = &app.theme;
    let dc = app
        .snapshot
        .agent
        .get()
        .map_or(UNKNOWN, |agent| agent.datacenter.as_str());
    let (fresh, look) = freshness(app, now);
    let mut head = vec!["consulctl top".to_owned()];
    head.extend(context(app));
    head.extend([dc.to_owned(), summary::via(&app.snapshot)]);
    let acl = app.snapshot.agent.get().and_then(|agent| agent.acl);
    if let Some(on) = acl {
        head.push(if on { "acl on" } else { "acl off" }.to_owned());
    }
    head.push(access(app).to_owned());
    // The less important parts go first where there is no room; how fresh it is always stays.
    let clock = time_of_day(now);
    for part in ["consulctl top", "acl on", "acl off", clock.as_str(), dc] {
        let used: usize = head.iter().map(|part| part.width() + 3).sum::<usize>() + fresh.width();
        // Whose view it is matters more than what time it is.
        let room = if part == dc { 0 } else { clock.len() + 3 };
        if used + room > width {
            head.retain(|kept| kept != part);
        }
    }
    let used: usize = head.iter().map(|part| part.width() + 3).sum::<usize>() + fresh.width();
    if let (true, Some(agent)) = (used > width, app.snapshot.agent.get()) {
        let via = summary::via(&app.snapshot);
        head.iter_mut()
            .filter(|part| **part == via)
            .for_each(|part| *part = format!("via {}", agent.node));
    }
    let mut first = Line::default();
    if app.live.unreachable().is_some() {
        // However little room is left, both are seen.
        let mut seen = [Span::styled(fresh, theme.style(look)), access_span(app)];
        if app.desk.gate.is_open() {
            seen.reverse();
        }
        // Whom it is about comes before what is wrong with it.
        if let Some(name) = context(app) {
            head.retain(|part| *part != name);
            first.extend(before(vec![name, String::new()], app));
        }
        for span in seen {
            first.push_span(span);
            first.push_span(Span::raw("   "));
        }
        first.extend(before(head, app));
    } else {
        first.extend(before(head, app));
        first.push_span(access_span(app));
        first.push_span(Span::raw("   "));
        first.push_span(Span::styled(fresh, theme.style(look)));
        if first.width() + clock.len() + 3 <= width {
            first.push_span(Span::raw(format!("   {clock}")));
        }
    }
    let mut lines = vec![first];
    lines.extend(numbers(app, width));
    lines
}

/// Whether keys can change something.
fn access(app: &App) -> &'static str {
    if app.desk.gate.is_open() {
        "WRITE"
    } else {
        "READ-ONLY"
    }
}

fn access_span(app: &App) -> Span<'static> {
    if app.desk.gate.is_open() {
        Span::styled(access(app), app.theme.style(Meaning::Selected))
    } else {
        Span::raw(access(app))
    }
}

/// The context whose agent is asked, if there is one.
fn context(app: &App) -> Option<String> {
    let place = app.desk.contexts.here.as_ref()?;
    let name = cut(&one_line(&place.name), MAX_NAME, app.theme.glyphs.more);
    Some(format!("ctx {name}"))
}

/// The parts of the status line that stand before its last one.
fn before(mut head: Vec<String>, app: &App) -> Vec<Span<'static>> {
    head.pop();
    let context = context(app);
    let mut spans = Vec::new();
    for part in head {
        let style = match &app.desk.contexts.here {
            Some(place) if Some(&part) == context.as_ref() => place.style(app.theme.palette),
            _ => Style::new(),
        };
        spans.push(Span::styled(part, style));
        spans.push(Span::raw("   "));
    }
    spans
}

fn numbers(app: &App, width: usize) -> Vec<Line<'static>> {
    let (snapshot, picture, theme) = (&app.snapshot, &app.picture, &app.theme);
    let bar = if theme.glyphs.lines { " │ " } else { " | " };
    let leader = if picture.leader_known && picture.leader.is_none() {
        Meaning::Bad
    } else {
        Meaning::Strong
    };
    // What newer questions could not tell is dim, one part at a time.
    let look = |old: bool| if old { Meaning::Stale } else { Meaning::Strong };
    let parts = [
        (summary::leader(picture), leader),
        (
            summary::servers(picture),
            look(picture.servers.old_since.is_some()),
        ),
        (
            summary::nodes(snapshot, picture, &theme.glyphs),
            look(snapshot.members.fault.is_some()),
        ),
        (
            summary::checks(snapshot, picture, &theme.glyphs),
            look(snapshot.checks.fault.is_some()),
        ),
    ];
    let mut rows = vec![Line::default()];
    for (part, look) in parts {
        let part = visible(&part);
        let used = rows.last().map_or(0, Line::width);
        if used > 0 && used + bar.width() + part.width() > width {
            rows.push(Line::default());
        }
        let Some(row) = rows.last_mut() else {
            break;
        };
        let mut room = width;
        if row.width() > 0 {
            row.push_span(Span::styled(bar, theme.style(Meaning::Strong)));
            room = width.saturating_sub(row.width());
        }
        let text = cut(&part, room, theme.glyphs.more);
        row.push_span(Span::styled(text, theme.style(look)));
    }
    rows.truncate(if width < NARROW { 3 } else { 2 });
    rows
}

/// The one line of the smallest screens: `LEADER srv-2  3/3  x3 !2  0.4s`.
pub(super) fn tiny(app: &App, now: Millis) -> String {
    let picture = &app.picture;
    let leader = match (&picture.leader, picture.leader_known) {
        (Some(leader), _) => format!("LEADER {}", leader.name),
        (None, true) => "NO LEADER".to_owned(),
        (None, false) => format!("LEADER {UNKNOWN}"),
    };
    let count = |severity| {
        let found = picture.problems.iter();
        found.filter(|problem| problem.severity == severity).count()
    };
    let glyphs = &app.theme.glyphs;
    let age = now - app.live.fresh;
    let age = match (is_stale(app, now), app.live.fresh) {
        (_, 0) => "...".to_owned(),
        (true, _) => format!("STALE {}", short(age)),
        (false, _) => format!("{}.{}s", age.max(0) / 1000, age.max(0) / 100 % 10),
    };
    let write = if app.desk.gate.is_open() {
        "  WRITE"
    } else {
        ""
    };
    let counts = match (count(Severity::Critical), count(Severity::Warning)) {
        // Nothing was found where nothing could be looked at.
        (0, _) if picture.check_counts.is_none() || picture.node_counts.is_none() => {
            UNKNOWN.to_owned()
        }
        (bad, warning) => format!("{}{bad} {}{warning}", glyphs.bad, glyphs.warning),
    };
    format!(
        "{leader}  {}/{}  {counts}  {age}{write}",
        or_unknown(picture.servers.healthy),
        or_unknown(picture.servers.total),
    )
}

/// The line at the bottom: what is written, or which keys do something now.
pub(super) fn hints(app: &App, width: usize) -> String {
    let matches = app.shown();
    match &app.mode {
        Mode::Filter(text) => {
            let note = if app.table().filter_broken() {
                "not finished"
            } else {
                "found"
            };
            return format!("/{text}_   {matches} {note}   Enter keep  Esc clear");
        }
        Mode::Palette(text) => {
            let found = app.candidates(text).join("  ");
            return format!(":{text}_   Tab complete   {found}");
        }
        Mode::Help => return "j k scroll  ? Esc close".to_owned(),
        Mode::Menu(_) => return "a letter chooses  Esc close".to_owned(),
        Mode::Columns(_) => {
            return "j k move  Space show or hide  J K > < carry  Esc close".to_owned();
        }
        Mode::Confirm(_) => return "type the name, then Enter  Esc cancel".to_owned(),
        Mode::Normal => {}
    }
    let overview = app.page() == Page::View(View::Overview);
    let mouse = if app.mouse.on { mouse::HINT } else { "" };
    let of_page = !app.page().is_table();
    let mut text = mouse.to_owned();
    if app.mouse.on {
        text.push_str("  ");
    }
    for binding in KEYS.iter().filter(|binding| binding.hint) {
        let useful = match binding.action {
            Action::Back => !overview || app.expanded || !app.table().filter().is_empty(),
            Action::Wide => !overview && !of_page,
            Action::Expand => overview,
            Action::Actions => app.desk.gate.is_open(),
            Action::LogLevel => app.view() == View::Logs,
            Action::Open
            | Action::Filter
            | Action::Columns
            | Action::Problems
            | Action::Sort(_)
            | Action::Reverse => !of_page,
            _ => true,
        };
        if useful {
            text = format!("{text}{} {}  ", binding.name, binding.word);
        }
    }
    let text = text.trim_end().to_owned();
    if text.width() > width {
        // The way to everything else comes first then.
        return cut(
            &format!("? help  q quit  {text}"),
            width,
            app.theme.glyphs.more,
        );
    }
    text
}

/// The names of the views, to be clicked on; returns what is left below.
pub(super) fn tabs(frame: &mut Frame<'_>, area: Rect, app: &mut App) -> Rect {
    let (line, rest) = pane::split_top(area, 1);
    let mut spans = Vec::new();
    let mut left = line;
    for view in View::ALL {
        let text = format!(" {} {} ", view.place() + 1, view.name());
        let width = u16::try_from(text.width()).unwrap_or(u16::MAX);
        let look = if view == app.view() {
            Meaning::Selected
        } else {
            Meaning::Quiet
        };
        let (tab, others) = pane::split_left(left, width);
        left = others;
        app.mouse.put(tab, Spot::View(view));
        spans.push(Span::styled(text, app.theme.style(look)));
    }
    pane::lines(frame, line, vec![Line::from(spans)]);
    rest
}

/// What just happened, for some seconds.
pub(super) fn toast(app: &App, now: Millis) -> Option<(String, Meaning)> {
    let (event, more) = app.panes.toasts.now(now)?;
    let glyphs = &app.theme.glyphs;
    let (mark, look) = match event.severity {
        Some(severity) => (summary::symbol(severity, glyphs), meaning(severity)),
        None => (glyphs.ok, Meaning::Ok),
    };
    let more = match more {
        0 => String::new(),
        more => format!("   and {more} more"),
    };
    let (who, what) = (&event.subject, &event.text);
    let time = time_of_day(event.at);
    Some((
        format!("{mark} {time} {who}: {what}{more}   (9 events)"),
        look,
    ))
}

/// Where one is, and how the table is looked at: `members > web-7   [problems] [/web: 3] [wide]`.
pub(super) fn path(app: &App) -> String {
    let table = app.table();
    let mut text = app.path();
    if table.problems_only {
        text.push_str("  [problems only]");
    }
    if !table.filter().is_empty() {
        text = format!("{text}  [/{}: {}]", table.filter(), found(app));
    }
    if app.wide {
        text.push_str("  [wide]");
    }
    text
}

/// How many rows the filter finds.
pub(super) fn found(app: &App) -> String {
    if app.table().filter_broken() {
        "no regular expression, all are shown".to_owned()
    } else {
        format!("{} found", app.shown())
    }
}

/// Draws a line of text that is cut to the area.
pub(super) fn put(frame: &mut Frame<'_>, area: Rect, text: &str, meaning: Meaning, app: &App) {
    let text = cut(text, usize::from(area.width), app.theme.glyphs.more);
    pane::lines(frame, area, vec![pane::styled(text, meaning, &app.theme)]);
}
