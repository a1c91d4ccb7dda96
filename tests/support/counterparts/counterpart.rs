//! A server in the background, and the switch that a test holds.

use std::sync::OnceLock;

use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::super::own_address;
use super::tls::{Stream, acceptor};

/// How a counterpart is; not every kind has something between good and bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    Good,
    Poor,
    Bad,
}

/// A server that runs until it is dropped.
pub(crate) struct Counterpart {
    /// Where checks find it: host and port, or a socket as its clients write it.
    pub(crate) address: String,
    health: watch::Sender<Health>,
    _task: AbortOnDropHandle<()>,
}

/// Everything that counterparts do is done here, whatever test they belong to.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let builder = builder.worker_threads(1).enable_all();
        builder.build().expect("a thread starts")
    })
}

impl Counterpart {
    /// Starts one, good at first.
    pub(super) fn start<F: Future<Output = ()> + Send + 'static>(
        address: String,
        serve: impl FnOnce(watch::Receiver<Health>) -> F,
    ) -> Self {
        let (health, told) = watch::channel(Health::Good);
        let task = runtime().spawn(serve(told));
        Self {
            address,
            health,
            _task: AbortOnDropHandle::new(task),
        }
    }

    /// Starts a server of connections, over TLS where `alpn` says what is spoken in it.
    pub(super) fn listening<F: Future<Output = ()> + Send + 'static>(
        alpn: Option<&'static str>,
        serve: impl Fn(Box<dyn Stream>, Health) -> F + Send + 'static,
    ) -> Self {
        let address = free_address();
        let listener = std::net::TcpListener::bind(&address).expect("nobody else has the address");
        listener.set_nonblocking(true).expect("a socket");
        Self::start(address, |health| async move {
            let listener = TcpListener::from_std(listener).expect("a runtime is there");
            let tls = alpn.map(acceptor);
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    continue;
                };
                let stream: Box<dyn Stream> = match &tls {
                    None => Box::new(stream),
                    Some(tls) => match tls.accept(stream).await {
                        Ok(stream) => Box::new(stream),
                        // The check tells what it disliked.
                        Err(_) => continue,
                    },
                };
                tokio::spawn(serve(stream, *health.borrow()));
            }
        })
    }

    /// Changes how it is from the next connection on.
    pub(crate) fn turn(&self, health: Health) {
        self.health.send_replace(health);
    }
}

/// Host and port of an address that nobody else uses.
pub(super) fn free_address() -> String {
    format!("{}:9000", own_address())
}
