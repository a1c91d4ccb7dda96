//! Docker checks: a command inside a container, through the daemon's socket; exit status 0
//! passes, 1 warns, anything else is critical.
//!
//! The daemon's API is asked without a version: create an exec, start it, look at its exit
//! status. A command that outlives the timeout goes on inside the container: the API has no call
//! that ends it.

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::cause;
use super::net::dial_error;
use crate::agent::checks::outcome::Outcome;
use crate::agent::checks::output::TailBuffer;
use crate::agent::checks::spec::DockerProbe;
use crate::model::check::Status;

/// Where the daemon listens when `DOCKER_HOST` does not say.
const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";
/// Bytes of an answer of the daemon, the command's output aside, that are kept.
const REPLY_MAX: usize = 64 * 1024;
/// What stays as it is in a path's segment and in Go's query escape.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

pub(super) async fn run(probe: &DockerProbe, output_max_size: usize) -> Outcome {
    let host = std::env::var("DOCKER_HOST").ok();
    let host = host.filter(|host| !host.is_empty());
    run_at(
        host.as_deref().unwrap_or(DEFAULT_HOST),
        probe,
        output_max_size,
    )
    .await
}

async fn run_at(host: &str, probe: &DockerProbe, output_max_size: usize) -> Outcome {
    let exec = Exec {
        host,
        container: &probe.container_id,
        deadline: Instant::now() + probe.timeout,
    };
    exec.run(&probe.args, output_max_size)
        .await
        .unwrap_or_else(Outcome::critical)
}

/// How the daemon is reached: the words of Docker's own `DOCKER_HOST`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Daemon<'a> {
    Unix(&'a str),
    Tcp(&'a str),
}

impl<'a> Daemon<'a> {
    fn parse(host: &'a str) -> Result<Self, String> {
        match host.split_once("://") {
            Some(("unix", path)) if !path.is_empty() => Ok(Self::Unix(path)),
            Some(("tcp" | "http", address)) if !address.is_empty() => Ok(Self::Tcp(address)),
            _ => Err(format!(
                "unable to parse docker host `{host}`: it is unix://PATH or tcp://HOST:PORT"
            )),
        }
    }

    /// The URL's host as Go prints it in errors.
    fn url_host(self) -> String {
        match self {
            Self::Unix(path) => utf8_percent_encode(path, ESCAPED).to_string(),
            Self::Tcp(address) => address.to_owned(),
        }
    }
}

#[derive(Deserialize)]
struct Created {
    #[serde(rename = "Id")]
    id: String,
}

#[derive(Deserialize)]
struct Inspected {
    /// Null while the command runs.
    #[serde(rename = "ExitCode")]
    exit_code: Option<i64>,
}

/// One run of a command in a container.
struct Exec<'a> {
    host: &'a str,
    container: &'a str,
    deadline: Instant,
}

impl Exec<'_> {
    async fn run(&self, args: &[String], output_max_size: usize) -> Result<Outcome, String> {
        let id = self.create(args).await?;
        let output = self.start(&id, output_max_size).await?;
        let status = match self.inspect(&id).await? {
            Some(0) => Status::Passing,
            Some(1) => Status::Warning,
            _ => Status::Critical,
        };
        Ok(Outcome::new(status, output))
    }

    async fn create(&self, args: &[String]) -> Result<String, String> {
        let container = self.container;
        let order = serde_json::json!({
            "AttachStdin": false, "AttachStdout": true, "AttachStderr": true, "Tty": false,
            "Cmd": args,
        });
        let segment = utf8_percent_encode(container, ESCAPED);
        let path = format!("/containers/{segment}/exec");
        let (code, body) = self
            .ask(Method::POST, &path, order.to_string(), REPLY_MAX)
            .await
            .map_err(|err| format!("create exec failed for container {container}: {err}"))?;
        match code {
            StatusCode::CREATED => serde_json::from_str::<Created>(&body.into_text())
                .map(|created| created.id)
                .map_err(|err| {
                    format!(
                        "create exec response for container {container} cannot be parsed: {err}"
                    )
                }),
            StatusCode::NOT_FOUND => Err(format!(
                "create exec failed for unknown container {container}"
            )),
            StatusCode::CONFLICT => Err(format!(
                "create exec failed since container {container} is paused or stopped"
            )),
            code => Err(self.unexpected("create", code, body)),
        }
    }

    /// Runs the command to its end and returns what it printed.
    async fn start(&self, id: &str, output_max_size: usize) -> Result<String, String> {
        let order = serde_json::json!({"Detach": false, "Tty": true});
        let path = format!("/exec/{}/start", utf8_percent_encode(id, ESCAPED));
        let (code, body) = self
            .ask(Method::POST, &path, order.to_string(), output_max_size)
            .await
            .map_err(|err| format!("start exec failed for container {}: {err}", self.container))?;
        match code {
            StatusCode::OK => Ok(body.into_captured_text()),
            StatusCode::NOT_FOUND => Err(self.unknown_exec("start", id)),
            code => Err(self.unexpected("start", code, body)),
        }
    }

    async fn inspect(&self, id: &str) -> Result<Option<i64>, String> {
        let container = self.container;
        let path = format!("/exec/{}/json", utf8_percent_encode(id, ESCAPED));
        let (code, body) = self
            .ask(Method::GET, &path, String::new(), REPLY_MAX)
            .await
            .map_err(|err| format!("inspect exec failed for container {container}: {err}"))?;
        match code {
            StatusCode::OK => serde_json::from_str::<Inspected>(&body.into_text())
                .map(|inspected| inspected.exit_code)
                .map_err(|err| {
                    format!(
                        "inspect exec response for container {container} cannot be parsed: {err}"
                    )
                }),
            StatusCode::NOT_FOUND => Err(self.unknown_exec("inspect", id)),
            code => Err(self.unexpected("inspect", code, body)),
        }
    }

    fn unknown_exec(&self, what: &str, id: &str) -> String {
        format!(
            "{what} exec failed for container {}: invalid exec id {id}",
            self.container
        )
    }

    fn unexpected(&self, what: &str, code: StatusCode, body: TailBuffer) -> String {
        format!(
            "{what} exec failed for container {} with status {}: {}",
            self.container,
            code.as_u16(),
            body.into_text()
        )
    }

    /// One request on a connection of its own (the daemon ends the one that carries a command's
    /// output). The answer's last `keep` bytes are kept; an error is Go's text.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: String,
        keep: usize,
    ) -> Result<(StatusCode, TailBuffer), String> {
        let daemon = Daemon::parse(self.host)?;
        let verb = if method == Method::GET { "Get" } else { "Post" };
        let told = |cause: String| {
            format!(
                "{verb} {:?}: {cause}",
                format!("http://{}{path}", daemon.url_host())
            )
        };
        let exchange = async {
            let response = send(daemon, method, path, body).await?;
            let code = response.1.status();
            let mut tail = TailBuffer::new(keep);
            let mut incoming = response.1.into_body();
            while let Some(frame) = incoming.frame().await {
                let frame = frame.map_err(|err| err.to_string())?;
                if let Some(data) = frame.data_ref() {
                    tail.push(data);
                }
            }
            Ok((code, tail))
        };
        match tokio::time::timeout_at(self.deadline, exchange).await {
            Ok(result) => result.map_err(told),
            Err(_elapsed) => Err(told(
                "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
                    .to_owned(),
            )),
        }
    }
}

/// The connection's driver, which ends with the handle, and the head of the answer.
type Answer = (AbortOnDropHandle<()>, Response<Incoming>);

async fn send(
    daemon: Daemon<'_>,
    method: Method,
    path: &str,
    body: String,
) -> Result<Answer, String> {
    match daemon {
        Daemon::Unix(socket) => {
            let stream = UnixStream::connect(socket)
                .await
                .map_err(|err| format!("dial unix {socket}: {}", cause::of_dial(&err)))?;
            exchange(stream, "docker", method, path, body).await
        }
        Daemon::Tcp(address) => {
            let stream = TcpStream::connect(address)
                .await
                .map_err(|err| dial_error(address, &err))?;
            exchange(stream, address, method, path, body).await
        }
    }
}

async fn exchange<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    stream: S,
    host: &str,
    method: Method,
    path: &str,
    body: String,
) -> Result<Answer, String> {
    let text = |err: hyper::Error| err.to_string();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(text)?;
    // Its error is the request's or the body's as well.
    let driver = tokio::spawn(async move {
        let _ = connection.await;
    });
    let driver = AbortOnDropHandle::new(driver);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, host)
        .header(CONTENT_TYPE, "application/json")
        .header(CONNECTION, "close")
        .body(Full::new(Bytes::from(body)))
        .map_err(|err| err.to_string())?;
    let response = sender.send_request(request).await.map_err(text)?;
    Ok((driver, response))
}

#[cfg(test)]
mod tests;
