//! Web servers.

use std::convert::Infallible;
use std::future::ready;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::counterpart::{Counterpart, Health};

/// A server of plain HTTP/1.
pub(crate) fn http1() -> Counterpart {
    Counterpart::listening(None, |stream, health| async move {
        let service =
            service_fn(move |request| ready(Ok::<_, Infallible>(answer(&request, health))));
        // A client may hang up before the end.
        let _ = http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await;
    })
}

/// A server of nothing but HTTP/2, in TLS.
pub(crate) fn http2_over_tls() -> Counterpart {
    Counterpart::listening(Some("h2"), |stream, health| async move {
        let service =
            service_fn(move |request| ready(Ok::<_, Infallible>(answer(&request, health))));
        // A client may hang up before the end.
        let _ = http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), service)
            .await;
    })
}

/// Says what was asked and in which version, so that a check's output shows it.
fn answer(request: &Request<Incoming>, health: Health) -> Response<Full<Bytes>> {
    let status = match health {
        Health::Good => StatusCode::OK,
        Health::Poor => StatusCode::TOO_MANY_REQUESTS,
        Health::Bad => StatusCode::SERVICE_UNAVAILABLE,
    };
    let version = match request.version() {
        Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1",
    };
    let from = request.headers().get("x-from");
    let from = from.and_then(|it| it.to_str().ok()).unwrap_or("nobody");
    let said = format!("{version} {} from {from}", request.method());
    let mut response = Response::new(Full::new(Bytes::from(said)));
    *response.status_mut() = status;
    response
}
