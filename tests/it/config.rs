//! Configuration: what is refused and how, and what a reload changes.

use std::fs;
use std::path::Path;
use std::process::Output;

use hickory_proto::rr::RecordType;
use serde_json::{Value, json};

use crate::support::{Dns, TestAgent, consulctl, own_address, started_and_ended, text_of};

/// File names, their text, and what must be said about them.
const WRONG: &[(&str, &str, &[&str])] = &[
    (
        "a.json",
        "{\n  \"datacenter\": \"dc1\",\n  \"sever\": true\n}\n",
        &[
            "failed to parse",
            "invalid config key sever",
            "a.json:3)",
            "did you mean \"server\"?",
        ],
    ),
    (
        "a.hcl",
        "datacenter = \"dc1\"\n\nnode_nam = \"x\"\n",
        &[
            "invalid config key node_nam",
            "a.hcl:3)",
            "did you mean \"node_name\"?",
        ],
    ),
    (
        "b.hcl",
        "server = \"maybe\"\nports {\n  http = \"x\"\n}",
        &[
            "2 error(s) decoding",
            "'server' expected type 'bool'",
            "b.hcl:1)",
            "'ports.http'",
            "b.hcl:3)",
        ],
    ),
    (
        "b.json",
        "{\"ports\": {\"http\": \"x\"},\n\"retry_join\": 5}",
        &[
            "'ports.http' expected type 'int'",
            "b.json:1)",
            "'retry_join'",
            "b.json:2)",
        ],
    ),
    (
        "c.json",
        "{\"server\": ",
        &["failed to parse", "c.json", "unexpected end of JSON input"],
    ),
    ("c.hcl", "a = = 1", &["failed to parse", "c.hcl:1)"]),
    (
        "d.json",
        "{\"check\": {\"name\": \"p\", \"script\": \"ping\", \"interval\": \"30s\"}}",
        &[
            "invalid config key check.script",
            "d.json:1)",
            "use \"args\"",
        ],
    ),
    (
        "f.hcl",
        "bind_addr = \"nowhere\"",
        &["bind_addr", "nowhere"],
    ),
];

fn validate(paths: &[&Path]) -> Output {
    consulctl().arg("validate").args(paths).output().unwrap()
}

/// A configuration with which nothing is wrong.
fn valid(folder: &Path) -> String {
    format!(
        "data_dir = {:?}\nbind_addr = \"127.0.0.1\"\n",
        folder.join("data").display().to_string()
    )
}

#[test]
fn mistakes_name_file_line_and_what_was_meant() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("base.hcl");
    fs::write(&base, valid(folder.path())).unwrap();
    for (name, text, expected) in WRONG {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        let option = format!("-config-file={}", file.display());
        // The bind address of the flags would hide a wrong one in a file.
        let mut command = consulctl();
        command.args(["agent", "-dev", &option]);
        let (code, printed) = started_and_ended(command);
        assert_eq!(code, Some(1), "{name}: {printed}");
        let checked = validate(&[&base, &file]);
        assert_eq!(
            (checked.status.code(), checked.stdout.as_slice()),
            (Some(1), &b""[..]),
            "{name}"
        );
        let checked = text_of(&checked.stderr);
        assert!(
            checked.starts_with("Config validation failed: "),
            "{checked}"
        );
        for part in *expected {
            assert!(printed.contains(part), "agent, {name}, {part:?}: {printed}");
            assert!(
                checked.contains(part),
                "validate, {name}, {part:?}: {checked}"
            );
        }
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text, _) in &WRONG[..6] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let printed = text_of(&validate(&[folder.path()]).stderr);
    for (name, _, _) in &WRONG[..6] {
        assert!(printed.contains(name), "{name}: {printed}");
    }
}

#[test]
fn a_valid_configuration_is_said_to_be_valid() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("conf")).unwrap();
    let conf = folder.path().join("conf");
    fs::write(conf.join("a.hcl"), valid(folder.path())).unwrap();
    fs::write(
        conf.join("b.json"),
        r#"{"service": {"name": "web", "port": 80}}"#,
    )
    .unwrap();
    fs::write(conf.join("notes.txt"), "no configuration").unwrap();
    let done = validate(&[&conf]);
    assert!(done.status.success(), "{done:?}");
    assert_eq!(text_of(&done.stdout), "Configuration is valid!\n");
    assert!(text_of(&done.stderr).contains("skipping file"), "{done:?}");
    assert!(!folder.path().join("data").exists(), "nothing is started");
    let done = validate(&[]);
    assert_eq!(done.status.code(), Some(1));
    assert!(text_of(&done.stderr).contains("Must specify at least one config file or directory"));
    let done = validate(&[&folder.path().join("missing.hcl")]);
    assert_eq!(done.status.code(), Some(1));
    assert!(text_of(&done.stderr).contains("missing.hcl"), "{done:?}");
}

#[test]
fn absurd_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("deep.hcl");
    let nested = |part: &str| part.repeat(100_000);
    for (name, text) in [
        ("deep.hcl", nested("a { ")),
        ("lists.hcl", format!("a = {}", nested("["))),
        ("deep.json", nested("{\"a\":")),
        ("lists.json", nested("[")),
        ("string.hcl", "a = \"${".to_owned() + &nested("{")),
        ("binary.json", "\u{0}\u{1}\u{feff}".to_owned()),
        ("comment.hcl", "/* never closed".to_owned()),
    ] {
        let file = file.with_file_name(name);
        fs::write(&file, text).unwrap();
        let done = validate(&[&file]);
        let printed = text_of(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{name}: {printed}");
        assert!(printed.contains(name), "{name}: {printed}");
        assert!(!printed.contains("panic"), "{name}: {printed}");
        fs::remove_file(&file).unwrap();
    }
}

#[test]
fn the_environment_is_one_more_file() {
    for text in [
        r#"{"node_name": "from-environment"}"#,
        "node_name = \"from-environment\"",
    ] {
        let ip = own_address();
        let mut command = TestAgent::command(ip, &["-dev"]);
        command.env("CONSUL_LOCAL_CONFIG", text);
        let agent = TestAgent::start_command(ip, command);
        let name = agent.json("/v1/agent/self")["Config"]["NodeName"].clone();
        assert_eq!(name, json!("from-environment"));
    }
    let mut command = TestAgent::command(own_address(), &["-dev"]);
    command.env("CONSUL_LOCAL_CONFIG", r#"{"skip_leave_on_interupt": true}"#);
    let (code, printed) = started_and_ended(command);
    assert_eq!(code, Some(1));
    assert!(
        printed.contains("failed to parse CONSUL_LOCAL_CONFIG"),
        "{printed}"
    );
    assert!(
        printed.contains("did you mean \"skip_leave_on_interrupt\"?"),
        "{printed}"
    );
}

#[test]
fn flags_that_do_not_exist_are_refused() {
    for (args, expected) in [
        (
            &["agent", "-bogus"][..],
            "flag provided but not defined: -bogus",
        ),
        (&["agent", "-server"], "data_dir cannot be empty"),
        (
            &["agent", "-dev", "-log-level=loud"],
            "Invalid log level: LOUD",
        ),
        (&["agent", "-dev", "extra"], "Unexpected extra arguments"),
    ] {
        let mut command = consulctl();
        command.args(args);
        let (code, printed) = started_and_ended(command);
        assert_eq!(code, Some(1), "{printed}");
        assert!(printed.contains(expected), "{printed}");
    }
}

/// A running agent and the file that defines its service.
struct Reloading {
    agent: TestAgent,
    folder: tempfile::TempDir,
}

impl Reloading {
    fn start(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("service.hcl"), text).unwrap();
        let option = format!("-config-dir={}", folder.path().display());
        let args = ["-dev", "-node=n1", "-log-level=info", &option];
        let agent = TestAgent::start(own_address(), &args);
        Self { agent, folder }
    }

    fn write(&self, text: &str) {
        fs::write(self.folder.path().join("service.hcl"), text).unwrap();
    }

    fn reload(&self) {
        assert_eq!(
            self.agent.cli_ok(&["reload"]),
            "Configuration reload triggered\n"
        );
    }

    /// Waits until the catalog has the service with this port, or no instance.
    fn wait_port(&self, port: Option<u16>) {
        let found = |found: &Value| {
            found.as_array().is_some_and(|all| match port {
                Some(port) => all.len() == 1 && all[0]["ServicePort"] == json!(port),
                None => all.is_empty(),
            })
        };
        self.agent.wait_json("/v1/catalog/service/web", found);
    }
}

#[test]
fn a_reload_applies_what_the_files_say() {
    let reloading = Reloading::start("service { name = \"web\" port = 80 }");
    reloading.wait_port(Some(80));
    reloading.write("service { name = \"web\" port = 81 tags = [\"new\"] }");
    reloading.reload();
    reloading.wait_port(Some(81));
    assert_eq!(
        reloading.agent.json("/v1/catalog/services")["web"],
        json!(["new"])
    );
    let more = reloading.folder.path().join("more.json");
    fs::write(
        &more,
        r#"{"service": {"name": "api", "port": 90}, "node_meta": {"rack": "r1"}}"#,
    )
    .unwrap();
    reloading.agent.signal("HUP");
    reloading
        .agent
        .wait_json("/v1/catalog/service/api", |all| all[0].is_object());
    let in_rack = "/v1/catalog/nodes?node-meta=rack:r1";
    reloading.agent.wait_json(in_rack, |all| all[0].is_object());
    reloading.write("");
    reloading.reload();
    reloading.wait_port(None);
    reloading.agent.assert_healthy();
}

#[test]
fn a_reload_of_a_broken_file_keeps_the_old_configuration() {
    let reloading = Reloading::start("service { name = \"web\" port = 80 }");
    reloading.wait_port(Some(80));
    let broken = [
        (
            "service { name = \"web\" prot = 81 }",
            "did you mean \"port\"?",
        ),
        ("service { name = ", "service.hcl"),
        ("service { name = \"web\" port = \"many\" }", "service.hcl"),
    ];
    for (text, expected) in broken {
        reloading.write(text);
        let (code, printed) = reloading.agent.cli_fails(&["reload"]);
        assert_eq!(code, Some(1));
        assert!(printed.starts_with("Error reloading: "), "{printed}");
        assert!(printed.contains(expected), "{printed}");
        let before = reloading.agent.line_count();
        reloading.agent.signal("HUP");
        let line = reloading.agent.wait_line(before, "Reload config failed");
        assert!(line.contains("[ERROR]"), "{line}");
        reloading.agent.wait_line(before, expected);
        let services = reloading.agent.json("/v1/agent/services");
        assert_eq!(services["web"]["Port"], json!(80), "{text}: {services}");
        reloading.wait_port(Some(80));
    }
    reloading.write("service { name = \"web\" port = 82 }");
    reloading.reload();
    reloading.wait_port(Some(82));
}

#[test]
fn a_reload_changes_the_log_level() {
    let reloading = Reloading::start("");
    let ask = || drop(Dns::new(reloading.agent.dns()).ask("n1.node.consul.", RecordType::A));
    ask();
    // The flag has the last word over files, so that the level must come from files alone.
    assert!(!reloading.agent.printed().contains("[DEBUG]"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.hcl");
    fs::write(&file, "log_level = \"INFO\"").unwrap();
    let option = format!("-config-file={}", file.display());
    let agent = TestAgent::start(own_address(), &["-dev", "-node=n1", &option]);
    agent.send("GET", "/v1/status/leader", "");
    assert!(!agent.printed().contains("[DEBUG]"), "{}", agent.printed());
    fs::write(&file, "log_level = \"DEBUG\"").unwrap();
    agent.cli_ok(&["reload"]);
    let before = agent.line_count();
    agent.send("GET", "/v1/status/leader", "");
    agent.wait_line(
        before,
        "[DEBUG] agent.http: Request finished: method=GET url=/v1/status/leader",
    );
}

#[test]
fn an_address_in_use_is_a_start_error() {
    let first = TestAgent::dev(&[]);
    let refused = |ip| started_and_ended(TestAgent::command(ip, &["-dev", "-node=n2"]));
    let (code, printed) = refused(first.ip);
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains(&format!(" {}:", first.ip)), "{printed}");
    assert!(
        printed.to_lowercase().contains("address already in use"),
        "{printed}"
    );
    first.assert_healthy();
    for (port, room) in [(8500, "HTTP"), (8600, "DNS")] {
        let ip = own_address();
        let taken = std::net::TcpListener::bind((ip, port)).unwrap();
        let (code, printed) = refused(ip);
        assert_eq!(code, Some(1), "{printed}");
        assert!(
            printed.contains(&format!("Failed to start {room} server: ")),
            "{printed}"
        );
        assert!(printed.contains(&format!("{ip}:{port}")), "{printed}");
        drop(taken);
    }
}

#[test]
fn a_data_folder_that_is_a_file_is_a_start_error() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let args = ["-server", "-bootstrap-expect=1", "-data-dir", path];
    let (code, printed) = started_and_ended(TestAgent::command(own_address(), &args));
    assert_eq!(code, Some(1), "{printed}");
    assert!(
        printed.contains(path) && printed.contains("is not a directory"),
        "{printed}"
    );
}

#[test]
fn the_process_id_and_the_log_are_written_to_files() {
    let folder = tempfile::tempdir().unwrap();
    let (pid_file, logs) = (folder.path().join("pid"), folder.path().join("logs/"));
    let options = [
        "-dev",
        &format!("-pid-file={}", pid_file.display()),
        &format!("-log-file={}", logs.join("agent.log").display()),
    ];
    fs::create_dir(&logs).unwrap();
    let agent = TestAgent::start(own_address(), &options);
    assert_eq!(
        fs::read_to_string(&pid_file).unwrap(),
        agent.process_id().to_string()
    );
    agent.signal("TERM");
    agent.ended();
    assert!(!pid_file.exists());
    let files: Vec<_> = fs::read_dir(&logs)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let text = fs::read_to_string(&files[0]).unwrap();
    assert!(text.contains("agent: Exit code: code="), "{text}");
}

#[test]
fn the_api_is_served_on_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("http.sock");
    let address = format!("unix://{}", socket.display());
    let option = format!("-hcl=addresses {{ http = \"{address}\" }}");
    for _ in 0..2 {
        // The socket of a killed agent does not stop the next one.
        let agent = TestAgent::start(own_address(), &["-dev", &option]);
        let mut command = consulctl();
        let output = command
            .env("CONSUL_HTTP_ADDR", &address)
            .args(["kv", "put", "a", "b"])
            .output();
        let output = output.unwrap();
        assert_eq!(
            text_of(&output.stdout),
            "Success! Data written to: a\n",
            "{output:?}"
        );
        agent.kill();
    }
}

#[test]
fn an_interrupted_server_stops_and_a_waiting_client_is_answered() {
    let agent = TestAgent::dev(&[]);
    agent.put("/v1/kv/a", "1");
    let index = agent.send("GET", "/v1/kv/a", "").index();
    let mut watcher = agent.client();
    watcher
        .send("GET", &format!("/v1/kv/a?index={index}&wait=5m"), b"")
        .unwrap();
    let mut monitor = agent.client();
    monitor
        .send("GET", "/v1/agent/monitor?loglevel=trace", b"")
        .unwrap();
    agent.signal("INT");
    let (code, printed) = agent.ended();
    assert_eq!(
        code,
        Some(1),
        "a server does not leave at an interrupt: {printed}"
    );
    assert!(
        printed.contains("Graceful shutdown disabled. Exiting"),
        "{printed}"
    );
    assert!(
        watcher
            .answer()
            .is_err_and(|err| err.kind() != std::io::ErrorKind::WouldBlock)
            || watcher.is_closed_next()
    );
}
