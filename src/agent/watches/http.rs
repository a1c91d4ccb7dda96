//! Handlers that are requests: the data as the body, the index in a header.

use std::error::Error as _;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Response, Url};
use tracing::{error, trace};

use crate::agent::checks::output::TailBuffer;
use crate::model::watch::HttpHandler;

use super::script::OUTPUT_MAX;

const INDEX: HeaderName = HeaderName::from_static("x-consul-index");

/// Sends a request and reads its answer.
pub(super) async fn run(handler: &HttpHandler, index: u64, body: Vec<u8>) {
    let watch = &handler.path;
    let exchange = exchange(handler, index, body);
    let answered = match tokio::time::timeout(handler.timeout, exchange).await {
        Ok(answered) => answered,
        Err(_elapsed) => Err("context deadline exceeded".to_owned()),
    };
    match answered {
        Ok((status, output)) if status.is_success() => {
            trace!(target: "agent", watch, output, "http watch handler output");
        }
        Ok((status, output)) => {
            let status = status.to_string();
            error!(target: "agent", watch, status, output, "http watch handler failed with output");
        }
        Err(reason) => {
            let error = format!("{} {watch:?}: {reason}", title(&handler.method));
            error!(target: "agent", watch, error, "Failed to invoke http watch handler");
        }
    }
}

/// Go's spelling of a method in errors: `Post`.
fn title(method: &str) -> String {
    let mut letters = method.chars();
    let first = letters.next().map(String::from).unwrap_or_default();
    first + &letters.as_str().to_ascii_lowercase()
}

async fn exchange(
    handler: &HttpHandler,
    index: u64,
    body: Vec<u8>,
) -> Result<(reqwest::StatusCode, String), String> {
    let url = Url::parse(&handler.path).map_err(|error| error.to_string())?;
    let method = Method::from_bytes(handler.method.as_bytes())
        .map_err(|_| format!("net/http: invalid method {:?}", handler.method))?;
    let response = client(handler, &url)?
        .request(method, url)
        .headers(headers(handler, index)?)
        .body(body)
        .send()
        .await
        .map_err(|error| innermost(&error))?;
    let status = response.status();
    Ok((status, output_of(response).await))
}

/// A client of its own, without connections that would be kept for the next change.
fn client(handler: &HttpHandler, url: &Url) -> Result<Client, String> {
    let mut builder = Client::builder()
        .pool_max_idle_per_host(0)
        .http1_title_case_headers()
        .tls_danger_accept_invalid_certs(handler.tls_skip_verify);
    let loopback = url.host_str().is_some_and(|host| {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let address = bare.parse::<std::net::IpAddr>();
        host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|ip| ip.is_loopback())
    });
    if loopback {
        // As in Go, proxies of the environment are not asked for this machine.
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| innermost(&error))
}

fn headers(handler: &HttpHandler, index: u64) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(INDEX, HeaderValue::from(index));
    for (name, values) in &handler.header {
        let wrong = || format!("net/http: invalid header field {name:?}");
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        for value in values {
            headers.append(&name, HeaderValue::from_str(value).map_err(|_| wrong())?);
        }
    }
    Ok(headers)
}

/// The last bytes of the body; one that breaks off still has its status.
async fn output_of(mut response: Response) -> String {
    let mut tail = TailBuffer::new(OUTPUT_MAX);
    while let Ok(Some(chunk)) = response.chunk().await {
        tail.push(&chunk);
    }
    tail.into_captured_text()
}

/// The reason behind all that only repeats the request.
fn innermost(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    fn handler(path: &str) -> HttpHandler {
        HttpHandler {
            path: path.to_owned(),
            method: "POST".to_owned(),
            timeout: Duration::from_secs(10),
            header: BTreeMap::new(),
            tls_skip_verify: false,
        }
    }

    #[test]
    fn all_values_of_a_header_are_sent() {
        let mut handler = handler("http://x");
        let values = vec!["bar".to_owned(), "baz".to_owned()];
        handler.header.insert("x-foo".to_owned(), values);
        let found = headers(&handler, 14).unwrap();
        assert_eq!(found["content-type"], "application/json");
        assert_eq!(found["x-consul-index"], "14");
        let all: Vec<_> = found.get_all("x-foo").iter().collect();
        assert_eq!(all, ["bar", "baz"]);
        handler.header.insert("a b".to_owned(), vec![String::new()]);
        assert!(headers(&handler, 1).is_err());
    }

    #[tokio::test]
    async fn headers_are_named_as_go_names_them() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"null") {
                assert!(stream.read_buf(&mut request).await.unwrap() > 0);
            }
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
            stream.write_all(answer).await.unwrap();
            String::from_utf8(request).unwrap()
        });
        let mut handler = handler(&format!("http://{address}"));
        let values = vec!["bar".to_owned(), "baz".to_owned()];
        handler.header.insert("x-FOO".to_owned(), values);
        let answered = exchange(&handler, 14, b"null".to_vec()).await.unwrap();
        assert_eq!(answered, (reqwest::StatusCode::OK, "ok".to_owned()));
        let request = serving.await.unwrap();
        for line in [
            "Content-Type: application/json",
            "X-Consul-Index: 14",
            "X-Foo: bar",
            "X-Foo: baz",
        ] {
            assert!(request.lines().any(|it| it == line), "{line} in {request}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_sent_is_an_error() {
        assert!(exchange(&handler("x"), 1, Vec::new()).await.is_err());
        assert!(
            exchange(&handler("ftp://127.0.0.1"), 1, Vec::new())
                .await
                .is_err()
        );
        assert_eq!(title("POST"), "Post");
    }
}
