//! `members`

use std::cmp::Reverse;
use std::time::Duration;

use regex::Regex;

use crate::api::Client;
use crate::cli::context::Context;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::{HttpFlags, TableFlag};
use crate::cli::follow::{follow, health_changed};
use crate::model::filter::{self, Filter};
use crate::model::member::{Member, MemberStatus};
use crate::model::regexp;
use crate::output::{Colours, Shape, Style, Table};

use super::members_wide;
use super::print::{fitted, no_column, table_lines};

/// Consul's exit code when no member matches.
const NO_MATCH: u8 = 2;

/// How long a member may be known to gossip and not be shown by `-watch`: gossip has no index to wait for, the health of
/// nodes, which follows it, has.
const MEMBERS_WAIT: Duration = Duration::from_secs(1);

const STANDARD: [&str; 8] = [
    "Node", "Address", "Status", "Type", "Build", "Protocol", "DC", "Segment",
];
const DETAILED: [&str; 4] = ["Node", "Address", "Status", "Tags"];

/// What a member does in the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Role {
    /// Takes part in consensus, or is to.
    #[value(alias = "consul")]
    Server,
    /// All other agents.
    #[value(alias = "node")]
    Client,
}

impl Role {
    /// The role as the table names it.
    fn kind(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

/// Lists the members of the cluster
///
/// Servers first, then by segment and name. When nothing matches, nothing is printed, with
/// -format=json an empty list, and the exit code is 2. With -o wide, a star marks the leader.
///
/// $ consulctl members -status=failed
///
/// $ consulctl members -o wide -watch
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
    /// Only members with this role.
    #[arg(long, value_name = "server|client")]
    role: Option<Role>,
    /// Only members of this datacenter; for -wan.
    #[arg(long, value_name = "datacenter")]
    dc: Option<String>,
    /// Sort by this column instead, for example name or rtt; with a dash in front, downwards.
    #[arg(long, value_name = "column")]
    sort: Option<String>,
    #[command(flatten)]
    format: TableFlag,
    /// Go on and show every change, until interrupted.
    #[arg(long)]
    watch: bool,
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
        let wanted = Wanted { status, filter };
        if self.watch {
            return self.follow(context, &client, &wanted).await;
        }
        let (members, table) = self.found(&client, &wanted).await?;
        if members.is_empty() {
            // Programs read a list of none.
            if matches!(self.format.format, Shape::Json | Shape::Yaml) {
                super::print_table(context, &self.format, &table, &members)?;
            }
            return Err(Error::Exit(NO_MATCH));
        }
        if !matches!(self.format.format, Shape::Text | Shape::Wide) {
            return super::print_table(context, &self.format, &table, &members);
        }
        let lines = table_lines(&self.format.format, &table, !self.format.no_headers)?;
        let lines = fitted(context, &self.format.format, lines);
        let lines = painted(context.console.painter(), lines, &members);
        Ok(context.console.raw(lines.as_bytes())?)
    }

    /// The members that are asked for and their table, sorted.
    async fn found(&self, client: &Client, wanted: &Wanted) -> Result<(Vec<Member>, Table), Error> {
        let mut members = self.asked_for(client, wanted).await?;
        let mut table = self.table(client, &members).await;
        if let Some(sort) = &self.sort {
            let (name, reverse) = match sort.strip_prefix('-') {
                Some(name) => (name, true),
                None => (sort.as_str(), false),
            };
            let order = table
                .order(name, reverse)
                .map_err(|error| no_column(&error))?;
            members = order.iter().map(|place| members[*place].clone()).collect();
            table.rows = order
                .iter()
                .map(|place| table.rows[*place].clone())
                .collect();
        }
        // Sorting may need columns that Consul's table does not show.
        if self.format.is_text() {
            let shown: Vec<&str> = self.columns().to_vec();
            table = table.select(&shown).map_err(|error| no_column(&error))?;
        }
        Ok((members, table))
    }

    /// The members that are asked for, in Consul's order.
    async fn asked_for(&self, client: &Client, wanted: &Wanted) -> Result<Vec<Member>, Error> {
        let mut members = client
            .agent_members(self.wan, &self.segment)
            .await
            .during("Error retrieving members")?;
        if let Some(filter) = &wanted.filter {
            filter.retain(&mut members);
        }
        members.retain(|member| matches(&wanted.status, member));
        if let Some(role) = self.role {
            members.retain(|member| kind_of(member) == role.kind());
        }
        if let Some(dc) = self.dc.as_ref().filter(|dc| !dc.is_empty()) {
            members.retain(|member| member.tags.get("dc") == Some(dc));
        }
        members.sort_by_cached_key(|member| {
            let tag = |name: &str| member.tags.get(name).cloned().unwrap_or_default();
            let segment = tag("segment");
            let server = tag("role") == "consul";
            (Reverse(server), segment, member.name.clone())
        });
        Ok(members)
    }

    /// The columns of Consul's table.
    fn columns(&self) -> &'static [&'static str] {
        if self.detailed { &DETAILED } else { &STANDARD }
    }

    /// The table, with the further columns where one of them is wanted: they cost questions.
    async fn table(&self, client: &Client, members: &[Member]) -> Table {
        let mut table = Table::new(self.columns());
        let row = if self.detailed { detailed } else { standard };
        table.rows = members.iter().map(row).collect();
        let sort = self.sort.iter().map(|name| name.trim_start_matches('-'));
        let named = match &self.format.format {
            Shape::Columns(names) => names.as_slice(),
            _ => &[],
        };
        let mut named = named.iter().map(String::as_str).chain(sort);
        let is_wide = matches!(self.format.format, Shape::Wide | Shape::Csv);
        if is_wide || named.any(|name| table.column(name).is_err()) {
            members_wide::extend(&mut table, client, members, self.wan, !self.detailed).await;
        }
        table
    }

    /// Shows the members again whenever one changes.
    async fn follow(&self, context: &mut Context, client: &Client, wanted: &Wanted) -> Outcome {
        let json = self.format.watch_json()?;
        let painter = context.console.painter();
        let ask = async |index: u64| {
            let index = health_changed(client, index, MEMBERS_WAIT).await;
            let (members, table) = self.found(client, wanted).await?;
            let mut view = super::print::view(&self.format, &table, &members, index)?;
            if matches!(self.format.format, Shape::Text | Shape::Wide) {
                let lines = view.text.lines().map(str::to_owned).collect();
                view.text = painted(painter, lines, &members);
            }
            Ok(view)
        };
        follow(context, json, ask).await
    }
}

/// Which members are asked for.
struct Wanted {
    status: Regex,
    filter: Option<Filter>,
}

/// A table's lines, with states in colour where colours are wanted. The members stand at its end, with or without a head.
fn painted(painter: Colours, mut lines: Vec<String>, members: &[Member]) -> String {
    let head = lines.len().saturating_sub(members.len());
    for (line, member) in lines[head..].iter_mut().zip(members) {
        *line = painted_row(painter, line, member);
    }
    format!("{}\n", lines.join("\n"))
}

fn matches(status: &Regex, member: &Member) -> bool {
    status.is_match(member.member_status().as_str())
}

/// The row with its status in colour, where colours are wanted.
fn painted_row(painter: Colours, line: &str, member: &Member) -> String {
    let status = member.member_status();
    let style = match status {
        MemberStatus::Alive => Style::Good,
        MemberStatus::Leaving => Style::Warning,
        MemberStatus::Failed => Style::Bad,
        MemberStatus::Left | MemberStatus::None => Style::Quiet,
    };
    let word = format!("  {}  ", status.as_str());
    let paint = format!("  {}  ", painter.paint_out(style, status.as_str()));
    line.replacen(&word, &paint, 1)
}

fn kind_of(member: &Member) -> &'static str {
    match member.tags.get("role").map_or("", String::as_str) {
        "consul" => "server",
        "node" => "client",
        _ => "unknown",
    }
}

fn standard(member: &Member) -> Vec<String> {
    let tag = |name: &str| member.tags.get(name).map_or("", String::as_str);
    let build = match tag("build") {
        "" => "< 0.3",
        build => build.split(':').next().unwrap_or(build),
    };
    let kind = kind_of(member);
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
