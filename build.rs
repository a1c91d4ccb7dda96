//! Tells the program which commit it is and which compiler built it, for `version` and `info`.

use std::env;
use std::path::Path;
use std::process::Command;

/// Digits of the commit that are shown, as Consul shows them.
const REVISION_DIGITS: &str = "--short=8";

fn main() {
    let compiler = env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    // `rustc 1.95.0 (59807616e 2026-04-14)`: name and number are enough.
    let version = output(&compiler, &["--version"]).unwrap_or_default();
    let words: Vec<&str> = version.split_whitespace().take(2).collect();
    let version = if words.len() == 2 {
        words.join(" ")
    } else {
        "rustc".to_owned()
    };
    println!("cargo::rustc-env=CONSULCTL_RUSTC={version}");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CONSULCTL_REVISION");
    revision();
}

/// The commit, unless the builder names one. Without git or outside a checkout there is none.
fn revision() {
    if env::var_os("CONSULCTL_REVISION").is_some() {
        return;
    }
    if let Some(revision) = output("git", &["rev-parse", REVISION_DIGITS, "HEAD"]) {
        println!("cargo::rustc-env=CONSULCTL_REVISION={}", revision.trim());
    }
    // Every commit and every switch of branches appends a line there. In a linked worktree it is elsewhere.
    if let Some(log) = output("git", &["rev-parse", "--git-path", "logs/HEAD"])
        && Path::new(log.trim()).exists()
    {
        println!("cargo::rerun-if-changed={}", log.trim());
    }
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8(output.stdout).ok())
        .flatten()
}
