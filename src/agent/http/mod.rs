//! The HTTP API on port 8500: transport rules, parameters, blocking queries, one file an endpoint family.
//!
//! A connection comes in through [`Listener`], [`Server`] serves it, `service` checks the request
//! in Consul's order, [`Router`] finds the endpoint, and a handler in `v1` turns a [`Request`] into a
//! [`Response`] or an [`HttpError`].

mod body;
mod connections;
mod context;
mod error;
mod listener;
mod log;
mod observe;
mod params;
mod path;
mod render;
mod render_cache;
mod request;
mod response;
mod router;
mod server;
mod service;
mod tenancy;
mod transport_settings;
pub mod v1;

#[cfg(test)]
mod tests;

pub use body::{
    BODY_CHUNK_TIMEOUT, BODY_READ_TIMEOUT, BodyError, ByteStream, JSON_BODY_MAX, RequestBody,
};
pub use connections::{Connections, HEADER_READ_TIMEOUT, KEEP_ALIVE_IDLE};
pub use context::{Context, Facts};
pub use error::{HttpError, error_list};
pub use listener::{
    Accepted, BindAddress, BindError, ByteChannel, Listener, Peer, UnixSocketSettings, bind,
};
pub use log::{NoObserver, RequestObserver, Sample};
pub use observe::HttpMetrics;
pub use params::{
    BoolError, NumberError, ParamError, Params, ReadDefaults, ReadMode, ReadParams, parse_bool,
    parse_uint,
};
pub use render::json as render_json;
pub use render_cache::{CacheKey, RenderCache, Rendered};
pub use request::Request;
pub use response::{Meta, Response};
pub use router::{Answer, Found, Methods, Route, Router, route};
pub use server::{HEADER_BYTES_MAX, HTTP2_STREAMS_MAX, Server};
pub use transport_settings::{InvalidHeader, ResponseHeaders, TransportSettings};
