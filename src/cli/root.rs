//! The tree of commands.

use clap::{Arg, ArgAction, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use super::commands as c;
use super::context::Context;
use super::error::Outcome;
use super::flags::go_duration;
use crate::model::duration::GoDuration;

/// Service discovery, health checks, key/value and DNS in one binary
#[derive(Parser)]
#[command(name = "consulctl", version, subcommand_required = true)]
pub(crate) struct Root {
    #[command(subcommand)]
    verb: Verb,
}

/// The commands that ask no agent; all others do.
#[derive(Subcommand)]
enum Verb {
    Agent(Box<c::agent::Args>),
    /// Completes commands, flags and names at the prompt
    ///
    /// For bash, zsh and fish. Names of nodes, services, keys and datacenters come from the agent that the command
    /// would ask, within 300 ms, and in silence when it cannot answer.
    ///
    /// $ consulctl completion install
    ///
    /// $ source <(consulctl completion print bash)
    #[command(override_usage = "consulctl completion <subcommand> [options] [args]")]
    Completion {
        #[command(subcommand)]
        verb: CompletionVerb,
    },
    Keygen(c::keygen::Args),
    Validate(c::validate::Args),
    Version(c::version::Args),
    #[command(flatten)]
    Client(Box<ClientVerb>),
}

#[derive(Subcommand)]
enum CompletionVerb {
    Install(c::completion_install::Args),
    Print(c::completion_print::Args),
    Uninstall(c::completion_uninstall::Args),
}

#[derive(Subcommand)]
enum ClientVerb {
    /// Lists what the catalog knows
    ///
    /// The catalog is what the servers know of all nodes and services of a datacenter; an agent
    /// knows only its own.
    ///
    /// $ consulctl catalog nodes
    #[command(override_usage = "consulctl catalog <subcommand> [options] [args]")]
    Catalog {
        #[command(subcommand)]
        verb: CatalogVerb,
    },
    /// Lists, shows and switches contexts: named agents
    ///
    /// A context has an address and how to speak to it. They stand in `consulctl/config.toml`, in $XDG_CONFIG_HOME or
    /// ~/.config; see `consulctl help contexts`.
    ///
    /// $ consulctl context ls
    ///
    /// $ consulctl context use prod
    ///
    /// $ consulctl context use -
    #[command(override_usage = "consulctl context <subcommand> [options] [args]")]
    Context {
        #[command(subcommand)]
        verb: ContextVerb,
    },
    Event(c::event::Args),
    Exec(c::exec::Args),
    ForceLeave(c::force_leave::Args),
    Info(c::info::Args),
    Join(c::join::Args),
    Keyring(c::keyring::Args),
    /// Reads and writes the key/value store
    ///
    /// Write a key, read it, delete it:
    ///
    /// $ consulctl kv put app/limit 5
    ///
    /// $ consulctl kv get app/limit
    ///
    /// $ consulctl kv delete app/limit
    #[command(override_usage = "consulctl kv <subcommand> [options] [args]")]
    Kv {
        #[command(subcommand)]
        verb: KvVerb,
    },
    Leave(c::leave::Args),
    Lock(c::lock::Args),
    Maint(c::maint::Args),
    Members(c::members::Args),
    Monitor(c::monitor::Args),
    /// Looks after the servers
    ///
    /// Raft membership and autopilot. With ACLs on, these need a token with operator rights.
    #[command(override_usage = "consulctl operator <subcommand> [options]")]
    Operator {
        #[command(subcommand)]
        verb: OperatorVerb,
    },
    Reload(c::reload::Args),
    Rtt(c::rtt::Args),
    /// Registers services with the agent and removes them
    ///
    /// These speak to one agent about its own services; `consulctl catalog services` lists those
    /// of the whole datacenter.
    #[command(override_usage = "consulctl services <subcommand> [options] [args]")]
    Services {
        #[command(subcommand)]
        verb: ServicesVerb,
    },
    /// Saves, restores and inspects snapshots of the servers' state
    ///
    /// A snapshot holds everything that the servers replicate, as of one moment.
    ///
    /// $ consulctl snapshot save backup.snap
    ///
    /// $ consulctl snapshot inspect backup.snap
    ///
    /// $ consulctl snapshot restore backup.snap
    #[command(override_usage = "consulctl snapshot <subcommand> [options] [args]")]
    Snapshot {
        #[command(subcommand)]
        verb: SnapshotVerb,
    },
    Top(c::top::Args),
    Watch(c::watch::Args),
}

#[derive(Subcommand)]
enum CatalogVerb {
    Datacenters(c::catalog_datacenters::Args),
    Nodes(c::catalog_nodes::Args),
    Services(c::catalog_services::Args),
}

#[derive(Subcommand)]
enum ContextVerb {
    Ls(c::context_ls::Args),
    Show(Box<c::context_show::Args>),
    Use(c::context_use::Args),
}

#[derive(Subcommand)]
enum KvVerb {
    Cas(c::kv_cas::Args),
    Delete(c::kv_delete::Args),
    Export(c::kv_export::Args),
    Get(c::kv_get::Args),
    Import(c::kv_import::Args),
    Put(c::kv_put::Args),
}

#[derive(Subcommand)]
enum OperatorVerb {
    /// Shows how well the servers are, and how dead ones are cleaned up
    #[command(override_usage = "consulctl operator autopilot <subcommand> [options]")]
    Autopilot {
        #[command(subcommand)]
        verb: AutopilotVerb,
    },
    /// Shows and changes which servers take part in consensus
    #[command(override_usage = "consulctl operator raft <subcommand> [options]")]
    Raft {
        #[command(subcommand)]
        verb: RaftVerb,
    },
}

#[derive(Subcommand)]
enum AutopilotVerb {
    GetConfig(c::autopilot_get_config::Args),
    SetConfig(c::autopilot_set_config::Args),
    State(c::autopilot_state::Args),
}

#[derive(Subcommand)]
enum RaftVerb {
    ListPeers(c::raft_list_peers::Args),
    RemovePeer(c::raft_remove_peer::Args),
    TransferLeader(c::raft_transfer_leader::Args),
}

#[derive(Subcommand)]
enum ServicesVerb {
    Deregister(c::services_deregister::Args),
    Register(c::services_register::Args),
}

#[derive(Subcommand)]
enum SnapshotVerb {
    Inspect(c::snapshot_inspect::Args),
    Restore(c::snapshot_restore::Args),
    Save(c::snapshot_save::Args),
}

/// Flags that every command but the agent has.
#[derive(Debug, Default)]
pub(crate) struct Common {
    /// `-color`: `auto`, `always` or `never`.
    pub(crate) colour: Option<String>,
    /// `-timeout`: how long an agent may take to begin its answer.
    pub(crate) timeout: Option<GoDuration>,
    /// `-context`: the context to use.
    pub(crate) context: Option<String>,
    /// `-confirm-context`: the name of a read-only context that may be written to.
    pub(crate) confirm_context: Option<String>,
    /// `-confirm`: what a question wants to be typed.
    pub(crate) confirm: Option<String>,
    /// `-no-input`: ask nothing.
    pub(crate) no_input: bool,
    /// `-quiet`: no hints, no progress.
    pub(crate) quiet: bool,
    /// `-v`: show requests.
    pub(crate) verbose: bool,
}

const COLOUR: &str = "common-color";
const TIMEOUT: &str = "common-timeout";
const CONTEXT: &str = "common-context";
const CONFIRM_CONTEXT: &str = "common-confirm-context";
const CONFIRM: &str = "common-confirm";
const NO_INPUT: &str = "common-no-input";
const QUIET: &str = "common-quiet";
const VERBOSE: &str = "common-v";

/// The tree as clap sees it: what help, completions and manual pages are made from.
pub(crate) fn definition() -> clap::Command {
    prepared(Root::command())
}

/// Help is a flag; a command of that name would hide that Consul has none.
fn prepared(command: clap::Command) -> clap::Command {
    if command.has_subcommands() {
        return command
            .disable_help_subcommand(true)
            .mut_subcommands(prepared);
    }
    let has = |name: &str| {
        let mut flags = command.get_arguments();
        flags.any(|arg| arg.get_long() == Some(name))
    };
    let (is_client, has_timeout, asks) = (has("http-addr"), has("timeout"), has("yes"));
    if command.get_name() == "agent" {
        return command;
    }
    let colour = Arg::new(COLOUR)
        .long("color")
        .value_name("auto|always|never")
        .value_parser(["auto", "always", "never"])
        .help_heading("Output Options")
        .help("Whether to colour what is printed; auto colours terminals only.");
    let timeout = Arg::new(TIMEOUT)
        .long("timeout")
        .value_name("duration")
        .value_parser(patience)
        .help_heading("HTTP API Options")
        .help("How long the agent may take to begin an answer, and to go on with it, for example 30s; 0 for as long as it takes. By default 10s at a terminal, for reads that wait for nothing.");
    let mut command = command.arg(colour);
    if is_client {
        command = command.args(client_flags());
    }
    if asks {
        let [word, no_input] = question_flags();
        // Commands without an agent ask for yes or no, not for a word.
        let word = is_client.then_some(word);
        command = command.args(word).arg(no_input);
    }
    if is_client && !has_timeout {
        command.arg(timeout)
    } else {
        command
    }
}

/// How long to wait.
fn patience(text: &str) -> Result<GoDuration, String> {
    let found = go_duration(text)?;
    if found.0 < 0 {
        return Err("must not be negative".to_owned());
    }
    Ok(found)
}

/// Flags of all commands that speak to an agent.
fn client_flags() -> [Arg; 4] {
    [
        Arg::new(CONTEXT)
            .long("context")
            .value_name("name")
            .help_heading("HTTP API Options")
            .help("Context of the user's config.toml to use; it can also be set as CONSULCTL_CONTEXT. See `consulctl help contexts`."),
        Arg::new(CONFIRM_CONTEXT)
            .long("confirm-context")
            .value_name("name")
            .help_heading("HTTP API Options")
            .help("Go on although the context of this name is read-only."),
        Arg::new(QUIET)
            .long("quiet")
            .action(ArgAction::SetTrue)
            .help_heading("Output Options")
            .help("Print neither hints nor progress, only data, errors and questions."),
        Arg::new(VERBOSE)
            .long("v")
            .alias("vv")
            .action(ArgAction::SetTrue)
            .help_heading("Output Options")
            .help("Show every request on standard error, like CONSULCTL_DEBUG=api; tokens are never shown."),
    ]
}

/// Flags of commands that may ask something.
fn question_flags() -> [Arg; 2] {
    [
        Arg::new(CONFIRM)
            .long("confirm")
            .value_name("word")
            .help("The word that would have to be typed, for example the name; nothing is asked then."),
        Arg::new(NO_INPUT)
            .long("no-input")
            .action(ArgAction::SetTrue)
            .help("Ask nothing: where a person would be asked, fail, unless -yes or -confirm is given."),
    ]
}

/// Reads normalised words.
pub(crate) fn parse(words: Vec<std::ffi::OsString>) -> Result<(Root, Common), clap::Error> {
    let matches = definition().try_get_matches_from(words)?;
    let mut innermost = &matches;
    while let Some((_, inner)) = innermost.subcommand() {
        innermost = inner;
    }
    // Commands that lack a flag have no such entry.
    let text = |name: &str| {
        innermost
            .try_get_one::<String>(name)
            .ok()
            .flatten()
            .cloned()
    };
    let is_set = |name: &str| {
        let found = innermost.try_get_one::<bool>(name).ok().flatten();
        found.copied().unwrap_or_default()
    };
    let timeout = innermost.try_get_one::<GoDuration>(TIMEOUT).ok().flatten();
    let common = Common {
        colour: text(COLOUR),
        timeout: timeout.copied(),
        context: text(CONTEXT),
        confirm_context: text(CONFIRM_CONTEXT),
        confirm: text(CONFIRM),
        no_input: is_set(NO_INPUT),
        quiet: is_set(QUIET),
        verbose: is_set(VERBOSE),
    };
    Ok((Root::from_arg_matches(&matches)?, common))
}

/// Runs the command. An agent brings its own runtime; clients need no more than one thread.
pub(crate) fn run(root: Root, context: &mut Context) -> Outcome {
    match root.verb {
        Verb::Agent(args) => args.run(context),
        Verb::Completion { verb } => match verb {
            CompletionVerb::Install(args) => args.run(context),
            CompletionVerb::Print(args) => args.run(context),
            CompletionVerb::Uninstall(args) => args.run(context),
        },
        Verb::Keygen(args) => args.run(context),
        Verb::Validate(args) => args.run(context),
        Verb::Version(args) => args.run(context),
        Verb::Client(verb) => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let done = runtime.block_on(dispatch(*verb, context));
            // Whoever ends a command does not wait for a program or a name that somebody else still waits for.
            runtime.shutdown_background();
            done
        }
    }
}

async fn dispatch(verb: ClientVerb, context: &mut Context) -> Outcome {
    match verb {
        ClientVerb::Catalog { verb } => match verb {
            CatalogVerb::Datacenters(args) => args.run(context).await,
            CatalogVerb::Nodes(args) => args.run(context).await,
            CatalogVerb::Services(args) => args.run(context).await,
        },
        ClientVerb::Context { verb } => match verb {
            ContextVerb::Ls(args) => args.run(context),
            ContextVerb::Show(args) => args.run(context),
            ContextVerb::Use(args) => args.run(context),
        },
        ClientVerb::Event(args) => args.run(context).await,
        ClientVerb::Exec(args) => args.run(context).await,
        ClientVerb::ForceLeave(args) => args.run(context).await,
        ClientVerb::Info(args) => args.run(context).await,
        ClientVerb::Join(args) => args.run(context).await,
        ClientVerb::Keyring(args) => args.run(context).await,
        ClientVerb::Kv { verb } => match verb {
            KvVerb::Cas(args) => args.run(context).await,
            KvVerb::Delete(args) => args.run(context).await,
            KvVerb::Export(args) => args.run(context).await,
            KvVerb::Get(args) => args.run(context).await,
            KvVerb::Import(args) => args.run(context).await,
            KvVerb::Put(args) => args.run(context).await,
        },
        ClientVerb::Leave(args) => args.run(context).await,
        ClientVerb::Lock(args) => args.run(context).await,
        ClientVerb::Maint(args) => args.run(context).await,
        ClientVerb::Members(args) => args.run(context).await,
        ClientVerb::Monitor(args) => args.run(context).await,
        ClientVerb::Operator { verb } => operator(verb, context).await,
        ClientVerb::Reload(args) => args.run(context).await,
        ClientVerb::Rtt(args) => args.run(context).await,
        ClientVerb::Services { verb } => match verb {
            ServicesVerb::Deregister(args) => args.run(context).await,
            ServicesVerb::Register(args) => args.run(context).await,
        },
        ClientVerb::Snapshot { verb } => match verb {
            SnapshotVerb::Inspect(args) => args.run(context),
            SnapshotVerb::Restore(args) => args.run(context).await,
            SnapshotVerb::Save(args) => args.run(context).await,
        },
        ClientVerb::Top(args) => args.run(context).await,
        ClientVerb::Watch(args) => args.run(context).await,
    }
}

async fn operator(verb: OperatorVerb, context: &mut Context) -> Outcome {
    match verb {
        OperatorVerb::Autopilot { verb } => match verb {
            AutopilotVerb::GetConfig(args) => args.run(context).await,
            AutopilotVerb::SetConfig(args) => args.run(context).await,
            AutopilotVerb::State(args) => args.run(context).await,
        },
        OperatorVerb::Raft { verb } => match verb {
            RaftVerb::ListPeers(args) => args.run(context).await,
            RaftVerb::RemovePeer(args) => args.run(context).await,
            RaftVerb::TransferLeader(args) => args.run(context).await,
        },
    }
}
