//! The thread that writes the log: the only one that waits for disks, pipes and sockets.

use std::io;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::feed::Feed;
use super::hub::Hub;
use super::level::Level;
use super::queue::Item;
use super::record::Record;
use super::render::Renderer;
use super::sink::{Console, Sink};

/// Everything the writer owns.
pub(super) struct Writer {
    hub: Arc<Hub>,
    console: Option<Console>,
    sinks: Vec<Guarded>,
    renderer: Renderer,
    json: bool,
}

/// A sink and what of it works: a failure is said once, not with every line.
struct Guarded {
    sink: Box<dyn Sink>,
    line: Health,
    flush: Health,
}

/// Whether an operation worked when it was tried last.
#[derive(Default)]
struct Health {
    broken: bool,
}

impl Health {
    /// Notes an outcome; gives the error when it is news.
    fn note(&mut self, outcome: io::Result<()>) -> Option<io::Error> {
        let was_broken = std::mem::replace(&mut self.broken, outcome.is_err());
        outcome.err().filter(|_| !was_broken)
    }
}

impl Writer {
    pub(super) fn new(
        hub: Arc<Hub>,
        console: Option<Console>,
        sinks: Vec<Box<dyn Sink>>,
        zone: TimeZone,
        json: bool,
    ) -> Self {
        let sinks = sinks
            .into_iter()
            .map(|sink| Guarded {
                sink,
                line: Health::default(),
                flush: Health::default(),
            })
            .collect();
        Self {
            hub,
            console,
            sinks,
            renderer: Renderer::new(zone),
            json,
        }
    }

    /// Writes batch after batch until the queue is closed and empty.
    pub(super) fn run(mut self) {
        let mut spent = Vec::new();
        loop {
            let mut batch = self.hub.queue.take(spent);
            let count = batch.items.len();
            let feeds = self.hub.feeds();
            for item in batch.items.drain(..) {
                self.item(item, &feeds);
            }
            if batch.dropped > 0 {
                self.lost(batch.dropped, &feeds);
            }
            if batch.closed
                && let Some(console) = &mut self.console
            {
                // The agent ends before its banner: what it had to say must not be lost.
                console.open();
            }
            self.flush(&feeds);
            self.hub.queue.finish(count);
            if batch.closed && count == 0 {
                break;
            }
            spent = batch.items;
        }
        self.hub.end_subscriptions();
        self.hub.queue.end();
    }

    fn item(&mut self, item: Item, feeds: &[Arc<Feed>]) {
        match item {
            Item::Record(record) => self.record(&record, feeds),
            Item::Plain(line) => {
                // Whoever wants JSON wants every line to be JSON.
                if let Some(console) = &mut self.console
                    && !self.json
                {
                    console.plain(&line);
                }
            }
            Item::OpenGate => {
                if let Some(console) = &mut self.console {
                    console.open();
                }
            }
        }
    }

    fn record(&mut self, record: &Record, feeds: &[Arc<Feed>]) {
        self.renderer.next_record();
        for feed in feeds {
            feed.offer(record, &mut self.renderer);
        }
        if !record.printed {
            return;
        }
        let mut failures = Vec::new();
        let line = self.renderer.borrowed_line(record, self.json);
        if let Some(console) = &mut self.console {
            // The console only fails when it is flushed.
            let _ = console.line(record.time, record.level, line);
        }
        for guarded in &mut self.sinks {
            let outcome = guarded.sink.line(record.time, record.level, line);
            let news = guarded.line.note(outcome);
            failures.extend(news.map(|error| (guarded.sink.name(), error)));
        }
        self.say_failures(failures, feeds);
    }

    fn lost(&mut self, dropped: u64, feeds: &[Arc<Feed>]) {
        let message = "log lines were dropped because an output is too slow";
        let record =
            Record::of_telemetry(Timestamp::now(), Level::Warn, message, "count", &dropped);
        self.record(&record, feeds);
    }

    fn flush(&mut self, feeds: &[Arc<Feed>]) {
        let mut failures = Vec::new();
        for guarded in &mut self.sinks {
            let outcome = guarded.sink.flush();
            let news = guarded.flush.note(outcome);
            failures.extend(news.map(|error| (guarded.sink.name(), error)));
        }
        self.say_failures(failures, feeds);
        if let Some(console) = &mut self.console {
            // Nobody is left to tell when standard output is gone; the agent's work goes on.
            let _ = console.flush();
        }
    }

    /// Says on the other sinks that one stopped working.
    fn say_failures(&mut self, failures: Vec<(&'static str, io::Error)>, feeds: &[Arc<Feed>]) {
        for (name, error) in failures {
            let message = format!("cannot write the log to {name}");
            let record =
                Record::of_telemetry(Timestamp::now(), Level::Error, &message, "error", &error);
            // The broken sink is marked as such by now: this ends after as many steps as there are sinks.
            self.record(&record, feeds);
        }
    }
}
