//! `PreparedQuery`.

use crate::agent::rpc::wire::{ReadOptions, RemoteQuery, prepared_query};
use crate::agent::store::{
    PreparedQueryExecute, PreparedQueryExecuteRemote, PreparedQueryExplain, PreparedQueryGet,
    PreparedQueryList, Query as _,
};
use crate::model::prepared_query::NOT_FOUND;
use crate::model::session::check_id;

use super::dispatcher::{Answer, Dispatcher, failed, unknown};

impl Dispatcher {
    /// `PreparedQuery`.
    pub(super) async fn prepared_query(&self, method: &str, body: &[u8]) -> Answer {
        match method {
            prepared_query::APPLY => self.write(method, body).await,
            PreparedQueryList::METHOD => self.read::<PreparedQueryList>(body).await,
            PreparedQueryGet::METHOD => {
                let (options, query) = PreparedQueryGet::decode_request(body)?;
                let (meta, found) = self.query(&options, &query).await?;
                check_id(&query.id).map_err(|why| {
                    failed(format!("failed prepared query lookup: index error: {why}"))
                })?;
                if found.is_none() {
                    return Err(failed(NOT_FOUND));
                }
                Ok(PreparedQueryGet::encode_reply(&meta, found)?)
            }
            PreparedQueryExecute::METHOD => {
                let (options, query) = PreparedQueryExecute::decode_request(body)?;
                let asked = self.rpc.prepared_query_execute(&options.query, query);
                let (found, meta) = asked.await?;
                Ok(PreparedQueryExecute::encode_reply(&meta, Ok(Some(found)))?)
            }
            PreparedQueryExecuteRemote::METHOD => {
                let (options, mut query): (ReadOptions, _) =
                    PreparedQueryExecuteRemote::decode_request(body)?;
                query.asker.seed = rand::random();
                let (meta, mut found) = self.query(&options, &query).await?;
                self.rpc.datacenter().clone_into(&mut found.datacenter);
                Ok(PreparedQueryExecuteRemote::encode_reply(&meta, found)?)
            }
            PreparedQueryExplain::METHOD => {
                let (options, query) = PreparedQueryExplain::decode_request(body)?;
                let asked = self.rpc.prepared_query_explain(&options.query, &query);
                let (found, meta) = asked.await?;
                Ok(PreparedQueryExplain::encode_reply(&meta, Ok(Some(found)))?)
            }
            _ => Err(unknown(method)),
        }
    }
}
