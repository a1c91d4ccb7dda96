//! Servers that speak HTTP/2 for something else than web pages.

use bytes::Bytes;
use h2::server::SendResponse;
use hyper::{HeaderMap, Response};
use tokio::io::AsyncWriteExt as _;

use super::counterpart::{Counterpart, Health};
use super::tls::Stream;

/// `grpc.health.v1.HealthCheckResponse` in its frame: SERVING.
const SERVING: &[u8] = b"\0\0\0\0\x02\x08\x01";
/// The same: NOT_SERVING.
const NOT_SERVING: &[u8] = b"\0\0\0\0\x02\x08\x02";

/// A gRPC health server.
pub(crate) fn grpc(tls: bool) -> Counterpart {
    Counterpart::listening(tls.then_some("h2"), |stream, health| async move {
        // A client may hang up before the end.
        let _ = serve_calls(stream, health).await;
    })
}

async fn serve_calls(stream: Box<dyn Stream>, health: Health) -> Result<(), h2::Error> {
    let mut connection = h2::server::handshake(stream).await?;
    while let Some(call) = connection.accept().await {
        let (request, respond) = call?;
        let known = request.uri().path() == "/grpc.health.v1.Health/Check";
        let message = match (known, health) {
            (true, Health::Good) => Some(SERVING),
            (true, Health::Poor | Health::Bad) => Some(NOT_SERVING),
            (false, _) => None,
        };
        respond_to_call(respond, message)?;
    }
    Ok(())
}

fn respond_to_call(
    mut respond: SendResponse<Bytes>,
    message: Option<&'static [u8]>,
) -> Result<(), h2::Error> {
    let response = Response::builder().header("content-type", "application/grpc");
    let response = response.body(()).expect("a valid header");
    let mut stream = respond.send_response(response, false)?;
    if let Some(message) = message {
        stream.send_data(Bytes::from_static(message), false)?;
    }
    let mut trailers = HeaderMap::new();
    let status = if message.is_some() { "0" } else { "12" };
    trailers.insert("grpc-status", status.parse().expect("a number"));
    stream.send_trailers(trailers)
}

/// A server that answers pings; a bad one says in HTTP/1 that it does not understand.
pub(crate) fn h2ping(tls: bool) -> Counterpart {
    Counterpart::listening(tls.then_some("h2"), |mut stream, health| async move {
        if health != Health::Good {
            // A client may hang up before the end.
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            let _ = stream.shutdown().await;
            return;
        }
        let Ok(mut connection) = h2::server::handshake(stream).await else {
            return;
        };
        // Pings are answered while it waits for requests.
        while let Some(Ok(_)) = connection.accept().await {}
    })
}
