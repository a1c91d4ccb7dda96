//! `/v1/query`: prepared queries.

use std::num::IntErrorKind;
use std::sync::Arc;

use hyper::Method;
use hyper::header::{ALLOW, HeaderValue};
use serde::Serialize;

use crate::agent::http::{
    Answer, Context, HttpError, JSON_BODY_MAX, Meta, Request, Response, parse_bool,
};
use crate::agent::rpc::wire::prepared_query::ID_NOT_EMPTY;
use crate::agent::rpc::{QueryMeta, RpcError};
use crate::agent::store::{
    Asker, Instance, PreparedQueryCommand, PreparedQueryExecute, PreparedQueryExplain,
    PreparedQueryGet, PreparedQueryList,
};
use crate::model::decode::{self, Options};
use crate::model::prepared_query::{NOT_FOUND, PreparedQuery, QueryDns};
use crate::model::session::check_id;

use super::read::{Cache, Read, ask, headers_of, refused, write_options};

/// `/v1/query`.
pub(super) async fn all(context: Arc<Context>, mut request: Request) -> Answer {
    if *request.method() == Method::POST {
        let query = definition(&mut request).await?;
        if !query.id.is_empty() {
            return Err(refused(&context, &request, ID_NOT_EMPTY).into());
        }
        let id = apply(
            &context,
            &request,
            PreparedQueryCommand::Set(Box::new(query)),
        )
        .await?;
        return request.json(&Created { id: &id });
    }
    let (queries, meta) = Read::new(&context, &request)?
        .run(&PreparedQueryList)
        .await
        .map_err(|error| error.with_meta(Meta::default()))?;
    Ok(request.json(&queries)?.meta(headers_of(meta)))
}

#[derive(Serialize)]
struct Created<'a> {
    #[serde(rename = "ID")]
    id: &'a str,
}

/// `/v1/query/<id>`, and `/execute` and `/explain` after an id or a name.
pub(super) async fn one(context: Arc<Context>, mut request: Request) -> Answer {
    let rest = request.rest_text().into_owned();
    let verbs = ["/execute", "/explain"];
    if let Some(verb) = verbs.into_iter().find(|verb| rest.ends_with(verb)) {
        if *request.method() != Method::GET {
            return Ok(only_get(request.method()));
        }
        let name = rest[..rest.len() - verb.len()].to_owned();
        return if verb == "/execute" {
            execute(&context, &request, name).await
        } else {
            explain(&context, &request, name).await
        };
    }
    match *request.method() {
        Method::GET => get(&context, &request, rest).await,
        Method::PUT => {
            let query = definition(&mut request).await?;
            let query = PreparedQuery { id: rest, ..query };
            change(&context, &request, query).await
        }
        _ => {
            known_form(&context, &request, &rest)?;
            let command = PreparedQueryCommand::Delete { id: rest };
            apply(&context, &request, command).await?;
            Ok(Response::empty(hyper::StatusCode::OK))
        }
    }
}

async fn change(context: &Context, request: &Request, query: PreparedQuery) -> Answer {
    known_form(context, request, &query.id)?;
    apply(context, request, PreparedQueryCommand::Set(Box::new(query))).await?;
    Ok(Response::empty(hyper::StatusCode::OK))
}

/// What is no id cannot be changed.
fn known_form(context: &Context, request: &Request, id: &str) -> Result<(), HttpError> {
    let datacenter = request.datacenter(&context.facts.datacenter);
    context.rpc.route(&datacenter)?;
    check_id(id).map_err(|why| {
        let text = format!("Prepared Query lookup failed: {}", lookup_failed(&why));
        refused(context, request, text).into()
    })
}

fn lookup_failed(why: &str) -> String {
    format!("failed prepared query lookup: index error: {why}")
}

async fn apply(
    context: &Context,
    request: &Request,
    command: PreparedQueryCommand,
) -> Result<String, HttpError> {
    let options = write_options(context, request);
    Ok(context.rpc.prepared_query_apply(&options, command).await?)
}

async fn get(context: &Context, request: &Request, id: String) -> Answer {
    let read = Read::new(context, request)?;
    let datacenter = request.datacenter(&context.facts.datacenter);
    context.rpc.route(&datacenter)?;
    check_id(&id).map_err(|why| {
        let told = refused(context, request, lookup_failed(&why));
        HttpError::from(told).with_meta(Meta::default())
    })?;
    let (options, query) = (read.options(), PreparedQueryGet { id });
    let asked = async { Ok(context.rpc.query(&options, &query).await.map_err(missing)) };
    let (found, meta) = ask(request, asked).await??;
    let Some(query) = found else {
        return Err(missing(refused(context, request, NOT_FOUND)));
    };
    Ok(request.json(&[query])?.meta(headers_of(meta)))
}

/// 404 for a query that is not there, whichever server said so.
fn missing(error: RpcError) -> HttpError {
    if error.is_query_not_found() {
        HttpError::not_found(error.to_string())
    } else {
        error.into()
    }
}

/// What stands behind an answer that carries its own metadata.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Tail {
    index: u64,
    last_contact: u64,
    known_leader: bool,
    consistency_level: &'static str,
}

impl Tail {
    const fn new(meta: QueryMeta) -> Self {
        Self {
            index: meta.index,
            last_contact: meta.last_contact_ms * 1_000_000,
            known_leader: meta.known_leader,
            consistency_level: meta.consistency.as_str(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Executed<'a> {
    service: &'a str,
    nodes: &'a [Instance],
    #[serde(rename = "DNS")]
    dns: &'a QueryDns,
    datacenter: &'a str,
    failovers: u64,
    #[serde(flatten)]
    tail: Tail,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Explained<'a> {
    query: &'a PreparedQuery,
    #[serde(flatten)]
    tail: Tail,
}

async fn execute(context: &Context, request: &Request, id_or_name: String) -> Answer {
    let read = Read::new(context, request)?;
    let params = request.params();
    let limit = match params.non_empty("limit") {
        None => 0,
        Some(limit) => limit.parse::<i64>().map_err(|why| {
            let why = match why.kind() {
                IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
                _ => "invalid syntax",
            };
            HttpError::internal(format!("Bad limit: strconv.Atoi: parsing {limit:?}: {why}"))
        })?,
    };
    let connect = params.non_empty("connect").map(|text| parse_bool(&text));
    let connect = connect
        .transpose()
        .map_err(|why| HttpError::internal(format!("Error parsing 'connect' value: {why}")))?;
    let near = params.non_empty("near").unwrap_or_default().into_owned();
    let query = PreparedQueryExecute {
        id_or_name,
        asker: Asker {
            limit: usize::try_from(limit).unwrap_or(0),
            connect: connect.unwrap_or(false),
            near,
            ip: request.source_ip(),
            agent: context.facts.node_name.clone(),
            seed: 0,
        },
    };
    let options = read.options();
    let asked = context.rpc.prepared_query_execute(&options, query);
    let asked = async { Ok(asked.await.map_err(missing)) };
    let (found, meta) = ask(request, asked).await??;
    let body = Executed {
        service: &found.service,
        nodes: &found.nodes,
        dns: &found.dns,
        datacenter: &found.datacenter,
        failovers: found.failovers,
        tail: Tail::new(meta),
    };
    let response = request.json(&body)?.meta(headers_of(meta));
    // Consul keeps these for days without looking again; here each is new.
    Ok(if params.has("cached") {
        Cache::Miss.mark(response)
    } else {
        response
    })
}

async fn explain(context: &Context, request: &Request, id_or_name: String) -> Answer {
    let read = Read::new(context, request)?;
    let options = read.options();
    let query = PreparedQueryExplain { id_or_name };
    let asked = context.rpc.prepared_query_explain(&options, &query);
    let asked = async { Ok(asked.await.map_err(missing)) };
    let (query, meta) = ask(request, asked).await??;
    let tail = Tail::new(meta);
    let body = Explained {
        query: &query,
        tail,
    };
    Ok(request.json(&body)?.meta(headers_of(meta)))
}

/// The method is right for other paths of this endpoint, so that the table cannot say it.
fn only_get(method: &Method) -> Response {
    Response::text(
        hyper::StatusCode::METHOD_NOT_ALLOWED,
        format!("method {method} not allowed"),
    )
    .header(ALLOW, HeaderValue::from_static("GET"))
}

/// The definition in the body.
async fn definition(request: &mut Request) -> Result<PreparedQuery, HttpError> {
    let body = request.take_body()?.read(JSON_BODY_MAX).await?;
    // Consul reads a body only where one was announced, but always when it creates.
    if body.is_empty() && *request.method() == Method::PUT {
        return Ok(PreparedQuery::default());
    }
    decode::from_json_slice_with::<PreparedQuery>(&body, Options::HTTP)
        .map_err(|err| HttpError::bad(format!("Request decode failed: {err}")))
}
