//! Pages of one node, one service, one check; and what a view lacks.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Paragraph, Wrap};

use super::tabular::age;
use super::{checks, head, kv, logs, members, pane};
use crate::tui::app::App;
use crate::tui::derive::CheckRow;
use crate::tui::page::{Page, View};
use crate::tui::snapshot::{ClusterSnapshot, Fault, FaultKind};
use crate::tui::summary;
use crate::tui::theme::Meaning;
use crate::tui::words::{one_line, or_unknown};

/// What keeps a view from being complete.
pub(super) fn fault_of(view: View, snapshot: &ClusterSnapshot) -> Option<String> {
    let tell = |fault: Option<&Fault>, right: &str| {
        let fault = fault?;
        Some(match fault.kind {
            FaultKind::Forbidden => format!("the token may not read this: it needs {right}"),
            FaultKind::NoLeader => "no leader to ask".to_owned(),
            FaultKind::Unreachable => return None,
            FaultKind::Unsupported | FaultKind::Other => fault.text.clone(),
        })
    };
    match view {
        View::Raft => tell(snapshot.health.fault.as_ref(), "operator = \"read\""),
        View::Members => tell(
            snapshot.members.fault.as_ref(),
            "node_prefix \"\" { policy = \"read\" }",
        ),
        View::Checks => tell(snapshot.checks.fault.as_ref(), "node and service read"),
        View::Services => tell(snapshot.services.fault.as_ref(), "service read"),
        // They tell it themselves.
        View::Latency | View::Kv | View::Logs => None,
        View::Overview | View::Events => None,
    }
}

/// Draws a page.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &mut App, page: &Page) {
    let (top, body) = pane::split_top(area, 1);
    head::put(frame, top, &head::path(app), Meaning::Strong, app);
    let lines = match page {
        Page::Node(name) => node(app, name),
        Page::Service(name) => service(app, name),
        Page::Check(node, id) => check(app, node, id),
        Page::Key(key) => kv::page(app, key),
        Page::Line(number) => logs::page(app, *number),
        Page::View(_) | Page::Folder(_) => Vec::new(),
    };
    app.scroll = app.scroll.min(lines.len().saturating_sub(1));
    let scroll = u16::try_from(app.scroll).unwrap_or(u16::MAX);
    let text = Paragraph::new(lines)
        .wrap(Wrap { trim: false })
        .scroll((scroll, 0));
    frame.render_widget(text, body);
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

fn node(app: &App, name: &str) -> Vec<Line<'static>> {
    let picture = &app.picture;
    let Some(node) = picture.nodes.iter().find(|node| node.name == name) else {
        return gone(app, name);
    };
    let state = format!(
        "state    {} for {}",
        node.status.as_str(),
        age(node.since, picture.at)
    );
    let mut lines = vec![
        pane::styled(state, members::look(node.status), &app.theme),
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
            format!("flaps    {} in the last hour, seen from here", node.flaps),
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
    let of_node = picture.checks.iter().filter(|check| check.node == name);
    lines.extend(of_node.map(|check| check_line(app, check)));
    lines
}

fn service(app: &App, name: &str) -> Vec<Line<'static>> {
    let picture = &app.picture;
    let Some(service) = picture.services.iter().find(|service| service.name == name) else {
        return gone(app, name);
    };
    let counts = format!(
        "instances with checks: {} passing, {} warning, {} critical",
        service.passing, service.warning, service.critical
    );
    let mut lines = vec![
        plain(app, counts),
        plain(app, format!("tags: {}", service.tags.join(", "))),
        plain(app, ""),
        heading(app, "CHECKS"),
    ];
    let of_service = picture.checks.iter().filter(|check| check.service == name);
    lines.extend(of_service.map(|check| check_line(app, check)));
    lines
}

fn check_line(app: &App, check: &CheckRow) -> Line<'static> {
    let text = format!(
        "{:<9} {}  {}  {}  {}",
        check.status.as_str(),
        check.node,
        one_line(&check.name),
        age(check.since, app.picture.at),
        one_line(&check.output),
    );
    pane::styled(text, checks::look(check.status), &app.theme)
}

fn check(app: &App, node: &str, id: &str) -> Vec<Line<'static>> {
    let found = app
        .picture
        .checks
        .iter()
        .find(|check| check.node == node && check.id == id);
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
