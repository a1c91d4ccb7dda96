//! `/v1/snapshot`: the operator's archive of the whole state.

use std::sync::Arc;

use bytes::Bytes;
use hyper::header::HeaderValue;
use hyper::{Method, StatusCode};

use crate::agent::http::body::RequestBody;
use crate::agent::http::{Answer, Context, HttpError, Meta, Request, Response};
use crate::agent::store::AutopilotQuery;
use crate::model::access::{Requirement, Resource};

use super::read::{Read, headers_of, write_options};

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
    let options = write_options(context, request);
    context.rpc.route(&options.datacenter)?;
    let requirement = Requirement::write(Resource::Operator, &[]);
    context.rpc.authorize(&options.token, &requirement)?;
    // Any read waits for a leader and obeys ?stale and ?consistent.
    let (_, meta) = Read::new(context, request)?.run(&AutopilotQuery).await?;
    let saved = context
        .raft()?
        .save_snapshot()
        .await
        .map_err(HttpError::failed)?;
    let meta = Meta {
        index: saved.meta.index,
        consistency: None,
        ..headers_of(meta)
    };
    let whole = Bytes::from(saved.bytes);
    let pieces = (0..whole.len())
        .step_by(PIECE)
        .map(move |from| Ok(whole.slice(from..whole.len().min(from + PIECE))));
    let body = Box::pin(tokio_stream::iter(pieces));
    let gzip = HeaderValue::from_static("application/x-gzip");
    Ok(Response::stream(Some(gzip), body).meta(meta))
}

async fn restore(context: &Context, mut request: Request) -> Answer {
    let options = write_options(context, &request);
    context.rpc.route(&options.datacenter)?;
    let requirement = Requirement::write(Resource::Operator, &[]);
    context.rpc.authorize(&options.token, &requirement)?;
    let archive = receive(request.take_body()?).await?;
    context.rpc.restore(&options, archive).await?;
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
