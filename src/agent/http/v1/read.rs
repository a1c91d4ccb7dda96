//! What all reads of the replicated state do: options from the request, the query, the headers.

use std::time::Duration;

use bytes::Bytes;
use hyper::header::{AGE, HeaderName, HeaderValue};
use serde::Serialize;

use crate::agent::http::context::Context;
use crate::agent::http::error::HttpError;
use crate::agent::http::params::{ReadMode, ReadParams};
use crate::agent::http::render;
use crate::agent::http::render_cache::CacheKey;
use crate::agent::http::request::Request;
use crate::agent::http::response::{Meta, Response};
use crate::agent::rpc::wire::RemoteQuery;
use crate::agent::rpc::{Consistency, KeptKey, QueryMeta, QueryOptions, RpcError, WriteOptions};
use crate::model::filter::{Filter, Schema};

/// Parameters that do not change a body: they say when and for whom, not what.
const NOT_IN_BODY: [&[u8]; 8] = [
    b"index",
    b"wait",
    b"token",
    b"stale",
    b"consistent",
    b"leader",
    b"cached",
    b"pretty",
];

/// A read in progress.
pub(super) struct Read<'a> {
    context: &'a Context,
    request: &'a Request,
    params: ReadParams,
    /// How the answer came by: what `X-Cache` and `Age` say, where the endpoint has them and `?cached` was asked.
    cache: Option<Cache>,
}

/// What an answer says of the agent's cache.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cache {
    /// Kept, and not confirmed by a server since so long.
    Hit(Duration),
    /// Fetched now.
    Miss,
}

impl Cache {
    /// The same answer with Consul's headers.
    pub(super) fn mark(self, response: Response) -> Response {
        let name = HeaderName::from_static("x-cache");
        match self {
            Self::Hit(age) => response
                .header(name, HeaderValue::from_static("HIT"))
                .header(AGE, HeaderValue::from(age.as_secs())),
            Self::Miss => response.header(name, HeaderValue::from_static("MISS")),
        }
    }
}

impl<'a> Read<'a> {
    /// Takes the shared parameters from the request.
    pub(super) fn new(context: &'a Context, request: &'a Request) -> Result<Self, HttpError> {
        let params = request.read_params(context.read_defaults())?;
        Ok(Self {
            context,
            request,
            params,
            cache: None,
        })
    }

    /// `?near`, with `_agent` meaning this agent's node.
    pub(super) fn near(&self) -> Option<String> {
        let near = self.request.params().non_empty("near")?;
        Some(if near == "_agent" {
            self.context.facts.node_name.clone()
        } else {
            near.into_owned()
        })
    }

    /// The pairs of `?node-meta`.
    pub(super) fn node_meta(&self) -> Vec<(String, String)> {
        self.request.params().node_meta().into_iter().collect()
    }

    /// Runs the query; ends early when the server stops.
    ///
    /// # Errors
    /// What the servers answer; for the catalog's endpoints with the headers that Consul sends.
    pub(super) async fn run<Q: RemoteQuery>(
        &self,
        query: &Q,
    ) -> Result<(Q::Answer, QueryMeta), HttpError> {
        let options = self.options();
        ask(self.request, self.context.rpc.query(&options, query)).await
    }

    /// As [`Self::run`]; with `?cached`, what the agent keeps will do.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub(super) async fn run_or_kept<Q>(
        &mut self,
        query: &Q,
    ) -> Result<(Q::Answer, QueryMeta), HttpError>
    where
        Q: RemoteQuery + Clone + 'static,
        Q::Answer: Clone + Send + Sync + 'static,
    {
        if !self.params.cached {
            return self.run(query).await;
        }
        let options = self.options();
        let key = KeptKey {
            target: self.target(),
            token: options.token.as_str().into(),
            stale: options.consistency == Consistency::Stale,
        };
        let max_age = self.params.max_age;
        let asked = self.context.rpc.query_kept(&key, &options, query, max_age);
        let (answer, meta, age) = ask(self.request, asked).await?;
        self.cache = Some(age.map_or(Cache::Miss, Cache::Hit));
        Ok((answer, meta))
    }

    /// As [`Self::run`]; without a leader, what any server has will do.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub(super) async fn run_even_without_leader<Q: RemoteQuery>(
        &self,
        query: &Q,
    ) -> Result<(Q::Answer, QueryMeta), HttpError> {
        let mut options = self.options();
        let first = ask(self.request, self.context.rpc.query(&options, query)).await;
        match first {
            Err(error) if lacks_leader(&error) => {
                options.consistency = Consistency::Stale;
                ask(self.request, self.context.rpc.query(&options, query)).await
            }
            other => other,
        }
    }

    /// How the request wants to be served.
    pub(super) fn options(&self) -> QueryOptions {
        QueryOptions {
            datacenter: self.params.datacenter.clone(),
            token: self.context.token_or_default(&self.params.token),
            consistency: match self.params.mode {
                ReadMode::Leader => Consistency::Default,
                ReadMode::Stale => Consistency::Stale,
                ReadMode::Consistent => Consistency::Consistent,
            },
            min_index: self.params.index,
            max_wait: self.params.wait.unwrap_or_default(),
        }
    }

    /// The filter of the request, checked against what can be filtered.
    ///
    /// # Errors
    /// For an expression that cannot be used, with the headers that Consul sends.
    pub(super) fn filter(&self, schema: &'static Schema) -> Result<Filter, HttpError> {
        Filter::parse(&self.params.filter, schema).map_err(|err| {
            let refusal = refused(self.context, self.request, err.to_string());
            HttpError::from(refusal).with_meta(Meta::default())
        })
    }

    /// 200 with what `render` makes of the answer. A body depends on the request, the index and the generation of the
    /// state alone, so that it is rendered once for all who ask the same. That holds on every server of the cluster,
    /// whichever of them answered: tables, indexes, their floors and generations are functions of the one log. It does
    /// not hold where the answer depends on more (`?near`), and not on client agents, whose servers may be
    /// HashiCorp's, which know no generations, or be replaced by a new cluster that counts from one again.
    pub(super) fn answer<T: Serialize>(
        &self,
        meta: QueryMeta,
        render: impl FnOnce() -> Result<T, HttpError>,
    ) -> Result<Response, HttpError> {
        let pretty = self.request.pretty();
        let make = || -> Result<Bytes, HttpError> {
            render::json(&render()?, pretty).map_err(HttpError::failed)
        };
        let shared = self.context.raft.is_some() && !self.request.params().has("near");
        let response = if shared {
            let key = CacheKey {
                target: self.target(),
                token: self.params.token.as_str().into(),
                pretty,
                index: meta.index,
                generation: meta.generation,
            };
            Response::json_rendered(self.context.bodies.get_or_render(&key, make)?)
        } else {
            Response::json_bytes(make()?)
        };
        let response = response.meta(headers_of(meta));
        Ok(match self.cache {
            Some(cache) => cache.mark(response),
            None => response,
        })
    }

    /// The path and the parameters that decide the body together with the index.
    fn target(&self) -> Box<[u8]> {
        let mut target = self.request.path().to_vec();
        let pairs = self.request.params().pairs();
        for (name, value) in pairs.filter(|(name, _)| !NOT_IN_BODY.contains(name)) {
            // Lengths keep one pair from looking like two.
            for part in [name, value] {
                target.extend_from_slice(&part.len().to_le_bytes());
                target.extend_from_slice(part);
            }
        }
        target.into_boxed_slice()
    }
}

/// Waits for what the servers answer; ends early when this one stops.
///
/// # Errors
/// What the servers answer.
pub(super) async fn ask<T>(
    request: &Request,
    asked: impl Future<Output = Result<T, RpcError>>,
) -> Result<T, HttpError> {
    tokio::select! {
        // An answer that needs no waiting must not touch what all requests share.
        biased;
        answer = asked => Ok(answer?),
        () = request.closing() => Err(HttpError::internal("the agent is shutting down")),
    }
}

/// A refusal of the server that a read with these parameters goes to, where this agent knows the answer itself.
pub(super) fn refused(context: &Context, request: &Request, text: impl Into<String>) -> RpcError {
    let params = request.read_params(context.read_defaults());
    let stale = params.is_ok_and(|params| matches!(params.mode, ReadMode::Stale));
    context.rpc.as_told(text.into(), stale)
}

/// Whether no server found a leader. The text decides, as in Consul: another server may have said it.
fn lacks_leader(error: &HttpError) -> bool {
    error.text().contains(&RpcError::NoLeader.to_string())
}

/// The headers of an answer.
pub(super) fn headers_of(meta: QueryMeta) -> Meta {
    Meta {
        index: meta.index,
        known_leader: meta.known_leader,
        last_contact_ms: meta.last_contact_ms,
        consistency: Some(match meta.consistency {
            Consistency::Default => ReadMode::Leader,
            Consistency::Stale => ReadMode::Stale,
            Consistency::Consistent => ReadMode::Consistent,
        }),
    }
}

/// The options of a write.
pub(super) fn write_options(context: &Context, request: &Request) -> WriteOptions {
    WriteOptions {
        datacenter: request.datacenter(&context.facts.datacenter),
        token: context.token_or_default(&request.token()),
    }
}

/// Keeps what the filter accepts.
pub(super) fn filtered<T: Serialize>(items: impl Iterator<Item = T>, filter: &Filter) -> Vec<T> {
    items.filter(|item| filter.matches(item)).collect()
}
