//! `/v1/snapshot`: the operator's archive of the whole state.

use std::sync::Arc;

use hyper::header::HeaderValue;
use hyper::{Method, StatusCode};
use tokio_util::io::ReaderStream;

use crate::agent::http::body::RequestBody;
use crate::agent::http::{Answer, Context, HttpError, Meta, Request, Response};

use crate::agent::rpc::Consistency;

use super::read::{Read, ask, headers_of, write_options};

/// Largest archive that can be restored, in bytes.
const ARCHIVE_MAX: usize = 512 * 1024 * 1024;
/// The archive is sent in pieces of this many bytes.
const PIECE: usize = 256 * 1024;

/// `/v1/snapshot`.
pub(super) async fn snapshot(context: Arc<Context>, request: Request) -> Answer {
    if *request.method() == Method::PUT {
        restore(&context, request).await
    } else {
        save(&context, &request).await
    }
}

async fn save(context: &Context, request: &Request) -> Answer {
    let options = Read::new(context, request)?.options();
    let (meta, archive) = ask(request, context.rpc.save_snapshot(&options)).await?;
    let meta = Meta {
        consistency: None,
        ..headers_of(meta)
    };
    // Sent as it arrives: it may come from another server, and be as large as the state.
    let pieces = ReaderStream::with_capacity(archive, PIECE);
    let gzip = HeaderValue::from_static("application/x-gzip");
    Ok(Response::stream(Some(gzip), Box::pin(pieces)).meta(meta))
}

async fn restore(context: &Context, mut request: Request) -> Answer {
    let options = write_options(context, &request);
    // Refused before the archive is taken in.
    if Read::new(context, &request)?.options().consistency == Consistency::Stale {
        return Err(HttpError::internal("stale not allowed for restore"));
    }
    let archive = receive(request.take_body()?).await?;
    ask(&request, context.rpc.restore(&options, archive)).await?;
    // The archive's catalog may lack what runs here.
    context.local.server_up();
    Ok(Response::empty(StatusCode::OK))
}

/// An archive may be large and slow: only a stalled client is given up.
async fn receive(mut body: RequestBody) -> Result<Vec<u8>, HttpError> {
    let too_large = || {
        HttpError::status(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("Request body too large, max size: {ARCHIVE_MAX} bytes"),
        )
    };
    if body
        .declared_length()
        .is_some_and(|length| length > ARCHIVE_MAX as u64)
    {
        return Err(too_large());
    }
    let mut archive = Vec::new();
    while let Some(chunk) = body.next_chunk().await? {
        if archive.len() + chunk.len() > ARCHIVE_MAX {
            return Err(too_large());
        }
        archive.extend_from_slice(&chunk);
    }
    Ok(archive)
}
