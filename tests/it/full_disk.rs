//! A disk that is full stops the agent; what it acknowledged is there when there is room again.

use std::path::Path;
use std::process::Command;

use crate::support::{TestAgent, own_address};

/// A small file system in memory; gone when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None` where mounting is not allowed.
    fn mount(size: &str) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={size}");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "consulctl-it"])
            .arg(folder.path())
            .output();
        mounted
            .is_ok_and(|output| output.status.success())
            .then(|| Self(folder))
    }

    fn grow(&self, size: &str) {
        let options = format!("remount,size={size}");
        let done = Command::new("mount")
            .args(["-o", &options])
            .arg(self.path())
            .status();
        assert!(done.unwrap().success());
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

/// The value of a key: large, and different from all others.
fn value(number: usize) -> String {
    format!("{number} ").repeat(20_000)
}

#[test]
fn a_full_disk_stops_the_agent_and_loses_nothing() {
    let Some(disk) = SmallDisk::mount("8m") else {
        println!("skipped: this test mounts a file system, which only root may");
        return;
    };
    let (ip, data) = (own_address(), disk.path().join("data"));
    // Snapshots are taken on the way, so that one of them may be what fills the disk.
    let small_log = "-hcl=raft_snapshot_threshold = 10 raft_trailing_logs = 5";
    let agent = TestAgent::server(ip, &data, &[small_log]);
    let mut client = agent.client();
    let mut acknowledged = 0;
    let refusal = loop {
        let path = format!("/v1/kv/{acknowledged}");
        match client.request("PUT", &path, value(acknowledged).as_bytes()) {
            Ok(answer) if answer.status == 200 && answer.text() == "true" => acknowledged += 1,
            other => break other,
        }
        assert!(acknowledged < 1000, "the disk is never full");
    };
    println!("{acknowledged} writes fitted; then: {refusal:?}");
    assert!(acknowledged > 5);
    let (code, printed) = agent.ended();
    assert!(code.is_some_and(|code| code != 0), "{code:?}: {printed}");
    assert!(printed.contains("[ERROR]"), "{printed}");
    assert!(
        printed.contains("full") || printed.contains("No space left"),
        "{printed}"
    );
    assert!(!printed.contains("panic"), "{printed}");

    disk.grow("64m");
    let agent = TestAgent::server(ip, &data, &[small_log]);
    let mut client = agent.client();
    for number in 0..acknowledged {
        let answer = client.ask("GET", &format!("/v1/kv/{number}?raw"), "");
        assert!(
            answer.text() == value(number),
            "{number}: {}",
            answer.status
        );
    }
    agent.put("/v1/kv/after", "room again");
    agent.assert_healthy();
}
