//! What the benchmarks share: an agent under measurement.

use std::error::Error;
use std::process::{Child, Command, Stdio};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Ticks a second of the processor times in `/proc`, on every Linux.
const USER_HZ: f64 = 100.0;

/// The agent under measurement; killed when dropped.
pub(crate) struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Agent {
    /// Starts an agent with these arguments: the build that `CONSULCTL_BIN` names, or the one that was built along.
    pub(crate) fn start(args: &[String]) -> Result<Self> {
        let program = std::env::var("CONSULCTL_BIN")
            .unwrap_or_else(|_| env!("CARGO_BIN_EXE_consulctl").to_owned());
        let child = Command::new(program)
            .args(["agent", "-log-level=error", "-node=bench"])
            .args(args)
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Self(child))
    }

    /// Seconds of processor time so far.
    pub(crate) fn processor_time(&self) -> Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        let (_, rest) = stat.rsplit_once(')').ok_or("no name in /proc")?;
        let ticks = rest.split_whitespace().skip(11).take(2);
        let ticks: f64 = ticks.filter_map(|it| it.parse::<f64>().ok()).sum();
        Ok(ticks / USER_HZ)
    }

    /// Kilobytes of memory in use.
    pub(crate) fn memory(&self) -> Result<String> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"));
        Ok(line.unwrap_or_default().trim().to_owned())
    }
}
