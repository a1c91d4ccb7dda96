//! gRPC checks: `grpc.health.v1.Health/Check` over HTTP/2; a server that says it is serving passes.

mod wire;

use bytes::Bytes;
use hyper::{Method, Request, Response};
use tokio::time::Instant;

use self::wire::{Code, MAX_MESSAGE, Reply, RpcError};
use super::lookup::{Late, QUEUED, within};
use super::net::{Stream, dial};
use super::tls::CheckTls;
use crate::agent::checks::outcome::Outcome;
use crate::agent::checks::spec::GrpcProbe;

/// Bytes of headers or trailers that a server may send.
const MAX_HEADERS: u32 = 16 * 1024;

pub(super) async fn run(probe: &GrpcProbe, tls: &CheckTls) -> Outcome {
    let answer = within(Instant::now() + probe.timeout, ask(probe, tls)).await;
    let answer = answer.unwrap_or_else(|late| {
        let text = match late {
            Late::Queued => format!("context deadline exceeded: {QUEUED}"),
            Late::Asking | Late::Talking => "context deadline exceeded".to_owned(),
        };
        Err(RpcError::new(Code::DEADLINE_EXCEEDED, text))
    });
    match answer {
        Ok(true) => Outcome::passing(format!("gRPC check {}: success", probe.address)),
        Ok(false) => Outcome::critical("gRPC application didn't report service healthy"),
        Err(err) => Outcome::critical(err.to_string()),
    }
}

/// Whether the service is serving.
async fn ask(probe: &GrpcProbe, tls: &CheckTls) -> Result<bool, RpcError> {
    let stream = connect(probe, tls).await?;
    let request = request(probe, tls)?;
    let body = Bytes::from(wire::encode_request(&probe.service));
    let (client, connection) = h2::client::Builder::new()
        .enable_push(false)
        .max_header_list_size(MAX_HEADERS)
        .handshake(stream)
        .await
        .map_err(|err| broken(&err))?;
    let mut call = std::pin::pin!(call(client, request, body));
    tokio::select! {
        biased;
        reply = &mut call => reply?.serving(),
        // What arrived before the connection's end is still there to be read.
        _ended = connection => call.await?.serving(),
    }
}

async fn connect(probe: &GrpcProbe, tls: &CheckTls) -> Result<Box<dyn Stream>, RpcError> {
    let failed = |cause: String| {
        let text = format!("connection error: desc = \"transport: {cause}\"");
        RpcError::new(Code::UNAVAILABLE, text)
    };
    let stream = dial(&probe.address).await;
    let stream = stream.map_err(|err| failed(format!("Error while dialing {err}")))?;
    let Some(options) = &probe.tls else {
        return Ok(Box::new(stream));
    };
    let opened = tls.connect(stream, &probe.address, options, &["h2"]).await;
    let opened = opened.map_err(|err| failed(format!("authentication handshake failed: {err}")))?;
    Ok(Box::new(opened))
}

fn request(probe: &GrpcProbe, tls: &CheckTls) -> Result<Request<()>, RpcError> {
    let (scheme, authority) = match &probe.tls {
        None => ("http", probe.address.as_str()),
        Some(options) => ("https", tls.server_name(options, &probe.address)),
    };
    let uri = format!("{scheme}://{authority}/grpc.health.v1.Health/Check");
    Request::builder()
        .method(Method::POST)
        .uri(uri)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("user-agent", "Consul Health Check")
        .header("grpc-timeout", wire::timeout_header(probe.timeout))
        .body(())
        .map_err(|err| RpcError::new(Code::INTERNAL, err.to_string()))
}

async fn call(
    client: h2::client::SendRequest<Bytes>,
    request: Request<()>,
    body: Bytes,
) -> Result<Reply, RpcError> {
    let mut client = client.ready().await.map_err(|err| broken(&err))?;
    let sent = client.send_request(request, false);
    let (response, mut upload) = sent.map_err(|err| broken(&err))?;
    upload.send_data(body, true).map_err(|err| broken(&err))?;
    let response = response.await.map_err(|err| broken(&err))?;
    receive(response).await
}

async fn receive(response: Response<h2::RecvStream>) -> Result<Reply, RpcError> {
    let (head, mut body) = response.into_parts();
    wire::judge_head(head.status.as_u16(), &head.headers)?;
    let mut message = Vec::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk.map_err(|err| broken(&err))?;
        if message.len() + chunk.len() > MAX_MESSAGE {
            let text = format!("received a message larger than {MAX_MESSAGE} bytes");
            return Err(RpcError::new(Code::RESOURCE_EXHAUSTED, text));
        }
        message.extend_from_slice(&chunk);
        // Fails only for more than was received, which this is not.
        let _ = body.flow_control().release_capacity(chunk.len());
    }
    let trailers = body.trailers().await.map_err(|err| broken(&err))?;
    // An answer without a body carries its status in the headers.
    Ok(Reply {
        trailers: trailers.unwrap_or(head.headers),
        message,
    })
}

/// An HTTP/2 failure: of this call, or of the connection.
fn broken(err: &h2::Error) -> RpcError {
    match err.reason() {
        Some(reason) if err.is_reset() && err.is_remote() => {
            let text = format!("stream terminated by RST_STREAM with error code: {reason:?}");
            RpcError::new(Code::INTERNAL, text)
        }
        _ => RpcError::new(Code::UNAVAILABLE, "connection closed"),
    }
}

#[cfg(test)]
mod tests;
