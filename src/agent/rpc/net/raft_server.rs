//! The server's side of a connection of raft's frames.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::debug;

use super::budget::Budget;
use super::calls::TARGET;
use super::handlers::RaftFrames;
use super::limits::Limits;
use super::raft_frame::{
    ANSWERED, Frame, REFUSED, read_body, read_head, read_preface, write_frame,
};

/// Calls of one connection that are answered at the same time; further ones wait in the connection.
const MAX_IN_FLIGHT: usize = 64;

/// Serves a connection until it ends.
pub(super) async fn serve(
    stream: TcpStream,
    from: SocketAddr,
    raft: &Arc<dyn RaftFrames>,
    budget: &Budget,
    limits: &Limits,
) {
    let (input, output) = stream.into_split();
    let (answers, queue) = mpsc::channel(MAX_IN_FLIGHT);
    let mut writer = JoinSet::new();
    writer.spawn(write_answers(output, queue, limits.write_timeout));
    let mut input = BufReader::new(input);
    let mut calls = JoinSet::new();
    let reading = read_calls(
        &mut input,
        (raft, from),
        budget,
        limits,
        answers,
        &mut calls,
    );
    let ended = tokio::select! {
        ended = reading => ended,
        // Nobody takes the answers.
        _ = writer.join_next() => Ok(()),
    };
    if let Err(why) = ended {
        debug!(target: TARGET, %from, %why, "connection of raft is closed");
    }
    // What raft has begun it finishes by itself; the answers have nowhere to go.
}

async fn read_calls(
    input: &mut BufReader<tokio::net::tcp::OwnedReadHalf>,
    (raft, from): (&Arc<dyn RaftFrames>, SocketAddr),
    budget: &Budget,
    limits: &Limits,
    answers: mpsc::Sender<Frame>,
    calls: &mut JoinSet<()>,
) -> io::Result<()> {
    let server = timeout(limits.handshake_timeout, read_preface(input)).await??;
    if !raft.is_here(&server) {
        let server = String::from_utf8_lossy(&server);
        return Err(io::Error::other(format!("server {server} is not here")));
    }
    while let Some(head) = read_head(input).await? {
        let limit = raft.limit(head.kind);
        if limit.is_none_or(|limit| head.len > limit) {
            return Err(io::Error::other(format!(
                "a frame of kind {} with {} bytes is not taken",
                head.kind, head.len
            )));
        }
        let mut share = budget.share();
        let body = read_body(input, head.len, &mut share, limits.request_timeout).await?;
        let mut call = raft.serve(from, head.kind, body);
        let answers = answers.clone();
        let send = async move |outcome: Result<Vec<u8>, String>| {
            let (kind, body) = match outcome {
                Ok(body) => (ANSWERED, body),
                Err(why) => (REFUSED, why.into_bytes()),
            };
            let number = head.number;
            // Without a writer there is no client either.
            let _gone = answers.send(Frame { number, kind, body }).await;
            drop(share);
        };
        // Polled once here, so that calls begin in the order of their frames; then each for itself.
        let at_once = tokio::select! {
            biased;
            outcome = &mut call => Some(outcome),
            () = std::future::ready(()) => None,
        };
        match at_once {
            Some(outcome) => send(outcome).await,
            None => {
                calls.spawn(async move { send(call.await).await });
            }
        }
        while calls.try_join_next().is_some() || calls.len() >= MAX_IN_FLIGHT {
            if calls.len() >= MAX_IN_FLIGHT {
                calls.join_next().await;
            }
        }
    }
    Ok(())
}

async fn write_answers(
    mut output: OwnedWriteHalf,
    mut queue: mpsc::Receiver<Frame>,
    limit: std::time::Duration,
) {
    while let Some(frame) = queue.recv().await {
        if write_frame(&mut output, &frame, limit).await.is_err() {
            return;
        }
    }
}
