//! Pages of one node, one service, one check; and what a view lacks.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthChar as _;

use super::tabular::age;
use super::{checks, head, kv, logs, members, pane};
use crate::tui::app::App;
use crate::tui::derive::CheckRow;
use crate::tui::page::{Page, View};
use crate::tui::snapshot::{ClusterSnapshot, Fault, FaultKind};
use crate::tui::summary;
use crate::tui::theme::Meaning;
use crate::tui::words::{cut, one_line, or_unknown};

/// What keeps a view from being complete.
pub(super) fn fault_of(view: View, snapshot: &ClusterSnapshot) -> Option<String> {
    let tell = |fault: Option<&Fault>| {
        let fault = fault?;
        Some(match fault.kind {
            FaultKind::NoLeader => "no leader to ask".to_owned(),
            // The head says it for everything.
            _ if snapshot.unreachable().is_some() => return None,
            _ => fault.text.clone(),
        })
    };
    match view {
        View::Raft => tell(snapshot.health.fault.as_ref()),
        View::Members => tell(snapshot.members.fault.as_ref()),
        View::Checks => tell(snapshot.checks.fault.as_ref()),
        View::Services => tell(snapshot.services.fault.as_ref()),
        // The overview's panes and views with data of their own tell it themselves.
        View::Overview | View::Events | View::Latency | View::Kv | View::Logs => None,
    }
}

/// A page: what is known of its subject, and a list of checks that may be long.
struct Content<'a> {
    lines: Vec<Line<'static>>,
    checks: Vec<&'a CheckRow>,
}

/// Draws a page. What is scrolled past its end comes back at once.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &mut App, page: &Page) {
    let (top, body) = pane::split_top(area, 1);
    head::put(frame, top, &head::path(app), Meaning::Strong, app);
    let (width, height) = (usize::from(body.width), usize::from(body.height));
    let content = match page {
        Page::Node(name) => node(app, name),
        Page::Service(name) => service(app, name),
        Page::Check(node, id) => listless(check(app, node, id)),
        Page::Key(key) => listless(kv::page(app, key)),
        Page::Line(number) => listless(logs::page(app, *number)),
        Page::View(_) | Page::Folder(_) => return,
    };
    let mut lines: Vec<Line<'static>> = Vec::new();
    for line in content.lines {
        lines.extend(wrapped(line, width));
    }
    let count = lines.len() + content.checks.len();
    let scroll = app.scroll.min(count.saturating_sub(height));
    // Of a service with thousands of checks only those on the screen are written.
    let listed = scroll.saturating_sub(lines.len());
    let mut shown: Vec<Line<'static>> = lines.into_iter().skip(scroll).take(height).collect();
    let room = height - shown.len();
    let checks = content.checks.iter().skip(listed).take(room);
    shown.extend(checks.map(|check| check_line(app, check, width)));
    app.scroll = scroll;
    pane::lines(frame, body, shown);
}

/// A page without a list.
fn listless(lines: Vec<Line<'static>>) -> Content<'static> {
    Content {
        lines,
        checks: Vec::new(),
    }
}

/// A line of one look in as many lines as it needs.
fn wrapped(line: Line<'static>, width: usize) -> Vec<Line<'static>> {
    if line.width() <= width {
        return vec![line];
    }
    let mut lines = Vec::new();
    for span in line.spans {
        let (mut part, mut used) = (String::new(), 0);
        for letter in span.content.chars() {
            let cells = letter.width().unwrap_or_default();
            if used + cells > width.max(1) {
                let full = std::mem::take(&mut part);
                lines.push(Line::from(Span::styled(full, span.style)));
                used = 0;
            }
            used += cells;
            part.push(letter);
        }
        lines.push(Line::from(Span::styled(part, span.style)));
    }
    lines
}

fn plain(app: &App, text: impl Into<String>) -> Line<'static> {
    pane::styled(text, Meaning::Plain, &app.theme)
}

fn heading(app: &App, text: &str) -> Line<'static> {
    pane::styled(text.to_owned(), Meaning::Strong, &app.theme)
}

fn gone(app: &App, what: &str) -> Vec<Line<'static>> {
    vec![pane::styled(
        format!("{what} is gone"),
        Meaning::Warning,
        &app.theme,
    )]
}

fn node<'a>(app: &'a App, name: &str) -> Content<'a> {
    let picture = &app.picture;
    let Some(node) = picture.nodes.iter().find(|node| node.name == name) else {
        return Content {
            lines: gone(app, name),
            checks: Vec::new(),
        };
    };
    let state = format!(
        "state    {} for {}",
        node.state(),
        age(node.since, picture.at)
    );
    let mut lines = vec![
        pane::styled(state, members::look(node), &app.theme),
        plain(
            app,
            format!(
                "role     {}{}",
                node.role,
                if node.leader { ", leader" } else { "" }
            ),
        ),
        plain(app, format!("address  {}", node.address)),
        plain(app, format!("build    {}   dc {}", node.build, node.dc)),
        pane::styled(
            format!("score    {}", summary::score(node.score)),
            members::score_look(node.score, picture),
            &app.theme,
        ),
        plain(app, format!("rtt~     {}", summary::rtt(node.rtt_ms))),
        plain(
            app,
            format!(
                "flaps    {} in the last hour, {} times in doubt",
                node.flaps,
                or_unknown(node.suspicions)
            ),
        ),
        plain(app, format!("queued   {}", or_unknown(node.queued))),
    ];
    if let Some(peer) = picture.peers.iter().find(|peer| peer.name == name) {
        let text = format!(
            "raft     last index {}, lag {}",
            or_unknown(peer.last_index),
            or_unknown(peer.lag)
        );
        lines.push(plain(app, text));
        if !peer.why.is_empty() {
            let why = format!("why      {}", peer.why.join(", "));
            lines.push(pane::styled(why, Meaning::Bad, &app.theme));
        }
    }
    lines.push(plain(app, ""));
    lines.push(heading(app, "CHECKS"));
    let of_node = picture.checks.iter().filter(|check| *check.node == *name);
    Content {
        lines,
        checks: of_node.collect(),
    }
}

fn service<'a>(app: &'a App, name: &str) -> Content<'a> {
    let picture = &app.picture;
    let Some(service) = picture.services.iter().find(|service| service.name == name) else {
        return Content {
            lines: gone(app, name),
            checks: Vec::new(),
        };
    };
    let counts = format!(
        "instances with checks: {} passing, {} warning, {} critical",
        service.passing, service.warning, service.critical
    );
    let lines = vec![
        plain(app, counts),
        plain(app, format!("tags: {}", service.tags.join(", "))),
        plain(app, ""),
        heading(app, "CHECKS"),
    ];
    let of_service = picture
        .checks
        .iter()
        .filter(|check| *check.service == *name);
    Content {
        lines,
        checks: of_service.collect(),
    }
}

fn check_line(app: &App, check: &CheckRow, width: usize) -> Line<'static> {
    let text = format!(
        "{:<9} {}  {}  {}  {}",
        check.status.as_str(),
        check.node,
        one_line(&check.name),
        age(check.since, app.picture.at),
        one_line(&check.output),
    );
    let text = cut(&text, width, app.theme.glyphs.more);
    pane::styled(text, checks::look(check.status), &app.theme)
}

fn check(app: &App, node: &str, id: &str) -> Vec<Line<'static>> {
    let found = app
        .picture
        .checks
        .iter()
        .find(|check| *check.node == *node && *check.id == *id);
    let Some(check) = found else {
        return gone(app, id);
    };
    let state = format!(
        "{} for {}",
        check.status.as_str(),
        age(check.since, app.picture.at)
    );
    let mut lines = vec![
        pane::styled(state, checks::look(check.status), &app.theme),
        plain(
            app,
            format!("check    {} ({})", one_line(&check.name), check.id),
        ),
        plain(app, format!("node     {}", check.node)),
    ];
    if !check.service.is_empty() {
        lines.push(plain(
            app,
            format!("service  {} ({})", check.service, check.instance),
        ));
    }
    if !check.kind.is_empty() {
        lines.push(plain(app, format!("type     {}", check.kind)));
    }
    if !check.notes.is_empty() {
        lines.push(plain(app, format!("notes    {}", one_line(&check.notes))));
    }
    lines.push(plain(app, ""));
    lines.push(heading(app, "OUTPUT"));
    lines.extend(check.output.lines().map(|line| plain(app, line)));
    lines
}
