//! The task that owns a pool's state machine: it brings in what happened and does what comes out, in order.

mod joins;
mod outputs;
mod requests;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Semaphore, broadcast, mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Level;

use super::arrivals::Arrival;
use super::complaints::{Complaint, Complaints};
use super::handle::{Published, Request};
use super::inbound::Inbound;
use super::log::Log;
use super::meters::{Meters, amount};
use super::notices::Notices;
use super::outbound::Outbound;
use super::roster::Roster;
use super::serf::{self, Event, QueryKey, QueryReply, Serf};
use super::snapshot_file::Snapshot;
use super::sockets::Datagrams;
use super::streams::in_their_words;
use super::swim::{self, StreamId};
use super::wire::{Message, Security, decode_packet};
use crate::model::mono::Mono;

use joins::Joins;

/// Datagrams that are taken in before what they bring about is done: when many come, the list of members
/// is published once for all of them.
const DATAGRAMS_AT_ONCE: usize = 64;
/// Largest datagram, in bytes.
const DATAGRAM_MAX: usize = 64 * 1024;
/// When there is nothing to wait for: any time will do.
const IDLE: Duration = Duration::from_hours(1);

/// Time since the pool started, as the state machine counts it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn now(self) -> Mono {
        Mono::from_origin(self.0.elapsed())
    }

    fn instant(self, moment: Mono) -> Instant {
        self.0 + moment.since_origin()
    }
}

/// Everything that the task owns.
pub(super) struct Driver {
    pub(super) serf: Serf,
    pub(super) clock: Clock,
    pub(super) log: Log,
    pub(super) notices: Notices,
    pub(super) meters: Meters,
    pub(super) datagrams: Datagrams,
    /// Streams that peers open; it has the keys, which are written here.
    pub(super) streams: Arc<Inbound>,
    /// Places for large messages of peers that we dialled: those that dial us cannot take them.
    pub(super) large: Arc<Semaphore>,
    pub(super) requests: mpsc::Receiver<Request>,
    pub(super) arrivals: mpsc::Receiver<Arrival>,
    pub(super) arrive: mpsc::Sender<Arrival>,
    pub(super) roster: Roster,
    pub(super) published: Arc<Published>,
    pub(super) changes: watch::Sender<u64>,
    pub(super) events: broadcast::Sender<Event>,
    pub(super) snapshot: Option<Snapshot>,
    pub(super) keyring_file: Option<PathBuf>,
    pub(super) default_port: u16,
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
    pub(super) state: State,
}

/// What is under way.
#[derive(Default)]
pub(super) struct State {
    joins: Joins,
    /// Inbound streams that wait for their answer.
    answers: HashMap<StreamId, oneshot::Sender<Bytes>>,
    last_stream: StreamId,
    /// Our own queries that run.
    queries: HashMap<QueryKey, mpsc::Sender<QueryReply>>,
    /// Whoever waits until we have left.
    leaving: Vec<oneshot::Sender<()>>,
    /// Leaving began.
    leaves: bool,
    /// We have left.
    left: bool,
    /// When the snapshot's file is written next.
    flush_at: Option<Mono>,
    /// The last write of the snapshot failed, and was told.
    snapshot_failed: bool,
    /// Something happened that may have changed the list of members.
    unpublished: bool,
    complaints: Complaints,
    /// The state machine took something in since an event last published the list.
    moved: bool,
    /// The snapshot must be on disk as soon as its file is free.
    sync_wanted: bool,
}

impl Driver {
    /// Starts the state machine, so that this member is in the list before anybody looks.
    pub(super) fn begin(&mut self) {
        self.serf.start(self.clock.now());
        self.state.unpublished = true;
        self.execute();
    }

    /// Runs until it is stopped.
    pub(super) async fn run(mut self) {
        let mut buffer = vec![0; DATAGRAM_MAX];
        let stop = self.stop.clone();
        loop {
            self.execute();
            if stop.is_cancelled() {
                break;
            }
            let deadline = self.clock.instant(self.deadline());
            tokio::select! {
                () = stop.cancelled() => break,
                ready = self.datagrams.ready() => self.exchange_datagrams(ready, &mut buffer),
                // Without a handle nobody asks anything; the pool goes on.
                Some(request) = self.requests.recv() => self.request(request),
                Some(arrival) = self.arrivals.recv() => self.arrival(arrival),
                () = tokio::time::sleep_until(deadline) => self.tick(),
            }
        }
        self.close().await;
    }

    fn deadline(&self) -> Mono {
        let wanted = self.serf.next_deadline().into_iter();
        let earliest = wanted.chain(self.state.flush_at).min();
        earliest.unwrap_or_else(|| self.clock.now() + IDLE)
    }

    fn tick(&mut self) {
        let now = self.clock.now();
        if self.serf.next_deadline().is_some_and(|at| at <= now) {
            self.input(serf::Input::Tick);
            self.state.unpublished = true;
        }
        if self.state.flush_at.is_some_and(|at| at <= now) {
            self.flush_snapshot(false);
        }
    }

    fn input(&mut self, input: serf::Input) {
        self.input_at(self.clock.now(), input);
    }

    /// `moment` is no later than now, and no earlier than that of the input before.
    fn input_at(&mut self, moment: Mono, input: serf::Input) {
        self.state.moved = true;
        self.serf.handle(moment, input);
    }

    fn net(&mut self, input: swim::Input) {
        self.input(serf::Input::Net(input));
    }

    fn exchange_datagrams(&mut self, ready: io::Result<()>, buffer: &mut [u8]) {
        if let Some((to, error)) = self.datagrams.flush() {
            self.not_sent(to, &error);
        }
        if let Err(error) = ready {
            self.not_received(&error);
        }
        for _ in 0..DATAGRAMS_AT_ONCE {
            match self.datagrams.receive(buffer) {
                Ok(Some((length, from))) => {
                    self.meters.udp_received.add(amount(length));
                    self.datagram(&buffer[..length], from);
                }
                Ok(None) => break,
                Err(error) => self.not_received(&error),
            }
        }
    }

    fn not_received(&mut self, error: &io::Error) {
        let text = format_args!("Error reading UDP packet: {error}");
        self.complain(Complaint::NotReceived, Level::ERROR, text);
    }

    /// Opens a datagram and takes its messages in.
    fn datagram(&mut self, packet: &[u8], from: SocketAddr) {
        let security = self.security();
        let plain = match security.open_packet(packet) {
            Ok(plain) => plain,
            Err(error) => {
                let reason = in_their_words(&error, from);
                let text = format_args!("Decrypt packet failed: {reason} from={from}");
                self.complain(Complaint::NotOpened, Level::ERROR, text);
                return;
            }
        };
        let mut messages = Vec::new();
        match decode_packet(&plain, &mut |message| messages.push(message)) {
            Ok(0) => {}
            Ok(truncated) => {
                let text =
                    format_args!("Compound request had {truncated} truncated messages from={from}");
                self.complain(Complaint::CutOff, Level::WARN, text);
            }
            Err(error) => {
                let text = format_args!("{error} from={from}");
                self.complain(Complaint::NotDecoded, Level::ERROR, text);
            }
        }
        for message in messages {
            self.state.unpublished |= tells_of_members(&message);
            self.net(swim::Input::Message { from, message });
        }
    }

    fn arrival(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::PushPull {
                from,
                state,
                answer,
            } => {
                let stream = self.answer_later(answer);
                self.state.unpublished = true;
                self.net(swim::Input::PushPullRequest {
                    stream,
                    from,
                    state,
                });
                self.execute();
                // The state machine answers at once or not at all.
                self.state.answers.remove(&stream);
            }
            Arrival::StreamPing { ping, answer } => {
                let stream = self.answer_later(answer);
                self.net(swim::Input::StreamPing { stream, ping });
                self.execute();
                self.state.answers.remove(&stream);
            }
            Arrival::User { from, message } => {
                self.state.unpublished = true;
                let message = Message::User(message);
                self.net(swim::Input::Message { from, message });
            }
            Arrival::PushPullReply { exchange, result } => {
                self.state.unpublished = true;
                self.net(swim::Input::PushPullReply { exchange, result });
            }
            Arrival::StreamPong { seq_no, answered } => {
                self.net(swim::Input::StreamPong { seq_no, answered });
            }
            Arrival::Resolved { join, result } => self.resolved(join, result),
            Arrival::KeyringSaved(result) => self.keyring_saved(result),
            Arrival::Snapshot(done) => self.snapshot_written(done),
        }
    }

    fn answer_later(&mut self, answer: oneshot::Sender<Bytes>) -> StreamId {
        self.state.last_stream = self.state.last_stream.wrapping_add(1);
        self.state.answers.insert(self.state.last_stream, answer);
        self.state.last_stream
    }

    /// With the keys of now.
    fn security(&self) -> Arc<Security> {
        self.streams.security.load_full()
    }

    /// What opens streams with the keys of now.
    fn outbound(&self) -> Outbound {
        Outbound {
            log: self.log,
            security: self.security(),
            large: Arc::clone(&self.large),
            limit: self.streams.limit,
            connected: self.meters.tcp_connect.clone(),
            sent: self.meters.tcp_sent.clone(),
            took: self.meters.push_pull.clone(),
        }
    }

    /// Puts the list of members where readers find it, if it is another one.
    fn publish(&mut self) {
        if !std::mem::take(&mut self.state.unpublished) {
            return;
        }
        let members: Vec<_> = self.serf.members().collect();
        if let Some(members) = self.roster.changed(&members) {
            self.published.members.store(Arc::new(members));
            self.changes
                .send_modify(|count| *count = count.wrapping_add(1));
        }
    }

    /// Complains of each kind at most once in a while.
    fn complain(&mut self, complaint: Complaint, level: Level, text: std::fmt::Arguments<'_>) {
        match self.state.complaints.admit(complaint, self.clock.now()) {
            None => {}
            Some(0) => self.log.memberlist(level, text),
            Some(suppressed) => self
                .log
                .memberlist(level, format_args!("{text} ({suppressed} more suppressed)")),
        }
    }

    /// The last things: what was remembered is on disk, those who wait are told.
    async fn close(mut self) {
        self.requests.close();
        while self.snapshot.as_ref().is_some_and(Snapshot::is_busy) {
            match self.arrivals.recv().await {
                Some(Arrival::Snapshot(done)) => self.snapshot_written(done),
                Some(_) => {}
                None => break,
            }
        }
        let last = self
            .snapshot
            .as_mut()
            .and_then(|snapshot| snapshot.job(true));
        if let Some(job) = last {
            match tokio::task::spawn_blocking(|| job.run()).await {
                Ok(done) => self.snapshot_written(done),
                Err(error) => self.log.serf(
                    Level::ERROR,
                    format_args!("failed to flush snapshot: {error}"),
                ),
            }
        }
        if !self.state.leaves {
            self.log
                .serf(Level::WARN, format_args!("Shutdown without a Leave"));
        }
    }
}

/// Whether the list of members may be another one after this message.
const fn tells_of_members(message: &Message) -> bool {
    !matches!(
        message,
        Message::Ping(_) | Message::IndirectPing(_) | Message::Ack(_) | Message::Nack(_)
    )
}
