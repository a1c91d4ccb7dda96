//! Errors of the API, with the texts that Consul's own client prints.

use std::error::Error as _;
use std::io;
use std::path::{Path, PathBuf};

use super::settings::SettingsError;

/// Longest part of an answer's body that is kept for an error, in bytes.
pub(super) const MAX_ERROR_BODY: usize = 64 * 1024;

/// Why a request has no answer, or not the wanted one.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The agent answered with something else than success.
    #[error("Unexpected response code: {status} ({body})")]
    Status {
        /// The HTTP status.
        status: u16,
        /// The answer's text.
        body: String,
        /// Method and URL.
        request: String,
    },
    /// The agent cannot be reached, or the connection broke.
    #[error("{request}: {cause}")]
    Transport {
        /// Method and URL as Go prints them: `Get "http://…"`.
        request: String,
        /// What happened, in Go's words where it has any.
        cause: String,
        /// What kind of trouble it is.
        class: ErrorClass,
        /// The error below.
        #[source]
        source: reqwest::Error,
    },
    /// The agent did not begin its answer in time, or did not go on with it. Go's text.
    #[error("{request}: context deadline exceeded ({awaited})")]
    Slow {
        /// Method and URL.
        request: String,
        /// What was waited for, in Go's words.
        awaited: &'static str,
    },
    /// The answer is not what was asked for.
    #[error("{cause}")]
    Decode {
        /// Method and URL.
        request: String,
        /// What is wrong with it.
        cause: String,
        /// Whether it is a web page: another server answers there.
        is_page: bool,
    },
    /// The answer lacks a part.
    #[error("{0}")]
    Incomplete(String),
    /// A key may not begin with a slash. Consul's text.
    #[error("Invalid key. Key must not begin with a '/': {0}")]
    LeadingSlash(String),
    /// A name that a URL cannot carry.
    #[error("invalid name \"{0}\": a part between slashes may not be \".\" or \"..\"")]
    Name(String),
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A file of certificates or keys cannot be read.
    #[error("Error loading {what}: {reason}", reason = file_reason("open", .path, .source))]
    CertificateFile {
        /// What the file is for: `CA File`, `CA Path`, `client certificate`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it cannot be read.
        source: io::Error,
    },
    /// TLS cannot be set up.
    #[error("{what}: {source}")]
    Tls {
        /// What failed.
        what: String,
        /// Why.
        source: reqwest::Error,
    },
    /// TLS settings that contradict each other.
    #[error("{0}")]
    TlsSettings(String),
}

/// What kind of trouble an error is; commands choose their hints by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// Nobody listens there.
    Refused,
    /// The name has no address.
    Dns,
    /// No answer in time.
    Timeout,
    /// The agent takes connections and does not answer.
    Slow,
    /// TLS was spoken to a plain port.
    PlainServer,
    /// Plain HTTP was spoken to a TLS port.
    TlsServer,
    /// The certificate is not trusted.
    Certificate,
    /// The unix socket does not exist or may not be opened.
    Socket,
    /// The connection broke, or what answers is no HTTP server.
    Broken,
    /// The token does not allow it.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// The cluster has no leader.
    NoLeader,
    /// The agent knows no such datacenter.
    NoDatacenter,
    /// More was sent than the agent takes.
    TooLarge,
    /// Any other answer.
    Other,
}

impl ApiError {
    /// What kind of trouble it is.
    pub fn classify(&self) -> ErrorClass {
        match self {
            Self::Transport { class, .. } => *class,
            Self::Slow { .. } => ErrorClass::Slow,
            Self::Status { status: 403, .. } => ErrorClass::Forbidden,
            Self::Status { status: 404, .. } => ErrorClass::NotFound,
            Self::Status { status: 413, .. } => ErrorClass::TooLarge,
            Self::Status { body, .. } if body.contains("No cluster leader") => ErrorClass::NoLeader,
            Self::Status { body, .. } if body.contains("No path to datacenter") => {
                ErrorClass::NoDatacenter
            }
            Self::Status { body, .. }
                if body.contains("Client sent an HTTP request to an HTTPS server") =>
            {
                ErrorClass::TlsServer
            }
            Self::CertificateFile { .. } | Self::Tls { .. } => ErrorClass::Certificate,
            _ => ErrorClass::Other,
        }
    }

    /// Whether it came about here, before anything was sent.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Transport { source, .. } => source.is_builder(),
            Self::LeadingSlash(_)
            | Self::Name(_)
            | Self::Settings(_)
            | Self::CertificateFile { .. }
            | Self::TlsSettings(_) => true,
            _ => false,
        }
    }

    /// Whether the agent began an answer that did not come to its end.
    pub fn is_cut(&self) -> bool {
        match self {
            Self::Transport { source, .. } => source.is_body() || source.is_decode(),
            _ => false,
        }
    }

    /// Whether the answer cannot be understood.
    pub fn is_unreadable(&self) -> bool {
        matches!(self, Self::Decode { .. } | Self::Incomplete(_))
    }

    /// Whether the answer is a web page.
    pub fn is_page(&self) -> bool {
        matches!(self, Self::Decode { is_page: true, .. })
    }

    /// Turns a failed request into Go's words. `target` is what was dialled: `tcp 127.0.0.1:8500`.
    pub(super) fn transport(request: String, target: &str, source: reqwest::Error) -> Self {
        let (cause, class) = explain(target, &source);
        Self::Transport {
            request,
            cause,
            class,
            source,
        }
    }
}

fn explain(target: &str, error: &reqwest::Error) -> (String, ErrorClass) {
    let chain = texts(error);
    let all = chain.join(": ");
    let has = |part: &str| all.contains(part);
    if has("dns error") {
        let host = target.split([' ', ':']).nth(1).unwrap_or_default();
        return (
            format!("dial tcp: lookup {host}: no such host"),
            ErrorClass::Dns,
        );
    }
    if has("InvalidContentType") || has("InvalidMessage") {
        return (
            "http: server gave HTTP response to HTTPS client".to_owned(),
            ErrorClass::PlainServer,
        );
    }
    if has("invalid peer certificate") || has("received fatal alert") {
        let text = chain.last().cloned().unwrap_or_default();
        return (format!("tls: {text}"), ErrorClass::Certificate);
    }
    if error.is_builder() && has("header value") {
        // The only header whose value is somebody's text.
        let text = "net/http: invalid header field value for \"X-Consul-Token\"";
        return (text.to_owned(), ErrorClass::Other);
    }
    let system = io_source(error).filter(|found| found.raw_os_error().is_some());
    if error.is_connect() {
        if error.is_timeout() {
            return (format!("dial {target}: i/o timeout"), ErrorClass::Timeout);
        }
        let Some(found) = system else {
            let text = chain.last().cloned().unwrap_or_default();
            return (format!("dial {target}: {text}"), ErrorClass::Broken);
        };
        let class = match found.kind() {
            _ if target.starts_with("unix") => ErrorClass::Socket,
            io::ErrorKind::ConnectionRefused => ErrorClass::Refused,
            io::ErrorKind::TimedOut => ErrorClass::Timeout,
            _ => ErrorClass::Broken,
        };
        let text = format!("dial {target}: connect: {}", io_reason(found));
        return (text, class);
    }
    if let Some(found) = system {
        return (io_reason(found), ErrorClass::Broken);
    }
    if error.is_timeout() {
        return ("i/o timeout".to_owned(), ErrorClass::Timeout);
    }
    if has("connection closed before message completed") || has("end of file") {
        return ("EOF".to_owned(), ErrorClass::Broken);
    }
    (
        chain.last().cloned().unwrap_or_default(),
        ErrorClass::Broken,
    )
}

/// The texts of an error and of all below it, without repetitions.
fn texts(error: &reqwest::Error) -> Vec<String> {
    let mut found = vec![error.to_string()];
    let mut next = error.source();
    while let Some(error) = next {
        let text = error.to_string();
        if found.last() != Some(&text) {
            found.push(text);
        }
        next = error.source();
    }
    found
}

fn io_source(error: &reqwest::Error) -> Option<&io::Error> {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<io::Error>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// A system error as Go prints it: in lower case and without its number.
pub fn io_reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// `open path: no such file or directory`, as Go prints errors of files.
pub fn file_reason(action: &str, path: &Path, error: &io::Error) -> String {
    format!("{action} {}: {}", path.display(), io_reason(error))
}
