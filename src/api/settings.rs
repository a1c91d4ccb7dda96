//! How to reach an agent: flags beat `CONSUL_*` variables, which beat the defaults.

use std::path::PathBuf;
use std::time::Duration;

use super::address::{Address, AddressError};

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The token file cannot be read.
    #[error("Error loading token file: {reason}", reason = crate::api::error::file_reason("open", .path, .source))]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// What the flags of a command say; `None` where a flag is not given.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `-http-addr`
    pub address: Option<String>,
    /// `-token`
    pub token: Option<String>,
    /// `-token-file`
    pub token_file: Option<PathBuf>,
    /// `-ca-file`
    pub ca_file: Option<PathBuf>,
    /// `-ca-path`
    pub ca_path: Option<PathBuf>,
    /// `-client-cert`
    pub client_cert: Option<PathBuf>,
    /// `-client-key`
    pub client_key: Option<PathBuf>,
    /// `-tls-server-name`
    pub tls_server_name: Option<String>,
    /// `-namespace`
    pub namespace: Option<String>,
}

/// How long is waited for an agent; `None` for as long as it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Until a connection is up: name, TCP and TLS.
    pub connect: Option<Duration>,
    /// Until the answer begins to a read that waits for no change.
    pub read: Option<Duration>,
    /// The same for a write.
    pub write: Option<Duration>,
}

impl Patience {
    /// For somebody who watches. A read gets longer than a server holds a request while nobody leads, which is 7 s.
    pub const PERSON: Self = Self {
        connect: Some(Duration::from_secs(3)),
        read: Some(Duration::from_secs(10)),
        write: None,
    };
    /// What scripts are used to: Go gives up dialling after 30 s, and nothing else.
    pub const SCRIPT: Self = Self {
        connect: Some(Duration::from_secs(30)),
        read: None,
        write: None,
    };

    /// The same for everything; zero for as long as it takes.
    pub fn of(bound: Duration) -> Self {
        let bound = Some(bound).filter(|bound| !bound.is_zero());
        Self {
            connect: bound,
            read: bound,
            write: bound,
        }
    }
}

/// Everything a [`super::Client`] needs.
#[derive(Clone)]
pub struct Settings {
    /// Where the agent is.
    pub address: Address,
    /// The ACL token; never printed.
    pub token: Option<String>,
    /// User and password of HTTP basic authentication.
    pub basic_auth: Option<(String, String)>,
    /// Authorities that may sign the agent's certificate: one file.
    pub ca_file: Option<PathBuf>,
    /// Authorities that may sign the agent's certificate: a folder of files.
    pub ca_path: Option<PathBuf>,
    /// Our own certificate, where the agent asks for one.
    pub client_cert: Option<PathBuf>,
    /// Its key.
    pub client_key: Option<PathBuf>,
    /// The name to expect in the agent's certificate.
    pub tls_server_name: Option<String>,
    /// Whether the agent's certificate is checked.
    pub verify: bool,
    /// The namespace that is sent with every request; Consul Enterprise only.
    pub namespace: Option<String>,
    /// The datacenter of requests that name none.
    pub datacenter: Option<String>,
    /// How long is waited for the agent.
    pub patience: Patience,
    /// Where a line about each request goes.
    pub trace: Option<fn(&str)>,
    /// Variables that were set to something that cannot be read: name and value.
    pub ignored: Vec<(&'static str, String)>,
}

impl Settings {
    /// Puts flags over variables over defaults. Empty values count as not given.
    ///
    /// # Errors
    ///
    /// An address that cannot be read, a token file that cannot be read.
    pub fn resolve(
        flags: Overrides,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, SettingsError> {
        let text = |flag: Option<String>, name: &str| given(flag).or_else(|| given(variable(name)));
        let path = |flag: Option<PathBuf>, name: &str| {
            flag.filter(|path| !path.as_os_str().is_empty())
                .or_else(|| given(variable(name)).map(PathBuf::from))
        };
        let mut ignored = Vec::new();
        let mut boolean = |name: &'static str, default: bool| match given(variable(name)) {
            None => default,
            Some(value) => parse_bool(&value).unwrap_or_else(|| {
                ignored.push((name, value));
                default
            }),
        };
        let tls = boolean("CONSUL_HTTP_SSL", false);
        let verify = boolean("CONSUL_HTTP_SSL_VERIFY", true);
        let address = text(flags.address, "CONSUL_HTTP_ADDR").unwrap_or_default();
        let token_flag = (given(flags.token), flags.token_file);
        let token = match token_flag {
            (_, Some(file)) if !file.as_os_str().is_empty() => Some(read_token(file)?),
            (Some(token), _) => Some(token),
            _ => match given(variable("CONSUL_HTTP_TOKEN_FILE")) {
                Some(file) => Some(read_token(file.into())?),
                None => given(variable("CONSUL_HTTP_TOKEN")),
            },
        };
        let auth = given(variable("CONSUL_HTTP_AUTH"));
        Ok(Self {
            address: Address::parse(&address, tls)?,
            token: given(token),
            basic_auth: auth.map(|auth| match auth.split_once(':') {
                Some((user, password)) => (user.to_owned(), password.to_owned()),
                None => (auth, String::new()),
            }),
            ca_file: path(flags.ca_file, "CONSUL_CACERT"),
            ca_path: path(flags.ca_path, "CONSUL_CAPATH"),
            client_cert: path(flags.client_cert, "CONSUL_CLIENT_CERT"),
            client_key: path(flags.client_key, "CONSUL_CLIENT_KEY"),
            tls_server_name: text(flags.tls_server_name, "CONSUL_TLS_SERVER_NAME"),
            namespace: text(flags.namespace, "CONSUL_NAMESPACE"),
            verify,
            datacenter: None,
            patience: Patience::SCRIPT,
            trace: None,
            ignored,
        })
    }
}

fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn read_token(path: PathBuf) -> Result<String, SettingsError> {
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(source) => Err(SettingsError::TokenFile { path, source }),
    }
}

fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(flags: Overrides, given: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::resolve(flags, |name| {
            let found = given.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn flags_beat_variables_which_beat_defaults() {
        let plain = resolve(Overrides::default(), &[]).unwrap();
        assert_eq!(plain.address.display_base(), "http://127.0.0.1:8500");
        assert!(plain.verify && plain.token.is_none());
        let variables = [
            ("CONSUL_HTTP_ADDR", "a:1"),
            ("CONSUL_HTTP_TOKEN", "t1"),
            ("CONSUL_HTTP_SSL", "true"),
            ("CONSUL_HTTP_SSL_VERIFY", "0"),
            ("CONSUL_HTTP_AUTH", "user:pass:word"),
            ("CONSUL_NAMESPACE", "n"),
        ];
        let from_variables = resolve(Overrides::default(), &variables).unwrap();
        assert_eq!(from_variables.address.display_base(), "https://a:1");
        assert_eq!(from_variables.token.as_deref(), Some("t1"));
        assert!(!from_variables.verify);
        let auth = Some(("user".to_owned(), "pass:word".to_owned()));
        assert_eq!(from_variables.basic_auth, auth);
        let flags = Overrides {
            address: Some("b:2".into()),
            token: Some("t2".into()),
            ..Overrides::default()
        };
        let from_flags = resolve(flags, &variables).unwrap();
        assert_eq!(from_flags.address.display_base(), "https://b:2");
        assert_eq!(from_flags.token.as_deref(), Some("t2"));
    }

    #[test]
    fn a_token_file_is_read_and_must_exist() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), " secret\n").unwrap();
        let name = file.path().to_str().unwrap();
        let found = resolve(Overrides::default(), &[("CONSUL_HTTP_TOKEN_FILE", name)]).unwrap();
        assert_eq!(found.token.as_deref(), Some("secret"));
        let missing = resolve(Overrides::default(), &[("CONSUL_HTTP_TOKEN_FILE", "/no/t")]);
        let text = missing.err().unwrap().to_string();
        let expected = "Error loading token file: open /no/t: no such file or directory";
        assert_eq!(text, expected);
    }

    #[test]
    fn what_cannot_be_read_is_told_not_guessed() {
        let found = resolve(Overrides::default(), &[("CONSUL_HTTP_SSL", "bad")]).unwrap();
        assert_eq!(found.ignored, vec![("CONSUL_HTTP_SSL", "bad".to_owned())]);
        assert!(!found.address.is_tls());
    }
}
