//! Prints what happens, for whoever looks for a fault: `SIM_TRACE=1` the faults, `SIM_TRACE=debug` also what raft says.

use std::fmt::{Debug, Write as _};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

struct Spy(Level);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Subscriber for Spy {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= self.0
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().target().to_owned());
        event.record(&mut line);
        say(&line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Prints a line when `SIM_TRACE` is set, whatever it says.
#[expect(clippy::print_stdout, reason = "whoever asked for a trace reads it")]
pub(super) fn say(line: &str) {
    if std::env::var_os("SIM_TRACE").is_some() {
        println!("{line}");
    }
}

/// Begins to print, if it is asked for.
pub(super) fn listen() {
    let level = std::env::var("SIM_TRACE").ok().and_then(|l| l.parse().ok());
    if let Some(level) = level {
        // Another test may have done so.
        let _ = tracing::subscriber::set_global_default(Spy(level));
    }
}
