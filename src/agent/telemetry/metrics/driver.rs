//! The thread behind the metrics: every second it gathers, closes intervals and pushes.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use tokio::runtime;

use super::process::ProcessGauges;
use super::push::{Pusher, Targets};
use super::registry::Metrics;

/// How often go-metrics gathers facts about the process.
const PERIOD: Duration = Duration::from_secs(1);

/// The running thread; dropping it ends the thread.
#[derive(Debug)]
pub(super) struct Driver {
    /// Closed to end the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Driver {
    /// Starts the thread. Tasks are counted in the caller's tokio runtime, if there is one.
    pub(super) fn start(metrics: &Metrics, targets: Targets) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel::<()>();
        let gauges = ProcessGauges::new(metrics, runtime::Handle::try_current().ok());
        // The thread must not keep the metrics alive that own it: `Metrics::stop` ends it before they go.
        let metrics = metrics.clone();
        let mut pushers = Pusher::all(targets);
        let thread = std::thread::Builder::new()
            .name("metrics".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
                    gauges.gather();
                    let readings = metrics.collect(Timestamp::now().as_second());
                    for pusher in &mut pushers {
                        pusher.push(&readings);
                    }
                }
            })?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It waits for one push at most; a panic there has been printed.
            let _ = thread.join();
        }
    }
}
