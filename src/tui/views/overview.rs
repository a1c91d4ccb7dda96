//! Is anything on fire? The answers to an operator's first questions, without a key pressed.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Paragraph, Wrap};

use super::table::Table;
use super::tabular::{age, age_key, meaning};
use super::{detail, head, leaders, members, pane, screen};
use crate::tui::app::App;
use crate::tui::data_table::{Cell, Column, Row};
use crate::tui::derive::{NodeRow, Picture, Problem, ProblemKind, Verdict, verdict};
use crate::tui::facts::AgentFacts;
use crate::tui::history::spark;
use crate::tui::mouse::Spot;
use crate::tui::page::View;
use crate::tui::picker;
use crate::tui::snapshot::{Millis, Source};
use crate::tui::summary;
use crate::tui::theme::{Glyphs, Meaning};
use crate::tui::words::{cut, or_unknown, short};

/// From this size on, four panes stand beside each other.
const GRID: (u16, u16) = (110, 18);
/// Least rows of the problems' table: fewer have no header.
const MIN_TABLE: u16 = 9;
/// Rows of a body below which there is room for the problems only.
const STACK: u16 = 16;
/// Servers that the raft pane lists.
const MAX_PEERS: usize = 7;
/// Members that the gossip pane of a small screen lists.
const FEW_NODES: u16 = 4;

/// The columns of the problems.
pub(super) const COLUMNS: &[Column] = &[
    Column::left(""),
    Column::left("WHO"),
    Column::left("WHAT"),
    Column::right("FOR"),
    Column::left("DETAIL"),
];

/// What a problem is, whatever its place: one node may have several problems; each is a row of its own.
pub(super) fn id(problem: &Problem) -> String {
    match (problem.kind, &problem.check) {
        (ProblemKind::Node | ProblemKind::Score | ProblemKind::Server, _) => {
            format!("node\0{}\0{:?}", problem.subject, problem.kind)
        }
        (ProblemKind::Service, _) => format!("service\0{}", problem.subject),
        (ProblemKind::Check, Some((node, check))) => format!("check\0{node}\0{check}"),
        (ProblemKind::Check | ProblemKind::Quorum, _) => format!("cluster\0{}", problem.text),
    }
}

/// The row of a problem.
pub(super) fn row(problem: &Problem, picture: &Picture, glyphs: &Glyphs) -> Row {
    // The worst first.
    let rank = -f64::from(problem.severity as u8);
    let look = meaning(problem.severity);
    Row {
        id: id(problem),
        problem: true,
        extra: String::new(),
        cells: vec![
            Cell::number(summary::symbol(problem.severity, glyphs), Some(rank)).meaning(look),
            Cell::text(problem.subject.clone()).meaning(look),
            Cell::text(problem.text.clone()).meaning(look),
            Cell::number(age(problem.since, picture.at), age_key(problem.since)),
            Cell::text(problem.detail.clone()).meaning(Meaning::Quiet),
        ],
    }
}

/// The smallest screen: one line, and the worst problem.
pub(super) fn tiny(frame: &mut Frame<'_>, area: Rect, app: &App, now: Millis) {
    let (top, body) = pane::split_top(area, 1);
    head::put(frame, top, &head::tiny(app, now), Meaning::Strong, app);
    let mut worst: Vec<&Problem> = app.picture.problems.iter().collect();
    worst.sort_by_key(|problem| std::cmp::Reverse(problem.severity));
    let width = usize::from(body.width);
    let glyphs = &app.theme.glyphs;
    let lines: Vec<Line<'static>> = worst
        .iter()
        .take(usize::from(body.height))
        .map(|problem| {
            let symbol = summary::symbol(problem.severity, glyphs);
            let text = format!("{symbol} {} {}", problem.subject, problem.text);
            pane::styled(
                cut(&text, width, glyphs.more),
                meaning(problem.severity),
                &app.theme,
            )
        })
        .collect();
    pane::lines(frame, body, lines);
}

/// The overview below the head.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &mut App, now: Millis) {
    if app.expanded {
        let pane = app.pane;
        one(frame, area, app, now, pane);
    } else if area.width >= GRID.0 && area.height >= GRID.1 {
        let peers = app.picture.peers.len().min(MAX_PEERS);
        let whys = app
            .picture
            .peers
            .iter()
            .take(MAX_PEERS)
            .filter(|peer| !peer.why.is_empty());
        let wanted = u16::try_from(peers + whys.count()).unwrap_or_default() + 5;
        let (upper, lower) =
            pane::split_top(area, wanted.max(area.height / 2).min(area.height - 6));
        let (left, right) = pane::split_left(upper, area.width * 45 / 100);
        one(frame, left, app, now, 0);
        one(frame, right, app, now, 1);
        let (left, right) = pane::split_left(lower, area.width * 45 / 100);
        one(frame, left, app, now, 2);
        one(frame, right, app, now, 3);
    } else if area.height >= STACK {
        stacked(frame, area, app, now);
    } else {
        // A frame would take the room of two problems.
        plain(frame, area, app, now, 1);
    }
}

/// Below each other and without frames: problems, raft, the leaders in one line, the worst members.
fn stacked(frame: &mut Frame<'_>, area: Rect, app: &mut App, now: Millis) {
    let raft = raft_lines(app, usize::from(area.width), false);
    let raft_height = u16::try_from(raft.len()).unwrap_or_default().min(7) + 1;
    let gossip_height = FEW_NODES.min(area.height / 5) + 2;
    let others = raft_height + 1 + gossip_height;
    let (top, rest) = pane::split_top(area, area.height.saturating_sub(others).max(4));
    plain(frame, top, app, now, 1);
    let (top, rest) = pane::split_top(rest, raft_height);
    plain(frame, top, app, now, 0);
    let (top, rest) = pane::split_top(rest, 1);
    let line = format!(
        "3 Leaders {}: {}",
        leaders::source(app),
        app.picture.timeline.line(now)
    );
    head::put(frame, top, &line, Meaning::Plain, app);
    plain(frame, rest, app, now, 3);
}

/// A pane under its title.
fn plain(frame: &mut Frame<'_>, area: Rect, app: &mut App, now: Millis, pane: usize) {
    let (top, inside) = pane::split_top(area, 1);
    head::put(frame, top, &title(app, now, pane), Meaning::Strong, app);
    content(frame, inside, app, now, pane);
}

/// A pane in its frame.
fn one(frame: &mut Frame<'_>, area: Rect, app: &mut App, now: Millis, pane: usize) {
    let room = usize::from(area.width.saturating_sub(4));
    let title = cut(&title(app, now, pane), room, app.theme.glyphs.more);
    let inside = pane::framed(frame, area, &title, &app.theme, pane == app.pane);
    app.mouse.put(area, Spot::Pane(pane));
    content(frame, inside, app, now, pane);
}

fn title(app: &App, now: Millis, pane: usize) -> String {
    let age = short(now - app.snapshot.health.sampled);
    match pane {
        0 if app.snapshot.health.get().is_some() => format!("1 Raft  one sample, {age} old"),
        0 => "1 Raft  autopilot's report n/a".to_owned(),
        1 => format!(
            "2 Problems  {}, newest first{}",
            app.picture.problems.len(),
            badge(app)
        ),
        2 => format!("3 Leaders 24h  {}", leaders::source(app)),
        _ => format!("4 Gossip  worst first, {}", score_label(app)),
    }
}

fn content(frame: &mut Frame<'_>, area: Rect, app: &mut App, now: Millis, pane: usize) {
    let width = usize::from(area.width);
    match pane {
        0 => {
            let courses = area.height > 9 || app.expanded;
            let lines = raft_lines(app, width, courses);
            pane::lines(frame, area, lines);
        }
        1 => problems(frame, area, app),
        2 => pane::lines(frame, area, leaders::lines(app, width, now)),
        _ => gossip(frame, area, app),
    }
}

fn badge(app: &App) -> String {
    match app.table().filter() {
        "" => String::new(),
        filter => format!("  [/{filter}: {}]", head::found(app)),
    }
}

fn problems(frame: &mut Frame<'_>, area: Rect, app: &mut App) {
    if app.picture.problems.is_empty() {
        let picture = &app.picture;
        let blind = verdict(&app.snapshot, picture) == Verdict::Unknown;
        let (text, look) = match (picture.check_counts, picture.node_counts) {
            (None, _) => ("checks n/a", Meaning::Quiet),
            (Some(_), None) => ("nodes n/a", Meaning::Quiet),
            (Some(_), Some(_)) if blind => (
                "nothing seen, and not everything can be seen",
                Meaning::Warning,
            ),
            (Some(_), Some(_)) => ("nothing is wrong", Meaning::Ok),
        };
        let (top, rest) = pane::split_top(area, 1);
        head::put(frame, top, text, look, app);
        if blind {
            let faults = summary::faults(&app.snapshot).into_iter();
            let faults = faults.map(|text| pane::styled(text, Meaning::Warning, &app.theme));
            let text = Paragraph::new(faults.collect::<Vec<_>>()).wrap(Wrap { trim: true });
            frame.render_widget(text, rest);
        }
        return;
    }
    let rows = u16::try_from(app.shown() + 1).unwrap_or(u16::MAX);
    let (table, rest) = pane::split_top(area, rows.max(MIN_TABLE));
    screen::table(frame, table, app, View::Overview);
    details(frame, rest, app);
}

/// What is known of the problems beyond one row, as far as there is room below them.
fn details(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let (_, area) = pane::split_top(area, 1);
    let lines: Vec<Line<'static>> = app
        .picture
        .problems
        .iter()
        .filter(|problem| !problem.detail.is_empty())
        .take(usize::from(area.height))
        .map(|problem| {
            let text = format!("{} {}: {}", problem.subject, problem.text, problem.detail);
            pane::styled(text, Meaning::Quiet, &app.theme)
        })
        .collect();
    let text = Paragraph::new(lines).wrap(Wrap { trim: true });
    frame.render_widget(text, area);
}

fn score_label(app: &App) -> &'static str {
    match app.snapshot.gossip.source() {
        Source::Agent => "scores of all",
        _ => "others' scores n/a (needs consulctl agent)",
    }
}

fn raft_lines(app: &App, width: usize, courses: bool) -> Vec<Line<'static>> {
    let (picture, theme) = (&app.picture, &app.theme);
    let fault = detail::fault_of(View::Raft, &app.snapshot);
    let is_old = fault.is_some();
    let mut lines: Vec<Line<'static>> = fault
        .map(|text| cut(&text, width, theme.glyphs.more))
        .map(|text| pane::styled(text, Meaning::Warning, theme))
        .into_iter()
        .collect();
    if is_old && picture.peers.is_empty() {
        return lines;
    }
    let head = format!(
        "{:<11} {:<8} {:<4} {:>9} {:>5} {:>8}",
        "PEER", "ROLE", "VOTE", "LAST IDX", "LAG", "CONTACT"
    );
    lines.push(pane::styled(
        cut(&head, width, theme.glyphs.more),
        Meaning::Quiet,
        theme,
    ));
    for peer in picture.peers.iter().take(MAX_PEERS) {
        let bad = peer.healthy == Some(false);
        let mark = match (peer.leader, bad) {
            (true, _) => " *",
            (false, true) => " !",
            (false, false) => "",
        };
        let name = format!("{}{mark}", cut(&peer.name, 9, theme.glyphs.more));
        let (role, vote, lag) = (
            summary::peer_role(peer),
            summary::vote(peer),
            summary::lag(peer),
        );
        let text = format!(
            "{name:<11} {role:<8} {vote:<4} {:>9} {lag:>5} {:>8}",
            or_unknown(peer.last_index),
            summary::contact(peer),
        );
        let look = match (is_old, bad) {
            (true, _) => Meaning::Stale,
            (false, true) => Meaning::Bad,
            (false, false) => Meaning::Plain,
        };
        lines.push(pane::styled(
            cut(&text, width, theme.glyphs.more),
            look,
            theme,
        ));
        if !peer.why.is_empty() {
            let text = format!("         why: {}", peer.why.join(", "));
            lines.push(pane::styled(
                cut(&text, width, theme.glyphs.more),
                if is_old {
                    Meaning::Stale
                } else {
                    Meaning::Warning
                },
                theme,
            ));
        }
    }
    if courses {
        lines.extend(raft_courses(app, width));
    }
    lines
}

/// The courses of commits and lag, and what waits.
pub(super) fn raft_courses(app: &App, width: usize) -> Vec<Line<'static>> {
    let agent = app.snapshot.agent.get();
    // A client does not commit; what the leader writes is nearly the same.
    let what = match agent.and_then(|agent| agent.commit_index) {
        Some(_) => "commit/s",
        None => "write/s ",
    };
    let now = app.picture.at;
    let room = width.saturating_sub(40).clamp(8, 120);
    let bars = &app.theme.glyphs.spark;
    let span = if app.coarse { "24h" } else { "now" };
    let samples = app.history.commits.last(room, now, app.coarse);
    let newest = samples.iter().rev().flatten().next().copied();
    let rate = newest.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.0}"));
    let text = format!(
        "{what} {span} {} {rate}  backlog {}",
        spark(&samples, bars),
        or_unknown(agent.and_then(|agent| agent.fsm_pending)),
    );
    let lag = app.history.lag.last(room, now, app.coarse);
    let snapshot = agent
        .and_then(AgentFacts::since_snapshot)
        .map_or_else(String::new, |count| format!("  snapshot {count} back"));
    let lag_text = format!(
        "max lag  {span} {} {}{snapshot}",
        spark(&lag, bars),
        or_unknown(app.picture.worst_lag())
    );
    let more = app.theme.glyphs.more;
    vec![
        pane::styled(cut(&text, width, more), Meaning::Plain, &app.theme),
        pane::styled(cut(&lag_text, width, more), Meaning::Plain, &app.theme),
    ]
}

fn gossip(frame: &mut Frame<'_>, area: Rect, app: &App) {
    const COLUMNS: &[Column] = &[
        Column::left("NODE"),
        Column::left("STATE"),
        Column::right("SCORE"),
        Column::right("RTT~"),
        Column::right("FLAPS/1h"),
        Column::right("SUSPECT"),
        Column::right("FOR"),
    ];
    let picture = &app.picture;
    let row = |node: &NodeRow| Row {
        id: node.name.clone(),
        problem: false,
        extra: String::new(),
        cells: vec![
            Cell::text(node.name.clone()),
            Cell::text(node.state()).meaning(members::look(node)),
            Cell::text(summary::score(node.score))
                .meaning(members::score_look(node.score, picture)),
            Cell::text(summary::rtt(node.rtt_ms)),
            Cell::text(node.flaps.to_string()),
            Cell::text(or_unknown(node.suspicions)),
            Cell::text(age(node.since, picture.at)),
        ],
    };
    let worst = picture.worst_nodes();
    let rows: Vec<Row> = worst
        .iter()
        .take(usize::from(area.height))
        .map(|node| row(node))
        .collect();
    let table = Table {
        columns: COLUMNS,
        rows: &rows,
        selected: None,
        sort: None,
        shown: picker::shown(COLUMNS, None, false),
        header: true,
    };
    table.draw(frame, area, &app.theme);
}
