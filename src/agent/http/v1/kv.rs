//! `/v1/kv`: keys and values.

use std::sync::Arc;

use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::{Method, StatusCode};

use crate::agent::http::body::BodyError;
use crate::agent::http::context::Context;
use crate::agent::http::error::HttpError;
use crate::agent::http::params::parse_uint;
use crate::agent::http::request::Request;
use crate::agent::http::response::{Meta, Response};
use crate::agent::http::router::Answer;
use crate::agent::rpc::QueryMeta;
use crate::agent::store::{KvGet, KvKeys, KvList, KvVerb};
use crate::model::kv::{Blob, Key, KvPair};

use super::read::{Read, headers_of, write_options};

/// `/v1/kv/<key>`.
pub(super) async fn kv(context: Arc<Context>, request: Request) -> Answer {
    match *request.method() {
        Method::PUT => put(&context, request).await,
        Method::DELETE => delete(&context, &request).await,
        _ if request.params().has("keys") => keys(&context, &request).await,
        _ => get(&context, &request).await,
    }
}

/// Consul's answers for keys do not say how they were made.
fn headers(meta: QueryMeta) -> Meta {
    Meta {
        consistency: None,
        ..headers_of(meta)
    }
}

async fn get(context: &Context, request: &Request) -> Answer {
    let read = Read::new(context, request)?;
    let key = Key::from(request.rest());
    if request.params().has("recurse") {
        let (pairs, meta) = read.run(&KvList { prefix: key }).await?;
        let meta = headers(meta);
        if pairs.is_empty() {
            return Ok(Response::empty(StatusCode::NOT_FOUND).meta(meta));
        }
        return Ok(request.json(&pairs)?.meta(meta));
    }
    if key.as_bytes().is_empty() {
        return Err(HttpError::bad("Missing key name"));
    }
    let (pair, meta) = read.run(&KvGet { key }).await?;
    let meta = headers(meta);
    match pair {
        None => Ok(Response::empty(StatusCode::NOT_FOUND).meta(meta)),
        Some(pair) if request.params().has("raw") => Ok(raw(&pair).meta(meta)),
        Some(pair) => Ok(request.json(&[pair])?.meta(meta)),
    }
}

/// The value alone, with the headers that keep browsers from running it.
fn raw(pair: &KvPair) -> Response {
    Response::bytes(HeaderValue::from_static("text/plain"), pair.value.0.clone())
        .header(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))
        .header(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"))
}

async fn keys(context: &Context, request: &Request) -> Answer {
    let read = Read::new(context, request)?;
    let params = request.params();
    // Consul takes the misspelt name, too.
    let separator = params
        .get_bytes("separator")
        .or_else(|| params.get_bytes("seperator"));
    let query = KvKeys {
        prefix: Key::from(request.rest()),
        separator: separator.unwrap_or_default().to_vec(),
    };
    let (keys, meta) = read.run(&query).await?;
    let meta = headers(meta);
    if keys.is_empty() && !request.rest().is_empty() {
        return Ok(Response::empty(StatusCode::NOT_FOUND).meta(meta));
    }
    Ok(request.json(&keys)?.meta(meta))
}

/// Consul refuses two of these together.
fn refuse_conflicts(request: &Request, exclusive: &[&str]) -> Result<(), HttpError> {
    let set = exclusive
        .iter()
        .filter(|name| request.params().has(name))
        .count();
    if set <= 1 {
        return Ok(());
    }
    let query = request.params().encode();
    Err(HttpError::bad(format!("Conflicting flags: {query}")))
}

/// Unlike the numbers that reads share, an empty one is an error, as in Consul.
fn number(request: &Request, name: &str) -> Result<Option<u64>, HttpError> {
    (request.params().get(name))
        .map(|text| parse_uint(&text))
        .transpose()
        .map_err(HttpError::failed)
}

async fn put(context: &Context, mut request: Request) -> Answer {
    let key = Key::from(request.rest());
    if key.as_bytes().is_empty() {
        return Err(HttpError::bad("Missing key name"));
    }
    refuse_conflicts(&request, &["cas", "acquire", "release"])?;
    let mut pair = KvPair {
        key,
        flags: number(&request, "flags")?.unwrap_or(0),
        ..KvPair::default()
    };
    let mut verb = KvVerb::Set;
    if let Some(index) = number(&request, "cas")? {
        verb = KvVerb::Cas;
        pair.modify_index = index;
    }
    for (name, locking) in [("acquire", KvVerb::Lock), ("release", KvVerb::Unlock)] {
        if let Some(session) = request.params().get(name) {
            verb = locking;
            pair.session = session.into_owned();
        }
    }
    let limit = context.facts.kv_max_value_size;
    pair.value = Blob(
        request
            .take_body()?
            .read(limit)
            .await
            .map_err(|err| match err {
                BodyError::TooLarge { size, limit } => HttpError::ValueTooLarge { size, limit },
                other => HttpError::Body(other),
            })?,
    );
    let options = write_options(context, &request);
    request.json(&context.rpc.kv_apply(&options, verb, pair).await?)
}

async fn delete(context: &Context, request: &Request) -> Answer {
    let key = Key::from(request.rest());
    refuse_conflicts(request, &["recurse", "cas"])?;
    let recurse = request.params().has("recurse");
    if key.as_bytes().is_empty() && !recurse {
        return Err(HttpError::bad("Missing key name"));
    }
    let mut pair = KvPair {
        key,
        ..KvPair::default()
    };
    let verb = if let Some(index) = number(request, "cas")? {
        pair.modify_index = index;
        KvVerb::DeleteCas
    } else if recurse {
        KvVerb::DeleteTree
    } else {
        KvVerb::Delete
    };
    let options = write_options(context, request);
    request.json(&context.rpc.kv_apply(&options, verb, pair).await?)
}
