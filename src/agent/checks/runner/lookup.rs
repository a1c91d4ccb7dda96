//! Lookups of names, few at a time.
//!
//! The system's resolver blocks a thread and cannot be interrupted: with a name server that stays
//! silent a lookup goes on for seconds after its check gave up. Threads are taken from the
//! runtime's pool, where files are read and written too, so lookups may never take all of them.

use std::cell::Cell;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Lookups of names at a time; the runtime's pool has 512 threads.
const MAX_LOOKUPS: usize = 64;
/// Lookups of `localhost` at a time: no name server is asked, so they need not wait behind those
/// that wait for one.
const MAX_LOCAL_LOOKUPS: usize = 16;

/// What a check says that never got to ask for its name, behind what it was about to do.
pub(super) const QUEUED: &str = "i/o timeout: the lookup of the name did not begin, because the \
                                 lookups of other checks still wait for the name server";

static NAMES: Lookups = Lookups::new(MAX_LOOKUPS, ask_system);
static LOCALHOST: Lookups = Lookups::new(MAX_LOCAL_LOOKUPS, ask_system);

tokio::task_local! {
    /// Written by lookups, read by the `within` around them.
    static STAGE: Cell<Stage>;
}

/// Where a check's lookup is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Done, or not needed.
    Idle,
    Queued,
    Asking,
}

/// What a check was doing when its time was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Late {
    /// It waited for its turn to look up a name.
    Queued,
    /// The name server had not answered.
    Asking,
    /// Its target was slow.
    Talking,
}

/// Ends `work` at `deadline` and tells what it was doing then.
///
/// # Errors
/// The deadline came first.
pub(super) async fn within<F: Future>(deadline: Instant, work: F) -> Result<F::Output, Late> {
    let limited = async {
        let done = tokio::time::timeout_at(deadline, work).await;
        done.map_err(|_elapsed| match STAGE.with(Cell::get) {
            Stage::Idle => Late::Talking,
            Stage::Queued => Late::Queued,
            Stage::Asking => Late::Asking,
        })
    };
    STAGE.scope(Cell::new(Stage::Idle), limited).await
}

fn enter(stage: Stage) {
    // A lookup outside `within` has nobody who asks.
    let _ = STAGE.try_with(|it| it.set(stage));
}

/// The addresses of a host, with `port`; a host that is an address needs no lookup.
///
/// # Errors
/// The system's.
pub(super) async fn lookup(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let lookups = if host.eq_ignore_ascii_case("localhost") {
        &LOCALHOST
    } else {
        &NAMES
    };
    lookups.ask(host, port).await
}

/// The same lookups for HTTP clients.
#[derive(Debug)]
pub(super) struct ClientLookups;

impl Resolve for ClientLookups {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The client puts the port of its URL in the place of 0.
            let found = lookup(name.as_str(), 0).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

type Ask = fn(&str, u16) -> io::Result<Vec<SocketAddr>>;

fn ask_system(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok((host, port).to_socket_addrs()?.collect())
}

struct Lookups {
    turns: Semaphore,
    ask: Ask,
}

impl Lookups {
    const fn new(at_a_time: usize, ask: Ask) -> Self {
        Self {
            turns: Semaphore::const_new(at_a_time),
            ask,
        }
    }

    async fn ask(&'static self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        enter(Stage::Queued);
        let turn = self.turns.acquire().await.map_err(io::Error::other)?;
        enter(Stage::Asking);
        let (host, ask) = (host.to_owned(), self.ask);
        let asking = tokio::task::spawn_blocking(move || {
            // The turn ends with the lookup, however long ago the check gave up.
            let _turn = turn;
            ask(&host, port)
        });
        let found = asking.await.map_err(io::Error::other)?;
        enter(Stage::Idle);
        found
    }
}

#[cfg(test)]
pub(super) mod tests;
