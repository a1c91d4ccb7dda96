//! `members`

use std::cmp::Reverse;

use regex::Regex;

use crate::cli::context::Context;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::{FormatFlag, HttpFlags};
use crate::model::filter::{self, Filter};
use crate::model::member::{Member, MemberStatus};
use crate::model::regexp;
use crate::output::{Style, columnize};

/// Consul's exit code when no member matches.
const NO_MATCH: u8 = 2;

/// Lists the members of the cluster
///
/// Servers first, then by segment and name. When nothing matches, nothing is printed and the exit
/// code is 2.
///
/// $ consulctl members -status=failed
#[derive(clap::Args)]
#[command(override_usage = "consulctl members [options]")]
pub(crate) struct Args {
    /// Show every member's tags instead of the usual columns.
    #[arg(long)]
    detailed: bool,
    /// List the servers of all datacenters (the WAN pool) instead of this datacenter's members.
    #[arg(long)]
    wan: bool,
    /// Only members whose status (alive, leaving, left, failed) matches this regular expression.
    #[arg(
        long,
        value_name = "regexp",
        default_value = ".*",
        hide_default_value = true
    )]
    status: String,
    /// Only members of this segment; Consul Enterprise only.
    #[arg(
        long,
        value_name = "string",
        default_value = "_all",
        hide_default_value = true
    )]
    segment: String,
    /// Only members for which this expression holds, for example 'Tags.role == "node"'.
    #[arg(long, value_name = "expression")]
    filter: Option<String>,
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    http: HttpFlags,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

impl Args {
    pub(crate) async fn run(self, context: &mut Context) -> Outcome {
        let status = regexp::compile(&self.status)
            .map_err(|error| Error::message(format!("Failed to compile status regexp: {error}")))?;
        // Filtered here, because older agents pass over the parameter in silence.
        let filter = self.filter.as_deref().filter(|text| !text.is_empty());
        let filter = filter
            .map(|text| Filter::parse(text, &filter::MEMBER))
            .transpose()
            .map_err(|error| Error::message(format!("Failed to parse filter: {error}")))?;
        let client = context.client(&self.http)?;
        let mut members = client
            .agent_members(self.wan, &self.segment)
            .await
            .during("Error retrieving members")?;
        if let Some(filter) = filter {
            filter.retain(&mut members);
        }
        members.retain(|member| matches(&status, member));
        if members.is_empty() {
            return Err(Error::Exit(NO_MATCH));
        }
        members.sort_by_cached_key(|member| {
            let tag = |name: &str| member.tags.get(name).cloned().unwrap_or_default();
            let segment = tag("segment");
            let server = tag("role") == "consul";
            (Reverse(server), segment, member.name.clone())
        });
        if self.format.is_json() {
            return super::print_json(context, &members);
        }
        let rows: Vec<Vec<String>> = if self.detailed {
            let head = ["Node", "Address", "Status", "Tags"]
                .map(str::to_owned)
                .to_vec();
            let rows = members.iter().map(detailed);
            std::iter::once(head).chain(rows).collect()
        } else {
            let head = [
                "Node", "Address", "Status", "Type", "Build", "Protocol", "DC", "Segment",
            ];
            let head = head.map(str::to_owned).to_vec();
            let rows = members.iter().map(standard);
            std::iter::once(head).chain(rows).collect()
        };
        let table = columnize(&rows);
        let mut lines = table.lines();
        if let Some(head) = lines.next() {
            context.console.line(head)?;
        }
        for (line, member) in lines.zip(&members) {
            let line = painted(context, line, member);
            context.console.line(&line)?;
        }
        Ok(())
    }
}

fn matches(status: &Regex, member: &Member) -> bool {
    status.is_match(member.member_status().as_str())
}

/// The row with its status in colour, where colours are wanted.
fn painted(context: &Context, line: &str, member: &Member) -> String {
    let status = member.member_status();
    let style = match status {
        MemberStatus::Alive => Style::Good,
        MemberStatus::Leaving => Style::Warning,
        MemberStatus::Failed => Style::Bad,
        MemberStatus::Left | MemberStatus::None => Style::Quiet,
    };
    let word = format!("  {}  ", status.as_str());
    let paint = format!("  {}  ", context.console.paint(style, status.as_str()));
    line.replacen(&word, &paint, 1)
}

fn standard(member: &Member) -> Vec<String> {
    let tag = |name: &str| member.tags.get(name).map_or("", String::as_str);
    let build = match tag("build") {
        "" => "< 0.3",
        build => build.split(':').next().unwrap_or(build),
    };
    let kind = match tag("role") {
        "consul" => "server",
        "node" => "client",
        _ => "unknown",
    };
    // A member that is no agent shows only what gossip knows.
    let row = match kind {
        "unknown" => [kind, "", "", "", ""],
        _ => [kind, build, tag("vsn"), tag("dc"), segment_of(member)],
    };
    let mut cells = start(member);
    cells.extend(row.map(str::to_owned));
    cells
}

/// The segment as Consul prints it: servers belong to all of them.
fn segment_of(member: &Member) -> &str {
    let tag = |name: &str| member.tags.get(name).map_or("", String::as_str);
    match (tag("role"), tag("segment")) {
        ("consul", _) => "<all>",
        (_, "") => "<default>",
        (_, segment) => segment,
    }
}

fn detailed(member: &Member) -> Vec<String> {
    let segment = segment_of(member);
    let tags: Vec<String> = member
        .tags
        .iter()
        .map(|(name, value)| match name.as_str() {
            "segment" => format!("segment={segment}"),
            _ => format!("{name}={value}"),
        })
        .collect();
    let mut cells = start(member);
    cells.push(tags.join(","));
    cells
}

fn start(member: &Member) -> Vec<String> {
    let address = match member.addr.parse::<std::net::IpAddr>() {
        Ok(ip) => std::net::SocketAddr::new(ip, member.port).to_string(),
        Err(_) => format!("{}:{}", member.addr, member.port),
    };
    let status = member.member_status().as_str();
    vec![member.name.clone(), address, status.to_owned()]
}
