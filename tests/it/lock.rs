//! `lock`: one holder, several, a lock that is lost, interrupts, and HashiCorp's own `lock` beside ours.

use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::thread;

use serde_json::Value;

use crate::support::{Client, Lines, Reference, TestAgent, consulctl, reference, text_of, until};

/// An agent whose API holds the locks.
struct Api {
    http: SocketAddr,
    /// Kept so that it runs.
    _agent: Box<dyn std::any::Any + Send + Sync>,
}

impl Api {
    fn ours() -> Self {
        let agent = TestAgent::dev(&[]).in_catalog();
        Self {
            http: agent.http(),
            _agent: Box::new(agent),
        }
    }

    /// HashiCorp's, where it is on the machine.
    fn theirs() -> Option<Self> {
        let agent = Reference::start(&reference()?, "r1", &["-dev"]);
        let api = Self {
            http: (agent.process.ip, 8500).into(),
            _agent: Box::new(agent),
        };
        // Sessions need the node in the catalog.
        until("the node is in the catalog", || {
            api.json("/v1/health/node/r1")[0].is_object()
        });
        Some(api)
    }

    fn send(&self, method: &str, path: &str) -> crate::support::Answer {
        let mut client = Client::connect(self.http).unwrap();
        client.ask(method, path, "")
    }

    fn json(&self, path: &str) -> Value {
        serde_json::from_slice(&self.send("GET", path).body).unwrap_or(Value::Null)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = consulctl();
        command.env("CONSUL_HTTP_ADDR", self.http.to_string());
        command.arg("lock").args(args);
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Starts a lock and waits until its child, which must say so, holds it.
    fn hold(&self, args: &[&str]) -> Holder {
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = Lines::default();
        lines.collect(child.stdout.take().unwrap());
        lines.collect(child.stderr.take().unwrap());
        let held = lines.wait(0, |line| line == "held");
        assert!(held.is_some(), "{}", lines.text());
        Holder {
            stdin: child.stdin.take(),
            child,
            lines,
        }
    }

    /// The session under a key.
    fn session(&self, key: &str) -> String {
        let session = &self.json(&format!("/v1/kv/{key}"))[0]["Session"];
        session.as_str().unwrap().to_owned()
    }

    fn has_no_sessions(&self) -> bool {
        self.json("/v1/session/list") == Value::Array(Vec::new())
    }
}

/// A `lock` whose child runs.
struct Holder {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Lines,
}

impl Holder {
    /// Lets the child end, which reads its standard input; the exit code and all that was printed.
    fn end(mut self) -> (Option<i32>, String) {
        drop(self.stdin.take());
        assert!(self.lines.wait_for_end(), "{}", self.lines.text());
        (self.child.wait().unwrap().code(), self.lines.text())
    }

    fn interrupt(&self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A child that holds until its standard input ends.
const UNTIL_END: &str = "echo held; cat";
const TIMED_OUT: &str = "Shutdown triggered or timeout during lock acquisition\n";

fn failed(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), text_of(&output.stderr))
}

fn one_holder_at_a_time(api: &Api) {
    let holder = api.hold(&["-pass-stdin", "/a/b", UNTIL_END]);
    let pair = &api.json("/v1/kv/a/b/.lock")[0];
    assert_eq!(pair["Flags"], 0x2ddc_cbc0_58a5_0c18_u64);
    assert_eq!(
        (&pair["Value"], &pair["LockIndex"]),
        (&Value::Null, &1.into())
    );
    let session = api.session("a/b/.lock");
    let info = &api.json(&format!("/v1/session/info/{session}"))[0];
    let name = format!("Consul lock for '{UNTIL_END}' at 'a/b'");
    assert_eq!(info["Name"], name);
    assert_eq!(
        (&info["TTL"], &info["Behavior"]),
        (&"15s".into(), &"release".into())
    );
    let late = api.run(&["-timeout=300ms", "a/b", "echo no"]);
    assert_eq!(failed(&late), (Some(1), TIMED_OUT.to_owned()));
    // A second contender waits, and has the lock as soon as it is free.
    thread::scope(|scope| {
        let next = scope.spawn(|| api.run(&["-verbose", "a/b", "echo next"]));
        assert_eq!(holder.end(), (Some(0), "held".to_owned()));
        let next = next.join().unwrap();
        let text = "Setting up lock at path: a/b/.lock\nAttempting lock acquisition\nStarting handler\nnext\n\
                    Child terminated, releasing lock\nCleanup succeeded\n";
        assert_eq!(text_of(&next.stdout), text);
        assert!(next.status.success());
    });
    assert_eq!(api.send("GET", "/v1/kv/a/b/.lock").status, 404);
    assert!(api.has_no_sessions());
}

fn as_many_holders_as_there_are_places(api: &Api) {
    let args = ["-n=2", "-pass-stdin", "s", UNTIL_END];
    let (one, two) = (api.hold(&args), api.hold(&args));
    let lock = &api.json("/v1/kv/s/.lock")[0];
    assert_eq!(lock["Flags"], 0xe0f6_9a2b_aa41_4de0_u64);
    let late = api.run(&["-n=2", "-timeout=300ms", "s", "echo no"]);
    assert_eq!(failed(&late), (Some(1), TIMED_OUT.to_owned()));
    let other = api.run(&["-n=3", "s", "echo no"]);
    let text = "Lock acquisition failed: semaphore limit conflict (lock: 2, local: 3)\n";
    assert_eq!(failed(&other), (Some(1), text.to_owned()));
    let other = api.run(&["s", "echo no"]);
    let text = "Lock acquisition failed: Existing key does not match lock use\n";
    assert_eq!(failed(&other), (Some(1), text.to_owned()));
    assert_eq!(one.end().0, Some(0));
    let next = api.run(&["-n=2", "-verbose", "s", "echo $CONSUL_LOCK_HELD"]);
    let text = text_of(&next.stdout);
    let end =
        "Starting handler\ntrue\nChild terminated, releasing lock\nCleanup aborted, lock in use\n";
    assert!(text.ends_with(end), "{text}");
    assert_eq!(two.end().0, Some(0));
    assert_eq!(api.send("GET", "/v1/kv/s?keys").status, 404);
    assert!(api.has_no_sessions());
}

/// A child that tells when it is told to end.
const TELLS: &str = "trap 'echo terminated; kill $!; exit 5' TERM; sleep 600 </dev/null >/dev/null 2>&1 & \
                     echo held; wait";
/// A child that listens to interrupts only.
const INTERRUPTED: &str = "trap '' TERM; trap 'echo interrupted; kill -9 $!; exit 6' INT; \
                           sleep 600 </dev/null >/dev/null 2>&1 & echo held; wait";

fn a_lost_lock_ends_the_child(api: &Api) {
    for args in [&["l", TELLS][..], &["-n=2", "l", TELLS]] {
        let holder = api.hold(args);
        let key = if args.len() == 2 {
            "l/.lock"
        } else {
            "l/?recurse"
        };
        let session = match api.json(&format!("/v1/kv/{key}")) {
            Value::Array(pairs) => pairs
                .iter()
                .find_map(|pair| pair["Session"].as_str().map(str::to_owned)),
            _ => None,
        };
        let destroyed = api.send("PUT", &format!("/v1/session/destroy/{}", session.unwrap()));
        assert_eq!(destroyed.status, 200);
        let (code, text) = holder.end();
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains("terminated"), "{text}");
        assert!(
            text.contains("Error running handler: exit status 5"),
            "{text}"
        );
    }
}

fn an_interrupt_reaches_the_child(api: &Api) {
    let holder = api.hold(&["-child-exit-code", "i", INTERRUPTED]);
    holder.interrupt();
    let (code, text) = holder.end();
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("interrupted"), "{text}");
    assert!(
        text.contains("Error running handler: exit status 6"),
        "{text}"
    );
    // Nothing is left, not even a delay.
    let next = api.run(&["-timeout=5s", "i", "echo next"]);
    assert_eq!(text_of(&next.stdout), "next\n");
}

fn exit_codes_are_consuls(api: &Api) {
    for (args, code, text) in [
        (
            &["x", "exit 3"][..],
            0,
            "Error running handler: exit status 3\n",
        ),
        (
            &["-child-exit-code", "x", "exit 3"],
            2,
            "Error running handler: exit status 3\n",
        ),
        (&["-child-exit-code", "x", "true"], 0, ""),
        (
            &["-child-exit-code", "x", "kill -9 $$"],
            2,
            "Error running handler: signal: killed\n",
        ),
        (
            &["-child-exit-code", "-shell=false", "x", "/nope"],
            2,
            "Error starting handler: fork/exec /nope: no such file or directory\n",
        ),
        (
            &["x"],
            1,
            "Key prefix and child command must be specified\n",
        ),
        (
            &["-n=0", "x", "true"],
            1,
            "Lock holder limit must be positive\n",
        ),
        (
            &["-timeout=-1s", "x", "true"],
            1,
            "Timeout must be positive\n",
        ),
        (
            &["-monitor-retry=-1", "x", "true"],
            1,
            "Number for 'monitor-retry' must be >= 0\n",
        ),
    ] {
        let expected = (Some(code), text.to_owned());
        assert_eq!(failed(&api.run(args)), expected, "{args:?}");
    }
    let words = api.run(&["-shell=false", "x", "echo", "a  b"]);
    assert_eq!(text_of(&words.stdout), "a  b\n");
}

fn all_of_it(api: &Api) {
    one_holder_at_a_time(api);
    as_many_holders_as_there_are_places(api);
    an_interrupt_reaches_the_child(api);
    exit_codes_are_consuls(api);
    a_lost_lock_ends_the_child(api);
}

#[test]
fn locks_on_our_agent() {
    all_of_it(&Api::ours());
}

#[test]
fn locks_on_hashicorps_agent() {
    if let Some(api) = Api::theirs() {
        all_of_it(&api);
    }
}

/// Runs our `lock` and HashiCorp's for the same prefix, several of each, again and again; no more children than are
/// allowed may run at once.
fn share(api: &Api, program: &str, limit: usize) {
    const EACH: usize = 3;
    const ROUNDS: usize = 3;
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().display();
    // Every child counts those that run beside it.
    let script = format!("touch {inside}/$$; ls {inside} | wc -l; sleep 0.02; rm {inside}/$$");
    let limit_flag = format!("-n={limit}");
    let args = ["lock", &limit_flag, "shared", &script];
    let counts = thread::scope(|scope| {
        let runs: Vec<_> = (0..2 * EACH)
            .map(|number| {
                let args = &args;
                scope.spawn(move || {
                    let mut counts = Vec::new();
                    for _ in 0..ROUNDS {
                        let mut command = if number % 2 == 0 {
                            consulctl()
                        } else {
                            Command::new(program)
                        };
                        let address = api.http.to_string();
                        let output = command.env("CONSUL_HTTP_ADDR", address).args(args).output();
                        let output = output.unwrap();
                        assert!(output.status.success(), "{number}: {output:?}");
                        counts.push(text_of(&output.stdout).trim().parse::<usize>().unwrap());
                    }
                    counts
                })
            })
            .collect();
        let ended = runs.into_iter().flat_map(|run| run.join().unwrap());
        ended.collect::<Vec<_>>()
    });
    assert_eq!(counts.len(), 2 * EACH * ROUNDS);
    assert!(counts.iter().all(|count| *count <= limit), "{counts:?}");
}

#[test]
fn both_programs_share_a_lock() {
    let Some(program) = reference() else {
        return;
    };
    let api = Api::theirs().unwrap();
    share(&api, &program, 1);
    share(&api, &program, 2);
    let api = Api::ours();
    share(&api, &program, 1);
    share(&api, &program, 2);
}
