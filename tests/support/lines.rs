//! The lines that a process prints, collected while it runs.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Instant;

use super::PATIENCE;

/// Lines of all streams in the order of their arrival; clones share them.
#[derive(Clone, Default)]
pub(crate) struct Lines {
    shared: Arc<(Mutex<Collected>, Condvar)>,
}

#[derive(Default)]
struct Collected {
    lines: Vec<String>,
    /// Streams that may still bring lines.
    open: usize,
}

impl Lines {
    /// Reads a stream to its end on a thread of its own, so that the process never waits for a reader.
    pub(crate) fn collect(&self, stream: impl Read + Send + 'static) {
        self.change(|collected| collected.open += 1);
        let lines = self.clone();
        thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            while stream
                .read_until(b'\n', &mut line)
                .is_ok_and(|read| read > 0)
            {
                let text = String::from_utf8_lossy(&line)
                    .trim_end_matches('\n')
                    .to_owned();
                line.clear();
                lines.change(|collected| collected.lines.push(text));
            }
            lines.change(|collected| collected.open -= 1);
        });
    }

    fn change(&self, change: impl FnOnce(&mut Collected)) {
        let (collected, changed) = &*self.shared;
        change(&mut collected.lock().expect("no reader panics"));
        changed.notify_all();
    }

    /// Waits until `find` finds something in the lines from number `from` on; `None` when the
    /// streams have ended without it, or after [`PATIENCE`].
    pub(crate) fn wait(&self, from: usize, find: impl Fn(&str) -> bool) -> Option<String> {
        let deadline = Instant::now() + PATIENCE;
        let (collected, changed) = &*self.shared;
        let mut collected = collected.lock().expect("no reader panics");
        let mut seen = from;
        loop {
            if let Some(line) = collected.lines[seen..].iter().find(|line| find(line)) {
                return Some(line.clone());
            }
            seen = collected.lines.len();
            let left = deadline.saturating_duration_since(Instant::now());
            if collected.open == 0 || left.is_zero() {
                return None;
            }
            let woken = changed.wait_timeout(collected, left);
            collected = woken.expect("no reader panics").0;
        }
    }

    /// Waits until every stream has ended; tells whether they have.
    pub(crate) fn wait_for_end(&self) -> bool {
        let (collected, changed) = &*self.shared;
        let collected = collected.lock().expect("no reader panics");
        let woken = changed.wait_timeout_while(collected, PATIENCE, |collected| collected.open > 0);
        woken.expect("no reader panics").0.open == 0
    }

    /// How many lines there are.
    pub(crate) fn count(&self) -> usize {
        self.shared.0.lock().expect("no reader panics").lines.len()
    }

    /// All lines so far.
    pub(crate) fn text(&self) -> String {
        self.shared
            .0
            .lock()
            .expect("no reader panics")
            .lines
            .join("\n")
    }
}
