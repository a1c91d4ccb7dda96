//! A Docker daemon with a single container, `app`.

use std::convert::Infallible;
use std::future::ready;
use std::path::Path;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::UnixListener;
use tokio::sync::watch;

use super::counterpart::{Counterpart, Health};

/// A daemon on a socket in `folder`. Commands in its container end with 0, 1 or 2.
pub(crate) fn docker_daemon(folder: &Path) -> Counterpart {
    let socket = folder.join("docker.sock");
    let address = format!("unix://{}", socket.display());
    Counterpart::start(address, |health| async move {
        let listener = UnixListener::bind(socket).expect("a path of our own");
        loop {
            let (stream, _) = listener.accept().await.expect("files are left");
            let health = health.clone();
            let service =
                service_fn(move |request| ready(Ok::<_, Infallible>(answer(&request, &health))));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    })
}

fn answer(request: &Request<Incoming>, health: &watch::Receiver<Health>) -> Response<Full<Bytes>> {
    let path = request.uri().path().trim_start_matches('/').to_owned();
    let parts: Vec<&str> = path.split('/').collect();
    let (code, text) = match parts.as_slice() {
        ["containers", "app", "exec"] => {
            let exit = match *health.borrow() {
                Health::Good => 0,
                Health::Poor => 1,
                Health::Bad => 2,
            };
            (201, format!("{{\"Id\":\"{exit}\"}}"))
        }
        ["exec", exit, "start"] => (200, format!("inside, ends with {exit}\r\n")),
        ["exec", exit, "json"] => (200, format!("{{\"ExitCode\":{exit},\"Running\":false}}")),
        _ => (404, "{\"message\":\"no such container\"}".to_owned()),
    };
    let response = Response::builder().status(code);
    let response = response.body(Full::new(Bytes::from(text)));
    response.expect("a valid status")
}
