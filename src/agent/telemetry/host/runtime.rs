//! The section `runtime` of `info` and of `/v1/agent/self`.

use std::fs;
use std::thread;

use tokio::runtime::Handle;

use super::super::metrics::process_facts;

/// The program's surroundings, in the words of Go's `runtime` package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeFacts {
    /// The architecture as Go names it: amd64, arm64, …
    pub arch: &'static str,
    /// Logical processors that this process may use.
    pub cpu_count: usize,
    /// Tasks that live, or threads when there is no runtime of tasks.
    pub goroutines: u64,
    /// Threads that run tasks.
    pub max_procs: usize,
    /// The operating system: linux, darwin, …
    pub os: &'static str,
    /// The compiler's version.
    pub version: &'static str,
}

impl RuntimeFacts {
    /// The facts as names and texts, sorted by name.
    pub fn pairs(&self) -> [(&'static str, String); 6] {
        [
            ("arch", self.arch.to_owned()),
            ("cpu_count", self.cpu_count.to_string()),
            ("goroutines", self.goroutines.to_string()),
            ("max_procs", self.max_procs.to_string()),
            ("os", self.os.to_owned()),
            ("version", self.version.to_owned()),
        ]
    }
}

/// Reads the facts; tasks are counted in the caller's runtime, if there is one.
pub fn runtime_facts() -> RuntimeFacts {
    let cpu_count = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let metrics = Handle::try_current().ok().map(|handle| handle.metrics());
    RuntimeFacts {
        arch: go_arch(std::env::consts::ARCH),
        cpu_count,
        goroutines: metrics.as_ref().map_or_else(
            || process_facts().threads,
            |metrics| metrics.num_alive_tasks() as u64,
        ),
        max_procs: metrics.map_or(cpu_count, |metrics| metrics.num_workers()),
        os: go_os(std::env::consts::OS),
        version: env!("CONSULCTL_RUSTC"),
    }
}

/// Go's name of an architecture.
fn go_arch(rust: &'static str) -> &'static str {
    match rust {
        "x86_64" => "amd64",
        "x86" => "386",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64",
        "loongarch64" => "loong64",
        other => other,
    }
}

/// Go's name of an operating system.
fn go_os(rust: &'static str) -> &'static str {
    if rust == "macos" { "darwin" } else { rust }
}

/// The host's name; empty when the system does not tell it.
pub fn hostname() -> String {
    let name = rustix::system::uname();
    let name = name.nodename().to_string_lossy();
    if !name.is_empty() {
        return name.into_owned();
    }
    fs::read_to_string("/etc/hostname")
        .unwrap_or_default()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_are_gos() {
        let facts = runtime_facts();
        assert_eq!(
            (go_arch("x86_64"), go_arch("aarch64"), go_arch("s390x")),
            ("amd64", "arm64", "s390x")
        );
        assert_eq!((go_os("linux"), go_os("macos")), ("linux", "darwin"));
        assert!(facts.version.starts_with("rustc "), "{}", facts.version);
        assert!(facts.cpu_count > 0 && facts.max_procs > 0);
        let names = facts.pairs().map(|(name, _)| name);
        assert!(names.is_sorted());
    }

    #[test]
    fn the_host_has_a_name() {
        assert!(!hostname().is_empty());
    }
}
