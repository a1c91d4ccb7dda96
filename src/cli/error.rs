//! What goes wrong in a command, its exit code, and the hints that follow the message.

use std::io;

use crate::api::{ApiError, ErrorClass};

/// Consul's exit code for everything that goes wrong.
const FAILURE: u8 = 1;

/// Why a command ends early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A message that is the whole story.
    #[error("{0}")]
    Message(String),
    /// The command was used wrongly: the message, then the command's help.
    #[error("{0}")]
    Usage(String),
    /// The agent refused or cannot be reached.
    #[error("{what}: {source}")]
    Api {
        /// What was tried, in Consul's words.
        what: String,
        /// Why it failed.
        source: ApiError,
    },
    /// A refusal whose message is printed already.
    #[error("{0}")]
    Said(ApiError),
    /// Nobody reads our output any more, or it cannot be written.
    #[error("write /dev/stdout: {}", crate::api::io_reason(.0))]
    Output(#[from] io::Error),
    /// An error, and what to try next.
    #[error("{error}")]
    Hinted {
        /// The error.
        error: Box<Self>,
        /// What to try next.
        hint: String,
    },
    /// The command has said all there is to say.
    #[error("exit code {0}")]
    Exit(u8),
}

/// What commands answer.
pub(crate) type Outcome = Result<(), Error>;

impl Error {
    /// A message.
    pub(crate) fn message(text: impl Into<String>) -> Self {
        Self::Message(text.into())
    }

    /// The message for too many positionals, in Consul's words.
    pub(crate) fn too_many(expected: &str, got: usize) -> Self {
        Self::Message(format!(
            "Too many arguments (expected {expected}, got {got})"
        ))
    }

    /// The same error after its message was printed: only its hints are left.
    pub(crate) fn said(self) -> Self {
        match self {
            Self::Api { source, .. } => Self::Said(source),
            other => other,
        }
    }

    /// The same error with something to try next.
    pub(crate) fn with_hint(self, hint: Option<String>) -> Self {
        match hint {
            Some(hint) => Self::Hinted {
                error: Box::new(self),
                hint,
            },
            None => self,
        }
    }

    /// The same error, with the size of the value if that was too large.
    pub(crate) fn with_size(self, bytes: usize) -> Self {
        let class = match &self {
            Self::Api { source, .. } => source.classify(),
            _ => return self,
        };
        let is_large = class == ErrorClass::TooLarge;
        self.with_hint(is_large.then(|| format!("the value has {bytes} bytes")))
    }

    /// What kind of error it is, in a word for programs.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Usage(_)
            | Self::Api {
                source: ApiError::LeadingSlash(_) | ApiError::Name(_),
                ..
            } => "usage",
            Self::Output(_) => "output",
            Self::Hinted { error, .. } => error.kind(),
            Self::Message(_) | Self::Exit(_) => "failed",
            Self::Api { source, .. } | Self::Said(source) if source.is_local() => "settings",
            Self::Api { source, .. } | Self::Said(source) if source.is_unreadable() => "bad_answer",
            Self::Api { source, .. } | Self::Said(source) => match source.classify() {
                ErrorClass::Forbidden => "forbidden",
                ErrorClass::NotFound => "not_found",
                ErrorClass::NoLeader => "no_leader",
                ErrorClass::NoDatacenter => "no_datacenter",
                ErrorClass::TooLarge => "too_large",
                ErrorClass::Other => "refused_by_agent",
                _ => "unreachable",
            },
        }
    }

    /// Whether the agent could not be spoken to.
    pub(crate) fn is_of_connection(&self) -> bool {
        match self {
            Self::Hinted { error, .. } => error.is_of_connection(),
            Self::Api { source, .. } | Self::Said(source) => matches!(
                source.classify(),
                ErrorClass::Refused
                    | ErrorClass::Dns
                    | ErrorClass::Timeout
                    | ErrorClass::Slow
                    | ErrorClass::Socket
                    | ErrorClass::PlainServer
                    | ErrorClass::TlsServer
                    | ErrorClass::Certificate
                    | ErrorClass::Broken
            ),
            _ => false,
        }
    }

    /// Whether the command's help belongs to it.
    pub(crate) fn is_usage(&self) -> bool {
        match self {
            Self::Usage(_) => true,
            Self::Hinted { error, .. } => error.is_usage(),
            _ => false,
        }
    }

    /// The process's exit code. A reader that went away is no failure.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Exit(code) => *code,
            Self::Hinted { error, .. } => error.exit_code(),
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            _ => FAILURE,
        }
    }

    /// What to print; nothing for those that have said it already.
    pub(crate) fn text(&self) -> Option<String> {
        match self {
            Self::Exit(_) => None,
            Self::Hinted { error, .. } => error.text(),
            Self::Said(_) => Some(String::new()),
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => None,
            other => Some(other.to_string()),
        }
    }

    /// What to try next.
    pub(crate) fn hints(&self) -> Vec<String> {
        match self {
            Self::Api { source, .. } | Self::Said(source) => hints(source),
            Self::Hinted { error, hint } => {
                let own = [hint.clone()].into_iter();
                own.chain(error.hints()).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// Gives an API error its place in a sentence.
pub(crate) trait During<T> {
    /// `what` is what was tried: `Error querying agent`.
    fn during(self, what: &str) -> Result<T, Error>;
}

impl<T> During<T> for Result<T, ApiError> {
    fn during(self, what: &str) -> Result<T, Error> {
        self.map_err(|source| Error::Api {
            what: what.to_owned(),
            source,
        })
    }
}

fn hints(error: &ApiError) -> Vec<String> {
    // A page comes from another kind of server; what came from an agent or never left does not.
    let class = match error.classify() {
        _ if error.is_page() => ErrorClass::Broken,
        ErrorClass::Broken if error.is_cut() || error.is_local() => return Vec::new(),
        class => class,
    };
    let other = "to ask another agent, give `-http-addr=HOST:8500` or set CONSUL_HTTP_ADDR";
    let lines: &[&str] = match class {
        ErrorClass::Refused => &[
            "is an agent running there? `consulctl agent -dev` starts one on this machine",
            other,
        ],
        ErrorClass::Dns => &["check the host's name", other],
        ErrorClass::Timeout => &[
            "the host may be down, or a firewall may drop the connection",
            other,
        ],
        ErrorClass::Slow => &[
            "the agent is there and does not answer: wait longer with `-timeout=60s`, or look into its log",
            other,
        ],
        ErrorClass::Socket => &[
            "is the agent running, with `addresses { http = \"unix://…\" }`, and may you open the socket?",
            other,
        ],
        ErrorClass::PlainServer => {
            &["the agent does not speak TLS on that port: use http://, or unset CONSUL_HTTP_SSL"]
        }
        ErrorClass::TlsServer => {
            &["the agent speaks TLS on that port: use https://, or set CONSUL_HTTP_SSL=true"]
        }
        ErrorClass::Certificate => &[
            "give the authority that signed the agent's certificate with `-ca-file`, and the expected name with `-tls-server-name`",
            "if the agent verifies its callers, give your own certificate with `-client-cert` and `-client-key`",
        ],
        ErrorClass::Broken => &[
            "is that the HTTP port? an agent serves HTTP on 8500, RPC on 8300, gossip on 8301, DNS on 8600",
        ],
        ErrorClass::NoLeader => &[
            "the servers have not elected a leader: `consulctl operator raft list-peers -stale` shows who votes",
        ],
        ErrorClass::Forbidden => {
            &["give a token that allows this with `-token-file`, or set CONSUL_HTTP_TOKEN"]
        }
        ErrorClass::NoDatacenter => {
            &["`consulctl catalog datacenters` lists those that the agent knows"]
        }
        ErrorClass::TooLarge => &[
            "a value holds 512 KiB, unless the agent's `limits { kv_max_value_size }` says otherwise",
        ],
        ErrorClass::NotFound | ErrorClass::Other => &[],
    };
    lines.iter().map(|line| (*line).to_owned()).collect()
}
