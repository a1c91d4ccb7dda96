//! What the state machine wants done, in its order.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::error::TrySendError;
use tracing::Level;

use super::Driver;
use crate::agent::gossip::arrivals::Arrival;
use crate::agent::gossip::complaints::Complaint;
use crate::agent::gossip::keyring_file;
use crate::agent::gossip::meters::amount;
use crate::agent::gossip::nonce::nonce;
use crate::agent::gossip::serf::{Event, Input, Output, QueryKey, QueryReply, SnapshotLine};
use crate::agent::gossip::snapshot_file::{self, FLUSH_INTERVAL, RECOVERY_INTERVAL};
use crate::agent::gossip::streams::StreamError;
use crate::agent::gossip::swim::{self, ExchangeId, Packet};
use crate::agent::gossip::wire::{Keyring, Ping, Security, encode_packet};

impl Driver {
    /// Does all that the state machine wants done by now, and what that brings about.
    pub(super) fn execute(&mut self) {
        while let Some(output) = self.serf.poll_output() {
            match output {
                Output::Net(output) => self.net_output(output),
                Output::Event(event) => {
                    // Whoever hears of a change finds it in the list. Inputs are taken in as a whole, so that
                    // the first event of many publishes for all.
                    if let Event::Members(..) = event {
                        self.state.unpublished |= std::mem::take(&mut self.state.moved);
                    }
                    self.publish();
                    self.notices.of_event(&mut self.meters, &event);
                    // Nobody has to listen.
                    _ = self.events.send(event);
                }
                Output::QueryReply { key, reply } => self.query_reply(key, reply),
                Output::QueryDone { key } => _ = self.state.queries.remove(&key),
                Output::SaveKeyring(keyring) => self.save_keyring(keyring),
                Output::Snapshot(line) => self.remember(&line),
                Output::Notice(notice) => self.notices.of_serf(&self.meters, &notice),
                Output::Left => self.have_left(),
                Output::ConflictLost {
                    matching,
                    responses,
                } => self.name_is_lost(matching, responses),
            }
        }
        self.publish();
    }

    fn net_output(&mut self, output: swim::Output) {
        use swim::Output as O;
        match output {
            O::Packet(packet) => self.send(&packet),
            O::PushPull { exchange, to, body } => self.dial(exchange, to, body),
            O::StreamPing { to, ping, timeout } => self.stream_ping(to, ping, timeout),
            O::StreamReply { stream, body } => {
                if let Some(answer) = self.state.answers.remove(&stream) {
                    // The peer may have given up.
                    _ = answer.send(body);
                }
            }
            O::StreamClose { stream } => _ = self.state.answers.remove(&stream),
            O::ExchangeDone { id, result } => {
                self.state.unpublished = true;
                self.exchange_done(id, result);
            }
            // Serf says when all of leaving is done.
            O::Left => {}
            O::Notice(notice) => self.notices.of_swim(&self.meters, &notice),
        }
    }

    fn send(&mut self, packet: &Packet) {
        let security = self.security();
        let plain = encode_packet(&packet.parts, packet.crc, security.compress);
        let sealed = security.seal_packet(&plain, nonce(&security));
        self.meters.udp_sent.add(amount(sealed.len()));
        if let Err(error) = self.datagrams.send(packet.to, sealed) {
            self.not_sent(packet.to, &error);
        }
    }

    /// A datagram did not leave this machine.
    pub(super) fn not_sent(&mut self, to: SocketAddr, error: &io::Error) {
        let text = format_args!("Failed to send gossip to {to}: {error}");
        self.complain(Complaint::NotSent, Level::ERROR, text);
        self.net(swim::Input::Unreachable { to });
    }

    /// Runs a task that ends with the pool.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            _ = stop.run_until_cancelled_owned(task).await;
        });
    }

    fn dial(&self, exchange: ExchangeId, to: SocketAddr, body: Bytes) {
        self.log.memberlist(
            Level::DEBUG,
            format_args!("Initiating push/pull sync with: {to}"),
        );
        let (outbound, arrive) = (self.outbound(), self.arrive.clone());
        self.spawn(async move {
            let result = outbound.exchange(to, &body).await;
            let result = result.map_err(|error| error.to_string());
            // The driver may have ended.
            _ = arrive
                .send(Arrival::PushPullReply { exchange, result })
                .await;
        });
    }

    fn stream_ping(&self, to: SocketAddr, ping: Ping, timeout: Duration) {
        let (outbound, arrive, log) = (self.outbound(), self.arrive.clone(), self.log);
        self.spawn(async move {
            let seq_no = ping.seq_no;
            let answer = outbound.ping(to, ping, timeout).await;
            // That whoever is gone cannot be dialled is no news.
            if let Err(error) = &answer
                && !matches!(error, StreamError::Dial { .. })
            {
                log.memberlist(Level::ERROR, format_args!("Failed fallback ping: {error}"));
            }
            let answered = answer.is_ok();
            // The driver may have ended.
            _ = arrive.send(Arrival::StreamPong { seq_no, answered }).await;
        });
    }

    fn query_reply(&mut self, key: QueryKey, reply: QueryReply) {
        let Some(replies) = self.state.queries.get(&key) else {
            return;
        };
        match replies.try_send(reply) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => self.log.serf(
                Level::WARN,
                format_args!("Failed to deliver query response, dropping"),
            ),
            Err(TrySendError::Closed(_)) => _ = self.state.queries.remove(&key),
        }
    }

    fn have_left(&mut self) {
        self.state.left = true;
        self.state.unpublished = true;
        for waiting in self.state.leaving.drain(..) {
            // Whoever asked may have given up.
            _ = waiting.send(());
        }
    }

    /// The pool ends as it does when it is shut down.
    fn name_is_lost(&mut self, matching: usize, responses: usize) {
        let text = format_args!(
            "minority in name conflict resolution, quitting [{matching} / {responses}]"
        );
        self.log.serf(Level::WARN, text);
        self.stop.cancel();
    }

    fn save_keyring(&mut self, keyring: Arc<Keyring>) {
        let Some(path) = self.keyring_file.clone() else {
            self.keyring_saved(Ok(()));
            return;
        };
        let arrive = self.arrive.clone();
        // Not cancelled with the pool: a key that was told to all must be on disk.
        self.tasks.spawn(async move {
            let saving = move || keyring_file::save(&path, &keyring);
            let saved = match tokio::task::spawn_blocking(saving).await {
                Ok(saved) => saved.map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            // The driver may have ended.
            _ = arrive.send(Arrival::KeyringSaved(saved)).await;
        });
    }

    pub(super) fn keyring_saved(&mut self, result: Result<(), String>) {
        if let Err(error) = &result {
            let text = format_args!("Failed to write keyring file: {error}");
            self.log.serf(Level::ERROR, text);
        }
        self.input(Input::KeyringSaved(result));
        let security = Security {
            keyring: self.serf.keyring().cloned(),
            ..Security::clone(&self.security())
        };
        self.streams.security.store(Arc::new(security));
    }

    fn remember(&mut self, line: &SnapshotLine) {
        let now = self.clock.now();
        let Some(snapshot) = &mut self.snapshot else {
            return;
        };
        snapshot.line(line);
        if let SnapshotLine::Leave = line {
            self.flush_snapshot(true);
        } else if snapshot.has_news() && self.state.flush_at.is_none() {
            self.state.flush_at = Some(now + FLUSH_INTERVAL);
        }
    }

    /// Has a thread write what is new, unless one is writing.
    pub(super) fn flush_snapshot(&mut self, sync: bool) {
        self.state.flush_at = None;
        let Some(snapshot) = &mut self.snapshot else {
            return;
        };
        self.state.sync_wanted |= sync && snapshot.is_busy();
        let Some(job) = snapshot.job(sync) else {
            return;
        };
        let arrive = self.arrive.clone();
        // Not cancelled with the pool: the file comes back, and the driver waits for it.
        self.tasks.spawn(async move {
            // Jobs do not panic: only the end of the runtime takes one away.
            if let Ok(done) = tokio::task::spawn_blocking(|| job.run()).await {
                // The driver may have ended.
                _ = arrive.send(Arrival::Snapshot(done)).await;
            }
        });
    }

    /// The file is free again.
    pub(super) fn snapshot_written(&mut self, done: snapshot_file::Done) {
        let now = self.clock.now();
        let Some(snapshot) = &mut self.snapshot else {
            return;
        };
        let sample = if done.compacted {
            &self.meters.snapshot_compact
        } else {
            &self.meters.snapshot_append
        };
        sample.record_duration(done.took);
        match snapshot.done(done) {
            Ok(()) => {
                if std::mem::take(&mut self.state.snapshot_failed) {
                    let text = "Finished compaction, successfully recovered from error state";
                    self.log.serf(Level::INFO, format_args!("{text}"));
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut self.state.snapshot_failed, true) {
                    let text = format_args!("Failed to update snapshot: {error}");
                    self.log.serf(Level::ERROR, text);
                }
            }
        }
        if std::mem::take(&mut self.state.sync_wanted) {
            self.flush_snapshot(true);
        } else if snapshot.is_damaged() {
            self.state.flush_at = Some(now + RECOVERY_INTERVAL);
        } else if snapshot.has_news() && self.state.flush_at.is_none() {
            self.state.flush_at = Some(now + FLUSH_INTERVAL);
        }
    }
}
