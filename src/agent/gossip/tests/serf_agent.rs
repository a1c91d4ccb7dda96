//! HashiCorp's own agent as the other member, where it is installed.

use std::path::PathBuf;
use std::process::Stdio;

use bytes::Bytes;
use tokio::process::{Child, Command};

use super::*;

/// The program, if it is here.
fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|folder| folder.join("serf"));
    found.into_iter().find(|file| file.is_file())
}

struct Agent {
    child: Child,
    program: PathBuf,
    rpc: String,
    at: String,
    folder: tempfile::TempDir,
}

impl Agent {
    fn start(program: PathBuf, name: &str, more: &[&str]) -> Self {
        let ip = address();
        let (at, rpc) = (format!("{ip}:7946"), format!("{ip}:7373"));
        let folder = tempfile::tempdir().unwrap();
        let child = Command::new(&program)
            .args(["agent", "-log-level=trace"])
            .args([
                format!("-node={name}"),
                format!("-bind={at}"),
                format!("-rpc-addr={rpc}"),
            ])
            .args(more)
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(folder.path().join("log")).unwrap())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("serf starts");
        Self {
            child,
            program,
            rpc,
            at,
            folder,
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    async fn tell(&self, verb: &str, more: &[&str]) -> (bool, String) {
        let output = Command::new(&self.program)
            .arg(verb)
            .arg(format!("-rpc-addr={}", self.rpc))
            .args(more)
            .output()
            .await
            .expect("serf runs");
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        (output.status.success(), text)
    }

    /// Waits until it can be asked.
    async fn ready(&mut self) {
        let asking = async {
            let mut again = tokio::time::interval(Duration::from_millis(100));
            while !self.tell("members", &[]).await.0 {
                again.tick().await;
            }
        };
        timeout(PATIENCE, asking).await.expect("serf gets ready");
        let ended = self.child.try_wait().unwrap();
        assert!(ended.is_none(), "{ended:?}: {}", self.log());
    }

    /// Has it join a pool of ours.
    async fn joins(&self, ours: &GossipHandle) {
        let (ok, text) = self.tell("join", &[&place(ours)]).await;
        assert!(ok, "{text}");
        until_status(ours, "theirs", MemberStatus::Alive).await;
    }

    /// Waits until what it says of its members holds.
    async fn until(&self, what: &str, wanted: impl Fn(&str) -> bool) {
        let mut last = String::new();
        let asking = async {
            let mut again = tokio::time::interval(Duration::from_millis(100));
            loop {
                last = self.tell("members", &[]).await.1;
                if wanted(&last) {
                    return;
                }
                again.tick().await;
            }
        };
        let arrived = timeout(PATIENCE, asking).await.is_ok();
        assert!(arrived, "{what}: {last}\n{}", self.log());
    }
}

fn says(members: &str, name: &str, status: &str) -> bool {
    members.lines().any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.first() == Some(&name) && words.get(2) == Some(&status)
    })
}

async fn lives_with_serf(mut own: GossipSettings, more: &[&str]) {
    let Some(program) = program() else {
        eprintln!("serf is not installed: skipped");
        return;
    };
    own.name = "ours".to_owned();
    // What the agent's own timings allow.
    own.swim = swim::Config::lan();
    let mut theirs = Agent::start(program, "theirs", more);
    theirs.ready().await;
    let (pool, ours) = start(own);
    let mut events = ours.subscribe();
    assert_eq!(ours.join(&theirs.at).await, Ok(1), "{}", theirs.log());
    until_alive(&ours, &["ours", "theirs"]).await;
    theirs
        .until("ours is alive", |members| says(members, "ours", "alive"))
        .await;

    let (ok, text) = theirs
        .tell("event", &["-coalesce=false", "deploy", "seven"])
        .await;
    assert!(ok, "{text}");
    let payload = event(&mut events, |event| match event {
        Event::User { name, payload, .. } if name == "deploy" => Some(payload),
        _ => None,
    });
    assert_eq!(&payload.await[..], b"seven");
    ours.user_event("ours-says", Bytes::from_static(b"hello"), false)
        .await
        .unwrap();

    let asking = theirs.tell("query", &["-timeout=5s", "load", "?"]);
    let answering = async {
        let key = event(&mut events, |event| match event {
            Event::Query { key, name, .. } if name == "load" => Some(key),
            _ => None,
        });
        ours.respond(key.await, Bytes::from_static(b"0.7"))
            .await
            .unwrap();
    };
    let ((_, text), ()) = tokio::join!(asking, answering);
    assert!(text.contains("Ack from 'ours'"), "{text}");
    assert!(text.contains("Response from 'ours': 0.7"), "{text}");

    let (ok, text) = theirs.tell("reachability", &[]).await;
    assert!(ok, "{text}");
    assert!(theirs.log().contains("ours-says"), "{}", theirs.log());

    let (_, text) = theirs.tell("leave", &[]).await;
    assert!(text.contains("Graceful leave complete"), "{text}");
    until_status(&ours, "theirs", MemberStatus::Left).await;
    timeout(PATIENCE, theirs.child.wait())
        .await
        .expect("ends")
        .unwrap();
    pool.shutdown().await;
}

#[tokio::test]
async fn serf_is_a_member_like_any_other() {
    lives_with_serf(settings("ours"), &[]).await;
}

#[tokio::test]
async fn serf_with_a_key_is_a_member_like_any_other() {
    let own = GossipSettings {
        key: Some(key(9)),
        ..settings("ours")
    };
    let key = format!("-encrypt={}", key(9).to_base64());
    lives_with_serf(own, &[&key]).await;
}

#[tokio::test]
async fn serf_joins_us_sees_us_leave_and_fail() {
    let Some(program) = program() else {
        eprintln!("serf is not installed: skipped");
        return;
    };
    let mut theirs = Agent::start(program, "theirs", &["-profile=local"]);
    theirs.ready().await;
    // One after the other: with two others a suspicion lasts until somebody else confirms it.
    let failing = start(settings("failing"));
    theirs.joins(&failing.1).await;
    drop(failing);
    theirs
        .until("it failed", |members| says(members, "failing", "failed"))
        .await;
    let leaving = start(settings("leaving"));
    theirs.joins(&leaving.1).await;
    leaving.1.leave().await.unwrap();
    theirs
        .until("it left", |members| says(members, "leaving", "left"))
        .await;
}
