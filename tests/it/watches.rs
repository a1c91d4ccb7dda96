//! Watches of the agent, from files, and `watch`: handlers run with the data, refusals, reload, interrupts.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use serde_json::{Value, json};

use crate::support::{PATIENCE, TestAgent, own_address, started_and_ended, text_of};

/// A pipe with a name: reading it ends when all who wrote are gone.
fn fifo(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    assert!(
        Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    path
}

/// Runs something that may never end, and waits for it no longer than is usual.
fn soon<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(what()));
    receiver.recv_timeout(PATIENCE).expect("it happens in time")
}

/// What the next run of a handler wrote.
fn next_run(fifo: &Path) -> String {
    let fifo = fifo.to_owned();
    soon(move || std::fs::read_to_string(fifo).unwrap())
}

/// A watch of the key `k` whose handler writes the index and the data.
fn watch_into(fifo: &Path) -> Value {
    let script = format!("(echo $CONSUL_INDEX; cat) > {}", fifo.display());
    json!({"type": "key", "key": "k", "args": ["sh", "-c", script]})
}

/// The flag for a file with these watches.
fn configured(folder: &Path, watches: &Value) -> String {
    let file = folder.join("watches.json");
    std::fs::write(&file, json!({"watches": watches}).to_string()).unwrap();
    format!("-config-file={}", file.display())
}

/// The index and the value of a run for the key `k`.
fn told(run: &str) -> (u64, Value) {
    let (index, data) = run.split_once('\n').unwrap();
    assert!(data.ends_with('\n'), "{run:?}");
    let data: Value = serde_json::from_str(data).unwrap();
    (index.parse().unwrap(), data["Value"].clone())
}

#[test]
fn a_script_reads_the_data_and_knows_the_index() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = fifo(folder.path(), "told");
    let agent = TestAgent::dev(&[&configured(folder.path(), &json!([watch_into(&fifo)]))]);
    assert_eq!(told(&next_run(&fifo)).1, Value::Null);
    agent.put("/v1/kv/k", "<v>");
    let run = next_run(&fifo);
    let pair = agent.json("/v1/kv/k")[0].clone();
    let index = &pair["ModifyIndex"];
    let expected = format!(
        "{index}\n{{\"Key\":\"k\",\"CreateIndex\":{index},\"ModifyIndex\":{index},\"LockIndex\":0,\
         \"Flags\":0,\"Value\":\"PHY+\",\"Session\":\"\"}}\n"
    );
    assert_eq!(run, expected);
    agent.assert_healthy();
}

/// Reads a request and answers it.
fn serve(mut stream: TcpStream, answer: &str) -> (String, Vec<String>, String) {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim_end().to_lowercase();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let length = lines
        .iter()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 3\r\n\r\nout");
    stream.write_all(answer.as_bytes()).unwrap();
    (lines.remove(0), lines, text_of(&body))
}

#[test]
fn a_request_carries_the_data_and_the_index() {
    let listener = TcpListener::bind((own_address(), 0)).unwrap();
    let path = format!("http://{}/hook", listener.local_addr().unwrap());
    let config = json!({
        "path": path, "method": "PUT", "header": {"x-foo": ["bar", "baz"]}, "timeout": "20s",
    });
    let watch = json!({
        "type": "key", "key": "k", "handler_type": "http", "http_handler_config": config,
    });
    let folder = tempfile::tempdir().unwrap();
    let agent = TestAgent::dev(&[&configured(folder.path(), &json!([watch]))]);
    let take = |answer: &'static str| {
        let listener = listener.try_clone().unwrap();
        soon(move || serve(listener.accept().unwrap().0, answer))
    };
    let (first, headers, body) = take("200 OK");
    assert_eq!(
        (first.as_str(), body.as_str()),
        ("put /hook http/1.1", "null\n")
    );
    for header in ["content-type: application/json", "x-foo: bar", "x-foo: baz"] {
        assert!(headers.contains(&header.to_owned()), "{headers:?}");
    }
    let has_index = |headers: &[String]| {
        let index = headers
            .iter()
            .find_map(|line| line.strip_prefix("x-consul-index: "));
        index.unwrap().parse::<u64>().unwrap()
    };
    let before = has_index(&headers);
    agent.put("/v1/kv/k", "v");
    let (_, headers, body) = take("500 Internal Server Error");
    assert!(has_index(&headers) > before);
    assert!(body.starts_with("{\"Key\":\"k\","), "{body}");
    let line = agent.wait_line(0, "http watch handler failed with output");
    let status = "status=\"500 Internal Server Error\" output=out";
    assert!(line.contains(&path) && line.contains(status), "{line}");
}

#[test]
fn a_watch_that_cannot_run_keeps_the_agent_from_starting() {
    let parameters = |left: &str, text: &str| {
        format!("Failed to parse watch (map[string]interface {{}}{left}): {text}")
    };
    for (watch, text) in [
        (
            json!({"type": "nope", "args": ["true"]}),
            parameters("{\"args\":\"true\"}", "Unsupported watch type: nope"),
        ),
        (
            json!({"type": "key", "args": ["true"]}),
            parameters("{\"args\":\"true\"}", "Must specify a single key to watch"),
        ),
        (
            json!({"type": "key", "key": "a", "bogus": 1, "args": ["true"]}),
            parameters("{\"bogus\":1}", "Invalid parameters: [bogus]"),
        ),
        (
            json!({"type": "key", "key": "a"}),
            "Must define a watch handler".to_owned(),
        ),
        (
            json!({"type": "key", "key": "a", "handler": "a", "args": ["b"]}),
            "Only one watch handler allowed".to_owned(),
        ),
        (
            json!({"type": "connect_roots", "args": ["a"]}),
            "Watch type connect_roots is not allowed in agent config".to_owned(),
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let flag = configured(folder.path(), &json!([watch]));
        let (code, printed) =
            started_and_ended(TestAgent::command(own_address(), &["-dev", &flag]));
        assert_eq!(code, Some(1), "{watch}: {printed}");
        assert!(printed.contains(&text), "{watch}: {printed}");
    }
}

#[test]
fn a_reload_adds_and_removes_watches_and_leaves_the_others_alone() {
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("conf");
    std::fs::create_dir(&files).unwrap();
    let configure = |watches: &Value| {
        let text = json!({"watches": watches}).to_string();
        std::fs::write(files.join("w.json"), text).unwrap();
    };
    let (kept, added) = (fifo(folder.path(), "kept"), fifo(folder.path(), "added"));
    let removed = folder.path().join("removed");
    let script = format!("echo run >> {}", removed.display());
    let gone = json!({"type": "key", "key": "k", "args": ["sh", "-c", script]});
    configure(&json!([watch_into(&kept), gone]));
    let agent = TestAgent::dev(&["-config-dir", files.to_str().unwrap(), "-log-level=debug"]);
    assert_eq!(told(&next_run(&kept)).1, Value::Null);
    agent.wait_line(0, "echo run");

    configure(&json!([watch_into(&kept), watch_into(&added)]));
    agent.put("/v1/agent/reload", "");
    assert_eq!(told(&next_run(&added)).1, Value::Null);
    agent.put("/v1/kv/k", "1");
    // The next run of the watch that stayed is that of the change.
    assert_eq!(told(&next_run(&kept)).1, json!("MQ=="));
    assert_eq!(told(&next_run(&added)).1, json!("MQ=="));

    configure(&json!([{"type": "zz", "args": ["a"]}]));
    let refused = agent.send("PUT", "/v1/agent/reload", "");
    assert_eq!(refused.status, 500);
    let text = refused.text();
    assert!(text.contains("Unsupported watch type: zz"), "{text}");
    agent.put("/v1/kv/k", "2");
    assert_eq!(told(&next_run(&kept)).1, json!("Mg=="));
    assert_eq!(told(&next_run(&added)).1, json!("Mg=="));
    assert_eq!(std::fs::read_to_string(&removed).unwrap(), "run\n");
    agent.assert_healthy();
}

/// Sends an interrupt, and waits for the end.
fn interrupted(mut child: Child) -> Option<i32> {
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    soon(move || child.wait().unwrap().code())
}

#[test]
fn an_interrupt_ends_watch_and_reaches_its_child() {
    let agent = TestAgent::dev(&[]).in_catalog();
    let script =
        "trap 'kill $!; echo interrupted; exit 0' INT; sleep 600 >/dev/null & echo started; wait";
    let mut child = agent
        .cli_command(&["watch", "-type=nodes", script])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let (line, mut output) = soon(move || {
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        (line, output)
    });
    assert_eq!(line, "started\n");
    assert_eq!(interrupted(child), Some(0));
    let rest = soon(move || {
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        rest
    });
    assert_eq!(rest, "interrupted\n");
}

#[test]
fn watch_tries_a_failing_query_again() {
    let agent = TestAgent::dev(&[]).in_catalog();
    let mut child = agent
        .cli_command(&["watch", "-type=key", "-key=k", "-datacenter=zz"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let line = soon(move || {
        let mut line = String::new();
        errors.read_line(&mut line).unwrap();
        line
    });
    let text = "[ERROR] watch.watch: Watch errored: type=key error=\"Unexpected response code: 500";
    assert!(
        line.contains(text) && line.ends_with(" retry=5s\n"),
        "{line}"
    );
    assert_eq!(interrupted(child), Some(0));
    let (code, text) = agent.cli_fails(&["watch", "-type=connect_roots"]);
    let expected = "Type connect_roots is not supported in the CLI tool\n";
    assert_eq!((code, text.as_str()), (Some(1), expected));
}
