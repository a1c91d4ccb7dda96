//! Where a pool's log lines go: Consul's logger names tell the agent's part, the layer and the pool.

use std::fmt;

use tracing::{Level, debug, error, info, trace, warn};

/// Which layer speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layer {
    /// The failure detector and the transport.
    Memberlist,
    /// What is on top of it.
    Serf,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Voice {
    ServerLan,
    ServerWan,
    ClientLan,
    ClientWan,
}

/// The log of one pool. Cheap to copy.
#[derive(Debug, Clone, Copy)]
pub(super) struct Log(Voice);

/// Says the text at a level; a target has to be known at compile time.
macro_rules! say {
    ($target:literal, $level:expr, $text:expr) => {
        match $level {
            Level::ERROR => error!(target: $target, "{}", $text),
            Level::WARN => warn!(target: $target, "{}", $text),
            Level::INFO => info!(target: $target, "{}", $text),
            Level::DEBUG => debug!(target: $target, "{}", $text),
            Level::TRACE => trace!(target: $target, "{}", $text),
        }
    };
}

impl Log {
    /// `prefix` is `agent.server` or `agent.client`, `pool` is `lan` or `wan`.
    pub(super) fn new(prefix: &str, pool: &str) -> Self {
        Self(match (prefix == "agent.client", pool == "wan") {
            (false, false) => Voice::ServerLan,
            (false, true) => Voice::ServerWan,
            (true, false) => Voice::ClientLan,
            (true, true) => Voice::ClientWan,
        })
    }

    /// A line of the failure detector.
    pub(super) fn memberlist(self, level: Level, text: fmt::Arguments<'_>) {
        self.line(Layer::Memberlist, level, format_args!("memberlist: {text}"));
    }

    /// A line of serf.
    pub(super) fn serf(self, level: Level, text: fmt::Arguments<'_>) {
        self.line(Layer::Serf, level, format_args!("serf: {text}"));
    }

    fn line(self, layer: Layer, level: Level, text: fmt::Arguments<'_>) {
        use Layer::{Memberlist, Serf};
        use Voice::{ClientLan, ClientWan, ServerLan, ServerWan};
        match (self.0, layer) {
            (ServerLan, Memberlist) => say!("agent.server.memberlist.lan", level, text),
            (ServerLan, Serf) => say!("agent.server.serf.lan", level, text),
            (ServerWan, Memberlist) => say!("agent.server.memberlist.wan", level, text),
            (ServerWan, Serf) => say!("agent.server.serf.wan", level, text),
            (ClientLan, Memberlist) => say!("agent.client.memberlist.lan", level, text),
            (ClientLan, Serf) => say!("agent.client.serf.lan", level, text),
            (ClientWan, Memberlist) => say!("agent.client.memberlist.wan", level, text),
            (ClientWan, Serf) => say!("agent.client.serf.wan", level, text),
        }
    }
}
