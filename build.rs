//! Tells the program which compiler built it, for `consulctl info`.

use std::env;
use std::process::Command;

fn main() {
    let compiler = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(compiler)
        .arg("--version")
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .unwrap_or_default();
    // `rustc 1.95.0 (59807616e 2026-04-14)`: name and number are enough.
    let words: Vec<&str> = version.split_whitespace().take(2).collect();
    let version = if words.len() == 2 {
        words.join(" ")
    } else {
        "rustc".to_owned()
    };
    println!("cargo::rustc-env=CONSULCTL_RUSTC={version}");
    println!("cargo::rerun-if-changed=build.rs");
}
