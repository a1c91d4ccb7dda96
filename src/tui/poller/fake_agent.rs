//! An agent of the tests' own: answers what it is told to, hangs, or closes the connection.

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::api::{Client, Overrides, Settings};

/// What the agent does with a question.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// A status, the index of the answer (0 has no header), and the body.
    Say(u16, u64, String),
    /// No answer until the script is another one; that one answers.
    Wait,
    /// No answer, ever.
    Hang,
    /// The connection ends.
    Close,
}

impl Reply {
    /// A good answer.
    pub(crate) fn ok(body: &str) -> Self {
        Self::Say(200, 0, body.to_owned())
    }
}

type Script = Arc<dyn Fn(&str) -> Reply + Send + Sync>;

/// The agent; it ends when it is dropped.
pub(crate) struct FakeAgent {
    address: String,
    script: watch::Sender<Script>,
    asked: watch::Sender<Vec<String>>,
    _tasks: JoinSet<()>,
}

impl FakeAgent {
    /// An agent on a free port of the loopback interface. The script is given the path with its query.
    pub(crate) async fn start(script: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.81.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let script = watch::Sender::new(Arc::new(script) as Script);
        let asked = watch::Sender::new(Vec::new());
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, script.clone(), asked.clone()));
        Self {
            address,
            script,
            asked,
            _tasks: tasks,
        }
    }

    /// From now on it does this.
    pub(crate) fn become_one(&self, script: impl Fn(&str) -> Reply + Send + Sync + 'static) {
        self.script.send_replace(Arc::new(script));
    }

    /// What it was asked so far.
    pub(crate) fn asked(&self) -> watch::Receiver<Vec<String>> {
        self.asked.subscribe()
    }

    /// A client of it.
    pub(crate) fn client(&self) -> Client {
        let overrides = Overrides {
            address: Some(self.address.clone()),
            ..Overrides::default()
        };
        let settings = Settings::resolve(overrides, |_| None).unwrap();
        Client::new(&settings).unwrap()
    }
}

async fn serve(
    listener: TcpListener,
    script: watch::Sender<Script>,
    asked: watch::Sender<Vec<String>>,
) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(talk(stream, script.subscribe(), asked.clone()));
    }
}

async fn talk(
    mut stream: TcpStream,
    mut script: watch::Receiver<Script>,
    asked: watch::Sender<Vec<String>>,
) {
    while let Some(path) = question(&mut stream).await {
        asked.send_modify(|list| list.push(path.clone()));
        let reply = loop {
            let reply = script.borrow_and_update()(&path);
            match reply {
                Reply::Wait => script.changed().await.unwrap(),
                Reply::Hang => std::future::pending().await,
                other => break other,
            }
        };
        let Reply::Say(status, index, body) = reply else {
            return;
        };
        let index = match index {
            0 => String::new(),
            index => format!("X-Consul-Index: {index}\r\nX-Consul-KnownLeader: true\r\n"),
        };
        let length = body.len();
        let text = format!("HTTP/1.1 {status} x\r\n{index}Content-Length: {length}\r\n\r\n{body}");
        if stream.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The path of the next question; `None` when the client is gone.
async fn question(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let text = String::from_utf8(head).ok()?;
    Some(text.split(' ').nth(1)?.to_owned())
}
