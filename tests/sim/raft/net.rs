//! Requests and answers between hosts: delay, loss, and walls that may stand in one direction only.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use consulctl::agent::raft::{Call, Lane, Peer, Raft, Transport, TransportError};
use tokio::sync::oneshot;

use crate::dice::Dice;

pub(super) type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A machine: servers count from 0, clients from [`CLIENTS`].
pub(super) type Host = usize;

/// The host of the first client.
pub(super) const CLIENTS: Host = 100;

/// Time after which a connection without life in it is given up.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// Hands an answer to who waits for it.
type Deliver = Box<dyn FnOnce() + Send>;

/// What is done on a server; the result goes back over the network.
type Work = Box<dyn FnOnce(Raft) -> BoxFuture<'static, Deliver> + Send>;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    /// The host is up and nobody listens: the request was not read.
    Refused,
    /// The connection broke after the request was sent.
    Broken,
    /// Nothing was heard in time.
    Silence,
}

/// A message on its way.
pub(super) enum Message {
    /// A request, and how its sender learns that nobody listens.
    Request {
        work: Work,
        refuse: Deliver,
    },
    Answer(Deliver),
}

/// A message that has arrived.
pub(super) struct Arrival {
    pub(super) from: Host,
    pub(super) to: Host,
    pub(super) message: Message,
}

/// How well the network works.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    pub(super) delay: (Duration, Duration),
    pub(super) loss: f64,
}

impl Weather {
    /// One datacenter.
    pub(super) const FAIR: Self = Self {
        delay: (Duration::from_millis(1), Duration::from_millis(8)),
        loss: 0.0,
    };
}

struct State {
    now: Duration,
    dice: Dice,
    weather: Weather,
    sent: u64,
    under_way: BTreeMap<(Duration, u64), Arrival>,
    /// Directed pairs that hear nothing.
    walls: BTreeSet<(Host, Host)>,
    /// What was lost: whoever waits for it waits until the time is over.
    limbo: Vec<Box<dyn Any + Send>>,
}

/// The network; clones share it.
#[derive(Clone)]
pub(super) struct Net(Arc<Mutex<State>>);

impl Net {
    pub(super) fn new(dice: Dice) -> Self {
        Self(Arc::new(Mutex::new(State {
            now: Duration::ZERO,
            dice,
            weather: Weather::FAIR,
            sent: 0,
            under_way: BTreeMap::new(),
            walls: BTreeSet::new(),
            limbo: Vec::new(),
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Duration {
        self.state().now
    }

    pub(super) fn set_weather(&self, weather: Weather) {
        self.state().weather = weather;
    }

    /// Hides `from` from `to`.
    pub(super) fn wall(&self, from: Host, to: Host) {
        self.state().walls.insert((from, to));
    }

    /// Removes a wall.
    pub(super) fn unwall(&self, from: Host, to: Host) {
        self.state().walls.remove(&(from, to));
    }

    pub(super) fn send(&self, from: Host, to: Host, message: Message) {
        let state = &mut *self.state();
        let (low, high) = state.weather.delay;
        let at = state.now + state.dice.span(low, high);
        let arrival = Arrival { from, to, message };
        if state.dice.chance(state.weather.loss) {
            state.limbo.push(Box::new(arrival));
            return;
        }
        state.sent += 1;
        state.under_way.insert((at, state.sent), arrival);
    }

    /// Sets the time and takes out what has arrived by then.
    pub(super) fn advance(&self, now: Duration) -> Vec<Arrival> {
        let state = &mut *self.state();
        state.now = now;
        let later = state.under_way.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut state.under_way, later);
        let (lost, arrived): (Vec<Arrival>, Vec<Arrival>) = due
            .into_values()
            .partition(|a| state.walls.contains(&(a.from, a.to)));
        state
            .limbo
            .extend(lost.into_iter().map(|a| Box::new(a) as Box<dyn Any + Send>));
        arrived
    }

    /// Has something done on a server and waits for the answer, on the clock of whoever asks.
    pub(super) async fn ask<T, F>(
        &self,
        from: Host,
        to: Host,
        limit: Duration,
        job: impl FnOnce(Raft) -> F + Send + 'static,
    ) -> Result<T, Lost>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let (sender, answer) = oneshot::channel::<Result<T, Lost>>();
        let sender = Arc::new(Mutex::new(Some(sender)));
        let finish = |sender: &Mutex<Option<oneshot::Sender<Result<T, Lost>>>>, result| {
            let mut sender = sender.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(sender) = sender.take() {
                // Whoever asked may have given up.
                let _ = sender.send(result);
            }
        };
        let refused = Arc::clone(&sender);
        let refuse: Deliver = Box::new(move || finish(&refused, Err(Lost::Refused)));
        let work: Work = Box::new(move |raft| {
            Box::pin(async move {
                let result = job(raft).await;
                Box::new(move || finish(&sender, Ok(result))) as Deliver
            })
        });
        self.send(from, to, Message::Request { work, refuse });
        match tokio::time::timeout(limit, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Lost::Broken),
            Err(_) => Err(Lost::Silence),
        }
    }
}

/// A server's end of the network.
pub(super) struct Port {
    pub(super) net: Net,
    pub(super) host: Host,
}

/// Where a server listens.
pub(super) fn address(host: Host) -> String {
    format!("10.0.0.{host}:8300")
}

/// The server that listens there.
pub(super) fn host_of(address: &str) -> Host {
    let rest = address.strip_prefix("10.0.0.");
    let host = rest.and_then(|rest| rest.strip_suffix(":8300"));
    let host = host.and_then(|host| host.parse().ok());
    host.expect("an address of the simulator")
}

impl Transport for Port {
    fn call<'a>(
        &'a self,
        peer: &'a Peer,
        _: Lane,
        call: Call,
        body: Vec<u8>,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, TransportError>> {
        let to = host_of(&peer.address);
        Box::pin(async move {
            let serve = move |raft: Raft| async move { raft.serve(call, &body).await };
            let limit = timeout.min(KEEPALIVE);
            match self.net.ask(self.host, to, limit, serve).await {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(refused)) => Err(TransportError::Broken(refused.to_string())),
                Err(Lost::Refused) => Err(TransportError::Unreachable(
                    peer.address.clone(),
                    "connection refused".to_owned(),
                )),
                Err(lost) => Err(TransportError::Broken(format!("{lost:?}"))),
            }
        })
    }
}
