//! Asks for what only some views need: one task for the demand that is on the screen; another demand ends it.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::demand::{Demand, Found};
use super::fetch::fault;
use super::kv::{Level, Opened};
use super::latency::Area;
use super::logs::{LogLevel, Splitter};
use super::poller::back_off;
use super::snapshot::{Fault, FaultKind};
use crate::api::{ApiError, Client, DatacenterCoordinates, Meta, QueryOptions};

/// How long a question that waits for a change waits at most.
const WAIT: Duration = Duration::from_mins(1);
/// How long any answer may take beyond that.
const PATIENCE: Duration = Duration::from_secs(15);
/// Least time between two answers to the same.
const BREATH: Duration = Duration::from_secs(1);
/// Time between two questions about datacenters.
const AREAS: Duration = Duration::from_secs(15);
/// What is expensive is asked seldom: the pause is so many times as long as the answer took.
const EASE: u32 = 10;
/// Bytes of a list of names that are read.
const MAX_NAMES_BYTES: usize = 8 << 20;
/// Answers that may lie unread; lines of a log that find no room are dropped and counted.
const QUEUE: usize = 64;

/// The task; it ends when it is dropped.
pub struct Asker {
    client: Client,
    arrivals: mpsc::Receiver<Found>,
    sender: mpsc::Sender<Found>,
    demand: Demand,
    task: JoinSet<()>,
}

impl Asker {
    /// Asks for nothing yet.
    pub fn new(client: &Client) -> Self {
        let (sender, arrivals) = mpsc::channel(QUEUE);
        Self {
            client: client.clone(),
            arrivals,
            sender,
            demand: Demand::Nothing,
            task: JoinSet::new(),
        }
    }

    /// Asks for something else from now on.
    pub fn want(&mut self, demand: Demand) {
        self.demand = demand;
        self.again();
    }

    /// Asks for the same, now. What has been followed goes on.
    pub fn refresh(&mut self) {
        self.again();
    }

    fn again(&mut self) {
        // Dropping the set ends what runs in it.
        self.task = JoinSet::new();
        let (client, sender) = (self.client.clone(), self.sender.clone());
        match self.demand.clone() {
            Demand::Nothing => {}
            Demand::Logs(level) => {
                self.task.spawn(follow(client, sender, level));
            }
            demand => {
                self.task.spawn(repeat(client, demand, sender));
            }
        }
    }

    /// The next answer.
    pub async fn next(&mut self) -> Option<Found> {
        self.arrivals.recv().await
    }
}

/// Asks the same again and again, whenever it changed.
async fn repeat(client: Client, demand: Demand, sender: mpsc::Sender<Found>) {
    let (mut index, mut failures) = (0, 0);
    loop {
        let options = QueryOptions {
            index,
            wait: if index > 0 { WAIT } else { Duration::ZERO },
            stale: true,
            ..QueryOptions::default()
        };
        let began = Instant::now();
        let (found, newest, trouble) = match &demand {
            Demand::Level(prefix) => level(&client, prefix, &options).await,
            Demand::Value(key) => value(&client, key, &options).await,
            Demand::Areas => areas(&client, &options).await,
            Demand::Nothing | Demand::Logs(_) => return,
        };
        let took = if index > 0 {
            Duration::ZERO
        } else {
            began.elapsed()
        };
        failures = if trouble.is_some() { failures + 1 } else { 0 };
        let pause = match trouble {
            Some(_) => back_off(failures, rand::random()),
            // It cannot wait for a change, and hardly anything changes.
            None if demand == Demand::Areas => AREAS,
            None => BREATH.max(took * EASE),
        };
        // An index that goes backwards is of a cluster that was restored: begin anew.
        index = if newest < index { 0 } else { newest };
        if sender.send(found).await.is_err() {
            return;
        }
        sleep(pause).await;
    }
}

async fn in_time<T>(
    options: &QueryOptions,
    question: impl Future<Output = Result<(T, Meta), ApiError>>,
) -> (Result<T, Fault>, u64) {
    match timeout(options.wait + PATIENCE, question).await {
        Ok(Ok((found, meta))) => (Ok(found), meta.index),
        Ok(Err(error)) => (Err(fault(error)), 0),
        Err(_) => {
            let fault = Fault {
                kind: FaultKind::Unreachable,
                text: "no answer in time".to_owned(),
            };
            (Err(fault), 0)
        }
    }
}

async fn level(
    client: &Client,
    prefix: &str,
    options: &QueryOptions,
) -> (Found, u64, Option<FaultKind>) {
    let question = async {
        let came = client.kv_names(prefix, options, MAX_NAMES_BYTES).await?;
        Ok(((came.0, came.1), came.2))
    };
    let (came, index) = in_time(options, question).await;
    let came = came.and_then(|(json, cut)| {
        Level::read(prefix, &json, cut).map_err(|error| Fault {
            kind: FaultKind::Other,
            text: format!("unreadable answer: {error}"),
        })
    });
    let trouble = came.as_ref().err().map(|fault| fault.kind);
    (Found::Level(prefix.to_owned(), came), index, trouble)
}

async fn areas(client: &Client, options: &QueryOptions) -> (Found, u64, Option<FaultKind>) {
    let question = async { Ok((client.coordinate_datacenters().await?, Meta::default())) };
    let (came, _) = in_time(options, question).await;
    let came = came.map(|found| {
        let area = |found: DatacenterCoordinates| Area {
            name: found.datacenter,
            servers: found.coordinates,
        };
        found.into_iter().map(area).collect()
    });
    let trouble = came.as_ref().err().map(|fault: &Fault| fault.kind);
    (Found::Areas(came), 0, trouble)
}

async fn value(
    client: &Client,
    key: &str,
    options: &QueryOptions,
) -> (Found, u64, Option<FaultKind>) {
    // The client drops one slash in front.
    let exact = if key.starts_with('/') {
        format!("/{key}")
    } else {
        key.to_owned()
    };
    let (came, index) = in_time(options, client.kv_get(exact.as_bytes(), options)).await;
    let came = match came {
        Err(fault) => Err(fault),
        Ok(None) => Ok(None),
        Ok(Some(pair)) => {
            let holder = holder(client, &pair.session).await;
            Ok(Some(Box::new(Opened::new(&pair, holder))))
        }
    };
    let trouble = came.as_ref().err().map(|fault| fault.kind);
    (Found::Value(key.to_owned(), came), index, trouble)
}

/// Whose session it is, where the agent tells.
async fn holder(client: &Client, session: &str) -> Option<String> {
    if session.is_empty() {
        return None;
    }
    let options = QueryOptions {
        stale: true,
        ..QueryOptions::default()
    };
    let question = client.session_info(session, &options);
    let found = timeout(PATIENCE, question).await.ok()?.ok()?.0?;
    let name = match found.name.as_str() {
        "" => String::new(),
        name => format!(" ({name})"),
    };
    Some(format!("{}{name}", found.node))
}

/// Follows the log; begins again when the stream ends.
async fn follow(client: Client, sender: mpsc::Sender<Found>, level: LogLevel) {
    let mut failures = 0;
    loop {
        let fault = match client.agent_monitor(level.name(), false).await {
            Err(error) => fault(error),
            Ok(mut stream) => {
                failures = 0;
                if sender.send(Found::Following).await.is_err() {
                    return;
                }
                let (mut splitter, mut lost) = (Splitter::default(), 0);
                loop {
                    match stream.next().await {
                        Ok(Some(bytes)) => lost = pass(&sender, splitter.push(&bytes), lost),
                        Ok(None) => {
                            break Fault {
                                kind: FaultKind::Unreachable,
                                text: "the agent ended it".to_owned(),
                            };
                        }
                        Err(error) => break self::fault(error),
                    }
                }
            }
        };
        failures += 1;
        let pause = back_off(failures, rand::random());
        if sender.send(Found::Lost(fault, pause)).await.is_err() {
            return;
        }
        sleep(pause).await;
    }
}

/// Hands lines over without waiting, so that the agent need not; returns how many are lost by now.
fn pass(sender: &mpsc::Sender<Found>, lines: Vec<String>, lost: u64) -> u64 {
    if lines.is_empty() {
        return lost;
    }
    let count = u64::try_from(lines.len()).unwrap_or(u64::MAX);
    match sender.try_send(Found::Lines(lines, lost)) {
        Ok(()) => 0,
        Err(_) => lost.saturating_add(count),
    }
}
