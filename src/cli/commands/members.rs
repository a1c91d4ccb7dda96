//! `members`

use std::cmp::Reverse;
use std::time::Duration;

use regex::Regex;

use crate::api::Client;
use crate::cli::context::Context;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::HttpFlags;
use crate::cli::follow::{Item, View, follow, health_changed};
use crate::model::filter::{self, Filter};
use crate::model::member::{Member, MemberStatus};
use crate::model::regexp;
use crate::output::{Colours, Style, columnize};

use super::members_wide;

/// Consul's exit code when no member matches.
const NO_MATCH: u8 = 2;

/// How long a member may be known to gossip and not be shown by `-watch`: gossip has no index to wait for, the health of
/// nodes, which follows it, has.
const MEMBERS_WAIT: Duration = Duration::from_secs(10);

/// What members are printed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Consul's text, for people.
    #[value(alias = "pretty")]
    Text,
    /// The same with all columns.
    Wide,
    /// JSON, for programs.
    Json,
}

/// Lists the members of the cluster
///
/// Servers first, then by segment and name. When nothing matches, nothing is printed and the exit
/// code is 2.
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
    /// What to print: text, wide (all columns: id, round trip time from this agent, gossip score, tags) or json. Also -o.
    #[arg(
        long,
        alias = "o",
        value_name = "text|wide|json",
        default_value = "text",
        hide_default_value = true
    )]
    format: Format,
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
        let members = self.found(&client, &wanted).await?;
        if members.is_empty() {
            return Err(Error::Exit(NO_MATCH));
        }
        if self.format == Format::Json {
            return super::print_json(context, &members);
        }
        let rows = self.rows(&client, &members).await;
        Ok(context
            .console
            .raw(lines(context, &rows, &members).as_bytes())?)
    }

    /// The members that are asked for, sorted.
    async fn found(&self, client: &Client, wanted: &Wanted) -> Result<Vec<Member>, Error> {
        let mut members = client
            .agent_members(self.wan, &self.segment)
            .await
            .during("Error retrieving members")?;
        if let Some(filter) = &wanted.filter {
            filter.retain(&mut members);
        }
        members.retain(|member| matches(&wanted.status, member));
        members.sort_by_cached_key(|member| {
            let tag = |name: &str| member.tags.get(name).cloned().unwrap_or_default();
            let segment = tag("segment");
            let server = tag("role") == "consul";
            (Reverse(server), segment, member.name.clone())
        });
        Ok(members)
    }

    /// The table with its head.
    async fn rows(&self, client: &Client, members: &[Member]) -> Vec<Vec<String>> {
        let head: &[&str] = if self.detailed {
            &["Node", "Address", "Status", "Tags"]
        } else {
            &[
                "Node", "Address", "Status", "Type", "Build", "Protocol", "DC", "Segment",
            ]
        };
        let mut rows: Vec<Vec<String>> = vec![head.iter().map(|name| (*name).to_owned()).collect()];
        rows.extend(members.iter().map(|member| {
            if self.detailed {
                detailed(member)
            } else {
                standard(member)
            }
        }));
        if self.format == Format::Wide {
            members_wide::extend(&mut rows, client, members, self.wan, !self.detailed).await;
        }
        rows
    }

    /// Shows the members again whenever one changes.
    async fn follow(&self, context: &mut Context, client: &Client, wanted: &Wanted) -> Outcome {
        let json = self.format == Format::Json;
        let painter = context.console.painter();
        let ask = async |index: u64| {
            let index = health_changed(client, index, MEMBERS_WAIT).await;
            let members = self.found(client, wanted).await?;
            let rows = self.rows(client, &members).await;
            let table = columnize(&rows);
            let items = table
                .lines()
                .skip(1)
                .zip(&members)
                .map(|(line, member)| Item::new(&member.name, line, member));
            Ok(View {
                items: items.collect::<Result<_, _>>()?,
                text: painted_lines(painter, &table, &members),
                index,
            })
        };
        follow(context, json, ask).await
    }
}

/// Which members are asked for.
struct Wanted {
    status: Regex,
    filter: Option<Filter>,
}

/// The table's lines, with states in colour where colours are wanted.
fn lines(context: &Context, rows: &[Vec<String>], members: &[Member]) -> String {
    painted_lines(context.console.painter(), &columnize(rows), members)
}

fn painted_lines(painter: Colours, table: &str, members: &[Member]) -> String {
    let mut lines = table.lines();
    let head = lines.next().map(str::to_owned);
    let rows = lines
        .zip(members)
        .map(|(line, member)| painted(painter, line, member));
    let lines: Vec<String> = head.into_iter().chain(rows).collect();
    format!("{}\n", lines.join("\n"))
}

fn matches(status: &Regex, member: &Member) -> bool {
    status.is_match(member.member_status().as_str())
}

/// The row with its status in colour, where colours are wanted.
fn painted(painter: Colours, line: &str, member: &Member) -> String {
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
