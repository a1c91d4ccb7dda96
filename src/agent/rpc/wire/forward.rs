//! Reads and writes of the store as calls to another server.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::dialect::DialectError;
use super::options::{ReadOptions, decode_answer, decode_read, encode_answer, encode_read};
use crate::agent::rpc::options::QueryMeta;
use crate::agent::store::Query;

/// A read that another server can do.
pub trait RemoteQuery: Query + Sized {
    /// The request's own fields.
    type Request: Serialize + DeserializeOwned;
    /// The reply's own fields.
    type Reply: Serialize + DeserializeOwned;

    /// The method to call.
    fn method(&self) -> &'static str {
        Self::METHOD
    }

    /// The request's own fields; `datacenter` is that of the node by which answers are sorted.
    ///
    /// # Errors
    /// When the read has no form on the wire.
    fn to_request(&self, datacenter: &str) -> Result<Self::Request, DialectError>;

    /// The read that a request means.
    ///
    /// # Errors
    /// When it means none.
    fn from_request(request: Self::Request) -> Result<Self, DialectError>;

    /// The reply's own fields.
    fn to_reply(answer: Self::Answer) -> Self::Reply;

    /// The answer in a reply.
    ///
    /// # Errors
    /// When the store's answers have no place for it.
    fn to_answer(&self, reply: Self::Reply) -> Result<Self::Answer, DialectError>;

    /// The request as bytes. The options must name the datacenter: the reference knows no path to one without
    /// a name.
    ///
    /// # Errors
    /// When it cannot be written.
    fn encode_request(&self, options: &ReadOptions) -> Result<Vec<u8>, DialectError> {
        encode_read(options, &self.to_request(&options.query.datacenter)?)
    }

    /// Reads a request.
    ///
    /// # Errors
    /// When it is malformed or means nothing.
    fn decode_request(body: &[u8]) -> Result<(ReadOptions, Self), DialectError> {
        let (options, request) = decode_read(body)?;
        Ok((options, Self::from_request(request)?))
    }

    /// The reply as bytes.
    ///
    /// # Errors
    /// When it cannot be written.
    fn encode_reply(meta: &QueryMeta, answer: Self::Answer) -> Result<Vec<u8>, DialectError> {
        encode_answer(meta, &Self::to_reply(answer))
    }

    /// Reads a reply.
    ///
    /// # Errors
    /// When it is malformed.
    fn decode_reply(&self, body: &[u8]) -> Result<(QueryMeta, Self::Answer), DialectError> {
        let (meta, reply) = decode_answer(body)?;
        Ok((meta, self.to_answer(reply)?))
    }
}
