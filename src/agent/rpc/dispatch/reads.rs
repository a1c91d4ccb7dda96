//! What all reads do: options, filter, staleness, metadata.

use serde::Serialize;

use crate::agent::rpc::net::CallFailure;
use crate::agent::rpc::wire::{ReadOptions, RemoteQuery};
use crate::agent::rpc::{Consistency, QueryMeta, QueryOptions};
use crate::agent::store::{Instances, NodeWithServices, Query};
use crate::model::filter::{Filter, Schema};

use super::dispatcher::{Answer, Dispatcher, failed};

/// Answers whose rows a filter can choose from.
pub(super) trait Rows: Sized {
    /// Keeps the rows that match.
    fn keep(self, filter: &Filter) -> Self;
}

impl<T: Serialize> Rows for Vec<T> {
    fn keep(mut self, filter: &Filter) -> Self {
        filter.retain(&mut self);
        self
    }
}

impl Rows for Instances {
    fn keep(self, filter: &Filter) -> Self {
        if filter.is_empty() {
            return self;
        }
        let rows = self.iter().filter(|row| filter.matches(row));
        rows.cloned().collect()
    }
}

impl Rows for <NodeWithServices as Query>::Answer {
    fn keep(self, filter: &Filter) -> Self {
        self.map(|(node, services)| (node, services.keep(filter)))
    }
}

/// The filter of a request.
///
/// # Errors
/// In Consul's words when it cannot be used.
pub(super) fn filter_of(options: &ReadOptions, schema: &Schema) -> Result<Filter, CallFailure> {
    Filter::parse(&options.filter, schema).map_err(|error| failed(error.to_string()))
}

/// Whether an answer is older than what the client takes.
fn is_too_old(options: &ReadOptions, meta: &QueryMeta) -> bool {
    options.query.consistency == Consistency::Stale
        && !options.max_stale.is_zero()
        && u128::from(meta.last_contact_ms) > options.max_stale.as_millis()
}

impl Dispatcher {
    /// Reads as the options want it. A stale answer that is too old is replaced by the leader's.
    pub(super) async fn query<Q: RemoteQuery>(
        &self,
        options: &ReadOptions,
        query: &Q,
    ) -> Result<(QueryMeta, Q::Answer), CallFailure> {
        let (answer, meta) = self.rpc.query(&options.query, query).await?;
        if !is_too_old(options, &meta) {
            return Ok((meta, answer));
        }
        drop(answer);
        let current = QueryOptions {
            consistency: Consistency::Default,
            ..options.query.clone()
        };
        let (answer, meta) = self.rpc.query(&current, query).await?;
        Ok((meta, answer))
    }

    /// Answers a read whose rows cannot be filtered.
    pub(super) async fn read<Q: RemoteQuery>(&self, body: &[u8]) -> Answer {
        let (options, query) = Q::decode_request(body)?;
        let (meta, answer) = self.query(&options, &query).await?;
        Ok(Q::encode_reply(&meta, answer)?)
    }

    /// Answers a read whose rows are of this form.
    pub(super) async fn read_rows<Q>(&self, body: &[u8], schema: &Schema) -> Answer
    where
        Q: RemoteQuery<Answer: Rows>,
    {
        let (options, query) = Q::decode_request(body)?;
        let filter = filter_of(&options, schema)?;
        let (meta, answer) = self.query(&options, &query).await?;
        Ok(Q::encode_reply(&meta, answer.keep(&filter))?)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_stale_answers_can_be_too_old() {
        let options = |consistency, max_stale| ReadOptions {
            query: QueryOptions {
                consistency,
                ..QueryOptions::default()
            },
            max_stale: Duration::from_secs(max_stale),
            ..ReadOptions::default()
        };
        let meta = |last_contact_ms| QueryMeta {
            index: 1,
            known_leader: true,
            last_contact_ms,
            consistency: Consistency::Stale,
            generation: 0,
        };
        assert!(is_too_old(&options(Consistency::Stale, 2), &meta(2001)));
        assert!(!is_too_old(&options(Consistency::Stale, 2), &meta(2000)));
        assert!(!is_too_old(&options(Consistency::Stale, 0), &meta(5000)));
        assert!(!is_too_old(&options(Consistency::Default, 2), &meta(5000)));
    }
}
