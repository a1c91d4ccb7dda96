//! The server's side of a multiplexed connection: every stream is one of calls.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_stream::StreamExt as _;
use tokio_yamux::{Config, Session};
use tracing::debug;

use super::calls::{Calls, TARGET};
use super::paced::Paced;

/// Streams that wait to be taken up; the reference's number.
const ACCEPT_BACKLOG: usize = 256;

/// The multiplexer's settings; its window is the protocol's initial one, which is what a peer may send unasked.
pub(super) fn config(streams: usize, keepalive: Duration, write_timeout: Duration) -> Config {
    Config {
        accept_backlog: ACCEPT_BACKLOG,
        enable_keepalive: true,
        keepalive_interval: keepalive,
        connection_write_timeout: write_timeout,
        max_stream_count: streams,
        ..Config::default()
    }
}

/// Serves a connection until it ends. `streams` are those of all sessions together.
pub(super) async fn serve(
    io: impl AsyncRead + AsyncWrite + Unpin,
    from: SocketAddr,
    calls: &Calls,
    streams: &Arc<Semaphore>,
) {
    let limits = &calls.limits;
    let settings = config(
        limits.streams_per_session,
        limits.keepalive_interval,
        limits.write_timeout,
    );
    let mut session = Session::new_server(Paced::server(io, limits.write_timeout), settings);
    let mut tasks = JoinSet::new();
    loop {
        // The session does nothing unless it is polled: no other branch may wait.
        tokio::select! {
            stream = session.next() => match stream {
                Some(Ok(stream)) => {
                    // Dropping the stream resets it.
                    let Ok(permit) = Arc::clone(streams).try_acquire_owned() else { continue };
                    let calls = calls.clone();
                    tasks.spawn(async move {
                        calls.serve(stream, from, None).await;
                        drop(permit);
                    });
                }
                Some(Err(why)) => {
                    debug!(target: TARGET, %from, %why, "session is closed");
                    break;
                }
                None => break,
            },
            Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
        }
    }
    // Streams end with their session; writes that are under way are finished first.
    tasks.detach_all();
}
