//! The process's `tracing` subscriber: events go to the logs of all agents in the process, spans nowhere.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tracing::level_filters::LevelFilter;
use tracing::span;
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};

use super::hub::Hub;
use super::level::Level;
use super::record::Record;

/// Another subscriber was installed in this process before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("another log subscriber is installed in this process")]
pub struct AlreadyTaken;

/// The hubs that hear events. One agent in the usual process; several in tests, where each hears all,
/// for an event does not say whose it is.
struct Hubs {
    list: ArcSwap<Vec<Arc<Hub>>>,
    /// Held while the list is changed.
    change: Mutex<()>,
}

static HUBS: OnceLock<Result<&'static Hubs, AlreadyTaken>> = OnceLock::new();

/// Makes `hub` hear the events of this process; the first call installs the subscriber.
pub(super) fn attach(hub: &Arc<Hub>) -> Result<(), AlreadyTaken> {
    let hubs = HUBS.get_or_init(install).as_ref().map_err(|error| *error)?;
    change(hubs, |list| list.push(Arc::clone(hub)));
    Ok(())
}

/// Undoes [`attach`].
pub(super) fn detach(hub: &Arc<Hub>) {
    if let Some(Ok(hubs)) = HUBS.get() {
        change(hubs, |list| list.retain(|other| !Arc::ptr_eq(other, hub)));
    }
}

fn change(hubs: &Hubs, edit: impl FnOnce(&mut Vec<Arc<Hub>>)) {
    let guard = hubs.change.lock().unwrap_or_else(PoisonError::into_inner);
    let mut list = hubs.list.load_full().as_ref().clone();
    edit(&mut list);
    hubs.list.store(Arc::new(list));
    drop(guard);
    levels_changed();
}

/// Makes the levels of the hubs known to every log statement, so that a silent one costs one load. To be
/// called after each change of them.
pub(super) fn levels_changed() {
    /// Without it, a slower caller could put the levels of before in the place of a faster one's.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    tracing::callsite::rebuild_interest_cache();
}

fn install() -> Result<&'static Hubs, AlreadyTaken> {
    let hubs: &'static Hubs = Box::leak(Box::new(Hubs {
        list: ArcSwap::from_pointee(Vec::new()),
        change: Mutex::new(()),
    }));
    tracing::subscriber::set_global_default(LogSubscriber { hubs }).map_err(|_| AlreadyTaken)?;
    Ok(hubs)
}

struct LogSubscriber {
    hubs: &'static Hubs,
}

impl LogSubscriber {
    /// The most verbose level that any hub wants.
    fn wanted(&self) -> Option<Level> {
        self.hubs.list.load().iter().map(|hub| hub.wanted()).max()
    }
}

impl Subscriber for LogSubscriber {
    /// Asked once for each log statement and again when levels change, so that `enabled` is rarely needed.
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.enabled(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let level = Level::from(metadata.level());
        self.wanted().is_some_and(|wanted| level <= wanted) && is_audible(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.wanted().map_or(LevelFilter::OFF, Level::filter))
    }

    fn event(&self, event: &Event<'_>) {
        let level = Level::from(event.metadata().level());
        let hubs = self.hubs.list.load();
        let mut hubs = hubs.iter().filter(|hub| level <= hub.wanted());
        let Some(first) = hubs.next() else { return };
        let mut record = Record::new(Timestamp::now(), level, module(event.metadata().target()));
        event.record(&mut record);
        for hub in hubs {
            hub.push(record.clone());
        }
        first.push(record);
    }

    fn new_span(&self, _span: &span::Attributes<'_>) -> span::Id {
        // Spans are never enabled; the number only has to be valid.
        span::Id::from_u64(1)
    }

    fn record(&self, _span: &span::Id, _values: &span::Record<'_>) {}

    fn record_follows_from(&self, _span: &span::Id, _follows: &span::Id) {}

    fn enter(&self, _span: &span::Id) {}

    fn exit(&self, _span: &span::Id) {}
}

/// Whether a statement can be heard at all, at whatever level: an event, or the question
/// `tracing::enabled!`, which is a kind of its own.
fn is_audible(metadata: &Metadata<'_>) -> bool {
    !metadata.is_span() && Level::from(metadata.level()) <= ceiling(metadata.target())
}

/// The most verbose level that a speaker may use: other crates are heard when something is wrong only.
/// openraft warns of what every election does, so that its errors alone count.
fn ceiling(target: &str) -> Level {
    if is_ours(target) {
        Level::Trace
    } else if target.split("::").next() == Some("openraft") {
        Level::Error
    } else {
        Level::Warn
    }
}

/// Our own statements name a part of the agent (`agent.server`, `connect.ca`), or have the path of a
/// module of this crate; other crates' have the path of theirs.
fn is_ours(target: &str) -> bool {
    let root = target.split("::").next().unwrap_or(target);
    root == env!("CARGO_CRATE_NAME")
        || target == "agent"
        || target.starts_with("agent.")
        || target.starts_with("connect.")
}

/// The name that a line shows for a target: Consul's names as they are, `openraft` as the part that
/// does its work in Consul, module paths with dots.
fn module(target: &'static str) -> Cow<'static, str> {
    if target.split("::").next() == Some("openraft") {
        return Cow::Borrowed("agent.server.raft");
    }
    if !is_ours(target) {
        return Cow::Owned(format!("agent.{}", target.replace("::", ".")));
    }
    let path = target
        .strip_prefix(concat!(env!("CARGO_CRATE_NAME"), "::"))
        .unwrap_or(target);
    if path.contains("::") {
        Cow::Owned(path.replace("::", "."))
    } else {
        Cow::Borrowed(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_become_consuls_names() {
        assert_eq!(module("agent.server.raft"), "agent.server.raft");
        assert_eq!(module("agent"), "agent");
        assert_eq!(module("openraft::core::raft_core"), "agent.server.raft");
        assert_eq!(module("hyper::proto::h1"), "agent.hyper.proto.h1");
        assert_eq!(
            module("consulctl::agent::http::server"),
            "agent.http.server"
        );
    }

    #[test]
    fn other_crates_are_heard_when_something_is_wrong() {
        assert_eq!(ceiling("openraft::core"), Level::Error);
        assert_eq!(ceiling("sqlx::query"), Level::Warn);
        assert_eq!(ceiling("agent.dns"), Level::Trace);
        assert_eq!(ceiling("connect.ca.consul"), Level::Trace);
        assert_eq!(ceiling("consulctl::agent::raft"), Level::Trace);
    }
}
