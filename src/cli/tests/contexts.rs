//! Contexts: which agent is asked with which token, and what is asked first.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;

use super::support::{Done, FakeApi, Setting, header, ok, run_in, status};

/// A user's folder with a config.toml.
struct Home(tempfile::TempDir);

impl Home {
    fn with(text: &str) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(home.file().parent().unwrap()).unwrap();
        fs::write(home.file(), text).unwrap();
        home
    }

    fn file(&self) -> PathBuf {
        self.0.path().join(".config/consulctl/config.toml")
    }

    fn run(&self, words: &[&str], variables: &[(&str, &str)]) -> Done {
        self.run_with(words, variables, None)
    }

    fn run_with(&self, words: &[&str], variables: &[(&str, &str)], input: Option<&str>) -> Done {
        let mut all = vec![("HOME".to_owned(), self.0.path().display().to_string())];
        let given = variables.iter();
        all.extend(given.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let setting = Setting {
            variables: all,
            input: input.unwrap_or_default().as_bytes().to_vec(),
            asked: input.is_some(),
            ..Setting::default()
        };
        run_in(words, setting)
    }
}

fn tokens(api: &FakeApi) -> Vec<Option<String>> {
    let seen = api.seen();
    seen.iter()
        .map(|one| header(one, "x-consul-token"))
        .collect()
}

#[test]
fn the_current_context_names_agent_token_and_datacenter() {
    let api = FakeApi::start(vec![ok("GET /v1/catalog/services", r#"{"web":[]}"#)]);
    let home = Home::with(&format!(
        "current = \"a\"\n[contexts.a]\naddress = \"{}\"\ntoken_file = \"~/token\"\ndatacenter = \"dc7\"\n",
        api.address
    ));
    fs::write(home.0.path().join("token"), "sesame\n").unwrap();
    let done = home.run(&["catalog", "services"], &[]);
    assert_eq!(done, Done::success("web\n"));
    home.run(
        &["catalog", "services", "-datacenter=dc1"],
        &[("CONSUL_HTTP_TOKEN", "own")],
    );
    assert_eq!(
        api.lines(),
        [
            "GET /v1/catalog/services?dc=dc7",
            "GET /v1/catalog/services?dc=dc1"
        ]
    );
    assert_eq!(
        tokens(&api),
        [Some("sesame".to_owned()), Some("own".to_owned())]
    );
}

#[test]
fn an_agent_that_is_named_otherwise_is_not_sent_the_token() {
    let api = FakeApi::start(vec![ok("GET /v1/catalog/services", r#"{"web":[]}"#)]);
    let home = Home::with(
        "current = \"a\"\n[contexts.a]\naddress = \"127.0.0.1:1\"\ntoken_cmd = [\"echo\", \"sesame\"]\n",
    );
    let flag = format!("-http-addr={}", api.address);
    let variable = ("CONSUL_HTTP_ADDR", api.address.as_str());
    let words = ["catalog", "services"];
    assert_eq!(home.run(&words, &[variable]), Done::success("web\n"));
    assert_eq!(
        home.run(&[&words[..], &[&flag]].concat(), &[]),
        Done::success("web\n")
    );
    // A shell that names both means the address.
    let both = [variable, ("CONSULCTL_CONTEXT", "a")];
    assert_eq!(home.run(&words, &both), Done::success("web\n"));
    assert_eq!(tokens(&api), [None, None, None]);
    // Somebody who types both means both.
    let done = home.run(&[&words[..], &["-context=a", &flag]].concat(), &[]);
    assert_eq!(done, Done::success("web\n"));
    assert_eq!(tokens(&api)[3].as_deref(), Some("sesame"));
}

#[test]
fn a_context_that_a_flag_names_goes_before_the_environment() {
    let (staging, exported) = (
        FakeApi::start(vec![ok("GET /v1/catalog/services", r#"{"web":[]}"#)]),
        FakeApi::start(vec![]),
    );
    let home = Home::with(&format!(
        "[contexts.staging]\naddress = \"{}\"\ntoken_cmd = [\"echo\", \"sesame\"]\n",
        staging.address
    ));
    let variables = [
        ("CONSUL_HTTP_ADDR", exported.address.as_str()),
        ("CONSUL_HTTP_TOKEN", "own"),
    ];
    let words = ["catalog", "services", "-context=staging"];
    assert_eq!(home.run(&words, &variables), Done::success("web\n"));
    assert_eq!(tokens(&staging), [Some("sesame".to_owned())]);
    assert!(exported.seen().is_empty());
}

#[test]
fn a_home_out_of_reach_has_no_contexts() {
    let run = |words: &[&str], more: &[(&str, &str)]| {
        let mut variables = vec![("HOME".to_owned(), "/dev/null".to_owned())];
        let given = more.iter();
        variables.extend(given.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        run_in(
            words,
            Setting {
                variables,
                ..Setting::default()
            },
        )
    };
    let shown = run(&["context", "show"], &[]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    let reason = "cannot read /dev/null/.config/consulctl/config.toml: not a directory\n";
    let named = run(&["members"], &[("CONSULCTL_CONTEXT", "a")]);
    assert!(named.err.starts_with(reason), "{}", named.err);
    let named = run(&["members", "-context=a"], &[]);
    assert!(named.err.starts_with(reason), "{}", named.err);
    assert!(run(&["context", "ls"], &[]).err.starts_with(reason));
}

#[test]
fn errors_name_the_context_and_the_line() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let home = Home::with(&format!(
        "current = \"a\"\n[contexts.a]\naddress = \"{free}\"\nadress = 1\n"
    ));
    let done = home.run(&["members"], &[]);
    assert_eq!(done.code, 1);
    let warning = format!(
        "warning: {}:4: unknown key `contexts.a.adress`\n",
        home.file().display()
    );
    assert!(done.err.starts_with(&warning), "{}", done.err);
    let hint = "hint: the address is that of the context a\n";
    assert!(done.err.contains(hint), "{}", done.err);
    let done = home.run(&["members", "-context=b"], &[]);
    assert!(
        done.err.contains("there is no context \"b\""),
        "{}",
        done.err
    );
    let broken = Home::with("current = \n");
    let done = broken.run(&["members"], &[]);
    assert!(
        done.err
            .starts_with(&format!("{}:1: ", broken.file().display())),
        "{}",
        done.err
    );
    // A script that names its agent does not care.
    let api = FakeApi::start(vec![ok("GET /v1/catalog/services", "{\"web\":[]}")]);
    let done = broken.run(
        &["catalog", "services"],
        &[("CONSUL_HTTP_ADDR", &api.address)],
    );
    assert_eq!(done, Done::success("web\n"));
}

#[test]
fn contexts_are_listed_switched_and_shown() {
    let home = Home::with(
        "# mine\ncurrent = \"a\"\n[contexts.a]\naddress = \"a:1\"\n[contexts.b]\naddress = \"b:1\"\nread_only = true\n",
    );
    let out = |words: &[&str]| home.run(&[&["context"], words].concat(), &[]).out;
    assert_eq!(
        out(&["ls", "-o", "cols=name,current"]),
        "Name  Current\na     *\nb     -\n"
    );
    assert_eq!(out(&["use", "b"]), "The current context is b.\n");
    assert_eq!(out(&["ls", "-o", "cols=current", "-no-headers"]), "-\n*\n");
    let shown = out(&["show", "-origin", "-no-headers"]);
    let rows: Vec<Vec<&str>> = shown
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let expected: [&[&str]; 4] = [
        &["context", "b", "config.toml"],
        &["address", "b:1", "context"],
        &["token", "none", "default"],
        &["read_only", "true", "context"],
    ];
    assert_eq!(rows, expected);
    assert_eq!(out(&["use", "-"]), "The current context is a.\n");
    let text = fs::read_to_string(home.file()).unwrap();
    assert!(
        text.starts_with("# mine\ncurrent = \"a\"\nprevious = \"b\"\n[contexts.a]"),
        "{text}"
    );
    let shown = home
        .run(
            &["context", "show", "-origin"],
            &[("CONSUL_HTTP_ADDR", "c:1")],
        )
        .out;
    assert!(
        shown.contains("address  c:1    CONSUL_HTTP_ADDR"),
        "{shown}"
    );
    let done = home.run(&["context", "use", "c"], &[]);
    assert_eq!(
        (done.code, done.err.as_str()),
        (1, "there is no context \"c\"\n")
    );
    let empty = Home::with("");
    let done = empty.run(&["context", "ls"], &[]);
    assert_eq!((done.code, done.out.as_str()), (0, ""));
    assert!(
        done.err.starts_with("There are no contexts in "),
        "{}",
        done.err
    );
}

#[test]
fn a_read_only_context_is_written_to_only_when_it_is_named() {
    let api = FakeApi::start(vec![
        ok("PUT /v1/kv/", "true"),
        status("GET /v1/kv/", 404, ""),
    ]);
    let home = Home::with(&format!(
        "current = \"prod\"\n[contexts.prod]\naddress = \"{}\"\nread_only = true\n",
        api.address
    ));
    let put = ["kv", "put", "k", "v"];
    let done = home.run(&put, &[]);
    let text = "the context prod is read-only: give -confirm-context=prod to go on\n";
    assert_eq!(done, Done::failure(text));
    assert_eq!(home.run_with(&put, &[], Some("y\n")).code, 1);
    assert_eq!(home.run_with(&put, &[], Some("")).code, 1);
    assert!(api.seen().is_empty());
    assert_eq!(home.run_with(&put, &[], Some("prod\n")).code, 0);
    assert_eq!(
        home.run(&["kv", "put", "-confirm-context=prod", "k", "v"], &[])
            .code,
        0
    );
    assert_eq!(home.run(&["kv", "put", "-dry-run", "k", "v"], &[]).code, 0);
    let variable = [("CONSUL_HTTP_ADDR", api.address.as_str())];
    assert_eq!(home.run(&put, &variable).code, 0);
    assert_eq!(api.seen().len(), 3);
}

#[test]
fn a_token_that_cannot_be_made_is_told_before_anything_is_sent() {
    let api = FakeApi::start(vec![]);
    let run = |setting: &str| {
        let text = format!(
            "current = \"a\"\n[contexts.a]\naddress = \"{}\"\n{setting}\n",
            api.address
        );
        let done = Home::with(&text).run(&["members"], &[]);
        assert_eq!(done.code, 1);
        done.err
    };
    let text = "context a: token_cmd `false`: exit status: 1\n";
    assert_eq!(run("token_cmd = [\"false\"]"), text);
    assert_eq!(
        run("token_cmd = [\"true\"]"),
        "context a: token_cmd `true`: printed no token\n"
    );
    assert!(
        run("token_file = \"/no/file\"").contains("cannot read token_file /no/file: no such file")
    );
    assert!(api.seen().is_empty());
}

/// What changes something, with words that it accepts.
const WRITERS: [&[&str]; 24] = [
    &["event", "-name=deploy"],
    &["exec", "uptime"],
    &["force-leave", "web-7"],
    &["join", "10.0.0.1"],
    &["keyring", "-install=kZyFABeAmc64UMTrm9XuKA=="],
    &["keyring", "-remove=kZyFABeAmc64UMTrm9XuKA=="],
    &["keyring", "-use=kZyFABeAmc64UMTrm9XuKA=="],
    &["kv", "cas", "k", "1", "v"],
    &["kv", "delete", "-recurse", "k"],
    &["kv", "delete", "k"],
    &["kv", "import", "[]"],
    &["kv", "put", "k", "v"],
    &["leave"],
    &["lock", "p", "true"],
    &["maint", "-disable"],
    &["maint", "-enable"],
    &["maint", "-enable", "-service=web"],
    &[
        "operator",
        "autopilot",
        "set-config",
        "-cleanup-dead-servers=true",
    ],
    &["operator", "raft", "remove-peer", "-address=10.0.0.1:8300"],
    &["operator", "raft", "transfer-leader"],
    &["reload"],
    &["services", "deregister", "-id=web"],
    &["services", "register", "-name=web"],
    &["snapshot", "restore", "/dev/null"],
];

/// What only reads; `top` asks when it is told to write.
const READERS: [&str; 18] = [
    "catalog datacenters",
    "catalog nodes",
    "catalog services",
    "context show",
    "info",
    "kv export",
    "kv get",
    "members",
    "monitor",
    "operator autopilot get-config",
    "operator autopilot state",
    "operator raft list-peers",
    "rtt",
    "snapshot save",
    "top",
    "watch",
    "context ls",
    "context use",
];

/// The commands that speak to an agent.
fn clients(command: &clap::Command, path: &str, found: &mut Vec<String>) {
    for inner in command.get_subcommands() {
        let path = format!("{path} {}", inner.get_name()).trim().to_owned();
        if inner
            .get_arguments()
            .any(|arg| arg.get_long() == Some("http-addr"))
        {
            found.push(path.clone());
        }
        clients(inner, &path, found);
    }
}

#[test]
fn every_command_that_writes_heeds_read_only() {
    let api = FakeApi::start(vec![]);
    let home = Home::with(&format!(
        "current = \"prod\"\n[contexts.prod]\naddress = \"{}\"\nread_only = true\ntoken_cmd = [\"false\"]\n",
        api.address
    ));
    let text = "the context prod is read-only: give -confirm-context=prod to go on\n";
    for words in WRITERS {
        // The program that would make the token has not run yet.
        assert_eq!(home.run(words, &[]), Done::failure(text), "{words:?}");
    }
    assert!(api.seen().is_empty());
    let mut all = Vec::new();
    clients(&crate::cli::root::definition(), "", &mut all);
    for name in all {
        let is_writer = WRITERS.iter().any(|words| {
            let line = words.join(" ");
            line == name || line.starts_with(&format!("{name} "))
        });
        assert!(
            is_writer || READERS.contains(&name.as_str()),
            "whether `{name}` writes is not said"
        );
    }
    let listed = home.run(&["keyring", "-list"], &[]);
    assert!(listed.err.contains("token_cmd `false`"), "{}", listed.err);
}

#[test]
fn the_flag_that_is_needed_is_named() {
    let home = Home::with(
        "current = \"prod\"\n[contexts.prod]\naddress = \"127.0.0.1:1\"\nread_only = true\n",
    );
    let text = "the context prod is read-only: give -confirm-context=prod to go on\n";
    let words = ["kv", "delete", "-no-input", "k"];
    assert_eq!(home.run_with(&words, &[], Some("prod\n")).err, text);
    let words = ["kv", "put", "-confirm-context=dev", "k", "v"];
    let text = "-confirm-context=dev is not `prod`: nothing was changed\n";
    assert_eq!(home.run(&words, &[]).err, text);
}

#[test]
fn a_job_in_the_context_s_datacenter_is_one_elsewhere() {
    let agent = r#"{"Config":{"Datacenter":"dc1","NodeName":"n"}}"#;
    let api = FakeApi::start(vec![ok("GET /v1/agent/self", agent)]);
    let home = Home::with(&format!(
        "current = \"a\"\n[contexts.a]\naddress = \"{}\"\ndatacenter = \"dc7\"\n",
        api.address
    ));
    let told = "Remote exec in foreign datacenter, using Session TTL\n";
    assert!(
        home.run(&["exec", "-verbose", "uptime"], &[])
            .out
            .contains(told)
    );
    let here = ["exec", "-verbose", "-datacenter=dc1", "uptime"];
    assert!(!home.run(&here, &[]).out.contains(told));
}
