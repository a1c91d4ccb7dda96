//! Help on what concerns all commands: `help contexts`, `help environment`, `help exit-codes`, `help formatting`.

/// Something to read about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Topic {
    /// What stands behind `help`.
    pub(crate) name: &'static str,
    /// What it is about, in a line.
    pub(crate) about: &'static str,
    /// The text.
    pub(crate) text: &'static str,
}

/// Every topic, sorted.
pub(crate) const TOPICS: [Topic; 4] = [
    Topic {
        name: "contexts",
        about: "Named agents in a file of the user's own",
        text: CONTEXTS,
    },
    Topic {
        name: "environment",
        about: "The variables that commands read",
        text: ENVIRONMENT,
    },
    Topic {
        name: "exit-codes",
        about: "What a command's exit code means",
        text: EXIT_CODES,
    },
    Topic {
        name: "formatting",
        about: "Text, JSON, colours, and what goes where",
        text: FORMATTING,
    },
];

/// The topic of that name.
pub(crate) fn topic(name: &str) -> Option<&'static Topic> {
    TOPICS.iter().find(|topic| topic.name == name)
}

impl Topic {
    /// The topic as `help` prints it.
    pub(crate) fn shown(&self) -> String {
        format!("{}\n\n{}", self.about, self.text)
    }
}

const CONTEXTS: &str = "\
The file is consulctl/config.toml in $XDG_CONFIG_HOME, or in ~/.config:

  current = \"prod\"

  [contexts.prod]
  address = \"https://consul.prod.example:8501\"
  token_file = \"~/.config/consulctl/prod.token\"
  ca_file = \"/etc/ssl/consul-ca.pem\"
  read_only = true

  [contexts.dev]
  address = \"127.0.0.1:8500\"

  [top]
  view = \"overview\"
  theme = \"deuteranopia\"
  interval_ms = 1000

  [top.thresholds]
  lag_entries_warn = 50
  lag_entries_crit = 250
  contact_ms_crit = 200
  score_warn = 1
  score_crit = 3

A context also knows token_cmd (a list: a program that prints the token, and its
arguments), ca_path, client_cert, client_key, tls_server_name, namespace,
datacenter, and accent (the colour of its name in top: red, green, yellow, blue,
magenta or cyan). `consulctl top -print-config` prints all of [top]. A key that
is not known is told with its line; a wrong value makes its context unusable.

  consulctl context ls              the contexts
  consulctl context use prod        makes one the current one
  consulctl context use -           back to the one before
  consulctl context show -origin    what commands would use, and why

-context=NAME and CONSULCTL_CONTEXT name a context for one command or shell. A
flag wins over the environment, the environment over the context, the context
over the default; a context that is named with -context wins over the
environment, too. token_cmd runs with CONSULCTL_TOKEN_FOR set to the names of
the contexts whose tokens are being made, so that it cannot start itself for
ever. When the address is given by -http-addr or CONSUL_HTTP_ADDR,
the agent there is not the context's: it is sent neither token nor certificate
of the current context.

Commands that change something ask once more before they do so in a context with
read_only = true. Where nobody can be asked, -confirm-context=NAME is needed.
";

const ENVIRONMENT: &str = "\
A flag wins over its variable, a variable over the default. An empty variable
counts as one that is not set.

The agent to ask:

  CONSUL_HTTP_ADDR         address: HOST:PORT, URL, or unix:///PATH
                           (-http-addr; 127.0.0.1:8500)
  CONSUL_HTTP_TOKEN        ACL token (-token)
  CONSUL_HTTP_TOKEN_FILE   file that holds the token (-token-file)
  CONSUL_HTTP_AUTH         USER:PASSWORD for HTTP basic authentication
  CONSUL_HTTP_SSL          true: speak https
  CONSUL_HTTP_SSL_VERIFY   false: take any certificate
  CONSUL_CACERT            file of authorities to trust (-ca-file)
  CONSUL_CAPATH            folder of authorities to trust (-ca-path)
  CONSUL_CLIENT_CERT       own certificate (-client-cert)
  CONSUL_CLIENT_KEY        its key (-client-key)
  CONSUL_TLS_SERVER_NAME   name in the agent's certificate (-tls-server-name)
  CONSUL_NAMESPACE         namespace (-namespace); Consul Enterprise only

This program:

  CONSULCTL_CONTEXT        the context to use (-context)
  CONSULCTL_DEBUG          api: show every request on standard error, with its
                           status and time; tokens are never shown
  CONSULCTL_PAGER, PAGER   shows help and numbers that are longer than the
                           terminal (less -FRXK); cat: nothing does
  NO_COLOR                 set to anything: no colours
  CLICOLOR_FORCE           set, and not 0: colours even into files and pipes
  TERM                     dumb: no colours
  SHELL                    what runs the commands of watch, lock and exec, and
                           what completion is installed for
  XDG_CONFIG_HOME          where consulctl/config.toml is (~/.config)
  HTTP_PROXY, HTTPS_PROXY, NO_PROXY
                           as everywhere; never for agents on this machine
";

const EXIT_CODES: &str = "\
The codes are Consul's, so that scripts need not know which program they call.

  0     success; also when the reader of the output went away
  1     anything that went wrong: wrong flags, an agent that cannot be reached
        or refuses, a key that does not exist, a condition that did not hold
  2     members: no member matches
  127   there is no such command

`lock` and `watch` end with 1 when what they run fails. `lock -child-exit-code`
ends with 2 then, as in Consul. `exec` ends with 2 when a node's command failed.
";

const FORMATTING: &str = "\
Data goes to standard output. Errors, hints, questions and progress go to
standard error, so that a pipe holds nothing but data.

  -format=text   Consul's text; the default
  -format=json   one JSON value, with the API's own names of fields
  -format=yaml   the same as a YAML document
  -o FORMAT      the same as -format

Commands that print a table also know

  -o wide        all columns that are known
  -o csv         all columns, comma-separated, values as they are
  -o name        the first column without its head
  -o cols=A,B    these columns; letters may be small or large
  -no-headers    leave out the names of the columns

With -format=json, and where standard error is no terminal, an error is one JSON
object on standard error: {\"error\": {\"kind\", \"message\", \"hints\"}}. Kinds are
usage, settings, unreachable, bad_answer, forbidden, not_found, no_leader,
no_datacenter, too_large, refused_by_agent, output, and failed. Commands that
have -format in Consul too keep Consul's text: version, snapshot inspect, and
operator autopilot get-config and state.

Colours only repeat what words say. They are for terminals: -color=always or
CLICOLOR_FORCE=1 colours pipes too, -color=never, NO_COLOR or TERM=dumb nothing.

With -watch, every change is a line: the time in UTC, what happened (added,
changed, removed), and the object. With -format=json each line is a JSON object
with `event`, `at` and `object`. A terminal shows the whole table instead, drawn
again at each change.
";
