//! Checks that run something on the agent's machine: scripts, containers, units of systemd.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::checks_course::{self, Subject, Target};
use crate::support::counterparts::{Health, docker_daemon, system_bus};
use crate::support::{TestAgent, own_address, until};

/// What decides how the scripts fare is in a file, which is always whole.
fn tell(folder: &Path, health: Health) {
    let word = match health {
        Health::Good => "good",
        Health::Poor => "poor",
        Health::Bad => "bad",
    };
    let new = folder.join("health.new");
    fs::write(&new, word).unwrap();
    fs::rename(new, folder.join("health")).unwrap();
}

/// A script that prints a megabyte, warns, or hangs with a child that hangs as well; it writes
/// down the processes that hang.
fn script(folder: &Path) -> Subject {
    tell(folder, Health::Good);
    let source = format!(
        "cd '{}'\n\
         case $(cat health) in\n\
         good) head -c 999995 /dev/zero | tr '\\0' x; printf '<end>' ;;\n\
         poor) echo limping; exit 1 ;;\n\
         bad) echo stuck; sleep 600 & echo $$ $! >>hanging; wait ;;\n\
         esac",
        folder.display()
    );
    let folder = folder.to_owned();
    Subject {
        name: "script",
        check: json!({"Args": ["sh", "-c", source], "Timeout": "500ms"}),
        target: Target::Other(Box::new(move |health| tell(&folder, health))),
        passing: format!(
            "Captured 4096 of 1000000 bytes\n...\n{}<end>",
            "x".repeat(4091)
        ),
        warning: Some("limping".to_owned()),
        critical: "Timed out (500ms) running check\n\nstuck".to_owned(),
    }
}

/// Whether a process runs; one that has ended may still wait for its parent's notice.
fn runs(process: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().unwrap_or_default();
    !matches!(state.trim_start().chars().next(), None | Some('Z' | 'X'))
}

#[test]
fn scripts_containers_and_units_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let docker = docker_daemon(folder.path());
    let bus = system_bus(folder.path());
    let ip = own_address();
    let args = [
        "-dev",
        "-node=n1",
        "-log-level=debug",
        "-enable-script-checks",
    ];
    let mut command = TestAgent::command(ip, &args);
    command
        .env("DOCKER_HOST", &docker.address)
        .env("DBUS_SYSTEM_BUS_ADDRESS", &bus.address);
    let agent = TestAgent::start_command(ip, command);
    let subjects = [
        script(folder.path()),
        Subject {
            name: "docker",
            check: json!({"DockerContainerID": "app", "Args": ["true"]}),
            target: Target::Counterpart(docker),
            passing: "inside, ends with 0".to_owned(),
            warning: Some("inside, ends with 1".to_owned()),
            critical: "inside, ends with 2".to_owned(),
        },
        Subject {
            name: "unit",
            check: json!({"OSService": "web"}),
            target: Target::Counterpart(bus),
            passing: "Service \"web\" is healthy".to_owned(),
            warning: Some("Service \"web\" is activating".to_owned()),
            critical: "OS Service unhealthy".to_owned(),
        },
    ];
    checks_course::run(&agent, &subjects);
    let hanging = fs::read_to_string(folder.path().join("hanging")).unwrap();
    let hanging: Vec<&str> = hanging.split_whitespace().collect();
    assert!(hanging.len() >= 6, "three runs at least: {hanging:?}");
    until("the processes of scripts that hung are gone", || {
        !hanging.iter().any(|process| runs(process))
    });
}
