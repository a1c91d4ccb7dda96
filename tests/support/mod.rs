//! What the integration tests share: agents as real processes on loopback addresses of their own,
//! and a small HTTP client that hides nothing.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use serde_json::Value;

/// Longest time that a test waits for an answer.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A loopback address that no other test of any process uses at the moment.
pub fn own_address() -> Ipv4Addr {
    static NEXT: AtomicU16 = AtomicU16::new(1);
    let [high, low] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    let process = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 64 + process[3] % 128, process[2] ^ high, low)
}

/// The program under test.
pub fn consulctl() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_consulctl"));
    command.env_remove("CONSUL_HTTP_ADDR").env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// An agent in a process of its own; killed when dropped.
pub struct TestAgent {
    /// Its address for everything.
    pub ip: Ipv4Addr,
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// What it printed until it said that it runs.
    pub startup: Vec<String>,
}

impl TestAgent {
    /// A development agent with further arguments.
    pub fn dev(args: &[&str]) -> Self {
        Self::start(own_address(), &[&["-dev"], args].concat())
    }

    /// A durable single server with the default folder name `data` under `folder`.
    pub fn server(ip: Ipv4Addr, folder: &Path) -> Self {
        let data = folder.join("data");
        let data = data.to_str().expect("temporary folders have UTF-8 names");
        Self::start(ip, &["-server", "-bootstrap-expect=1", "-data-dir", data, "-node", "n1"])
    }

    /// Starts an agent and waits until it says that it runs.
    pub fn start(ip: Ipv4Addr, args: &[&str]) -> Self {
        let address = ip.to_string();
        let mut child = consulctl()
            .args(["agent", "-bind", &address, "-client", &address])
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut startup = Vec::new();
        loop {
            let mut line = String::new();
            let read = stdout.read_line(&mut line).expect("the agent prints text");
            assert!(read > 0, "the agent ended at its start:\n{}", startup.join(""));
            startup.push(line);
            if startup.last().is_some_and(|line| line.contains("agent running!")) {
                return Self { ip, child, stdout, startup };
            }
        }
    }

    /// The address of the API.
    pub fn http(&self) -> SocketAddr {
        SocketAddr::from((self.ip, 8500))
    }

    /// The address of DNS.
    pub fn dns(&self) -> SocketAddr {
        SocketAddr::from((self.ip, 8600))
    }

    /// Sends a request and reads the whole answer.
    pub fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        send(self.http(), method, path, body).expect("the agent answers")
    }

    /// GET, and the body as JSON.
    pub fn json(&self, path: &str) -> Value {
        let answer = self.send("GET", path, "");
        serde_json::from_slice(&answer.body)
            .unwrap_or_else(|err| panic!("{path}: {err}: {}", answer.text()))
    }

    /// PUT that must succeed.
    pub fn put(&self, path: &str, body: &str) {
        let answer = self.send("PUT", path, body);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }

    /// Asks again, blocking on the index, until the answer is as wanted.
    pub fn wait_json(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let joint = if path.contains('?') { '&' } else { '?' };
        let mut index = 0;
        for _ in 0..100 {
            let answer = self.send("GET", &format!("{path}{joint}index={index}&wait=5s"), "");
            let value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
            if wanted(&value) {
                return value;
            }
            index = answer.header("X-Consul-Index").and_then(|text| text.parse().ok()).unwrap_or(0);
        }
        panic!("{path} never became as wanted");
    }

    /// Runs a command of the program against this agent.
    pub fn cli(&self, args: &[&str]) -> Output {
        consulctl()
            .env("CONSUL_HTTP_ADDR", self.http().to_string())
            .args(args)
            .output()
            .expect("the command runs")
    }

    /// Standard output of a command that must succeed.
    pub fn cli_ok(&self, args: &[&str]) -> String {
        let output = self.cli(args);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let done = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status()
            .expect("kill runs");
        assert!(done.success());
    }

    /// Waits until the process has ended; returns its status and what it printed meanwhile.
    pub fn ended(mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("the agent prints text");
        (self.child.wait().expect("the agent ends"), rest)
    }

    /// Kills the process without warning.
    pub fn kill(mut self) {
        self.child.kill().expect("the agent is there");
        self.child.wait().expect("the agent ends");
    }
}

impl Drop for TestAgent {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer of the API.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Names as they were sent, and values.
    pub headers: Vec<(String, String)>,
    /// The body without its transfer coding.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header by its exact name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends a request on a connection of its own.
pub fn send(to: SocketAddr, method: &str, path: &str, body: &str) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&to, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {to}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    parse(&bytes).ok_or_else(|| std::io::Error::other("the answer is no HTTP"))
}

/// Reads an answer that the server ended by closing the connection.
pub fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let chunked = headers.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case("transfer-encoding") && value == "chunked"
    });
    let body = &bytes[end + 4..];
    let body = if chunked { unchunk(body)? } else { body.to_vec() };
    Some(Answer { status, headers, body })
}

fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?, 16).ok()?;
        let chunk = rest.get(end + 2..end + 2 + size)?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(chunk);
        rest = rest.get(end + 4 + size..)?;
    }
}
